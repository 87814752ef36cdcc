"""One pod's life on this node: syncing, terminating, terminated, finished. There is no way back.

*Syncing*: what runs is compared with what should, and brought nearer to it. *Terminating* begins when the pod is
deleted, has ended, is evicted, is past its deadline, or its source no longer has it: containers are stopped, a shorter
grace period interrupts a longer one. *Terminated*: nothing runs; volumes are taken down, the last status is written.
*Finished*: the API may forget the pod.

A worker has a task only while it has something to do. It is woken by its pod's changes, the runtime's life signs, the
probers, and by the time it has set itself (back-off, deadline, refresh of mounted ConfigMaps). No two steps of one pod
run at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Protocol

from msgspec import Struct, field

from minikube_edu.container_runtime.cri import RuntimeFailure
from minikube_edu.kubelet import pod_facts
from minikube_edu.kubelet.contract import Object, ProbeKind, Probes, Recorder, SyncFailure, Volumes
from minikube_edu.kubelet.decisions import Probed
from minikube_edu.kubelet.runtime_view import PodView, RuntimeView
from minikube_edu.kubelet.status.container_statuses import Told
from minikube_edu.kubelet.status.pod_status import TERMINAL, pod_status
from minikube_edu.kubelet.workers.carrying_out import CarryingOut, Outcome, addresses_of
from minikube_edu.kubelet.workers.image_pulls import ImagePulls
from minikube_edu.kubelet.workers.killing import Killing, patience
from minikube_edu.kubelet.workers.resizing import Resizing
from minikube_edu.lib import clock, ids
from minikube_edu.lib.klog import keyed, quoted

log = logging.getLogger(__name__)

RETRY = 10.0  # after a step that failed
QUICK_RETRIES = (0.05, 0.2, 1.0, 3.0)  # the first ones come sooner
REFRESH, REFRESH_TOKENS = 60.0, 600.0  # of what is mounted, with tokens of a short life and without
SHORT_LIFE = 3000
LIVE = frozenset(("configMap", "secret", "downwardAPI"))


class Stage(Enum):
    SYNCING = "syncing"
    TERMINATING = "terminating"
    TERMINATED = "terminated"
    FINISHED = "finished"


class Ending(Struct, frozen=True):
    """Why a pod is ended by the kubelet, and what its status says then."""

    reason: str = ""  # Evicted, DeadlineExceeded, Terminated; empty: as it ended
    message: str = ""
    grace: float | None = None
    condition: Object | None = None  # DisruptionTarget


class Statuses(Protocol):
    """What a worker needs of the status keeper."""

    def get(self, uid: str) -> Object | None: ...

    def set(self, pod: Object, status: Object) -> None: ...

    def finished(self, pod: Object) -> None: ...


class Parts(Struct):
    """What all workers of a kubelet share."""

    view: RuntimeView
    carrying: CarryingOut
    killing: Killing
    resizing: Resizing
    pulls: ImagePulls
    volumes: Volumes
    probes: Probes
    statuses: Statuses
    recorder: Recorder
    host_ips: Callable[[], list[str]]
    network_problem: Callable[[], str]  # empty: pods can have a network
    mirror: Callable[[Object], None]  # see to a static pod's mirror
    done: Callable[[PodWorker], None]  # the worker has finished
    failed_probes: dict[str, ProbeKind] = field(default_factory=dict)  # container id -> the probe

    def forget(self, uid: str) -> None:
        """The pod is gone."""
        self.pulls.forget(uid)
        self.carrying.backoff.forget(uid)
        self.resizing.forget(uid)
        for container in self.view.peek(uid).containers:
            self.failed_probes.pop(container.id, None)


class PodWorker:
    def __init__(self, pod: Object, parts: Parts, *, orphan: bool = False) -> None:
        self.pod = pod
        self.uid = pod_facts.uid(pod)
        self.stage = Stage.SYNCING
        self.gone = False  # no source has the pod any more
        self.orphan = orphan  # nothing is known of it but what runs
        self.failures: dict[str, tuple[str, str]] = {}
        self._parts = parts
        self._ending = Ending()
        self._grace: float | None = None
        self._due = False
        self._closed = False
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._tries = 0
        parts.resizing.first_seen(pod)

    # what others say

    def update(self, pod: Object) -> None:
        self.pod = pod
        if pod_facts.is_deleted(pod) or pod_facts.is_terminal(pod):
            self.terminate()
        else:
            self.wake()

    def terminate(self, ending: Ending | None = None) -> None:
        """Begin to end it, or hurry: a grace period only ever gets shorter."""
        if self.stage in (Stage.TERMINATED, Stage.FINISHED):
            self.wake()
            return
        if ending is not None and not self._ending.reason:
            self._ending = ending
        grace = self._wanted_grace(ending)
        interrupt = self.stage is Stage.SYNCING or (self._grace is not None and grace < self._grace)
        if self.stage is Stage.SYNCING or interrupt:
            self._grace = grace
        self.stage = Stage.TERMINATING
        if interrupt and self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
        self.wake()

    def _wanted_grace(self, ending: Ending | None) -> float:
        if ending is not None and ending.grace is not None:
            return ending.grace
        if self.orphan:
            return 1.0
        told = self.pod["metadata"].get("deletionGracePeriodSeconds")
        return float(told) if told is not None else patience(self.pod, {})

    def wake(self) -> None:
        """Something may have changed."""
        self._due = True
        if self._task is None and not self._closed and self.stage is not Stage.FINISHED:
            self._task = asyncio.get_running_loop().create_task(self._work(), name=f"pod {self.uid}")
            self._task.add_done_callback(self._ended)

    async def close(self) -> None:
        """The kubelet goes, the pod stays."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    # the task

    async def _work(self) -> None:
        while self._due and self.stage is not Stage.FINISHED:
            self._due = False
            try:
                tries = self._tries
                await self._step()
                if self._tries == tries:  # nothing that would be tried again soon
                    self._tries = 0
            except (RuntimeFailure, SyncFailure, OSError) as error:
                self._complain(str(error))
                self._again()

    def _complain(self, error: str) -> None:
        """The line of the journal that leads from a pod that does not run to the reason."""
        where = f"{pod_facts.namespace(self.pod)}/{pod_facts.name(self.pod)}"
        log.error("%s", keyed("Error syncing pod, skipping", err=error, pod=where, podUID=self.uid))

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._task = None
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("pod %s", pod_facts.described(self.pod), exc_info=error)
            self._again()
        if self._due and not self._closed:
            self.wake()

    def _again(self, seconds: float | None = None) -> None:
        """Wake in some seconds, unless something is sooner."""
        if seconds is None:
            seconds = QUICK_RETRIES[self._tries] if self._tries < len(QUICK_RETRIES) else RETRY * ids.uniform(1.0, 1.5)
            self._tries += 1
        if self._closed:
            return
        loop = asyncio.get_running_loop()
        if self._timer is not None and not self._timer.cancelled() and self._timer.when() > loop.time():
            if self._timer.when() <= loop.time() + seconds:
                return
            self._timer.cancel()
        self._timer = loop.call_later(max(seconds, 0.001), self.wake)

    async def _step(self) -> None:
        if self.stage is Stage.SYNCING:
            await self._sync()
        elif self.stage is Stage.TERMINATING:
            await self._terminate()
        elif self.stage is Stage.TERMINATED:
            await self._clean_up()

    # the stages

    async def _sync(self) -> None:
        parts = self._parts
        pod = parts.resizing.consider(self.pod)
        view = await parts.view.pod(self.uid)
        status = self._report(pod, view)
        if status["phase"] in TERMINAL:
            self.terminate()
            return
        if self._past_deadline(pod, status):
            return
        problem = parts.network_problem()
        if problem and not pod_facts.is_host_network(pod):
            parts.recorder.event(pod, "Warning", "NetworkNotReady", f"network is not ready: {problem}")
            self._complain(f"network is not ready: {problem}")
            self._again(max(1.0, QUICK_RETRIES[min(self._tries, 3)]))
            return
        if pod_facts.is_static(pod):
            parts.mirror(pod)
        volumes = await self._mount(pod)
        probed = Probed(parts.failed_probes.get, lambda name, id: parts.probes.started(self.uid, name, id))
        known = {**pod, "status": status}  # how often containers were started, if the runtime has forgotten
        outcome = await parts.carrying.sync(known, view, volumes, probed, parts.host_ips())
        await self._after(pod, outcome)

    async def _mount(self, pod: Object) -> Mapping[str, Path]:
        try:
            return await self._parts.volumes.mount(pod)
        except SyncFailure as failure:
            self._parts.recorder.event(pod, "Warning", failure.reason, failure.message)
            raise

    async def _after(self, pod: Object, outcome: Outcome) -> None:
        before = dict(self.failures)
        for name in outcome.started:
            self.failures.pop(name, None)
        self.failures.update(outcome.failures)
        if outcome.sandbox:
            who = quoted(pod_facts.described(pod))
            told = quoted(f"Failed to create sandbox for pod {who}: {outcome.sandbox}")
            self._complain(f'failed to "CreatePodSandbox" for {who} with CreatePodSandboxError: {told}')
        if outcome.failures:
            self._complain(", ".join(_failure(name, *told) for name, told in outcome.failures.items()))
        if outcome.changed or self.failures != before:
            view = await self._parts.view.pod(self.uid)
            status = self._report(pod, view)
            if status["phase"] in TERMINAL:
                self.wake()
        if outcome.retry is not None:
            self._again(outcome.retry)
        if outcome.failed:
            self._again()
        refresh = _refresh(pod)
        if refresh:
            self._again(refresh * ids.uniform(1.0, 1.5))

    def _past_deadline(self, pod: Object, status: Object) -> bool:
        seconds = pod["spec"].get("activeDeadlineSeconds")
        if seconds is None:
            return False
        left = clock.parse_rfc3339(status["startTime"]) + float(seconds) - clock.now()
        if left > 0:
            self._again(left)
            return False
        message = "Pod was active on the node longer than the specified deadline"
        self._parts.recorder.event(pod, "Normal", "DeadlineExceeded", message)
        self.terminate(Ending("DeadlineExceeded", message))
        return True

    async def _terminate(self) -> None:
        parts = self._parts
        pod = parts.resizing.allocated(self.pod)
        view = await parts.view.pod(self.uid)
        if not self.orphan:
            self._report(pod, view)
        if view.alive:
            addresses = addresses_of(pod, view, parts.host_ips())
            try:
                await parts.killing.pod(pod, view, addresses, self._grace)
            except RuntimeFailure as error:
                parts.recorder.event(pod, "Warning", "FailedKillPod", f"error killing pod: {error}")
                raise
        parts.probes.forget(self.uid)
        view = await parts.view.pod(self.uid)
        if view.running:
            raise RuntimeFailure(f"containers still run: {[one.id for one in view.running]}")
        self.stage = Stage.TERMINATED
        if not self.orphan:
            self._report(pod, view)
        self._due = True

    async def _clean_up(self) -> None:
        await self._parts.volumes.unmount(self.uid)
        self.stage = Stage.FINISHED
        if not self.orphan:
            self._parts.statuses.finished(self.pod)
        if self._timer is not None:
            self._timer.cancel()
        self._parts.done(self)

    # status

    def _report(self, pod: Object, view: PodView) -> Object:
        """Make the status, keep it, and let the probers know."""
        parts = self._parts
        old = parts.statuses.get(self.uid) or pod.get("status") or {}
        told = Told(
            lambda name, id: parts.probes.ready(self.uid, name, id),
            lambda name, id: parts.probes.started(self.uid, name, id),
            self.failures if self.stage is Stage.SYNCING else {},
        )
        finished = self.stage in (Stage.TERMINATED, Stage.FINISHED)
        resizing: Sequence[Object] = () if finished else parts.resizing.conditions(pod)
        ending = self._ending
        if ending.condition is not None:
            kept = [one for one in old.get("conditions") or () if one["type"] != ending.condition["type"]]
            old = {**old, "conditions": [*kept, ending.condition]}
        status = pod_status(pod, view, old, told, host_ips=parts.host_ips(), finished=finished, resizing=resizing)
        if finished and ending.reason:
            status |= {"phase": "Failed", "reason": ending.reason, "message": ending.message}
        if self.stage is Stage.SYNCING:
            parts.probes.follow(pod, status)
        parts.statuses.set(pod, status)
        return status


def _refresh(pod: Object) -> float:
    """How often what it mounts is looked at again; 0: never. Changes of the API's objects are followed by the volumes
    themselves; tokens have to be renewed in time, those that live for minutes sooner."""
    found = 0.0
    for volume in pod["spec"].get("volumes") or ():
        if LIVE & volume.keys():
            found = found or REFRESH_TOKENS
        for source in (volume.get("projected") or {}).get("sources") or ():
            life = (source.get("serviceAccountToken") or {}).get("expirationSeconds") or SHORT_LIFE
            if life < SHORT_LIFE:
                return REFRESH
            found = REFRESH_TOKENS
    return found


def _failure(container: str, reason: str, message: str) -> str:
    """One failure to start a container, in the real kubelet's words."""
    return f'failed to "StartContainer" for {quoted(container)} with {reason}: {quoted(message)}'
