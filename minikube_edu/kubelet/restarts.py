"""Whether a container that has ended is started again, and how long that waits.

`Backoff` is the crash loop's clock: 10 seconds, doubled at each further start, five minutes at most, and forgotten when
the container has run for ten minutes. The same clock, by pod and image, spaces the tries to pull an image.
"""

from __future__ import annotations

from msgspec import Struct

from minikube_edu.api.durations import from_seconds
from minikube_edu.container_runtime.cri import ContainerState
from minikube_edu.kubelet import pod_facts
from minikube_edu.kubelet.contract import Object
from minikube_edu.kubelet.runtime_view import PodView
from minikube_edu.lib import clock

INITIAL, LONGEST = 10.0, 300.0


def restarts_after(container: Object, pod: Object, exit_code: int) -> bool:
    """By the container's own rules, else by its policy, else by the pod's."""
    for rule in container.get("restartPolicyRules") or ():
        codes = rule.get("exitCodes") or {}
        listed = exit_code in (codes.get("values") or ())
        if listed == (codes.get("operator") == "In"):
            return True  # Restart, the only action for one container
    policy = container.get("restartPolicy") or pod["spec"].get("restartPolicy") or "Always"
    return policy == "Always" or (policy == "OnFailure" and exit_code != 0)


def should_run(container: Object, pod: Object, view: PodView) -> bool:
    """A container that does not run now ought to be started."""
    if pod_facts.is_deleted(pod):
        return False
    newest = view.newest(container["name"])
    if newest is None or newest.state is not ContainerState.EXITED:
        return newest is None or newest.state is not ContainerState.RUNNING
    return restarts_after(container, pod, newest.exit_code)


def could_restart(pod: Object) -> bool:
    """Some container may be started again: then a lost sandbox is made anew."""
    if (pod["spec"].get("restartPolicy") or "Always") != "Never":
        return True
    return any(
        one.get("restartPolicyRules") or one.get("restartPolicy") in ("Always", "OnFailure")
        for one in pod_facts.containers(pod)
    )


class _Entry(Struct):
    seconds: float
    updated: float


class Backoff:
    def __init__(self, initial: float = INITIAL, longest: float = LONGEST) -> None:
        self._initial = initial
        self._longest = longest
        self._entries: dict[tuple[str, str], _Entry] = {}

    def wait(self, key: tuple[str, str], since: float) -> float:
        """Seconds still to wait after what ended at `since` (wall clock); 0: none."""
        entry = self._entries.get(key)
        if entry is None or since - entry.updated > 2 * self._longest:
            return 0.0
        return max(0.0, since + entry.seconds - clock.now())

    def wait_since_update(self, key: tuple[str, str]) -> float:
        """The same, after the last failure."""
        entry = self._entries.get(key)
        return max(0.0, entry.updated + entry.seconds - clock.now()) if entry is not None else 0.0

    def next(self, key: tuple[str, str], at: float) -> None:
        """One more try."""
        entry = self._entries.get(key)
        if entry is None or at - entry.updated > 2 * self._longest:
            self._entries[key] = _Entry(min(self._initial, self._longest), clock.now())
        else:
            entry.seconds, entry.updated = min(entry.seconds * 2, self._longest), clock.now()

    def text(self, key: tuple[str, str]) -> str:
        """`10s`, `5m0s`"""
        entry = self._entries.get(key)
        return from_seconds(entry.seconds if entry is not None else 0.0)

    def forget(self, uid: str) -> None:
        """The pod is gone; keys begin with its uid."""
        for key in [key for key in self._entries if key[0] == uid]:
            del self._entries[key]
