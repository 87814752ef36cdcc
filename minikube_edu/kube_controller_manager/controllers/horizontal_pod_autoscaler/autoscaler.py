"""The loop of the autoscaler; conditions and messages are the real one's.

AbleToScale      the target's scale can be read and written, and nothing holds the recommendation back
ScalingActive    the metrics give a number
ScalingLimited   bounds or rates changed what the metrics asked for
"""

from __future__ import annotations

from minikube_edu.api import label_selectors
from minikube_edu.client.discovery import NoMatch, RestMapper
from minikube_edu.client.errors import ApiError
from minikube_edu.client.index import key_of
from minikube_edu.client.informer import last_state
from minikube_edu.client.rest import Resource
from minikube_edu.kube_controller_manager.controller import Controller, Environment, Object
from minikube_edu.kube_controller_manager.controllers.horizontal_pod_autoscaler.limits import (
    REASONS,
    History,
    limited,
    rules_of,
    stabilized,
)
from minikube_edu.kube_controller_manager.controllers.horizontal_pod_autoscaler.metrics import Metrics, NoMetrics
from minikube_edu.kube_controller_manager.controllers.horizontal_pod_autoscaler.proposals import Proposals, Target
from minikube_edu.kube_controller_manager.kinds import HORIZONTAL_POD_AUTOSCALERS, PODS
from minikube_edu.lib import clock
from minikube_edu.lib.jsonpatch import copy_json

FIRST = 1.0  # seconds from a change to the first look; the real one waits for a whole period
NO_SCALE = "the HPA controller was unable to get the target's current scale: {}"


class HorizontalPodAutoscalerController(Controller):
    name = "horizontal-pod-autoscaler-controller"

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.autoscalers = self.informer(HORIZONTAL_POD_AUTOSCALERS)
        self.autoscalers.add_handler(
            added=self.soon, updated=self.changed, deleted=lambda gone: self.forget(last_state(gone))
        )
        self.discovery = RestMapper(self.client)
        self.proposals = Proposals(Metrics(self.client), self.discovery, self.informer(PODS))
        self.histories: dict[str, History] = {}
        self.recorder = environment.recorder("horizontal-pod-autoscaler")

    def changed(self, before: Object, now: Object) -> None:
        if before["spec"] != now["spec"]:
            self.soon(now)

    def soon(self, hpa: Object) -> None:
        self.queue.add_after(key_of(hpa), min(FIRST, self.settings.hpa_sync_period))

    def forget(self, gone: Object) -> None:
        self.histories.pop(gone["metadata"]["uid"], None)

    async def reconcile(self, key: str) -> None:
        found = self.autoscalers.index.get(key)
        if found is None:
            return
        self.queue.add_after(key, self.settings.hpa_sync_period)
        one = Turn(copy_json(found))
        try:
            await self.scale(one)
        finally:
            if one.hpa["status"] != found.get("status", {}):
                written = await self.client.update(HORIZONTAL_POD_AUTOSCALERS, one.hpa, subresource="status")
                self.autoscalers.index.put(written)

    async def scale(self, one: Turn) -> None:
        """One look: from the target's scale to the target's scale."""
        namespace, spec = one.hpa["metadata"]["namespace"], one.hpa["spec"]
        try:
            resource, scale = await self.target(namespace, spec["scaleTargetRef"])
        except (ApiError, NoMatch) as error:
            self.tell(one, "FailedGetScale", str(error))
            one.say("AbleToScale", "False", "FailedGetScale", NO_SCALE.format(error))
            return
        one.say(
            "AbleToScale", "True", "SucceededGetScale", "the HPA controller was able to get the target's current scale"
        )
        current = scale.get("spec", {}).get("replicas", 0)
        low, high = spec.get("minReplicas", 1), spec["maxReplicas"]
        one.status |= {"currentReplicas": current}
        if current == 0 and low != 0:
            message = "scaling is disabled since the replica count of the target is zero"
            one.say("ScalingActive", "False", "ScalingDisabled", message)
            one.status["desiredReplicas"] = 0
            return
        if current > high:
            desired, why = high, "Current number of replicas above Spec.MaxReplicas"
        elif current < low:
            desired, why = low, "Current number of replicas below Spec.MinReplicas"
        else:
            proposed = await self.ask_metrics(one, scale, current)
            if proposed is None:
                return
            wanted, metric = proposed
            why = f"{metric} above target" if wanted > current else "All metrics below target"
            desired = self.within_rules(one, current, wanted)
        if desired != current:
            await self.write(one, resource, scale, desired, why)
        one.status["desiredReplicas"] = desired

    async def target(self, namespace: str, ref: Object) -> tuple[Resource, Object]:
        group, _, version = ref.get("apiVersion", "").rpartition("/")
        served = await self.discovery.for_kind(group, ref["kind"], version)
        return served.resource, await self.client.get(served.resource, ref["name"], namespace, "scale")

    async def ask_metrics(self, one: Turn, scale: Object, current: int) -> tuple[int, str] | None:
        """The greatest number that a metric asks for, and its name; None when they say nothing to rely on."""
        selector = scale.get("status", {}).get("selector", "")
        if not selector:
            self.tell(one, "SelectorRequired", "selector is required")
            one.say("ScalingActive", "False", "InvalidSelector", "the HPA target's scale is missing a selector")
            return None
        target = Target(one.hpa["metadata"]["namespace"], selector, label_selectors.parse(selector), current, one.hpa)
        best: tuple[int, str] | None = None
        statuses: list[Object] = []
        failures: list[tuple[str, str, str]] = []
        for metric in one.hpa["spec"].get("metrics", []):
            try:
                replicas, name, status = await self.proposals.of(metric, target)
            except NoMetrics as error:
                failures.append((str(error.args[1]), str(error.args[0]), str(error.args[2])))
                statuses.append({"type": ""})  # the real one's way to say: asked, and not told
                continue
            statuses.append(status)
            if best is None or replicas > best[0]:
                best = (replicas, name)
        one.status["currentMetrics"] = statuses
        if best is None or (failures and best[0] < current):
            for reason, message, _ in failures:
                self.tell(one, reason, message)
            reason, message, whole = failures[0]
            one.say("ScalingActive", "False", reason, f"the HPA was unable to compute the replica count: {message}")
            counted = f"{len(failures)} invalid out of {len(one.hpa['spec'].get('metrics', []))}"
            text = f"invalid metrics ({counted}), first error is: {whole}"
            self.tell(one, "FailedComputeMetricsReplicas", text)
            return None
        message = f"the HPA was able to successfully calculate a replica count from {best[1]}"
        one.say("ScalingActive", "True", "ValidMetricFound", message)
        return best

    def within_rules(self, one: Turn, current: int, wanted: int) -> int:
        history = self.histories.setdefault(one.hpa["metadata"]["uid"], History())
        rules = rules_of(one.hpa["spec"])
        desired, reason = stabilized(history, rules, current, wanted)
        one.say("AbleToScale", "True", reason, REASONS[reason])
        desired, reason = limited(history, one.hpa["spec"], rules, current, desired)
        value = "False" if reason == "DesiredWithinRange" else "True"
        one.say("ScalingLimited", value, reason, REASONS[reason])
        return desired

    async def write(self, one: Turn, resource: Resource, scale: Object, desired: int, why: str) -> None:
        current = scale["spec"].get("replicas", 0)
        made = {**scale, "spec": {**scale["spec"], "replicas": desired}}
        try:
            await self.client.update(resource, made, one.hpa["metadata"]["namespace"], subresource="scale")
        except ApiError as error:
            self.tell(one, "FailedRescale", f"New size: {desired}; reason: {why}; error: {error}")
            message = f"the HPA controller was unable to update the target scale: {error}"
            one.say("AbleToScale", "False", "FailedUpdateScale", message)
            raise
        message = f"the HPA controller was able to update the target scale to {desired}"
        one.say("AbleToScale", "True", "SucceededRescale", message)
        self.recorder.event(one.hpa, "Normal", "SuccessfulRescale", f"New size: {desired}; reason: {why}")
        self.histories.setdefault(one.hpa["metadata"]["uid"], History()).moved(current, desired)
        one.status["lastScaleTime"] = clock.rfc3339()

    def tell(self, one: Turn, reason: str, message: str) -> None:
        self.recorder.event(one.hpa, "Warning", reason, message)


class Turn:
    """An autoscaler that is being looked at, and what its status becomes."""

    def __init__(self, hpa: Object) -> None:
        self.hpa = hpa
        self.status: Object = hpa.setdefault("status", {})
        self.status.setdefault("desiredReplicas", 0)
        if "generation" in hpa["metadata"]:
            self.status["observedGeneration"] = hpa["metadata"]["generation"]

    def say(self, kind: str, value: str, reason: str, message: str) -> None:
        conditions = self.status.setdefault("conditions", [])
        found = next((c for c in conditions if c["type"] == kind), None)
        if found is None:
            found = {"type": kind}
            conditions.append(found)
        if found.get("status") != value:
            found["lastTransitionTime"] = clock.rfc3339()
        found |= {"status": value, "reason": reason, "message": message}
