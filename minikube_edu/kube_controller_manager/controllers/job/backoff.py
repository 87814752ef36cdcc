"""After a failed pod the next one waits: ten seconds, doubled for every failure since the last success, ten minutes at
most."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from minikube_edu.lib import clock

Object = dict[str, Any]

FIRST, LONGEST = 10.0, 600.0


class Record(Struct):
    failures: int = 0  # since the last success
    last: float = 0.0  # when the last failure was

    def note(self, succeeded: Iterable[Object], failed: Iterable[Object]) -> Record:
        """With the pods that have finished now."""
        ends = [(finished_at(pod), True) for pod in succeeded] + [(finished_at(pod), False) for pod in failed]
        found = Record(self.failures, self.last)
        for at, well in sorted(ends):
            if well:
                found.failures = 0
            else:
                found = Record(found.failures + 1, at)
        return found

    def wait(self, now: float) -> float:
        return wait(self.failures, self.last, now)


def wait(failures: int, last: float, now: float) -> float:
    if failures <= 0:
        return 0.0
    pause = min(FIRST * 2.0 ** min(failures - 1, 10), LONGEST)
    return max(last + pause - now, 0.0)


def finished_at(pod: Object) -> float:
    """When the last container ended; what is next best if that is not known."""
    status, metadata = pod.get("status") or {}, pod["metadata"]
    ends = []
    for container in status.get("containerStatuses") or ():
        terminated = (container.get("state") or {}).get("terminated")
        if terminated and terminated.get("finishedAt"):
            ends.append(clock.parse_rfc3339(terminated["finishedAt"]))
    if ends:
        return max(ends)
    for condition in status.get("conditions") or ():
        if condition["type"] == "Ready" and condition["status"] == "False" and condition.get("lastTransitionTime"):
            return clock.parse_rfc3339(condition["lastTransitionTime"])
    return clock.parse_rfc3339(metadata.get("deletionTimestamp") or metadata["creationTimestamp"])
