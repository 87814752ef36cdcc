"""The binding cycle: what happens after a pod's node was chosen, while the next pods are scheduled already.

    wait for permits -> PreBind (volumes) -> Bind -> PostBind

When any of it fails, all is undone: what was reserved is given back, the pod is forgotten, which may help others, and
it goes back to the queue.
"""

from __future__ import annotations

import asyncio

from minikube_edu.kube_scheduler import story
from minikube_edu.kube_scheduler.cluster import Cluster
from minikube_edu.kube_scheduler.cluster_events import ASSIGNED_POD_DELETE
from minikube_edu.kube_scheduler.diagnosis import Diagnosis
from minikube_edu.kube_scheduler.extender import Extender
from minikube_edu.kube_scheduler.failure import Failures
from minikube_edu.kube_scheduler.framework import Cycle, Nomination, Status
from minikube_edu.kube_scheduler.metrics import Metrics
from minikube_edu.kube_scheduler.pod import PodInfo
from minikube_edu.kube_scheduler.profile import Profile
from minikube_edu.kube_scheduler.recorder import Recorder
from minikube_edu.kube_scheduler.scheduling_queue import QueuedPod, SchedulingQueue
from minikube_edu.lib import clock, steps

AT_ONCE = 64  # Bindings on their way to the server


class Binder:
    def __init__(
        self,
        cluster: Cluster,
        queue: SchedulingQueue,
        failures: Failures,
        recorder: Recorder,
        metrics: Metrics,
        extenders: list[Extender],
    ) -> None:
        self._cluster = cluster
        self._queue = queue
        self._failures = failures
        self._recorder = recorder
        self._metrics = metrics
        self._extenders = extenders
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def bind(self, profile: Profile, cycle: Cycle, queued: QueuedPod, node: str, started: float) -> None:
        pod = queued.pod
        self._metrics.binding += 1
        try:
            status = await profile.handle.waiting.decision(pod.uid)
            if status is None:
                self._queue.done(pod.uid)  # nothing from here on makes it unschedulable
                status = await profile.run_pre_bind(cycle, pod, node)
            if status is None:
                async with self._turns:
                    status = await self._bind(profile, cycle, pod, node)
        finally:
            self._metrics.binding -= 1
        if status is not None:
            self.undo(profile, cycle, queued, node, status, started)
            return
        self._cluster.finished(pod)
        note = f"Successfully assigned {pod.key} to {node}"
        self._recorder.event(pod.obj, "Normal", "Scheduled", "Binding", note, profile.name)
        self._count(profile, queued, started)
        if steps.listening:
            story.bound(pod, node)
        profile.run_post_bind(cycle, pod, node)
        if cycle.activate:
            self._queue.activate(cycle.activate)

    def undo(
        self, profile: Profile, cycle: Cycle, queued: QueuedPod, node: str, status: Status, started: float
    ) -> None:
        pod = queued.pod
        profile.run_unreserve(cycle, pod, node)
        self._cluster.forget(pod)
        if not status.rejected:
            self._queue.move(ASSIGNED_POD_DELETE, pod, None)
            self._failures.failed(profile, queued, status, started)
            return
        diagnosis = Diagnosis(1, {node: status})
        diagnosis.note(status)
        self._failures.unfit(profile, queued, diagnosis, Nomination("", None), started)
        self._queue.move(ASSIGNED_POD_DELETE, pod, None)

    async def _bind(self, profile: Profile, cycle: Cycle, pod: PodInfo, node: str) -> Status | None:
        for extender in self._extenders:
            if extender.binds and extender.interested(pod):
                return await extender.bind(pod, node)
        return await profile.run_bind(cycle, pod, node)

    def _count(self, profile: Profile, queued: QueuedPod, started: float) -> None:
        now = clock.monotonic()
        self._metrics.attempt(profile.name, "scheduled", now - started)
        self._metrics.pod_attempts.observe(queued.attempts)
        self._metrics.pod_seconds.observe(now - (queued.first_tried or started))
