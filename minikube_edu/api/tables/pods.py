"""The row of a pod: the words after STATUS are the ones that every learner meets first.

A pod's status is worked out from its containers, not stored: the last word wins, from phase, over reason, to what its
init containers wait for, to what its containers wait for, to Terminating.
"""

from __future__ import annotations

from typing import Any

from minikube_edu.api.tables.ages import Since, age
from minikube_edu.api.tables.cells import NONE
from minikube_edu.lib import clock

Object = dict[str, Any]
_DONE = {
    "Succeeded": ("Succeeded", "The pod has completed successfully."),
    "Failed": ("Failed", "The pod failed."),
}


def row_conditions(obj: Object) -> list[Object] | None:
    """Completed pods are marked, so that a client may leave them out."""
    found = _DONE.get((obj.get("status") or {}).get("phase", ""))
    return found and [{"type": "Completed", "status": "True", "reason": found[0], "message": found[1]}]


class _Tally:
    """What the walk over the containers has found so far."""

    __slots__ = ("last_restart", "ready", "reason", "restarts", "total")

    def __init__(self, reason: str, total: int) -> None:
        self.reason = reason
        self.total = total
        self.ready = 0
        self.restarts = 0
        self.last_restart = ""

    def count(self, status: Object) -> None:
        self.restarts += status.get("restartCount", 0)
        finished = ((status.get("lastState") or {}).get("terminated") or {}).get("finishedAt") or ""
        self.last_restart = max(self.last_restart, finished)


def row(obj: Object) -> list[Any]:
    spec, status = obj["spec"], obj.get("status") or {}
    tally = _Tally(_first_word(status), len(spec.get("containers") or ()))
    sidecars = {c["name"] for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always"}
    tally.total += len(sidecars)
    initializing, sidecar_tally = _init_containers(spec, status, sidecars, tally)
    if not initializing or _is_true(status, "Initialized"):
        tally.restarts, tally.last_restart = sidecar_tally.restarts, sidecar_tally.last_restart
        _containers(status, tally)
    if "deletionTimestamp" in obj["metadata"]:
        if status.get("reason") == "NodeLost":
            tally.reason = "Unknown"
        elif status.get("phase") not in ("Succeeded", "Failed"):
            tally.reason = "Terminating"
    restarts: Any = str(tally.restarts)
    if tally.restarts and tally.last_restart:
        restarts = Since(clock.parse_rfc3339(tally.last_restart), f"{tally.restarts} (", " ago)")
    addresses = status.get("podIPs")
    return [
        obj["metadata"]["name"],
        f"{tally.ready}/{tally.total}",
        tally.reason,
        restarts,
        age(obj),
        (addresses and addresses[0].get("ip")) or NONE,
        spec.get("nodeName") or NONE,
        status.get("nominatedNodeName") or NONE,
        _gates(spec, status),
    ]


def _first_word(status: Object) -> str:
    for condition in status.get("conditions") or ():
        if condition.get("reason") == "SchedulingGated" and condition["type"] == "PodScheduled":
            return "SchedulingGated"
    return status.get("reason") or status.get("phase") or ""


def _init_containers(spec: Object, status: Object, sidecars: set[str], tally: _Tally) -> tuple[bool, _Tally]:
    """The first init container that is not done says what the pod waits for. Sidecars' restarts count for ever."""
    lasting = _Tally("", 0)
    for index, container in enumerate(status.get("initContainerStatuses") or ()):
        sidecar = container["name"] in sidecars
        tally.count(container)
        if sidecar:
            lasting.count(container)
        state = container.get("state") or {}
        terminated, waiting = state.get("terminated"), state.get("waiting")
        if terminated is not None and not terminated.get("exitCode"):
            continue
        if sidecar and container.get("started"):
            tally.ready += bool(container.get("ready"))
            continue
        if terminated is not None:
            tally.reason = "Init:" + _ending(terminated)
        elif waiting is not None and waiting.get("reason") and waiting["reason"] != "PodInitializing":
            tally.reason = "Init:" + waiting["reason"]
        else:
            tally.reason = f"Init:{index}/{len(spec.get('initContainers') or ())}"
        return True, lasting
    return False, lasting


def _ending(terminated: Object) -> str:
    if terminated.get("reason"):
        return str(terminated["reason"])
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode', 0)}"


def _containers(status: Object, tally: _Tally) -> None:
    running = False
    for container in reversed(status.get("containerStatuses") or ()):
        tally.count(container)
        state = container.get("state") or {}
        waiting, terminated = state.get("waiting"), state.get("terminated")
        if waiting is not None and waiting.get("reason"):
            tally.reason = waiting["reason"]
        elif terminated is not None:
            tally.reason = _ending(terminated)
        elif container.get("ready") and state.get("running") is not None:
            running = True
            tally.ready += 1
    if tally.reason == "Completed" and running:
        tally.reason = "Running" if _is_true(status, "Ready") else "NotReady"


def _is_true(status: Object, kind: str) -> bool:
    return any(c["type"] == kind and c["status"] == "True" for c in status.get("conditions") or ())


def _gates(spec: Object, status: Object) -> str:
    gates = spec.get("readinessGates")
    if not gates:
        return NONE
    return f"{sum(_is_true(status, gate['conditionType']) for gate in gates)}/{len(gates)}"
