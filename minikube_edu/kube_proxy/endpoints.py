"""Which endpoints of a service serve a node: readiness, locality, topology.

`endpoints_of` reads EndpointSlices; `Choice.of` decides, for one port on one node, who gets traffic from inside and
from outside the cluster. Only where no ready endpoint is left, endpoints that terminate but still serve are used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from minikube_edu.kube_proxy.services import ServicePort

Object = Mapping[str, Any]


class Endpoint(Struct, frozen=True):
    ip: str
    port: int
    node: str = ""
    ready: bool = True
    serving: bool = True
    terminating: bool = False
    zones: frozenset[str] = frozenset()  # hints: for whom it is
    nodes: frozenset[str] = frozenset()


class Place(Struct, frozen=True):
    """The node whose rules these are."""

    node: str
    zone: str = ""


class Choice(Struct, frozen=True):
    cluster: tuple[Endpoint, ...]  # for traffic that may go to any node
    local: tuple[Endpoint, ...]  # for traffic that must stay on this one
    any: bool  # whether anybody serves anywhere: a service without is refused, one that is elsewhere swallows

    @staticmethod
    def of(port: ServicePort, endpoints: Sequence[Endpoint], place: Place) -> Choice:
        ready = [one for one in endpoints if one.ready]
        cluster = _near(ready, place) or [one for one in endpoints if one.serving and one.terminating]
        local: list[Endpoint] = []
        if port.internal_local or port.external_local:
            here = [one for one in endpoints if one.node == place.node]
            local = [one for one in here if one.ready] or [one for one in here if one.serving and one.terminating]
        return Choice(tuple(cluster), tuple(local), bool(cluster or local))


def _near(ready: list[Endpoint], place: Place) -> list[Endpoint]:
    """By hints, where all endpoints have them and one is for us: the same node first, then the same zone."""
    if ready and all(one.nodes for one in ready):
        found = [one for one in ready if place.node in one.nodes]
        if found:
            return found
    if ready and place.zone and all(one.zones for one in ready):
        found = [one for one in ready if place.zone in one.zones]
        if found:
            return found
    return ready


def endpoints_of(port: ServicePort, slices: Iterable[Object], family: str = "IPv4") -> list[Endpoint]:
    """Those of one service port, in a steady order; an address that is in two slices counts once."""
    found: dict[tuple[str, int], Endpoint] = {}
    for one in slices:
        if one.get("addressType") != family:
            continue
        for target in one.get("ports") or ():
            if (target.get("name") or "") != port.name or (target.get("protocol") or "TCP") != port.protocol:
                continue
            number = target.get("port")
            if not number:
                continue
            for endpoint in one.get("endpoints") or ():
                for made in _made(endpoint, int(number)):
                    if (made.ip, made.port) not in found or made.ready:
                        found[made.ip, made.port] = made
    return [found[key] for key in sorted(found)]


def _made(endpoint: Object, port: int) -> Iterable[Endpoint]:
    conditions = endpoint.get("conditions") or {}
    ready = conditions.get("ready") is not False
    serving = conditions.get("serving")
    hints = endpoint.get("hints") or {}
    for ip in (endpoint.get("addresses") or ())[:1]:  # the others are for nobody, says the API
        yield Endpoint(
            ip=ip,
            port=port,
            node=endpoint.get("nodeName") or "",
            ready=ready,
            serving=ready if serving is None else bool(serving),
            terminating=bool(conditions.get("terminating")),
            zones=frozenset(one["name"] for one in hints.get("forZones") or ()),
            nodes=frozenset(one["name"] for one in hints.get("forNodes") or ()),
        )
