"""replicaset-controller: as many pods as `spec.replicas` says.

Pods that match the selector and belong to nobody are adopted, own ones that do not match any more are released. Too few
pods: the missing ones are created, 500 at most at a time. Too many: those that will be missed least are deleted.
Finished and terminating pods do not count. The ReplicationController is the same with another kind; it is in
`replication_controller`.
"""

from __future__ import annotations

from collections import Counter

from minikube_edu.api.label_selectors import Selector, from_object
from minikube_edu.client.errors import ApiError
from minikube_edu.client.index import key_of
from minikube_edu.client.informer import Informer
from minikube_edu.client.rest import Resource
from minikube_edu.kube_controller_manager import pod_state, statuses
from minikube_edu.kube_controller_manager.controller import Controller, Environment, Object
from minikube_edu.kube_controller_manager.expectations import Expectations
from minikube_edu.kube_controller_manager.kinds import PODS, REPLICA_SETS
from minikube_edu.kube_controller_manager.ownership import BY_CONTROLLER, Children, by_controller, controller_of
from minikube_edu.kube_controller_manager.pod_control import (
    PodControl,
    all_at_once,
    in_batches,
    namespace_is_going,
)
from minikube_edu.lib import clock

BURST = 500


class ReplicaSetController(Controller):
    name = "replicaset-controller"
    resource: Resource = REPLICA_SETS
    component = "replicaset-controller"
    counts_terminating = True

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.expectations = Expectations()
        self.sets: Informer = self.watch(self.resource)
        self.sets.index.add_indexer(BY_CONTROLLER, by_controller)
        self.pods = Children(self, self.sets, PODS, self.selector, self.expectations)
        self.control = PodControl(self.client, environment.recorder(self.component), self.resource)

    @staticmethod
    def selector(replica_set: Object) -> Selector:
        return from_object(replica_set["spec"].get("selector"))

    async def reconcile(self, key: str) -> None:
        replica_set = self.sets.index.get(key)
        if replica_set is None:
            self.expectations.forget(key)
            return
        # Asked before the pods are looked at: what is seen afterwards cannot make the picture worse.
        reliable = self.expectations.satisfied(key)
        pods = await self.pods.claim(replica_set, pod_state.is_active)
        failure: Exception | None = None
        if reliable and "deletionTimestamp" not in replica_set["metadata"]:
            failure = await self.manage(key, replica_set, pods)
        status = self.status(replica_set, pods, failure)
        await statuses.write_status(self.client, self.resource, replica_set, status)
        self.wait_for_availability(key, replica_set, pods)
        if failure is not None:
            raise failure

    async def manage(self, key: str, replica_set: Object, pods: list[Object]) -> Exception | None:
        """Create what is missing, delete what is too much; answers with the failure, if any."""
        surplus = len(pods) - replica_set["spec"].get("replicas", 0)
        if surplus < 0:
            return await self.create(key, replica_set, min(-surplus, BURST))
        if surplus > 0:
            return await self.delete(key, replica_set, self.least_missed(replica_set, pods)[: min(surplus, BURST)])
        return None

    async def create(self, key: str, replica_set: Object, count: int) -> Exception | None:
        pod = self.control.from_template(replica_set, replica_set["spec"]["template"])
        self.expectations.expect(key, creations=count)
        successes, failure = await in_batches(count, lambda _: self.control.create(replica_set, pod))
        self.expectations.created(key, count - successes)
        return None if isinstance(failure, ApiError) and namespace_is_going(failure) else failure

    async def delete(self, key: str, replica_set: Object, pods: list[Object]) -> Exception | None:
        self.expectations.expect(key, deletions=map(key_of, pods))

        async def one(pod: Object) -> None:
            try:
                if not await self.control.delete(replica_set, pod):
                    self.expectations.deleted(key, key_of(pod))
            except Exception:
                self.expectations.deleted(key, key_of(pod))
                raise

        failures = await all_at_once(map(one, pods))
        return failures[0] if failures else None

    def least_missed(self, replica_set: Object, pods: list[Object]) -> list[Object]:
        """Nodes are full of them if they hold many pods of this set and of its siblings: the others of a Deployment."""
        owner = controller_of(replica_set)
        siblings = self.sets.index.by(BY_CONTROLLER, owner["uid"]) if owner else [replica_set]
        neighbours = Counter(
            pod["spec"].get("nodeName") or ""
            for sibling in siblings
            for pod in self.pods.of(sibling)
            if pod_state.is_active(pod)
        )
        return pod_state.least_missed(pods, neighbours, clock.now())

    def status(self, replica_set: Object, pods: list[Object], failure: Exception | None) -> Object:
        spec, now = replica_set["spec"], clock.now()
        wanted = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
        labelled = [pod for pod in pods if wanted.items() <= (pod["metadata"].get("labels") or {}).items()]
        seconds = spec.get("minReadySeconds", 0)
        before = replica_set.get("status") or {}
        conditions = list(before.get("conditions") or ())
        known = statuses.find(conditions, "ReplicaFailure")
        if failure is not None and known is None:
            reason = "FailedCreate" if len(pods) < spec.get("replicas", 0) else "FailedDelete"
            conditions.append(statuses.condition("ReplicaFailure", "True", reason, str(failure)))
        elif failure is None and known is not None:
            conditions = statuses.without(conditions, "ReplicaFailure")
        found: Object = {
            "replicas": len(pods),
            "fullyLabeledReplicas": len(labelled),
            "readyReplicas": sum(map(pod_state.is_ready, pods)),
            "availableReplicas": sum(pod_state.is_available(pod, seconds, now) for pod in pods),
            "observedGeneration": replica_set["metadata"].get("generation", 0),
            "conditions": conditions,
        }
        if self.counts_terminating:
            going = map(pod_state.is_terminating, self.pods.of(replica_set))
            found["terminatingReplicas"] = sum(going)
        return statuses.without_zeros(found, keep=("replicas", "terminatingReplicas"))

    def wait_for_availability(self, key: str, replica_set: Object, pods: list[Object]) -> None:
        """Nobody tells when a pod has been ready for long enough."""
        seconds = replica_set["spec"].get("minReadySeconds", 0)
        if seconds:
            wait = pod_state.until_available(pods, seconds, clock.now())
            if wait is not None:
                self.queue.add_after(key, wait + 0.01)


CONTROLLER = ReplicaSetController
