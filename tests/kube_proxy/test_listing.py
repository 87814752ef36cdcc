"""Do the simulated iptables show what a book about kube-proxy shows?"""

from __future__ import annotations

from minikube_edu.kube_proxy.listing import filtered, name, nat, table
from minikube_edu.kube_proxy.services import ports_of
from tests.kube_proxy.test_rules import add, endpoint, rules, service, slice_of


def test_have_chains_their_real_names() -> None:
    spec = {"clusterIP": "10.96.0.1", "ports": [{"name": "https", "port": 443}]}
    (port,) = ports_of({"metadata": {"name": "kubernetes", "namespace": "default"}, "spec": spec})
    assert name("SVC", port) == "KUBE-SVC-NPX46M4PTMTKRN6Y"  # the same on every cluster of the world


def test_is_the_way_of_a_packet_complete() -> None:
    made = service(type="NodePort", ports=[{"name": "http", "port": 80, "nodePort": 30080}])
    found = rules(made, slice_of(endpoint("10.244.0.5"), endpoint("10.244.1.6", "two")))
    add(found, service("empty", clusterIP="10.96.0.81"))
    saved = [line.saved() for line in nat(found)]
    (port,) = ports_of(made)
    service_chain, external = name("SVC", port), name("EXT", port)
    comment = '-m comment --comment "default/web:http cluster IP" -m tcp --dport 80'
    assert f"-A KUBE-SERVICES -d 10.96.0.80/32 -p tcp {comment} -j {service_chain}" in saved
    assert f"-A {service_chain} ! -s 10.244.0.0/16 -d 10.96.0.80/32 -p tcp {comment} -j KUBE-MARK-MASQ" in saved
    node_port = '-p tcp -m comment --comment "default/web:http" -m tcp --dport 30080'
    assert f"-A KUBE-NODEPORTS {node_port} -j {external}" in saved
    assert [
        line for line in saved if f"-A {service_chain}" in line and "probability 0.50000000000 -j KUBE-SEP-" in line
    ]
    dnat = [line for line in saved if "-j DNAT" in line]
    assert [line.split()[-1] for line in dnat] == ["10.244.0.5:8080", "10.244.1.6:8080"]
    (rejected,) = [line.saved() for line in filtered(found)]
    words = '-m comment --comment "default/empty:http has no endpoints" -m tcp --dport 80'
    assert rejected == (
        f"-A KUBE-SERVICES -d 10.96.0.81/32 -p tcp {words} -j REJECT --reject-with icmp-port-unreachable"
    )


def test_is_every_chain_declared_that_is_jumped_to() -> None:
    local = {"externalTrafficPolicy": "Local", "internalTrafficPolicy": "Local"}
    made = service(type="NodePort", sessionAffinity="ClientIP", **local)
    found = rules(made, slice_of(endpoint("10.244.0.5"), endpoint("10.244.1.6", "two")))
    chains, lines = table(found, "nat")
    assert {line.target for line in lines if line.target.startswith("KUBE-")} <= set(chains)
