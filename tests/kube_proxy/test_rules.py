"""Where does a packet go? The rules alone, without a network."""

from __future__ import annotations

import errno
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikube_edu.cni.contract import Address, Masqueraded
from minikube_edu.cni.fabric import Stranger
from minikube_edu.kube_proxy.endpoints import Choice, Place, endpoints_of
from minikube_edu.kube_proxy.rules import Rule, Rules
from minikube_edu.kube_proxy.services import ports_of

HERE, POD, STRANGER = "127.16.0.2", "10.244.0.9", "198.51.100.7"
Object = dict[str, Any]


def service(name: str = "web", **spec: Any) -> Object:
    made = {"clusterIP": "10.96.0.80", "ports": [{"name": "http", "port": 80, "targetPort": 8080}], **spec}
    return {"metadata": {"name": name, "namespace": "default"}, "spec": made, "status": spec.pop("status", {})}


def endpoint(ip: str, node: str = "one", **more: Any) -> Object:
    return {"addresses": [ip], "nodeName": node, "conditions": {"ready": True}, **more}


def slice_of(*endpoints: Object, ports: list[Object] | None = None) -> Object:
    return {
        "addressType": "IPv4",
        "ports": ports or [{"name": "http", "port": 8080, "protocol": "TCP"}],
        "endpoints": list(endpoints),
    }


def rules(made: Object, *slices: Object, zone: str = "") -> Rules:
    found = Rules(["10.244.0.0/16"])
    found.own = [HERE]
    add(found, made, *slices, zone=zone)
    return found


def add(found: Rules, made: Object, *slices: Object, zone: str = "") -> None:
    place = Place("one", zone)
    ports = ports_of(made)
    key = f"default/{made['metadata']['name']}"
    found.set_service(key, [Rule(port, Choice.of(port, endpoints_of(port, slices), place)) for port in ports])


def goes(found: Rules, ip: str, port: int, sender: str = POD, protocol: str = "TCP") -> str:
    """`10.244.0.5:8080`; with `via node` when the source is replaced; nowhere, refused or dropped."""
    try:
        to = found.translate(Stranger((sender,)), Address(ip, port), protocol)
    except OSError as error:
        return {errno.ECONNREFUSED: "refused", errno.ETIMEDOUT: "dropped"}[error.errno or 0]
    if to is None:
        return "untouched"
    return f"{to.ip}:{to.port}" + (" via node" if isinstance(to, Masqueraded) else "")


def where(found: Rules, ip: str, port: int, sender: str = POD, times: int = 60) -> set[str]:
    return {goes(found, ip, port, sender) for _ in range(times)}


def test_does_a_cluster_ip_lead_to_its_endpoints_and_nothing_else() -> None:
    found = rules(service(), slice_of(endpoint("10.244.0.5"), endpoint("10.244.1.6", "two")))
    assert where(found, "10.96.0.80", 80) == {"10.244.0.5:8080", "10.244.1.6:8080"}
    assert goes(found, "10.96.0.80", 81) == "untouched"
    assert goes(found, "10.96.0.80", 80, protocol="UDP") == "untouched"
    assert goes(found, "10.96.0.81", 80) == "untouched"


def test_is_the_lot_fair() -> None:
    found = rules(service(), slice_of(*(endpoint(f"10.244.0.{n}") for n in range(4))))
    counted = Counter(goes(found, "10.96.0.80", 80) for _ in range(2000))
    assert len(counted) == 4
    assert min(counted.values()) > 350


def test_does_a_service_without_endpoints_refuse() -> None:
    found = rules(service())
    assert goes(found, "10.96.0.80", 80) == "refused"
    waiting = slice_of({"addresses": ["10.244.0.5"], "conditions": {"ready": False, "serving": False}})
    assert goes(rules(service(), waiting), "10.96.0.80", 80) == "refused"


def test_do_the_last_endpoints_that_end_still_serve() -> None:
    ending: Object = {"conditions": {"ready": False, "serving": True, "terminating": True}}
    found = rules(service(), slice_of(endpoint("10.244.0.5", **ending)))
    assert goes(found, "10.96.0.80", 80) == "10.244.0.5:8080"
    found = rules(service(), slice_of(endpoint("10.244.0.5", **ending), endpoint("10.244.0.6")))
    assert where(found, "10.96.0.80", 80) == {"10.244.0.6:8080"}


def test_are_ports_told_apart_by_name_and_protocol() -> None:
    ports = [{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53, "protocol": "TCP"}]
    inner = [{"name": "dns", "port": 1053, "protocol": "UDP"}, {"name": "dns-tcp", "port": 2053, "protocol": "TCP"}]
    found = rules(service(ports=ports), slice_of(endpoint("10.244.0.5"), ports=inner))
    assert goes(found, "10.96.0.80", 53, protocol="UDP") == "10.244.0.5:1053"
    assert goes(found, "10.96.0.80", 53) == "10.244.0.5:2053"


def test_does_session_affinity_keep_a_client_with_its_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("minikube_edu.lib.clock.monotonic", lambda: now[0])
    sticky = service(sessionAffinity="ClientIP", sessionAffinityConfig={"clientIP": {"timeoutSeconds": 60}})
    many = [endpoint(f"10.244.0.{n}") for n in range(50)]
    found = rules(sticky, slice_of(*many))
    first = goes(found, "10.96.0.80", 80)
    assert where(found, "10.96.0.80", 80) == {first}
    assert len({goes(found, "10.96.0.80", 80, f"10.244.1.{n}") for n in range(50)}) > 5
    add(found, sticky, slice_of(*many, endpoint("10.244.0.99")))  # a change elsewhere breaks nobody's session
    assert where(found, "10.96.0.80", 80) == {first}
    now[0] += 61
    assert len({goes(found, "10.96.0.80", 80, f"10.244.{n}.1") for n in range(5, 50)} | {first}) > 1
    gone = [one for one in many if f"{one['addresses'][0]}:8080" != first]
    add(found, sticky, slice_of(*gone))
    assert first not in where(found, "10.96.0.80", 80)


def test_who_reaches_a_node_port() -> None:
    made = service(type="NodePort", ports=[{"name": "http", "port": 80, "nodePort": 30080}])
    found = rules(made, slice_of(endpoint("10.244.0.5")))
    assert goes(found, HERE, 30080, POD) == "10.244.0.5:8080 via node"
    assert goes(found, HERE, 30080, STRANGER) == "10.244.0.5:8080 via node"
    assert goes(found, "127.0.0.1", 30080, HERE) == "10.244.0.5:8080"
    assert goes(found, "127.16.0.3", 30080) == "untouched"  # another node's: it is translated there
    assert goes(found, HERE, 80) == "untouched"


def test_what_does_external_traffic_policy_local_mean() -> None:
    ports = [{"name": "http", "port": 80, "nodePort": 30080}]
    made = service(type="NodePort", externalTrafficPolicy="Local", ports=ports)
    there = slice_of(endpoint("10.244.1.6", "two"))
    both = slice_of(endpoint("10.244.0.5"), endpoint("10.244.1.6", "two"))
    assert goes(rules(made, there), HERE, 30080, STRANGER) == "dropped"
    assert goes(rules(made, there), HERE, 30080, POD) == "10.244.1.6:8080"  # from inside: the short way
    assert where(rules(made, both), HERE, 30080, STRANGER) == {"10.244.0.5:8080"}  # with the client's address
    assert where(rules(made, both), "10.96.0.80", 80) == {"10.244.0.5:8080", "10.244.1.6:8080"}
    assert goes(rules(made), HERE, 30080, STRANGER) == "refused"


def test_what_does_internal_traffic_policy_local_mean() -> None:
    made = service(internalTrafficPolicy="Local")
    assert goes(rules(made, slice_of(endpoint("10.244.1.6", "two"))), "10.96.0.80", 80) == "dropped"
    both = slice_of(endpoint("10.244.0.5"), endpoint("10.244.1.6", "two"))
    assert where(rules(made, both), "10.96.0.80", 80) == {"10.244.0.5:8080"}


def test_do_external_and_balancer_addresses_lead_in() -> None:
    made = service(type="LoadBalancer", externalIPs=["203.0.113.9"], loadBalancerSourceRanges=["198.51.100.0/24"])
    ingress = [{"ip": "127.0.10.1"}, {"ip": "127.0.10.2", "ipMode": "Proxy"}]
    made["status"] = {"loadBalancer": {"ingress": ingress}}
    found = rules(made, slice_of(endpoint("10.244.0.5")))
    assert goes(found, "203.0.113.9", 80, STRANGER) == "10.244.0.5:8080 via node"
    assert goes(found, "127.0.10.1", 80, STRANGER) == "10.244.0.5:8080 via node"
    assert goes(found, "127.0.10.1", 80, "203.0.113.50") == "dropped"  # not in the source ranges
    assert goes(found, "127.0.10.2", 80, STRANGER) == "untouched"  # it goes through the balancer itself


@pytest.mark.parametrize(
    ("hints", "zone", "expected"),
    [
        ([{"forZones": [{"name": "a"}]}, {"forZones": [{"name": "b"}]}], "a", {"10.244.0.0:8080"}),
        ([{"forZones": [{"name": "a"}]}, {}], "a", {"10.244.0.0:8080", "10.244.0.1:8080"}),  # not all have hints
        ([{"forZones": [{"name": "b"}]}] * 2, "a", {"10.244.0.0:8080", "10.244.0.1:8080"}),  # none is for us
        ([{"forNodes": [{"name": "two"}]}, {"forNodes": [{"name": "one"}]}], "", {"10.244.0.1:8080"}),
    ],
)
def test_are_hints_followed_where_they_are_whole(hints: list[Object], zone: str, expected: set[str]) -> None:
    ends = [endpoint(f"10.244.0.{n}", hints=hint) for n, hint in enumerate(hints)]
    assert where(rules(service(), slice_of(*ends), zone=zone), "10.96.0.80", 80) == expected


def test_is_a_pod_that_reaches_itself_masqueraded() -> None:
    found = rules(service(), slice_of(endpoint(POD)))
    assert goes(found, "10.96.0.80", 80, POD) == f"{POD}:8080 via node"


def test_are_headless_services_and_aliases_left_alone() -> None:
    assert ports_of(service(clusterIP="None")) == []
    assert ports_of(service(clusterIP="", type="ExternalName", externalName="example.org")) == []


@given(st.lists(st.tuples(st.integers(1, 3), st.sets(st.integers(1, 4))), max_size=12))
def test_is_nothing_left_of_a_service_that_is_gone(changes: list[tuple[int, set[int]]]) -> None:
    """Whatever came before, tables hold exactly what the services that are there now have."""
    found = Rules()
    now: dict[int, set[int]] = {}
    for number, ports in changes:
        now[number] = ports
        listed = [{"name": f"p{port}", "port": port, "nodePort": number * 100 + port} for port in ports]
        add(found, service(f"s{number}", clusterIP=f"10.96.0.{number}", type="NodePort", ports=listed))
    expected = {(f"10.96.0.{number}", port, "TCP") for number, ports in now.items() for port in ports}
    assert set(found.by_address) == expected
    assert set(found.by_node_port) == {(number * 100 + port, "TCP") for number, ports in now.items() for port in ports}
    assert set(found.by_service) == {f"default/s{number}" for number, ports in now.items() if ports}
