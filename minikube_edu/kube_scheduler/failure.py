"""What follows a failed attempt: the pod goes back to the queue, an event and the PodScheduled condition say why, and a
promise of a node is written down or taken back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import STRATEGIC_PATCH, Client
from minikube_edu.kube_scheduler import story
from minikube_edu.kube_scheduler.diagnosis import Diagnosis, truncated
from minikube_edu.kube_scheduler.framework import Nomination, Status
from minikube_edu.kube_scheduler.kinds import PODS
from minikube_edu.kube_scheduler.metrics import Metrics
from minikube_edu.kube_scheduler.nominator import Nominator
from minikube_edu.kube_scheduler.pod import PodInfo
from minikube_edu.kube_scheduler.profile import Profile
from minikube_edu.kube_scheduler.recorder import Recorder
from minikube_edu.kube_scheduler.scheduling_queue import QueuedPod, SchedulingQueue
from minikube_edu.lib import clock, steps

log = logging.getLogger(__name__)

Object = dict[str, Any]

UNSCHEDULABLE, ERROR = "Unschedulable", "SchedulerError"


class Failures:
    """`current` gives the newest state of a pod that the informer knows, None when it is gone."""

    def __init__(
        self,
        client: Client,
        queue: SchedulingQueue,
        nominator: Nominator,
        recorder: Recorder,
        metrics: Metrics,
        current: Callable[[PodInfo], PodInfo | None],
    ) -> None:
        self._client = client
        self._queue = queue
        self._nominator = nominator
        self._recorder = recorder
        self._metrics = metrics
        self._current = current
        self._turns = asyncio.Semaphore(16)

    def unfit(
        self, profile: Profile, queued: QueuedPod, diagnosis: Diagnosis, nomination: Nomination, started: float
    ) -> None:
        """The pod fits nowhere."""
        queued.plugins, queued.pending = set(diagnosis.plugins), set(diagnosis.pending)
        self._metrics.attempt(profile.name, "unschedulable", clock.monotonic() - started)
        self._metrics.rejected(diagnosis.plugins | diagnosis.pending, profile.name)
        message = diagnosis.message() if diagnosis.total else diagnosis.pre_filter_message
        self._handle(profile, queued, UNSCHEDULABLE, message, nomination.node)

    def failed(self, profile: Profile, queued: QueuedPod, status: Status, started: float) -> None:
        """Something went wrong."""
        log.warning("scheduling pod %s: %s", queued.pod.key, status.message)
        self._metrics.attempt(profile.name, "error", clock.monotonic() - started)
        self._handle(profile, queued, ERROR, status.message, "")

    def _handle(self, profile: Profile, queued: QueuedPod, reason: str, message: str, nominated: str | None) -> None:
        pod = queued.pod
        newest = self._current(pod)
        if newest is None or newest.node_name:
            self._queue.done(pod.uid)  # it is gone, or somebody has bound it
            return
        queued.pod = newest
        self._queue.failed(queued, error=reason == ERROR)
        known = self._nominator.node_of(pod.uid) or newest.nominated_node
        self._nominator.add(newest, known if nominated is None else nominated)
        self._recorder.event(pod.obj, "Warning", "FailedScheduling", "Scheduling", truncated(message), profile.name)
        if steps.listening:
            story.failed(pod, message, nominated or "")
        patch = status_patch(newest, reason, message, nominated)
        if patch is not None:
            profile.handle.spawn(self._write(newest, patch), "status of a pod")

    async def _write(self, pod: PodInfo, patch: Object) -> None:
        async with self._turns:
            await write_status(self._client, pod, patch)


def status_patch(pod: PodInfo, reason: str, message: str, nominated: str | None) -> Object | None:
    """What is to be changed in the status; None when it says so already."""
    status = pod.status
    changes: Object = {}
    before: Object = next((c for c in status.get("conditions") or () if c["type"] == "PodScheduled"), {})
    condition = {"type": "PodScheduled", "status": "False", "reason": reason, "message": message}
    generation = pod.obj["metadata"].get("generation")
    if generation:
        condition["observedGeneration"] = generation
    if any(before.get(key) != value for key, value in condition.items()):
        same = before.get("status") == "False"
        changed = before.get("lastTransitionTime") if same else clock.rfc3339()
        changes["conditions"] = [{**condition, "lastProbeTime": None, "lastTransitionTime": changed}]
    if nominated is not None and nominated != pod.nominated_node:
        changes["nominatedNodeName"] = nominated or None
    return changes or None


async def write_status(client: Client, pod: PodInfo, status: Object) -> None:
    """A strategic merge patch: conditions are merged by their type."""
    try:
        body = {"metadata": {"uid": pod.uid}, "status": status}
        await client.patch(PODS, pod.name, body, pod.namespace, kind=STRATEGIC_PATCH, subresource="status")
    except ApiError as error:
        if not error.not_found and not error.conflict:
            log.warning("updating the status of pod %s: %s", pod.key, error)
    except OSError as error:
        log.warning("updating the status of pod %s: %s", pod.key, error)
