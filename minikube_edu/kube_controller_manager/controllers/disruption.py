"""disruption-controller: how many pods of a PodDisruptionBudget may be evicted now.

The budget's pods that are ready are counted, against how many there should be: that is what their controllers' scales
say, not how many there happen to be. Evictions that the API server has granted and whose pods are still there count
as done for two minutes. When something cannot be found out, no disruption is allowed.
"""

from __future__ import annotations

from minikube_edu.api import intstr
from minikube_edu.api.label_selectors import from_object
from minikube_edu.client.discovery import NoMatch, RestMapper
from minikube_edu.client.errors import ApiError
from minikube_edu.client.index import key_of
from minikube_edu.client.rest import STRATEGIC_PATCH
from minikube_edu.kube_controller_manager import pod_state, statuses
from minikube_edu.kube_controller_manager.controller import Controller, Environment, Object
from minikube_edu.kube_controller_manager.kinds import (
    DEPLOYMENTS,
    POD_DISRUPTION_BUDGETS,
    PODS,
    REPLICA_SETS,
    REPLICATION_CONTROLLERS,
    STATEFUL_SETS,
)
from minikube_edu.kube_controller_manager.ownership import controller_of
from minikube_edu.lib import clock

GRANTED = 120.0  # seconds within which an evicted pod should be gone
STALE = "pod "  # before the key of a pod whose DisruptionTarget has come to nothing


class NoController(Exception):
    """found no controllers for pod"""


class DisruptionController(Controller):
    name = "disruption-controller"

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.events = environment.recorder("controllermanager")
        self.budgets = self.watch(POD_DISRUPTION_BUDGETS)
        self.pods = self.watch_related(PODS, self.budgets_of)
        self.pods.add_handler(added=self._pod_seen, updated=lambda _, pod: self._pod_seen(pod))
        kinds = (DEPLOYMENTS, REPLICA_SETS, REPLICATION_CONTROLLERS, STATEFUL_SETS)
        self.scaled = {resource.kind: self.informer(resource).index for resource in kinds}
        self.discovery = RestMapper(self.client)

    def budgets_of(self, pod: Object) -> list[str]:
        labels = pod["metadata"].get("labels") or {}
        budgets = self.budgets.index.list(pod["metadata"]["namespace"])
        return [key_of(one) for one in budgets if from_object(one["spec"].get("selector")).matches(labels)]

    async def reconcile(self, key: str) -> None:
        if key.startswith(STALE):
            await self.clear_target(key.removeprefix(STALE))
            return
        budget = self.budgets.index.get(key)
        if budget is None:
            return
        try:
            status = await self.status(key, budget)
        except (NoController, NoMatch, ValueError) as error:
            before = budget.get("status") or {}
            status = {**before, "disruptionsAllowed": 0, "observedGeneration": before.get("observedGeneration", 0)}
            self.note(status, before, "SyncFailed", str(error))
        await statuses.write_status(self.client, POD_DISRUPTION_BUDGETS, budget, status)

    async def status(self, key: str, budget: Object) -> Object:
        selector = from_object(budget["spec"].get("selector"))
        namespace, _ = self.split(key)
        pods = [pod for pod in self.pods.index.list(namespace) if selector.matches(pod["metadata"].get("labels") or {})]
        if not pods:
            self.events.event(budget, "Normal", "NoPods", "No matching pods found")
        try:
            expected, desired = await self.expected(budget, pods)
        except (NoController, NoMatch) as error:
            text = f"Failed to calculate the number of expected pods: {error}"
            self.events.event(budget, "Warning", "CalculateExpectedPodCountFailed", text)
            raise
        now, before = clock.now(), budget.get("status") or {}
        granted = self.granted(key, budget, pods, now)
        healthy = sum(
            pod_state.is_ready(pod) and not pod_state.is_deleting(pod) and pod["metadata"]["name"] not in granted
            for pod in pods
        )
        allowed = max(healthy - desired, 0) if expected > 0 else 0
        status: Object = {
            "currentHealthy": healthy,
            "desiredHealthy": desired,
            "expectedPods": expected,
            "disruptionsAllowed": allowed,
            "observedGeneration": budget["metadata"].get("generation", 0),
        }
        if granted:
            status["disruptedPods"] = granted
        self.note(status, before, "SufficientPods" if allowed else "InsufficientPods", "")
        return status

    def note(self, status: Object, before: Object, reason: str, message: str) -> None:
        """The condition DisruptionAllowed."""
        conditions = before.get("conditions") or []
        made: Object = {
            **statuses.condition(
                "DisruptionAllowed", "True" if status["disruptionsAllowed"] else "False", reason, message
            ),
            "observedGeneration": status["observedGeneration"],
        }
        known = statuses.find(conditions, "DisruptionAllowed")
        if known is not None and known["status"] == made["status"]:
            made["lastTransitionTime"] = known["lastTransitionTime"]
        status["conditions"] = [*statuses.without(conditions, "DisruptionAllowed"), made]

    async def expected(self, budget: Object, pods: list[Object]) -> tuple[int, int]:
        """(how many pods there should be, how many of them healthy)"""
        spec = budget["spec"]
        if spec.get("maxUnavailable") is not None:
            expected = await self.scale(budget, pods)
            return expected, max(expected - intstr.scaled(spec["maxUnavailable"], expected, True), 0)
        least = spec.get("minAvailable")
        if least is None:
            return 0, 0
        if isinstance(least, int):
            return len(pods), least
        expected = await self.scale(budget, pods)
        return expected, intstr.scaled(least, expected, True)

    async def scale(self, budget: Object, pods: list[Object]) -> int:
        """The sum of the scales of all controllers that the pods have."""
        scales: dict[str, int] = {}
        unmanaged = False
        for pod in pods:
            owner = controller_of(pod)
            if owner is None:
                unmanaged = True
            elif owner["uid"] not in scales:
                uid, scale = await self.scale_of(owner, pod)
                scales[owner["uid"]] = 0  # the replicas of a Deployment count once, not for each of its ReplicaSets
                scales[uid] = scale
        if unmanaged:
            self.tell_unmanaged(budget)
        return sum(scales.values())

    async def scale_of(self, owner: Object, pod: Object) -> tuple[str, int]:
        """(uid, replicas) of what controls the pod, or controls that."""
        namespace = pod["metadata"]["namespace"]
        if owner["kind"] in self.scaled:
            found = self.scaled[owner["kind"]].find(owner["name"], namespace)
            if found is None or found["metadata"]["uid"] != owner["uid"]:
                raise NoController(f'found no controllers for pod "{pod["metadata"]["name"]}"')
            above = controller_of(found)
            if owner["kind"] == "ReplicaSet" and above is not None and above["kind"] == "Deployment":
                return await self.scale_of(above, pod)
            return owner["uid"], found["spec"].get("replicas", 0)
        group, _, version = owner["apiVersion"].rpartition("/")
        served = await self.discovery.for_kind(group, owner["kind"], version)
        try:
            scale = await self.client.get(served.resource, owner["name"], namespace, "scale")
        except ApiError as error:
            if error.code == 404:
                raise NoController(f'found no controllers for pod "{pod["metadata"]["name"]}"') from None
            raise
        return owner["uid"], (scale.get("spec") or {}).get("replicas", 0)

    def tell_unmanaged(self, budget: Object) -> None:
        selector = str(from_object(budget["spec"].get("selector")))
        text = (
            f"Pods selected by this PodDisruptionBudget (selector: {selector}) were found to be unmanaged. As a "
            "result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. "
            'To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.'
        )
        self.events.event(budget, "Warning", "UnmanagedPods", text)

    def granted(self, key: str, budget: Object, pods: list[Object], now: float) -> dict[str, str]:
        """Evictions that were granted lately and whose pods are still whole."""
        found = {}
        disrupted: dict[str, str] = (budget.get("status") or {}).get("disruptedPods") or {}
        for pod in pods:
            name = pod["metadata"]["name"]
            if name not in disrupted or pod_state.is_deleting(pod):
                continue
            left = clock.parse_rfc3339(disrupted[name]) + GRANTED - now
            if left < 0:
                namespace = pod["metadata"]["namespace"]
                text = f"Pod was expected by PDB {namespace}/{budget['metadata']['name']} to be deleted but it wasn't"
                self.events.event(pod, "Warning", "NotDeleted", text)
                continue
            found[name] = disrupted[name]
            self.queue.add_after(key, left)
        return found

    # ------------------------------------------------------------ pods whose end was announced and did not come

    def _pod_seen(self, pod: Object) -> None:
        target = pod_state.condition(pod, "DisruptionTarget")
        if target is None or target["status"] != "True" or pod_state.is_deleting(pod) or pod_state.is_terminal(pod):
            return
        since = clock.parse_rfc3339(target["lastTransitionTime"]) if target.get("lastTransitionTime") else clock.now()
        self.queue.add_after(STALE + key_of(pod), max(since + GRANTED - clock.now(), 0.0))

    async def clear_target(self, key: str) -> None:
        pod = self.pods.index.get(key)
        target = pod_state.condition(pod, "DisruptionTarget") if pod is not None else None
        if pod is None or target is None or target["status"] != "True" or pod_state.is_deleting(pod):
            return
        if pod_state.is_terminal(pod):
            return
        made = {"type": "DisruptionTarget", "status": "False", "lastTransitionTime": clock.rfc3339()}
        body = {"metadata": {"uid": pod["metadata"]["uid"]}, "status": {"conditions": [made]}}
        namespace, name = self.split(key)
        await self.client.patch(PODS, name, body, namespace, kind=STRATEGIC_PATCH, subresource="status")


CONTROLLER = DisruptionController
