"""In which order pods come, go and change.

With the policy OrderedReady one thing is done at a time: the next pod is made when all before it are available, surplus
pods go from the highest ordinal down, when all that stay are available. With Parallel nobody waits. An update replaces
pods from the highest ordinal down to the partition, `maxUnavailable` at a time; scaling comes first. Names are fixed,
so that an old view of the world makes no double: the second creation fails.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from minikube_edu.api import intstr
from minikube_edu.api.label_selectors import from_object
from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import MERGE_PATCH
from minikube_edu.kube_controller_manager import pod_state, revisions, statuses
from minikube_edu.kube_controller_manager.controller import Controller, Environment, Object
from minikube_edu.kube_controller_manager.controllers.stateful_set import members
from minikube_edu.kube_controller_manager.controllers.stateful_set.claims import Claims
from minikube_edu.kube_controller_manager.kinds import (
    CONTROLLER_REVISIONS,
    PERSISTENT_VOLUME_CLAIMS,
    PODS,
    STATEFUL_SETS,
)
from minikube_edu.kube_controller_manager.ownership import Children
from minikube_edu.kube_controller_manager.pod_control import in_batches, namespace_is_going
from minikube_edu.lib import clock

Step = Callable[[int], Awaitable[bool]]  # what to do for an ordinal; True: the others have to wait


class StatefulSetController(Controller):
    name = "statefulset-controller"

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.events = environment.recorder(self.name)
        self.sets = self.watch(STATEFUL_SETS)
        self.pods = Children(self, self.sets, PODS)
        self.revisions = Children(self, self.sets, CONTROLLER_REVISIONS)
        self.claims = Claims(self.client, self.informer(PERSISTENT_VOLUME_CLAIMS).index, self.events)

    async def reconcile(self, key: str) -> None:
        stateful_set = self.sets.index.get(key)
        if stateful_set is None or from_object(stateful_set["spec"].get("selector")).empty():
            return
        pods = await self.pods.claim(stateful_set, lambda pod: members.is_member(stateful_set, pod))
        history = revisions.ordered(await self.revisions.claim(stateful_set))
        current, update = await self.choose_revisions(stateful_set, history)
        turn = Turn(self, stateful_set, pods, current, update)
        try:
            if "deletionTimestamp" not in stateful_set["metadata"]:
                await turn.take()
        finally:
            status = turn.status()
            await statuses.write_status(self.client, STATEFUL_SETS, stateful_set, status)
        live = {current["metadata"]["name"], update["metadata"]["name"], *map(members.revision, pods)}
        limit = stateful_set["spec"].get("revisionHistoryLimit", 10)
        await revisions.truncate(self.client, history, live, limit)
        wait = pod_state.until_available(pods, stateful_set["spec"].get("minReadySeconds", 0), clock.now())
        if wait is not None:
            self.queue.add_after(key, wait + 0.01)

    async def choose_revisions(self, stateful_set: Object, history: list[Object]) -> tuple[Object, Object]:
        """(the one that pods have, the one that they shall have)"""
        status = stateful_set.get("status") or {}
        data = revisions.data_of(stateful_set)
        update = next((one for one in reversed(history) if one.get("data") == data), None)
        if update is None:
            number, collisions = revisions.next_number(history), status.get("collisionCount", 0)
            update = await revisions.create(
                self.client, stateful_set, STATEFUL_SETS, number, collisions, revisions.HASH_LABEL
            )
        elif update is not history[-1]:
            update = await revisions.renumber(self.client, update, revisions.next_number(history))
        name = status.get("currentRevision")
        return next((one for one in history if one["metadata"]["name"] == name), update), update


class Turn:
    """One look at one StatefulSet."""

    def __init__(
        self,
        controller: StatefulSetController,
        stateful_set: Object,
        pods: list[Object],
        current: Object,
        update: Object,
    ) -> None:
        self.client, self.claims, self.events = controller.client, controller.claims, controller.events
        self.set, self.spec, self.pods = stateful_set, stateful_set["spec"], pods
        self.current, self.update = current, update
        self.now = clock.now()
        self.ordered = self.spec.get("podManagementPolicy") != "Parallel"
        self.rolls: bool = self.spec["updateStrategy"].get("type") != "OnDelete"
        by_number = {members.ordinal(pod): pod for pod in pods}
        self.members: dict[int, Object | None] = {n: by_number.get(n) for n in members.ordinals(stateful_set)}
        self.surplus = sorted((n for n in by_number if n >= 0 and n not in self.members), reverse=True)
        self.by_number = by_number
        self.deleted: set[str] = set()

    def available(self, pod: Object | None) -> bool:
        return members.is_available(pod, self.set, self.now)

    async def take(self) -> None:
        if await self.for_each(list(self.members), self.keep):
            return
        for number in self.surplus:
            await self.claims.own(self.set, self.by_number[number])
        unavailable = [n for n in [*self.members, *reversed(self.surplus)] if not self.available(self.by_number.get(n))]
        first = unavailable[0] if unavailable else None

        async def drop(number: int) -> bool:
            pod = self.by_number[number]
            if pod_state.is_deleting(pod):
                return bool(self.ordered)
            if self.ordered and not self.available(pod) and number != first:
                return True
            await self.delete(pod)
            return True

        if await self.for_each(self.surplus, drop) or not self.rolls:
            return
        await self.replace_outdated()

    async def for_each(self, numbers: list[int], step: Step) -> bool:
        """One after the other until a step says that the rest has to wait, or all at once."""
        if self.ordered:
            for number in numbers:
                if await step(number):
                    return True
            return False
        _, failure = await in_batches(len(numbers), lambda position: step(numbers[position]))
        if failure is not None:
            raise failure
        return False

    async def keep(self, number: int) -> bool:
        """See to it that this member is there and well; True: wait."""
        pod = self.members[number]
        if pod is None:
            if self.claims.are_stale(self.set, number):
                return True
            await self.create(number)
            return True
        if pod_state.is_terminal(pod):
            if not pod_state.is_deleting(pod):
                await self.delete(pod)
            return True
        if pod_state.phase(pod) == "Pending":
            await self.claims.make(self.set, number)
        if self.ordered and not self.available(pod):
            return True
        await self.claims.own(self.set, pod)
        labels = members.missing_labels(pod)
        if labels:
            metadata = pod["metadata"]
            body = {"metadata": {"uid": metadata["uid"], "labels": labels}}
            await self.client.patch(PODS, metadata["name"], body, metadata["namespace"], kind=MERGE_PATCH)
        return False

    async def replace_outdated(self) -> None:
        rolling = self.spec["updateStrategy"].get("rollingUpdate") or {}
        budget = 1
        if rolling.get("maxUnavailable") is not None:
            budget = max(intstr.scaled(rolling["maxUnavailable"], self.spec.get("replicas", 0), False), 1)
        wanted = self.update["metadata"]["name"]
        first = members.ordinals(self.set).start + rolling.get("partition", 0)
        for number in sorted(self.members, reverse=True):
            pod = self.members[number]
            if number < first or pod is None or budget <= 0:
                return
            if members.revision(pod) != wanted and not pod_state.is_deleting(pod):
                await self.delete(pod)
                budget -= 1
            elif not self.available(pod):
                budget -= 1  # wait for it

    # ------------------------------------------------------------ writes

    async def create(self, number: int) -> None:
        await self.claims.make(self.set, number)
        rolling = self.spec["updateStrategy"].get("rollingUpdate")
        start, status = members.ordinals(self.set).start, self.set.get("status") or {}
        boundary = status.get("currentReplicas", 0) if rolling is None else rolling.get("partition", 0)
        outdated = self.rolls and number < start + boundary
        revision = self.current if outdated else self.update
        template = revisions.template_in(revision)
        pod = members.new_pod(self.set, template, revision["metadata"]["name"], number)
        try:
            await self.client.create(PODS, pod)
        except ApiError as error:
            if not error.already_exists and not namespace_is_going(error):
                self.tell("Create", pod, error)
            raise
        self.tell("Create", pod)

    async def delete(self, pod: Object) -> None:
        metadata = pod["metadata"]
        try:
            await self.client.delete(PODS, metadata["name"], metadata["namespace"])
        except ApiError as error:
            if error.code != 404:
                self.tell("Delete", pod, error)
                raise
        self.deleted.add(metadata["uid"])
        self.tell("Delete", pod)

    def tell(self, verb: str, pod: Object, error: ApiError | None = None) -> None:
        what = f"{verb} Pod {pod['metadata']['name']} in StatefulSet {self.set['metadata']['name']}"
        if error is None:
            self.events.event(self.set, "Normal", f"Successful{verb}", f"{what} successful")
        else:
            self.events.event(self.set, "Warning", f"Failed{verb}", f"{what} failed error: {error}")

    def status(self) -> Object:
        current, update = self.current["metadata"]["name"], self.update["metadata"]["name"]
        seconds, before = self.spec.get("minReadySeconds", 0), self.set.get("status") or {}
        ready = [pod for pod in self.pods if pod_state.phase(pod) == "Running" and pod_state.is_ready(pod)]
        staying = [
            pod for pod in self.pods if not pod_state.is_deleting(pod) and pod["metadata"]["uid"] not in self.deleted
        ]
        found: Object = {
            "observedGeneration": self.set["metadata"].get("generation", 0),
            "replicas": len(self.pods),
            "readyReplicas": len(ready),
            "availableReplicas": sum(pod_state.is_available(pod, seconds, self.now) for pod in ready),
            "currentReplicas": sum(members.revision(pod) == current for pod in staying),
            "updatedReplicas": sum(members.revision(pod) == update for pod in staying),
            "currentRevision": current,
            "updateRevision": update,
            "collisionCount": before.get("collisionCount", 0),
        }
        everybody = found["updatedReplicas"] == found["replicas"] == found["readyReplicas"]
        if self.rolls and everybody:
            found |= {"currentReplicas": found["updatedReplicas"], "currentRevision": update}
        if before.get("conditions"):
            found["conditions"] = before["conditions"]
        return statuses.without_zeros(found, keep=("replicas", "availableReplicas", "collisionCount"))
