"""Counting the pods that have finished: each once, whatever is restarted in between.

Every pod of a Job carries a finalizer, so that it cannot go before it has been counted. A finished pod is counted in
three steps: its uid is written into `status.uncountedTerminatedPods`; its finalizer is taken away; its uid is replaced
by one more in `succeeded` or `failed`. Whoever finds a uid there whose pod has no finalizer any more, or is gone, knows
that only the last step is missing. Successes of an Indexed Job need no uids: an index is completed or not.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import STRATEGIC_PATCH, Client
from minikube_edu.kube_controller_manager import pod_state
from minikube_edu.kube_controller_manager.controllers.job import indexes, policies
from minikube_edu.kube_controller_manager.kinds import PODS
from minikube_edu.kube_controller_manager.pod_control import all_at_once

Object = dict[str, Any]

FINALIZER = "batch.kubernetes.io/job-tracking"


def is_tracked(pod: Object) -> bool:
    return FINALIZER in (pod["metadata"].get("finalizers") or ())


def only_failed_are_replaced(job: Object) -> bool:
    return bool(job["spec"].get("podReplacementPolicy") == "Failed")


def has_failed(job: Object, pod: Object) -> bool:
    """A pod that is being deleted counts as failed, unless the Job waits for its end before it replaces it."""
    phase = pod_state.phase(pod)
    if phase == "Failed":
        return True
    return phase != "Succeeded" and pod_state.is_deleting(pod) and not only_failed_are_replaced(job)


class Tally:
    """The counters of a Job's status. `released` are uids whose finalizer was taken away, as far as this process
    knows: its informer may not have seen it yet."""

    def __init__(self, job: Object, pods: list[Object], released: set[str]) -> None:
        status = job.get("status") or {}
        uncounted = status.get("uncountedTerminatedPods") or {}
        self.job, self.pods, self.released = job, pods, released
        self.indexed = job["spec"].get("completionMode") == "Indexed"
        self.completions = job["spec"].get("completions", 0)
        self.succeeded: int = status.get("succeeded", 0)
        self.failed: int = status.get("failed", 0)
        self.uncounted_succeeded: list[str] = list(uncounted.get("succeeded") or ())
        self.uncounted_failed: list[str] = list(uncounted.get("failed") or ())
        self.completed = indexes.parse(status.get("completedIndexes", ""), self.completions)
        self.settle()
        known = {*self.uncounted_succeeded, *self.uncounted_failed}
        fresh = [pod for pod in pods if self.tracked(pod) and pod["metadata"]["uid"] not in known]
        self.new_succeeded = [pod for pod in fresh if pod_state.phase(pod) == "Succeeded"]
        self.new_failed = [pod for pod in fresh if has_failed(job, pod)]
        if self.indexed:
            self.completed |= {
                index for pod in self.new_succeeded if 0 <= (index := indexes.of(pod)) < self.completions
            }

    def tracked(self, pod: Object) -> bool:
        return is_tracked(pod) and pod["metadata"]["uid"] not in self.released

    @property
    def total_succeeded(self) -> int:
        if self.indexed:
            return len(self.completed)
        return self.succeeded + len(self.uncounted_succeeded) + len(self.new_succeeded)

    @property
    def total_failed(self) -> int:
        return self.failed + len(self.uncounted_failed) + sum(map(self.counts, self.new_failed))

    def counts(self, pod: Object) -> bool:
        """Failures that the policy ignores do not, nor those of indexes that the Job does not have."""
        if self.indexed and not 0 <= indexes.of(pod) < self.completions:
            return False
        return policies.judge(self.job, pod).action != "Ignore"

    def settle(self) -> None:
        """The last step, for all whose finalizer is gone."""
        held = {pod["metadata"]["uid"] for pod in self.pods if self.tracked(pod)}
        done = [uid for uid in self.uncounted_succeeded if uid not in held]
        self.succeeded += len(done)
        self.uncounted_succeeded = [uid for uid in self.uncounted_succeeded if uid in held]
        lost = [uid for uid in self.uncounted_failed if uid not in held]
        self.failed += len(lost)
        self.uncounted_failed = [uid for uid in self.uncounted_failed if uid in held]
        if self.indexed:
            self.succeeded = len(self.completed)

    def take(self, finished: bool, kept: set[str]) -> list[Object]:
        """The first step: write down who has finished. Answers with the pods whose finalizers may go; those in `kept`
        hold theirs for now. Of a Job that has finished, all go: who has not succeeded has failed."""
        free = []
        for pod in self.pods:
            uid = pod["metadata"]["uid"]
            if not self.tracked(pod) or (uid in kept and not finished):
                continue
            if pod_state.phase(pod) == "Succeeded":
                if not self.indexed and uid not in self.uncounted_succeeded:
                    self.uncounted_succeeded.append(uid)
                free.append(pod)
            elif has_failed(self.job, pod) or finished:
                if uid not in self.uncounted_failed and self.counts(pod):
                    self.uncounted_failed.append(uid)
                free.append(pod)
        return free

    def uncounted(self) -> Object:
        lists = {"succeeded": self.uncounted_succeeded, "failed": self.uncounted_failed}
        return {name: uids for name, uids in lists.items() if uids}


async def release(client: Client, pods: Iterable[Object], released: set[str]) -> Exception | None:
    """Take the finalizers away; answers with the first failure."""

    async def one(pod: Object) -> None:
        metadata = pod["metadata"]
        patch = {"metadata": {"uid": metadata["uid"], "$deleteFromPrimitiveList/finalizers": [FINALIZER]}}
        try:
            await client.patch(PODS, metadata["name"], patch, metadata["namespace"], kind=STRATEGIC_PATCH)
        except ApiError as error:
            if error.code not in (404, 409):  # gone, or another pod by now
                raise
        released.add(metadata["uid"])

    failures = await all_at_once(map(one, pods))
    return failures[0] if failures else None
