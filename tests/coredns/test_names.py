"""What do the cluster's names mean? The `kubernetes` plugin over objects that are simply there."""

from __future__ import annotations

from typing import Any, cast

import pytest

from minikube_edu.client.rest import Client
from minikube_edu.cni.contract import Address
from minikube_edu.coredns.chain import Failure, Query, chained
from minikube_edu.coredns.cluster_view import ClusterView
from minikube_edu.coredns.corefile import parse
from minikube_edu.coredns.kubernetes import Kubernetes, Options
from minikube_edu.lib import dns_messages as dns
from minikube_edu.lib.dns_messages import Message

Object = dict[str, Any]
COREFILE = "kubernetes cluster.local in-addr.arpa ip6.arpa {\n pods insecure\n fallthrough in-addr.arpa\n ttl 30\n }"


def obj(name: str, **more: Any) -> Object:
    return {"metadata": {"name": name, "namespace": "default", **more.pop("metadata", {})}, **more}


def service(name: str, ip: str = "10.96.0.80", **spec: Any) -> Object:
    ports = [{"name": "http", "port": 80, "protocol": "TCP"}, {"name": "metrics", "port": 9090, "protocol": "TCP"}]
    return obj(name, spec={"clusterIP": ip, "clusterIPs": [ip], "ports": ports, **spec})


def slice_of(of: str, *endpoints: Object, ports: list[Object] | None = None) -> Object:
    made = [{"name": "http", "port": 8080, "protocol": "TCP"}] if ports is None else ports
    labels = {"kubernetes.io/service-name": of}
    return obj(f"{of}-1", metadata={"labels": labels}, addressType="IPv4", ports=made, endpoints=list(endpoints))


def endpoint(ip: str, **more: Any) -> Object:
    return {"addresses": [ip], "conditions": {"ready": True}, **more}


def view(*, pods: bool = False) -> ClusterView:
    made = ClusterView(cast(Client, None), pods=pods)
    made.namespaces.replace([{"metadata": {"name": "default"}}, {"metadata": {"name": "kube-system"}}])
    dns_service = service("kube-dns", "10.96.0.10")
    dns_service["metadata"]["namespace"] = "kube-system"
    made.services.replace(
        [
            dns_service,
            service("web"),
            service("headless", "None"),
            service("empty", "None"),
            service("portless", "None", ports=[]),
            service("dual", clusterIPs=["10.96.0.81", "fd00::81"]),
            obj("alias", spec={"type": "ExternalName", "externalName": "web.default.svc.cluster.local"}),
            obj("away", spec={"type": "ExternalName", "externalName": "example.org"}),
            obj("loop", spec={"type": "ExternalName", "externalName": "loop.default.svc.cluster.local"}),
        ]
    )
    made.slices.replace(
        [
            slice_of("web", endpoint("10.244.0.5")),
            slice_of(
                "headless",
                endpoint("10.244.0.6", hostname="web-0"),
                endpoint("10.244.0.7", targetRef={"kind": "Pod", "name": "web-xyz"}),
                {"addresses": ["10.244.0.8"], "conditions": {"ready": False}},
            ),
            slice_of("empty"),
            slice_of("portless", endpoint("10.244.0.9"), ports=[]),
        ]
    )
    if made.pods is not None:
        made.pods.replace([obj("box", status={"podIP": "10.244.0.3"})])
    return made


class Elsewhere:
    """The rest of the chain."""

    async def answer(self, query: Query, following: Any) -> Message:
        if query.name == "example.org.":
            return query.message.reply(dns.NOERROR, (dns.Record("example.org.", dns.A, "192.0.2.1"),))
        raise Failure("nobody knows")


async def ask(name: str, kind: int = dns.A, corefile: str = COREFILE, on: ClusterView | None = None) -> Message:
    block = parse(f".:53 {{\n{corefile}\n}}")[0]
    options = Options.of(block.directives[0], block.zones)
    chain = chained([Kubernetes(on or view(), options), Elsewhere()])
    return await chain(Query(Message.query(7, name, kind), Address("10.244.0.2", 40000)))


def data(answer: Message) -> list[object]:
    assert answer.rcode == dns.NOERROR, dns.RCODES[answer.rcode]
    return sorted((record.data for record in answer.answers), key=str)


SVC = "default.svc.cluster.local."


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        (f"web.{SVC}", dns.A, ["10.96.0.80"]),
        ("WEB.Default.svc.CLUSTER.local.", dns.A, ["10.96.0.80"]),
        (f"dual.{SVC}", dns.AAAA, ["fd00::81"]),
        (f"headless.{SVC}", dns.A, ["10.244.0.6", "10.244.0.7"]),
        (f"web-0.headless.{SVC}", dns.A, ["10.244.0.6"]),
        (f"10-244-0-7.headless.{SVC}", dns.A, ["10.244.0.7"]),
        (f"portless.{SVC}", dns.A, ["10.244.0.9"]),
        (f"_http._tcp.web.{SVC}", dns.A, ["10.96.0.80"]),
        ("10-244-0-3.default.pod.cluster.local.", dns.A, ["10.244.0.3"]),
        ("80.0.96.10.in-addr.arpa.", dns.PTR, [f"web.{SVC}"]),
        ("6.0.244.10.in-addr.arpa.", dns.PTR, [f"web-0.headless.{SVC}"]),
        (f"alias.{SVC}", dns.A, ["10.96.0.80", f"web.{SVC}"]),
        (f"away.{SVC}", dns.A, ["192.0.2.1", "example.org."]),
        (f"away.{SVC}", dns.CNAME, ["example.org."]),
        (f"loop.{SVC}", dns.A, [f"loop.{SVC}"]),
        ("dns-version.cluster.local.", dns.TXT, [(b"1.1.0",)]),
        ("ns.dns.cluster.local.", dns.A, ["10.96.0.10"]),
        ("cluster.local.", dns.NS, ["ns.dns.cluster.local."]),
    ],
)
async def test_what_does_a_name_lead_to(name: str, kind: int, expected: list[object]) -> None:
    answer = await ask(name, kind)
    assert data(answer) == expected
    assert answer.authoritative
    assert answer.answers[0].name == name  # in the client's own capitals


@pytest.mark.parametrize(
    "name",
    [
        f"nobody.{SVC}",
        f"empty.{SVC}",  # headless, and nobody is there
        f"web-1.headless.{SVC}",
        "web.nowhere.svc.cluster.local.",
        "nowhere.svc.cluster.local.",
        f"_nope._tcp.web.{SVC}",
        f"_http._udp.web.{SVC}",
        f"a.b.c.web.{SVC}",
        "x.default.pod.cluster.local.",
        "web.default.cluster.local.",
        f"x.away.{SVC}",
    ],
)
async def test_which_names_do_not_exist(name: str) -> None:
    answer = await ask(name)
    assert answer.rcode == dns.NXDOMAIN
    (soa,) = answer.authority
    assert (soa.name, soa.type, soa.ttl) == ("cluster.local.", dns.SOA, 30)
    assert isinstance(soa.data, tuple)
    assert soa.data[:2] == ("ns.dns.cluster.local.", "hostmaster.cluster.local.")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (f"web.{SVC}", dns.AAAA),
        (f"web.{SVC}", dns.MX),
        (SVC, dns.A),
        ("svc.cluster.local.", dns.A),
        ("default.pod.cluster.local.", dns.A),
        ("cluster.local.", dns.A),
    ],
)
async def test_which_names_exist_without_an_answer(name: str, kind: int) -> None:
    answer = await ask(name, kind)
    assert (answer.rcode, answer.answers, len(answer.authority)) == (dns.NOERROR, (), 1)


async def test_what_does_srv_tell() -> None:
    answer = await ask(f"_http._tcp.headless.{SVC}", dns.SRV)
    assert data(answer) == [
        (0, 50, 8080, f"10-244-0-7.headless.{SVC}"),
        (0, 50, 8080, f"web-0.headless.{SVC}"),
    ]
    assert {(record.name, record.data) for record in answer.additional} == {
        (f"web-0.headless.{SVC}", "10.244.0.6"),
        (f"10-244-0-7.headless.{SVC}", "10.244.0.7"),
    }
    assert data(await ask(f"_metrics._tcp.web.{SVC}", dns.SRV)) == [(0, 100, 9090, f"web.{SVC}")]
    assert (await ask(f"portless.{SVC}", dns.SRV)).answers == ()


async def test_do_pods_exist_when_they_are_verified() -> None:
    verified = "kubernetes cluster.local {\n pods verified\n }"
    there = view(pods=True)
    assert data(await ask("10-244-0-3.default.pod.cluster.local.", corefile=verified, on=there)) == ["10.244.0.3"]
    assert (await ask("10-244-0-4.default.pod.cluster.local.", corefile=verified, on=there)).rcode == dns.NXDOMAIN
    off = "kubernetes cluster.local"
    assert (await ask("10-244-0-3.default.pod.cluster.local.", corefile=off)).rcode == dns.NXDOMAIN


async def test_what_falls_through() -> None:
    with pytest.raises(Failure, match="nobody knows"):
        await ask("9.9.9.9.in-addr.arpa.", dns.PTR)  # the Corefile says so
    with pytest.raises(Failure, match="nobody knows"):
        await ask("example.com.")  # another zone
    assert (await ask(f"nobody.{SVC}")).rcode == dns.NXDOMAIN


async def test_is_nothing_said_not_to_exist_before_the_api_was_seen() -> None:
    empty = ClusterView(cast(Client, None))
    with pytest.raises(Failure, match="not yet synced"):
        await ask(f"web.{SVC}", on=empty)


async def test_does_a_change_show_at_once() -> None:
    there = view()
    there.services.deleted(service("web"))
    assert (await ask(f"web.{SVC}", on=there)).rcode == dns.NXDOMAIN
    there.slices.added_or_updated(slice_of("empty", endpoint("10.244.0.11")))
    assert data(await ask(f"empty.{SVC}", on=there)) == ["10.244.0.11"]
