"""How fast nodes are emptied: by zone, and slower the more of a zone has failed.

    Normal              one node in ten seconds
    PartialDisruption   more than 55 % of the nodes (and more than two) are not ready: one in 100 seconds in large
                        zones, none in zones of up to 50 nodes
    FullDisruption      all of them: as in Normal while other zones are well, none at all when every zone is so

The last rule protects a cluster whose control plane is the one that has lost its network.
"""

from __future__ import annotations

from msgspec import Struct, field

from minikube_edu.kube_controller_manager.controller import Object
from minikube_edu.kube_controller_manager.controllers.node_lifecycle.conditions import readiness
from minikube_edu.lib.ratelimit import TokenBucket

RATE, SECONDARY_RATE = 0.1, 0.01
LARGE = 50
UNHEALTHY = 0.55
NORMAL, PARTIAL, FULL = "Normal", "PartialDisruption", "FullDisruption"


class Zone(Struct):
    state: str = NORMAL
    waiting: dict[str, None] = field(default_factory=dict)  # nodes that are to be emptied, in order
    rate: float = RATE
    bucket: TokenBucket | None = field(default_factory=lambda: TokenBucket(RATE, 1))

    def slow_down(self, rate: float) -> None:
        if rate != self.rate:
            self.rate = rate
            self.bucket = TokenBucket(rate, 1) if rate > 0 else None

    def next(self) -> str | None:
        """A node that may be emptied now."""
        if not self.waiting or self.bucket is None or not self.bucket.try_take():
            return None
        name = next(iter(self.waiting))
        del self.waiting[name]
        return name


def zone_of(node: Object) -> str:
    labels = node["metadata"].get("labels", {})
    return f"{labels.get('topology.kubernetes.io/region', '')}:{labels.get('topology.kubernetes.io/zone', '')}"


def state_of(nodes: list[Object]) -> str:
    sick = sum(readiness(node) != "True" for node in nodes)
    if sick and sick == len(nodes):
        return FULL
    return PARTIAL if sick > 2 and sick / len(nodes) >= UNHEALTHY else NORMAL


class Zones:
    def __init__(self) -> None:
        self.by_name: dict[str, Zone] = {}
        self.all_down = False

    def look(self, nodes: list[Object]) -> None:
        """New states and rates."""
        members: dict[str, list[Object]] = {}
        for node in nodes:
            members.setdefault(zone_of(node), []).append(node)
        self.by_name = {name: self.by_name.get(name, Zone()) for name in members}
        for name, zone in self.by_name.items():
            zone.state = state_of(members[name])
        self.all_down = bool(self.by_name) and all(zone.state == FULL for zone in self.by_name.values())
        for name, zone in self.by_name.items():
            if self.all_down:
                zone.slow_down(0)
            elif zone.state == PARTIAL:
                zone.slow_down(SECONDARY_RATE if len(members[name]) > LARGE else 0)
            else:
                zone.slow_down(RATE)

    def add(self, node: Object) -> None:
        self.by_name.setdefault(zone_of(node), Zone()).waiting[node["metadata"]["name"]] = None

    def remove(self, name: str) -> None:
        for zone in self.by_name.values():
            zone.waiting.pop(name, None)

    def due(self) -> list[str]:
        return [name for zone in self.by_name.values() if (name := zone.next()) is not None]
