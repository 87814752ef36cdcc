"""Starting and ending the pods of a Job."""

from __future__ import annotations

from typing import Any

from minikube_edu.client.errors import ApiError
from minikube_edu.client.index import key_of
from minikube_edu.kube_controller_manager import pod_state
from minikube_edu.kube_controller_manager.controllers.job import backoff, indexes
from minikube_edu.kube_controller_manager.controllers.job.tally import FINALIZER
from minikube_edu.kube_controller_manager.expectations import Expectations
from minikube_edu.kube_controller_manager.pod_control import (
    PodControl,
    all_at_once,
    in_batches,
    namespace_is_going,
)
from minikube_edu.lib import clock

Object = dict[str, Any]

AT_MOST = 500  # pods that are started or ended in one go
FAILURES = "batch.kubernetes.io/job-index-failure-count"
IGNORED_FAILURES = "batch.kubernetes.io/job-index-ignored-failure-count"
INDEX_LABEL = "batch.kubernetes.io/job-completion-index"
INDEX_VARIABLE = {
    "name": "JOB_COMPLETION_INDEX",
    "valueFrom": {"fieldRef": {"fieldPath": f"metadata.labels['{INDEX_LABEL}']"}},
}


class Workers:
    def __init__(self, control: PodControl, expectations: Expectations) -> None:
        self.control, self.expectations = control, expectations

    async def end(self, key: str, job: Object, pods: list[Object]) -> tuple[int, Exception | None]:
        """(how many were deleted, the first failure)"""
        self.expectations.expect(key, deletions=map(key_of, pods))

        async def one(pod: Object) -> None:
            try:
                if not await self.control.delete(job, pod):
                    self.expectations.deleted(key, key_of(pod))
            except Exception:
                self.expectations.deleted(key, key_of(pod))
                raise

        failures = await all_at_once(map(one, pods))
        return len(pods) - len(failures), failures[0] if failures else None

    async def start(self, key: str, job: Object, bodies: list[Object]) -> tuple[int, Exception | None]:
        """(how many were created, the first failure)"""
        self.expectations.expect(key, creations=len(bodies))
        created, failure = await in_batches(len(bodies), lambda number: self.control.create(job, bodies[number]))
        self.expectations.created(key, len(bodies) - created)
        if isinstance(failure, ApiError) and namespace_is_going(failure):
            failure = None
        return created, failure

    def plain(self, job: Object) -> Object:
        pod = self.control.from_template(job, job["spec"]["template"])
        metadata = pod["metadata"]
        metadata["finalizers"] = [*(metadata.get("finalizers") or ()), FINALIZER]
        return pod

    def indexed(self, job: Object, index: int, before: Object | None, ignored: bool) -> Object:
        """The pod of an index; `before` is the failed one that it replaces."""
        pod, name = self.plain(job), job["metadata"]["name"]
        metadata, spec = pod["metadata"], pod["spec"]
        metadata["generateName"] = f"{name}-{index}-"
        metadata["labels"] = {**(metadata.get("labels") or {}), INDEX_LABEL: str(index)}
        metadata["annotations"] = {**(metadata.get("annotations") or {}), indexes.ANNOTATION: str(index)}
        if job["spec"].get("backoffLimitPerIndex") is not None:
            counted, passed = failures(before, FAILURES), failures(before, IGNORED_FAILURES)
            if before is not None:
                counted, passed = counted + (not ignored), passed + ignored
            metadata["annotations"][FAILURES] = str(counted)
            if passed:
                metadata["annotations"][IGNORED_FAILURES] = str(passed)
        pod["spec"] = {**spec, "hostname": f"{name}-{index}"}
        for kind in ("containers", "initContainers"):
            if spec.get(kind):
                pod["spec"][kind] = [_with_index(container) for container in spec[kind]]
        return pod


def _with_index(container: Object) -> Object:
    environment = container.get("env") or []
    if any(variable["name"] == INDEX_VARIABLE["name"] for variable in environment):
        return container
    return {**container, "env": [*environment, INDEX_VARIABLE]}


def failures(pod: Object | None, annotation: str) -> int:
    text = ((pod or {}).get("metadata", {}).get("annotations") or {}).get(annotation, "0")
    return int(text) if text.isdecimal() else 0


def wait_of_index(before: Object) -> float:
    """Seconds until the index of a failed pod may be tried again."""
    count = failures(before, FAILURES) + failures(before, IGNORED_FAILURES) + 1
    return backoff.wait(count, backoff.finished_at(before), clock.now())


def surplus(job: Object, active: list[Object], at_least: int) -> list[Object]:
    """The pods to end: doubles of an index and those of no index first, then those that are missed least."""
    going: list[Object] = []
    if job["spec"].get("completionMode") == "Indexed":
        seen: set[int] = set()
        for pod in sorted(active, key=lambda pod: (not pod_state.is_ready(pod), pod["metadata"]["creationTimestamp"])):
            index = indexes.of(pod)
            if index in seen or not 0 <= index < job["spec"].get("completions", 0):
                going.append(pod)
            seen.add(index)
    if len(going) < at_least:
        names = {pod["metadata"]["uid"] for pod in going}
        rest = [pod for pod in active if pod["metadata"]["uid"] not in names]
        going += pod_state.least_missed(rest, {}, clock.now())[: at_least - len(going)]
    return going[:AT_MOST]
