"""One look at one Job: has it failed, has it finished, what has to be started or ended, what is to be told."""

from __future__ import annotations

from minikube_edu.client.index import key_of
from minikube_edu.client.informer import Deleted, last_state
from minikube_edu.kube_controller_manager.controller import Controller, Environment, Object
from minikube_edu.kube_controller_manager.controllers.job.backoff import Record
from minikube_edu.kube_controller_manager.controllers.job.tally import is_tracked, release
from minikube_edu.kube_controller_manager.controllers.job.turn import Turn, finished
from minikube_edu.kube_controller_manager.controllers.job.workers import Workers
from minikube_edu.kube_controller_manager.expectations import Expectations
from minikube_edu.kube_controller_manager.kinds import JOBS, PODS
from minikube_edu.kube_controller_manager.ownership import Children, controller_of
from minikube_edu.kube_controller_manager.pod_control import PodControl

ORPHAN = "pod "  # before the key of a pod that has our finalizer and no Job
MANAGED_HERE = ("", "kubernetes.io/job-controller")


class JobController(Controller):
    name = "job-controller"

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.events = environment.recorder(self.name)
        self.expectations = Expectations()
        self.jobs = self.watch(JOBS)
        self.jobs.add_handler(deleted=self._job_gone)
        self.pods = Children(self, self.jobs, PODS, expectations=self.expectations)
        self.released: set[str] = set()  # uids of pods whose finalizer was taken away and that are still there
        self.pods.informer.add_handler(
            added=self._pod_seen, updated=lambda _, pod: self._pod_seen(pod), deleted=self._pod_gone
        )
        self.workers_of = Workers(PodControl(self.client, self.events, JOBS), self.expectations)
        self.records: dict[str, Record] = {}

    async def reconcile(self, key: str) -> None:
        if key.startswith(ORPHAN):
            await self.free_orphan(key.removeprefix(ORPHAN))
            return
        job = self.jobs.index.get(key)
        if job is None:
            self.expectations.forget(key)
            self.records.pop(key, None)
            return
        if job["spec"].get("managedBy", "") not in MANAGED_HERE:
            return
        reliable = self.expectations.satisfied(key)
        if finished(job):
            self.records.pop(key, None)
            failure = await release(self.client, filter(is_tracked, self.pods.of(job)), self.released)
            if failure is not None:
                raise failure
            return
        pods = await self.pods.claim(job)
        turn = Turn(self, key, job, pods, reliable)
        await turn.take()
        if turn.again is not None:
            self.queue.add_after(key, turn.again)
        if turn.failure is not None:
            raise turn.failure

    async def free_orphan(self, key: str) -> None:
        """A pod that nobody will count any more."""
        pod = self.pods.index.get(key)
        if pod is None or not is_tracked(pod) or self.pods.owner_of(pod) is not None:
            return
        failure = await release(self.client, [pod], self.released)
        if failure is not None:
            raise failure

    def _pod_seen(self, pod: Object) -> None:
        if not is_tracked(pod):
            self.released.discard(pod["metadata"]["uid"])
        elif self.pods.owner_of(pod) is None and self._was_ours(pod):
            self.queue.add(ORPHAN + key_of(pod))

    @staticmethod
    def _was_ours(pod: Object) -> bool:
        reference = controller_of(pod)
        return reference is None or reference["kind"] == "Job"

    def _pod_gone(self, gone: Deleted) -> None:
        self.released.discard(last_state(gone)["metadata"]["uid"])

    def _job_gone(self, gone: Deleted) -> None:
        for pod in self.pods.of(last_state(gone)):
            self._pod_seen(pod)
