"""All probes of a node: when each asks, how often the same answer must come, and what follows.

A probe belongs to one container of one pod. It first asks `initialDelaySeconds` after the container's start, then every
`periodSeconds`. Its opinion changes after `failureThreshold` failures or `successThreshold` successes in a row. Before
its first opinion a readiness probe says no, a liveness probe yes, a startup probe nothing. While a startup probe has
not succeeded, the two others wait; after it has, it asks no more. A failed liveness or startup probe is told to those
who listen, who end the container; the probe rests until another container comes in its place.

A waiting probe is one timer of the loop, no task: thousands cost next to nothing. The real kubelet keeps a goroutine
with a ticker for each, which begins anywhere within its period after a restart.

Deleting a pod ends its liveness and startup probes; readiness is asked to the end.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from minikube_edu.container_runtime.cri import ContainerRuntime, RuntimeFailure
from minikube_edu.kubelet import pod_facts
from minikube_edu.kubelet.contract import ProbeKind, ProbeResult, Recorder
from minikube_edu.kubelet.pod_dialing import PodDialing, PodTarget, target_of
from minikube_edu.kubelet.probes.checks import Checks, Outcome, ProbeError
from minikube_edu.lib import clock

log = logging.getLogger(__name__)

Object = dict[str, Any]
Key = tuple[str, str, ProbeKind]  # pod's uid, container, kind

FIELDS = {
    ProbeKind.STARTUP: "startupProbe",
    ProbeKind.LIVENESS: "livenessProbe",
    ProbeKind.READINESS: "readinessProbe",
}
FIRST_SECONDS = 0.05  # a moment for the program to begin; a real kubelet hears of a start up to a second later
TRIES = 3  # of a question that could not be put
BEFORE = {ProbeKind.LIVENESS: True, ProbeKind.READINESS: False, ProbeKind.STARTUP: None}


class Counts(Struct):
    """Of one probe, for /metrics/probes."""

    successful: int = 0
    failed: int = 0
    unknown: int = 0


class _Probe(Struct):
    key: Key
    pod: Object
    container: Object
    spec: Object
    container_id: str
    started_at: float
    target: PodTarget
    opinion: bool | None
    seen_at: float
    counts: Counts = field(default_factory=Counts)
    run: int = 0  # how often the last answer came in a row
    last: bool | None = None
    resting: bool = False  # until another container comes
    timer: asyncio.TimerHandle | None = None
    task: asyncio.Task[None] | None = None

    def stop(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        if self.task is not None and self.task is not asyncio.current_task():
            self.task.cancel()
            self.task = None


NOTHING: frozenset[tuple[str, ProbeKind]] = frozenset()


class Prober:
    def __init__(self, runtime: ContainerRuntime, recorder: Recorder, dialing: PodDialing | None = None) -> None:
        self.runtime, self.recorder = runtime, recorder
        self.checks = Checks(runtime, dialing or PodDialing(runtime))
        self._declared: dict[str, frozenset[tuple[str, ProbeKind]]] = {}  # pods that were followed: what they ask for
        self._probes: dict[Key, _Probe] = {}
        self._by_pod: dict[str, set[Key]] = {}
        self._listeners: list[Callable[[ProbeResult], None]] = []

    # ---------------------------------------------------------------- for the sync loop

    def listen(self, listener: Callable[[ProbeResult], None]) -> None:
        self._listeners.append(listener)

    def follow(self, pod: Object, status: Object) -> None:
        """Call it before a pod's containers run: from then on a container is not ready before its probe says so. A pod
        of an earlier kubelet comes with its old status, and keeps what that says until its probes know better."""
        wanted = dict(self._wanted(pod, status))
        uid = pod_facts.uid(pod)
        declared = {
            (container["name"], kind)
            for container in (*pod_facts.init_containers(pod), *pod_facts.containers(pod))
            for kind, name in FIELDS.items()
            if container.get(name)
        }
        self._declared[uid] = frozenset(declared) if declared else NOTHING
        for key in self._by_pod.get(uid, set()) - set(wanted):
            self._drop(key)
        for key, (container, spec, state) in wanted.items():
            known = self._probes.get(key)
            if known is None or known.container_id != _bare(state["containerID"]):
                self._begin(key, pod, container, spec, state, status)
            else:
                known.pod, known.container, known.spec = pod, container, spec
                known.target = target_of(pod, status, known.target.sandbox_id)

    def forget(self, pod_uid: str) -> None:
        self._declared.pop(pod_uid, None)
        for key in list(self._by_pod.get(pod_uid, ())):
            self._drop(key)

    def ready(self, pod_uid: str, container: str, container_id: str) -> bool:
        if not self.started(pod_uid, container, container_id):
            return False
        return self._opinion((pod_uid, container, ProbeKind.READINESS), container_id)

    def started(self, pod_uid: str, container: str, container_id: str) -> bool:
        return self._opinion((pod_uid, container, ProbeKind.STARTUP), container_id)

    async def close(self) -> None:
        tasks = [probe.task for probe in self._probes.values() if probe.task is not None]
        for key in list(self._probes):
            self._drop(key)
        await asyncio.gather(*tasks, return_exceptions=True)

    def counts(self) -> Iterator[tuple[Object, str, ProbeKind, Counts]]:
        """(pod, container, kind, counts) of every probe."""
        for (_, container, kind), probe in self._probes.items():
            yield probe.pod, container, kind, probe.counts

    # ---------------------------------------------------------------- which there are

    def _wanted(self, pod: Object, status: Object) -> Iterator[tuple[Key, tuple[Object, Object, Object]]]:
        """Probes of containers that run: (container, probe, container's status)."""
        states = {
            one["name"]: one
            for name in ("initContainerStatuses", "containerStatuses")
            for one in status.get(name) or ()
            if one.get("containerID") and "running" in (one.get("state") or {})
        }
        uid, going = pod_facts.uid(pod), pod_facts.is_deleted(pod)
        sidecars = (one for one in pod_facts.init_containers(pod) if pod_facts.is_sidecar(one))
        for container in (*sidecars, *pod_facts.containers(pod)):
            state = states.get(container["name"])
            if state is None:
                continue
            for kind, name in FIELDS.items():
                if container.get(name) and not (going and kind is not ProbeKind.READINESS):
                    yield (uid, container["name"], kind), (container, container[name], state)

    def _opinion(self, key: Key, container_id: str) -> bool:
        probe = self._probes.get(key)
        if probe is None:
            return (key[1], key[2]) not in self._declared.get(key[0], ())
        return probe.container_id == _bare(container_id) and bool(probe.opinion)

    # ---------------------------------------------------------------- one probe's life

    def _begin(self, key: Key, pod: Object, container: Object, spec: Object, state: Object, status: Object) -> None:
        self._drop(key)
        kind = key[2]
        opinion = BEFORE[kind]
        told = _told(pod, state)  # by the kubelet before this one
        if kind is not ProbeKind.LIVENESS and told.get("started") and (kind is ProbeKind.STARTUP or told.get("ready")):
            opinion = True
        started = state["state"]["running"].get("startedAt")
        since = clock.parse_rfc3339(started) if started else clock.now()
        probe = _Probe(
            key, pod, container, spec, _bare(state["containerID"]), since, target_of(pod, status), opinion, clock.now()
        )  # fmt: skip
        self._probes[key] = probe
        self._by_pod.setdefault(key[0], set()).add(key)
        if kind is ProbeKind.READINESS and state.get("ready") and not opinion:  # that was said without asking us
            asyncio.get_running_loop().call_soon(self._tell, probe, Outcome(False))
        if not (kind is ProbeKind.STARTUP and opinion):
            self._later(probe, _until_first(probe))

    def _drop(self, key: Key) -> None:
        probe = self._probes.pop(key, None)
        if probe is not None:
            probe.stop()
            keys = self._by_pod[key[0]]
            keys.discard(key)
            if not keys:
                del self._by_pod[key[0]]

    def _later(self, probe: _Probe, seconds: float) -> None:
        probe.timer = asyncio.get_running_loop().call_later(seconds, self._due, probe)

    def _due(self, probe: _Probe) -> None:
        probe.timer = None
        if probe.key[2] is not ProbeKind.STARTUP and not self.started(*probe.key[:2], probe.container_id):
            self._later(probe, _period(probe))  # `_startup_over` asks sooner
            return
        probe.task = asyncio.get_running_loop().create_task(self._ask(probe), name="probe")

    async def _ask(self, probe: _Probe) -> None:
        begin = clock.monotonic()
        answer = None
        try:
            answer = await self._answer(probe)
        except Exception:
            log.exception("a probe of container %s failed", probe.key[1])
        probe.task = None
        if self._probes.get(probe.key) is not probe:
            return
        if answer is not None:
            self._heard(probe, answer)
        if self._probes.get(probe.key) is probe and not probe.resting:
            self._later(probe, max(0.0, _period(probe) - (clock.monotonic() - begin)))

    async def _answer(self, probe: _Probe) -> Outcome | None:
        """None: it could not be asked, which changes no opinion."""
        if not probe.target.sandbox_id:
            try:
                found = await self.runtime.container_status(probe.container_id)
            except RuntimeFailure:
                return None  # it is gone, and we shall hear of it
            probe.target = replace(probe.target, sandbox_id=found.sandbox_id)
        for attempt in range(TRIES):
            try:
                return await self.checks.check(probe.spec, probe.container, probe.container_id, probe.target)
            except ProbeError as error:
                if attempt == TRIES - 1:
                    probe.counts.unknown += 1
                    kind = probe.key[2].value
                    self._event(probe, "Unhealthy", f"{kind} probe errored and resulted in unknown state: {error}")
        return None

    def _heard(self, probe: _Probe, answer: Outcome) -> None:
        kind = probe.key[2]
        if not answer.passed:
            probe.counts.failed += 1
            self._event(probe, "Unhealthy", f"{kind.value} probe failed: {answer.output}")
        else:
            probe.counts.successful += 1
            if answer.warning:
                self._event(probe, "ProbeWarning", f"{kind.value} probe warning: {answer.output}")
        probe.run = probe.run + 1 if probe.last is answer.passed else 1
        probe.last = answer.passed
        name, default = ("successThreshold", 1) if answer.passed else ("failureThreshold", 3)
        if probe.run < (probe.spec.get(name) or default):
            return
        changed, probe.opinion = probe.opinion is not answer.passed, answer.passed
        if kind is ProbeKind.STARTUP and answer.passed:
            probe.resting = True
            self._startup_over(probe)
        elif kind is not ProbeKind.READINESS and not answer.passed:
            probe.resting, probe.run = True, 0
        if changed:
            self._tell(probe, answer)

    def _startup_over(self, probe: _Probe) -> None:
        """The others have waited: they ask now."""
        for kind in (ProbeKind.LIVENESS, ProbeKind.READINESS):
            other = self._probes.get((*probe.key[:2], kind))
            if other is not None and other.timer is not None:
                other.timer.cancel()
                self._later(other, _until_first(other))

    def _tell(self, probe: _Probe, answer: Outcome) -> None:
        uid, container, kind = probe.key
        result = ProbeResult(uid, container, probe.container_id, kind, answer.passed, answer.output)
        for listener in list(self._listeners):
            listener(result)

    def _event(self, probe: _Probe, reason: str, message: str) -> None:
        self.recorder.event(probe.pod, "Warning", reason, message, probe.key[1])


def _until_first(probe: _Probe) -> float:
    due = probe.started_at + float(probe.spec.get("initialDelaySeconds") or 0)
    return max(due - clock.now(), probe.seen_at + FIRST_SECONDS - clock.now(), 0.0)


def _period(probe: _Probe) -> float:
    return float(probe.spec.get("periodSeconds") or 10)


def _told(pod: Object, state: Object) -> Object:
    """What the API's copy of the pod says of this very container."""
    for name in ("initContainerStatuses", "containerStatuses"):
        for one in (pod.get("status") or {}).get(name) or ():
            if one["name"] == state["name"] and one.get("containerID") == state["containerID"]:
                found: Object = one
                return found
    return {}


def _bare(container_id: str) -> str:
    """Without `containerd://`"""
    return container_id.rpartition("://")[2]
