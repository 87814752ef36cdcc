"""Conditions of a node as taints, and how taints are changed."""

from __future__ import annotations

from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import Client
from minikube_edu.kube_controller_manager.controller import Object
from minikube_edu.kube_controller_manager.kinds import NODES
from minikube_edu.lib import clock

Taints = list[Object]
TRIES = 5

PREFIX = "node.kubernetes.io/"
NOT_READY, UNREACHABLE, UNSCHEDULABLE = (PREFIX + name for name in ("not-ready", "unreachable", "unschedulable"))
BY_CONDITION = {
    ("Ready", "False"): NOT_READY,
    ("Ready", "Unknown"): UNREACHABLE,
    ("MemoryPressure", "True"): PREFIX + "memory-pressure",
    ("DiskPressure", "True"): PREFIX + "disk-pressure",
    ("NetworkUnavailable", "True"): PREFIX + "network-unavailable",
    ("PIDPressure", "True"): PREFIX + "pid-pressure",
}
OURS = {*BY_CONDITION.values(), UNSCHEDULABLE}


def condition_of(node: Object, kind: str) -> Object | None:
    for condition in node.get("status", {}).get("conditions", []):
        if condition["type"] == kind:
            found: Object = condition
            return found
    return None


def readiness(node: Object) -> str:
    """True, False, Unknown; empty when the node has never said."""
    condition = condition_of(node, "Ready")
    return str(condition["status"]) if condition else ""


def no_schedule_keys(node: Object) -> list[str]:
    """The NoSchedule taints that the node's conditions call for."""
    conditions = node.get("status", {}).get("conditions", [])
    keys = [BY_CONDITION[c["type"], c["status"]] for c in conditions if (c["type"], c["status"]) in BY_CONDITION]
    return [*keys, *([UNSCHEDULABLE] if node["spec"].get("unschedulable") else [])]


def swapped(node: Object, effect: str, wanted: list[str], among: set[str]) -> Taints | None:
    """The node's taints with those of `among` and `effect` being exactly `wanted`; None when they are."""
    taints: Taints = node["spec"].get("taints", [])
    mine = [taint["key"] for taint in taints if taint["effect"] == effect and taint["key"] in among]
    if sorted(mine) == sorted(wanted):
        return None
    kept = [t for t in taints if t["effect"] != effect or t["key"] not in among or t["key"] in wanted]
    now = clock.rfc3339()
    return [*kept, *({"key": key, "effect": effect, "timeAdded": now} for key in wanted if key not in mine)]


async def swap_taints(client: Client, node: Object, effect: str, wanted: list[str], among: set[str]) -> None:
    """Writes what `swapped` says. When somebody else was quicker, it is said anew of the node as it is now: a node's
    turn at the rate limit must not be lost to a race."""
    for attempt in range(TRIES):
        taints = swapped(node, effect, wanted, among)
        if taints is None:
            return
        metadata = node["metadata"]
        patch = {"metadata": {"resourceVersion": metadata["resourceVersion"]}, "spec": {"taints": taints or None}}
        try:
            await client.patch(NODES, metadata["name"], patch)
            return
        except ApiError as error:
            if not error.conflict or attempt == TRIES - 1:
                raise
            node = await client.get(NODES, metadata["name"])
