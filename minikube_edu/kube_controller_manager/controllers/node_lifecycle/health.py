"""Since when a node is silent, and what is then said in its place."""

from __future__ import annotations

from msgspec import Struct

from minikube_edu.kube_controller_manager.controller import Object
from minikube_edu.kube_controller_manager.controllers.node_lifecycle.conditions import condition_of
from minikube_edu.lib import clock

STARTUP_GRACE = 60.0  # for nodes that have never said anything
TOLD_BY_NODES = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")


class Sign(Struct):
    """The last sign of life: when it was noticed here (clocks of nodes are not trusted), and what it was."""

    at: float
    heartbeat: str = ""
    renewed: str = ""


class Health:
    def __init__(self, grace: float) -> None:
        self.grace = grace
        self.signs: dict[str, Sign] = {}

    def forget(self, name: str) -> None:
        self.signs.pop(name, None)

    def notice(self, node: Object, renewed: str) -> None:
        """Whatever has changed since the last look is a sign of life."""
        name, ready = node["metadata"]["name"], condition_of(node, "Ready")
        heartbeat = f"{ready.get('lastHeartbeatTime')} {ready['status']}" if ready else ""
        sign = self.signs.get(name)
        if sign is None:
            made = clock.parse_rfc3339(node["metadata"]["creationTimestamp"])
            since = clock.now() if ready else made
            self.signs[name] = Sign(since, heartbeat, renewed)
        elif (heartbeat and heartbeat != sign.heartbeat and not heartbeat.endswith("Unknown")) or (
            renewed and renewed != sign.renewed
        ):
            self.signs[name] = Sign(clock.now(), heartbeat, renewed)

    def goes_on(self, name: str, renewed: str) -> bool:
        """`notice` and `is_silent` in one, for a node that is Ready and has not changed: its lease alone counts."""
        sign = self.signs[name]
        if renewed and renewed != sign.renewed:
            sign.at, sign.renewed = clock.now(), renewed
        return clock.now() <= sign.at + self.grace

    def is_silent(self, node: Object) -> bool:
        grace = self.grace if condition_of(node, "Ready") else max(STARTUP_GRACE, self.grace)
        return clock.now() > self.signs[node["metadata"]["name"]].at + grace


def silenced(node: Object) -> Object | None:
    """The node with all that it used to tell as Unknown; None when it is so already."""
    conditions = [dict(c) for c in node.get("status", {}).get("conditions", [])]
    by_type = {c["type"]: c for c in conditions}
    now, changed = clock.rfc3339(), False
    for kind in TOLD_BY_NODES:
        found = by_type.get(kind)
        if found is None:
            made = node["metadata"]["creationTimestamp"]
            conditions.append(
                {
                    "type": kind,
                    "status": "Unknown",
                    "reason": "NodeStatusNeverUpdated",
                    "message": "Kubelet never posted node status.",
                    "lastHeartbeatTime": made,
                    "lastTransitionTime": now,
                }
            )
            changed = True
        elif found["status"] != "Unknown":
            found |= {
                "status": "Unknown",
                "reason": "NodeStatusUnknown",
                "message": "Kubelet stopped posting node status.",
                "lastTransitionTime": now,
            }
            changed = True
    return {**node, "status": {**node.get("status", {}), "conditions": conditions}} if changed else None
