"""Questions about pods that all controllers ask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from minikube_edu.lib import clock

Object = dict[str, Any]

_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}


def phase(pod: Object) -> str:
    return str((pod.get("status") or {}).get("phase") or "")


def is_terminal(pod: Object) -> bool:
    return phase(pod) in ("Succeeded", "Failed")


def is_deleting(pod: Object) -> bool:
    return "deletionTimestamp" in pod["metadata"]


def is_active(pod: Object) -> bool:
    """It counts: it is not finished and nobody has asked for its end."""
    return not is_terminal(pod) and not is_deleting(pod)


def is_terminating(pod: Object) -> bool:
    return is_deleting(pod) and not is_terminal(pod)


def condition(obj: Object, kind: str) -> Object | None:
    for found in (obj.get("status") or {}).get("conditions") or ():
        if found["type"] == kind:
            return dict(found)
    return None


def ready_since(pod: Object) -> float | None:
    """When it became ready; None when it is not."""
    for found in (pod.get("status") or {}).get("conditions") or ():
        if found["type"] == "Ready":
            if found["status"] != "True":
                return None
            since = found.get("lastTransitionTime")
            return clock.parse_rfc3339(since) if since else 0.0
    return None


def is_ready(pod: Object) -> bool:
    for found in (pod.get("status") or {}).get("conditions") or ():
        if found["type"] == "Ready":
            return bool(found["status"] == "True")
    return False


def is_available(pod: Object, min_ready_seconds: int, now: float) -> bool:
    if not min_ready_seconds:
        return is_ready(pod)
    since = ready_since(pod)
    return since is not None and since > 0 and since + min_ready_seconds <= now


def until_available(pods: Iterable[Object], min_ready_seconds: int, now: float) -> float | None:
    """Seconds until the next of the ready pods will have been ready for long enough."""
    waits = [
        since + min_ready_seconds - now
        for since in map(ready_since, pods)
        if since is not None and since + min_ready_seconds > now
    ]
    return min(waits) if waits else None


def restarts(pod: Object) -> int:
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return max((status.get("restartCount", 0) for status in statuses), default=0)


def least_missed(pods: list[Object], neighbours: Mapping[str, int], now: float) -> list[Object]:
    """In the order in which to delete them: those first whom nobody will miss.

    Unassigned before assigned, pending before running, not ready before ready, the lower deletion cost, on nodes with
    many of their kind, ready for a shorter time, restarted more often, younger. Ages are compared by their order of
    magnitude, so that not always the youngest goes.
    """

    def rank(pod: Object) -> tuple[Any, ...]:
        node = pod["spec"].get("nodeName") or ""
        since = ready_since(pod)
        created = clock.parse_rfc3339(pod["metadata"]["creationTimestamp"])
        return (
            bool(node),
            _PHASES.get(phase(pod), 0),
            since is not None,
            deletion_cost(pod),
            -neighbours.get(node, 0),
            -1.0 if since is None else _magnitude(now - since),
            -restarts(pod),
            _magnitude(now - created),
            pod["metadata"]["uid"],
        )

    return sorted(pods, key=rank)


def deletion_cost(pod: Object) -> int:
    text = (pod["metadata"].get("annotations") or {}).get("controller.kubernetes.io/pod-deletion-cost", "0")
    try:
        return int(text)
    except ValueError:
        return 0


def _magnitude(seconds: float) -> int:
    return int(max(seconds, 0.0)).bit_length()
