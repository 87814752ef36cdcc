"""A pod's phase, from the states of its containers.

Pending until every container has been started once, Running while one runs or will be started again, Succeeded or
Failed when all have ended for good. Sidecars count only while they keep the others waiting.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from minikube_edu.kubelet import pod_facts
from minikube_edu.kubelet.contract import Object
from minikube_edu.kubelet.restarts import restarts_after


class _Count(Struct):
    unknown: int = 0
    running: int = 0
    waiting: int = 0
    stopped: int = 0
    stopped_for_good: int = 0
    succeeded: int = 0


def phase(pod: Object, statuses: Mapping[str, Object], *, finished: bool, started_before: bool) -> str:
    """`finished`: nothing will be started again, whatever the policies say; `started_before`: a regular container has
    run, so that waiting sidecars no longer make the pod Pending."""
    pending_init, failed_for_good = _init(pod, statuses)
    count = _Count()
    pending_sidecars = _sidecars(pod, statuses, count)
    for container in pod_facts.containers(pod):
        _count(pod, container, statuses.get(container["name"]), count)
    if failed_for_good:
        return "Failed"
    if pending_init or (pending_sidecars and not started_before) or count.waiting:
        return "Pending"
    if count.running and not count.unknown:
        return "Running"
    if not count.running and count.stopped and not count.unknown:
        if finished and not pod_facts.is_static(pod):
            return "Succeeded" if count.stopped == count.succeeded else "Failed"
        if count.stopped != count.stopped_for_good:
            return "Running"
        return "Succeeded" if count.stopped == count.succeeded else "Failed"
    return "Pending"


def _init(pod: Object, statuses: Mapping[str, Object]) -> tuple[int, int]:
    """(init containers not done yet, those that failed and are not tried again)"""
    pending = failed = 0
    for container in pod_facts.init_containers(pod):
        if pod_facts.is_sidecar(container):
            continue
        ended = _ended(statuses.get(container["name"]))
        if ended is None:
            pending += 1
        elif ended["exitCode"] != 0 and not restarts_after(container, pod, ended["exitCode"]):
            failed += 1
        elif ended["exitCode"] != 0:
            pending += 1 if "waiting" not in statuses[container["name"]]["state"] else 0
    return pending, failed


def _ended(status: Object | None) -> Object | None:
    """How it ended, if it does not run and has run."""
    if status is None or "running" in status["state"]:
        return None
    if "waiting" in status["state"]:
        return (status.get("lastState") or {}).get("terminated")
    found: Object | None = status["state"].get("terminated")
    return found


def _sidecars(pod: Object, statuses: Mapping[str, Object], count: _Count) -> int:
    pending = 0
    for container in pod_facts.init_containers(pod):
        if not pod_facts.is_sidecar(container):
            continue
        status = statuses.get(container["name"])
        if status is None:
            count.unknown += 1
        elif "running" in status["state"]:
            pending += not status.get("started")
            count.running += 1
        elif "waiting" in status["state"] and not (status.get("lastState") or {}).get("terminated"):
            pending += 1
            count.waiting += 1
    return pending


def _count(pod: Object, container: Object, status: Object | None, count: _Count) -> None:
    if status is None:
        count.unknown += 1
        return
    state = status["state"]
    if "running" in state:
        count.running += 1
        return
    ended = _ended(status)
    if ended is None:
        count.waiting += 1
        return
    count.stopped += 1
    if not restarts_after(container, pod, ended["exitCode"]):
        count.stopped_for_good += 1
    if "terminated" in state and ended["exitCode"] == 0:
        count.succeeded += 1
