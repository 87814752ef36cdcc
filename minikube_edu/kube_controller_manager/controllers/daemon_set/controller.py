"""On which nodes pods are missing, or too many."""

from __future__ import annotations

from minikube_edu.api.label_selectors import from_object
from minikube_edu.client.errors import ApiError
from minikube_edu.client.index import key_of
from minikube_edu.kube_controller_manager import pod_state, revisions, statuses
from minikube_edu.kube_controller_manager.controller import Controller, Environment, Object
from minikube_edu.kube_controller_manager.controllers.daemon_set import daemons, history, rolling
from minikube_edu.kube_controller_manager.expectations import Expectations
from minikube_edu.kube_controller_manager.kinds import CONTROLLER_REVISIONS, DAEMON_SETS, NODES, PODS
from minikube_edu.kube_controller_manager.ownership import Children
from minikube_edu.kube_controller_manager.pod_control import (
    PodControl,
    all_at_once,
    in_batches,
    namespace_is_going,
)
from minikube_edu.lib import clock

BURST = 250
FIRST_BACKOFF, LONGEST_BACKOFF = 1.0, 900.0  # seconds until a failed pod of a node is replaced again


class DaemonSetController(Controller):
    name = "daemonset-controller"

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.events = environment.recorder(self.name)
        self.expectations = Expectations()
        self.sets = self.watch(DAEMON_SETS)
        self.pods = Children(self, self.sets, PODS, expectations=self.expectations)
        self.revisions = Children(self, self.sets, CONTROLLER_REVISIONS)
        self.nodes = self.informer(NODES)
        self.nodes.add_handler(
            added=lambda node: self._node_changed(None, node),
            updated=self._node_changed,
            deleted=lambda _: self._wake_all(),
        )
        self.control = PodControl(self.client, self.events, DAEMON_SETS)
        self._backoff: dict[tuple[str, str], tuple[float, float]] = {}  # (set, node) -> (until, delay)

    def _node_changed(self, before: Object | None, node: Object) -> None:
        """Only what decides where pods run: a heartbeat does not."""
        if before is None or _shape(before) != _shape(node):
            self._wake_all()

    def _wake_all(self) -> None:
        for daemon_set in self.sets.index.list():
            self.enqueue(daemon_set)

    async def reconcile(self, key: str) -> None:
        daemon_set = self.sets.index.get(key)
        if daemon_set is None:
            self.expectations.forget(key)
            return
        if from_object(daemon_set["spec"].get("selector")).empty():
            text = "This daemon set is selecting all pods. A non-empty selector is required."
            self.events.event(daemon_set, "Warning", "SelectingAll", text)
            return
        if "deletionTimestamp" in daemon_set["metadata"]:
            return
        reliable = self.expectations.satisfied(key)
        pods = await self.pods.claim(daemon_set)
        past = revisions.ordered(await self.revisions.claim(daemon_set))
        now = await history.present(self.client, daemon_set, past, pods)
        hashed, nodes = history.hash_of(now), daemons.by_node(pods)
        failure: Exception | None = None
        if reliable:
            failure = await self.manage(key, daemon_set, nodes, hashed)
            rolls = daemon_set["spec"]["updateStrategy"].get("type") == "RollingUpdate"
            if failure is None and rolls and self.expectations.satisfied(key):
                failure = await self.roll(key, daemon_set, nodes, hashed)
        await history.clean_up(self.client, daemon_set, past, now, pods)
        status = self.status(daemon_set, nodes, hashed)
        await statuses.write_status(self.client, DAEMON_SETS, daemon_set, status)
        wait = pod_state.until_available(pods, daemon_set["spec"].get("minReadySeconds", 0), clock.now())
        if wait is not None:
            self.queue.add_after(key, wait + 0.01)
        if failure is not None:
            raise failure

    async def manage(
        self, key: str, daemon_set: Object, nodes: dict[str, list[Object]], hashed: str
    ) -> Exception | None:
        """One pod on each node that wants one, none on the others."""
        missing: list[str] = []
        surplus: list[Object] = []
        for node, starts, goes_on in self.verdicts(daemon_set):
            name = node["metadata"]["name"]
            pods = nodes.get(name, [])
            if starts and not pods:
                missing.append(name)
            elif pods and not goes_on:
                surplus += [pod for pod in pods if not pod_state.is_deleting(pod)]
            elif pods:
                surplus += self.doubles(key, daemon_set, name, pods, hashed)
        for name, pods in nodes.items():
            if self.nodes.index.get(name) is None:  # no scheduler will ever bind these
                surplus += [pod for pod in pods if not pod["spec"].get("nodeName") and not pod_state.is_deleting(pod)]
        return await self.apply(key, daemon_set, missing, surplus, hashed)

    def doubles(self, key: str, daemon_set: Object, name: str, pods: list[Object], hashed: str) -> list[Object]:
        """The finished pods of a node, and all but the oldest of the others."""
        going, staying = [], []
        for pod in sorted(pods, key=_age):
            if pod_state.is_deleting(pod):
                continue
            if pod_state.phase(pod) == "Failed":
                if self.may_replace(key, name):
                    self.tell_finished(daemon_set, pod, name, "Warning", "FailedDaemonPod", "failed", "kill")
                    going.append(pod)
            elif pod_state.phase(pod) == "Succeeded":
                self.tell_finished(daemon_set, pod, name, "Normal", "SucceededDaemonPod", "succeeded", "delete")
                going.append(pod)
            else:
                staying.append(pod)
        if rolling.limits(daemon_set, len(self.nodes.index))[0] == 0 or not self._rolls(daemon_set):
            return going + staying[1:]
        new = [pod for pod in staying if daemons.is_updated(pod, daemon_set, hashed)]
        old = [pod for pod in staying if not daemons.is_updated(pod, daemon_set, hashed)]
        return going + new[1:] + old[1:]

    def may_replace(self, key: str, node: str) -> bool:
        """A pod that fails again and again is replaced more and more slowly."""
        until, delay = self._backoff.get((key, node), (0.0, FIRST_BACKOFF / 2))
        now = clock.monotonic()
        if now < until:
            self.queue.add_after(key, until - now)
            return False
        delay = FIRST_BACKOFF if now > until + 2 * LONGEST_BACKOFF else min(delay * 2, LONGEST_BACKOFF)
        self._backoff[key, node] = (now + delay, delay)
        return True

    def tell_finished(
        self, daemon_set: Object, pod: Object, node: str, kind: str, reason: str, how: str, act: str
    ) -> None:
        what = f"Found {how} daemon pod {key_of(pod)} on node {node}, will try to {act} it"
        self.events.event(daemon_set, kind, reason, what)

    async def roll(self, key: str, daemon_set: Object, nodes: dict[str, list[Object]], hashed: str) -> Exception | None:
        wanted = [node["metadata"]["name"] for node, starts, _ in self.verdicts(daemon_set) if starts]
        surge, unavailable = rolling.limits(daemon_set, len(wanted))
        pods = {name: nodes.get(name, []) for name in wanted}
        seconds, now = daemon_set["spec"].get("minReadySeconds", 0), clock.now()

        def updated(pod: Object) -> bool:
            return daemons.is_updated(pod, daemon_set, hashed)

        def available(pod: Object) -> bool:
            return pod_state.is_available(pod, seconds, now)

        if surge:
            missing, surplus = rolling.with_surge(pods, updated, available, surge)
        else:
            missing, surplus = [], rolling.without_surge(pods, updated, available, unavailable)
        return await self.apply(key, daemon_set, missing, surplus, hashed)

    async def apply(
        self, key: str, daemon_set: Object, missing: list[str], surplus: list[Object], hashed: str
    ) -> Exception | None:
        missing, surplus = missing[:BURST], surplus[:BURST]
        if not missing and not surplus:
            return None
        self.expectations.expect(key, len(missing), map(key_of, surplus))
        template = daemons.template_for(daemon_set, hashed)
        body = self.control.from_template(daemon_set, template)

        async def create(position: int) -> None:
            spec = daemons.for_node(template["spec"], missing[position])
            await self.control.create(daemon_set, {**body, "spec": spec})

        async def delete(pod: Object) -> None:
            try:
                if not await self.control.delete(daemon_set, pod):
                    self.expectations.deleted(key, key_of(pod))
            except Exception:
                self.expectations.deleted(key, key_of(pod))
                raise

        created, failure = await in_batches(len(missing), create)
        self.expectations.created(key, len(missing) - created)
        failures = await all_at_once(map(delete, surplus))
        if isinstance(failure, ApiError) and namespace_is_going(failure):
            failure = None
        return failure or (failures[0] if failures else None)

    def verdicts(self, daemon_set: Object) -> list[tuple[Object, bool, bool]]:
        """(node, start one there, let one go on there) of all nodes."""
        tolerated = daemons.tolerations(daemon_set["spec"]["template"]["spec"])
        return [(node, *daemons.should_run(daemon_set, node, tolerated)) for node in self.nodes.index.list()]

    def status(self, daemon_set: Object, nodes: dict[str, list[Object]], hashed: str) -> Object:
        seconds, now = daemon_set["spec"].get("minReadySeconds", 0), clock.now()
        desired = current = misscheduled = ready = available = updated = 0
        for node, starts, _ in self.verdicts(daemon_set):
            pods = sorted(nodes.get(node["metadata"]["name"], []), key=_age)
            if not starts:
                misscheduled += bool(pods)
                continue
            desired += 1
            current += bool(pods)
            ready += any(pod_state.is_ready(pod) for pod in pods)
            available += any(pod_state.is_available(pod, seconds, now) for pod in pods)
            updated += any(daemons.is_updated(pod, daemon_set, hashed) for pod in pods)
        before = daemon_set.get("status") or {}
        kept = {name: before[name] for name in ("conditions", "collisionCount") if name in before}
        counts = {
            "currentNumberScheduled": current,
            "desiredNumberScheduled": desired,
            "numberMisscheduled": misscheduled,
            "numberReady": ready,
        }
        more = {
            "observedGeneration": daemon_set["metadata"].get("generation", 0),
            "updatedNumberScheduled": updated,
            "numberAvailable": available,
            "numberUnavailable": desired - available,
        }
        return statuses.without_zeros({**kept, **counts, **more}, keep=(*counts, "collisionCount"))

    @staticmethod
    def _rolls(daemon_set: Object) -> bool:
        return bool(daemon_set["spec"]["updateStrategy"].get("type") == "RollingUpdate")


def _age(pod: Object) -> tuple[str, str]:
    return pod["metadata"]["creationTimestamp"], pod["metadata"]["name"]


def _shape(node: Object) -> tuple[object, object]:
    return node["metadata"].get("labels"), (node.get("spec") or {}).get("taints")
