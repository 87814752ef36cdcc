"""The node's conditions: whether it is ready, and what it is short of. An event tells of each change."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from minikube_edu.kubelet.contract import Object
from minikube_edu.lib import clock

# type -> (reason and message when True, event when True, reason and message when False, event when False)
PRESSURES = {
    "MemoryPressure": (
        ("KubeletHasInsufficientMemory", "kubelet has insufficient memory available", "NodeHasInsufficientMemory"),
        ("KubeletHasSufficientMemory", "kubelet has sufficient memory available", "NodeHasSufficientMemory"),
    ),
    "DiskPressure": (
        ("KubeletHasDiskPressure", "kubelet has disk pressure", "NodeHasDiskPressure"),
        ("KubeletHasNoDiskPressure", "kubelet has no disk pressure", "NodeHasNoDiskPressure"),
    ),
    "PIDPressure": (
        ("KubeletHasInsufficientPID", "kubelet has insufficient PID available", "NodeHasInsufficientPID"),
        ("KubeletHasSufficientPID", "kubelet has sufficient PID available", "NodeHasSufficientPID"),
    ),
}
OWNED = frozenset((*PRESSURES, "Ready"))


def node_conditions(
    before: Sequence[Object], pressures: Sequence[str], problem: str, told: Callable[[str], None]
) -> list[Object]:
    """`before` are those of the API, `problem` why the node is not ready, `told` is called with an event's reason."""
    now = clock.rfc3339()
    known = {one["type"]: one for one in before}
    made = [one for one in before if one["type"] not in OWNED]
    for kind, (bad, good) in PRESSURES.items():
        status = "True" if kind in pressures else "False"
        reason, message, event = bad if kind in pressures else good
        made.append(_condition(kind, status, reason, message, known.get(kind), now))
        if kind not in known or known[kind]["status"] != status:
            told(event)
    if problem:
        ready = _condition("Ready", "False", "KubeletNotReady", problem, known.get("Ready"), now)
    else:
        message = "kubelet is posting ready status"
        ready = _condition("Ready", "True", "KubeletReady", message, known.get("Ready"), now)
    old = known.get("Ready")
    if (old is None and not problem) or (old is not None and old["status"] != ready["status"]):
        told("NodeNotReady" if problem else "NodeReady")
    return [*made, ready]


def _condition(kind: str, status: str, reason: str, message: str, old: Object | None, now: str) -> Object:
    since = old["lastTransitionTime"] if old is not None and old["status"] == status else now
    return {
        "type": kind,
        "status": status,
        "lastHeartbeatTime": now,
        "lastTransitionTime": since,
        "reason": reason,
        "message": message,
    }
