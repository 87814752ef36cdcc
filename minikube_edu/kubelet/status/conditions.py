"""The conditions of a pod that the kubelet owns, in its order, with its reasons and messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from minikube_edu.kubelet import pod_facts
from minikube_edu.kubelet.contract import Object
from minikube_edu.lib import clock

OWNED = frozenset(
    (
        "PodScheduled",
        "Ready",
        "Initialized",
        "ContainersReady",
        "PodReadyToStartContainers",
        "PodResizePending",
        "PodResizeInProgress",
        "AllContainersRestarting",
    )
)


def conditions(
    pod: Object,
    statuses: Mapping[str, Object],
    phase: str,
    *,
    has_sandbox: bool,
    resizing: Sequence[Object],
    old: Object,
) -> list[Object]:
    """All of the pod's conditions: those of others as they are, then the kubelet's. `old` is the status before."""
    kept = [one for one in (pod.get("status") or {}).get("conditions") or () if one["type"] not in OWNED]
    for condition in old.get("conditions") or ():
        if condition["type"] == "DisruptionTarget":
            kept = [one for one in kept if one["type"] != "DisruptionTarget"] + [condition]
    started: Object = {"type": "PodReadyToStartContainers", "status": "True" if has_sandbox else "False"}
    containers_ready = _containers_ready(pod, statuses, phase)
    made = [
        *resizing,
        started,
        _initialized(pod, statuses, phase),
        _ready(pod, containers_ready, kept),
        containers_ready,
        {"type": "PodScheduled", "status": "True"},
    ]
    return kept + [_dated(pod, condition, old) for condition in made]


def _dated(pod: Object, condition: Object, old: Object) -> Object:
    """With the time since which its status is so."""
    before = next((one for one in old.get("conditions") or () if one["type"] == condition["type"]), None)
    same = before is not None and before["status"] == condition["status"] and before.get("lastTransitionTime")
    since = before["lastTransitionTime"] if same and before is not None else clock.rfc3339()
    found = {"lastProbeTime": None, "lastTransitionTime": since, **condition}
    generation = pod_facts.generation(pod)
    if generation and "observedGeneration" not in found:
        found["observedGeneration"] = generation
    return found


def _names(names: Sequence[str]) -> str:
    return f"[{' '.join(names)}]"


def _message(unknown: Sequence[str], known: Sequence[str], what: str) -> str:
    parts = []
    if unknown:
        parts.append(f"containers with unknown status: {_names(unknown)}")
    if known:
        parts.append(f"containers with {what} status: {_names(known)}")
    return ", ".join(parts)


def _condition(kind: str, reason: str = "", message: str = "", *, status: str = "False") -> Object:
    found = {"type": kind, "status": status}
    if reason:
        found["reason"] = reason
    if message:
        found["message"] = message
    return found


def _containers_ready(pod: Object, statuses: Mapping[str, Object], phase: str) -> Object:
    kind = "ContainersReady"
    unknown, unready = [], []
    sidecars = [one for one in pod_facts.init_containers(pod) if pod_facts.is_sidecar(one)]
    for container in (*sidecars, *pod_facts.containers(pod)):
        status = statuses.get(container["name"])
        if status is None:
            unknown.append(container["name"])
        elif not status["ready"]:
            unready.append(container["name"])
    if not statuses:
        return _condition(kind, "UnknownContainerStatuses")
    if phase == "Succeeded" and not unknown:
        return _condition(kind, "PodCompleted")
    if phase == "Failed":
        return _condition(kind, "PodFailed")
    message = _message(unknown, unready, "unready")
    return _condition(kind, "ContainersNotReady", message) if message else _condition(kind, status="True")


def _ready(pod: Object, containers_ready: Object, others: Sequence[Object]) -> Object:
    if containers_ready["status"] != "True":
        return {**containers_ready, "type": "Ready"}
    messages = []
    for gate in pod["spec"].get("readinessGates") or ():
        kind = gate["conditionType"]
        condition = next((one for one in others if one["type"] == kind), None)
        if condition is None:
            messages.append(f'corresponding condition of pod readiness gate "{kind}" does not exist.')
        elif condition["status"] != "True":
            messages.append(f'the status of pod readiness gate "{kind}" is not "True", but {condition["status"]}')
    if messages:
        return _condition("Ready", "ReadinessGatesNotReady", ", ".join(messages))
    return _condition("Ready", status="True")


def _initialized(pod: Object, statuses: Mapping[str, Object], phase: str) -> Object:
    kind = "Initialized"
    unknown, incomplete = [], []
    if not statuses and pod_facts.init_containers(pod):
        return _condition(kind, "UnknownContainerStatuses")
    for container in pod_facts.init_containers(pod):
        status = statuses.get(container["name"])
        if status is None:
            unknown.append(container["name"])
        elif not (status.get("started") if pod_facts.is_sidecar(container) else status["ready"]):
            incomplete.append(container["name"])
    if phase == "Succeeded" and not unknown:
        return _condition(kind, "PodCompleted", status="True")
    if any(_has_run(statuses.get(container["name"])) for container in pod_facts.containers(pod)):
        return _condition(kind, status="True")
    message = _message(unknown, incomplete, "incomplete")
    return _condition(kind, "ContainersNotInitialized", message) if message else _condition(kind, status="True")


def _has_run(status: Object | None) -> bool:
    if status is None:
        return False
    return bool(
        status.get("started")
        or "running" in status["state"]
        or "terminated" in status["state"]
        or (status.get("lastState") or {}).get("terminated")
    )
