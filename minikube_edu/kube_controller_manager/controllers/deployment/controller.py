"""Which strategy has its turn."""

from __future__ import annotations

from minikube_edu.client.errors import ApiError
from minikube_edu.client.informer import Deleted, last_state
from minikube_edu.kube_controller_manager import statuses
from minikube_edu.kube_controller_manager.controller import Controller, Environment, Object
from minikube_edu.kube_controller_manager.controllers.deployment import new_set, progress, scaling
from minikube_edu.kube_controller_manager.controllers.deployment.recreate import recreate
from minikube_edu.kube_controller_manager.controllers.deployment.rolling import roll
from minikube_edu.kube_controller_manager.controllers.deployment.rollout import (
    NO_LIMIT,
    REVISION,
    Rollout,
    age,
    number,
)
from minikube_edu.kube_controller_manager.kinds import DEPLOYMENTS, PODS, REPLICA_SETS
from minikube_edu.kube_controller_manager.ownership import (
    BY_CONTROLLER,
    Children,
    by_controller,
    controller_of,
)


class DeploymentController(Controller):
    name = "deployment-controller"

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.deployments = self.watch(DEPLOYMENTS)
        self.sets = Children(self, self.deployments, REPLICA_SETS)
        self.pods = self.informer(PODS)
        self.pods.add_indexer(BY_CONTROLLER, by_controller)
        self.pods.add_handler(deleted=self._pod_gone)
        self.events = environment.recorder(self.name)

    async def reconcile(self, key: str) -> None:
        deployment = self.deployments.index.get(key)
        if deployment is None:
            return
        if not any(deployment["spec"].get("selector", {}).values()):
            await self.refuse(deployment)
            return
        sets = await self.sets.claim(deployment)
        rollout = Rollout(self.client, self.events, deployment, sets)
        if "deletionTimestamp" in deployment["metadata"]:
            await new_set.find(rollout)
            progress.count(rollout)
            await rollout.save()
            return
        if self.note_pause(rollout):
            await rollout.save()  # comes again with that
            return
        if rollout.spec.get("paused") or scaling.is_due(rollout):
            await new_set.find(rollout)
            await scaling.scale(rollout)
            if rollout.spec.get("paused"):
                await self.clean_up(rollout)
            progress.count(rollout)
            await rollout.save()
            return
        if rollout.rolls:
            await roll(rollout)
        else:
            await recreate(rollout, (pod for one in rollout.old for pod in self.pods_of(one)))
        progress.count(rollout)
        progress.judge(rollout)
        if progress.is_complete(rollout):
            await self.clean_up(rollout)
        if not await rollout.save():
            left = progress.seconds_left(rollout)
            if left is not None:
                self.queue.add_after(key, left + 1)

    def note_pause(self, rollout: Rollout) -> bool:
        """The condition Progressing is unknown while it is paused: that time does not count."""
        known = rollout.condition("Progressing")
        reason = known.get("reason") if known else None
        if not rollout.has_deadline or reason == progress.TIMED_OUT:
            return False
        paused = bool(rollout.spec.get("paused"))
        if paused and reason != "DeploymentPaused":
            rollout.set_condition("Progressing", "Unknown", "DeploymentPaused", "Deployment is paused")
            return True
        if not paused and reason == "DeploymentPaused":
            rollout.set_condition("Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed")
            return True
        return False

    async def clean_up(self, rollout: Rollout) -> None:
        """Old ReplicaSets beyond the history's limit go, those with the smallest revisions first."""
        limit = rollout.spec.get("revisionHistoryLimit", NO_LIMIT)
        alive = [one for one in rollout.old if "deletionTimestamp" not in one["metadata"]]
        surplus = len(alive) - limit
        if limit == NO_LIMIT or surplus <= 0:
            return
        for one in sorted(alive, key=lambda one: (number(one, REVISION) or 0, age(one)))[:surplus]:
            status, metadata = one.get("status") or {}, one["metadata"]
            unseen = metadata.get("generation", 0) > status.get("observedGeneration", 0)
            if status.get("replicas", 0) or one["spec"].get("replicas", 0) or unseen:
                continue
            try:
                await self.client.delete(REPLICA_SETS, metadata["name"], metadata["namespace"])
            except ApiError as error:
                if error.code != 404:
                    raise

    async def refuse(self, deployment: Object) -> None:
        """One that would select all pods is left alone."""
        text = "This deployment is selecting all pods. A non-empty selector is required."
        self.events.event(deployment, "Warning", "SelectingAll", text)
        status, generation = deployment.get("status") or {}, deployment["metadata"].get("generation", 0)
        if status.get("observedGeneration", 0) < generation:
            body = {**status, "observedGeneration": generation}
            await statuses.write_status(self.client, DEPLOYMENTS, deployment, body)

    def pods_of(self, replica_set: Object) -> list[Object]:
        return self.pods.index.by(BY_CONTROLLER, replica_set["metadata"]["uid"])

    def _pod_gone(self, gone: Deleted) -> None:
        """Recreate waits for the last old pod."""
        pod = last_state(gone)
        reference = controller_of(pod)
        if reference is None or reference["kind"] != "ReplicaSet":
            return
        replica_set = self.sets.index.find(reference["name"], pod["metadata"]["namespace"])
        deployment = self.sets.owner_of(replica_set) if replica_set is not None else None
        if deployment is not None and deployment["spec"]["strategy"]["type"] == "Recreate":
            self.enqueue(deployment)


CONTROLLER = DeploymentController
