"""What each kind of metric proposes: a number of replicas, the metric's name for people, its status."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from msgspec import Struct

from minikube_edu.api import quantity
from minikube_edu.api.label_selectors import Selector
from minikube_edu.api.quantity import Quantity
from minikube_edu.client.discovery import NoMatch, RestMapper
from minikube_edu.client.informer import Informer
from minikube_edu.kube_controller_manager.controller import Object
from minikube_edu.kube_controller_manager.controllers.horizontal_pod_autoscaler import calculation
from minikube_edu.kube_controller_manager.controllers.horizontal_pod_autoscaler.calculation import Tolerance
from minikube_edu.kube_controller_manager.controllers.horizontal_pod_autoscaler.metrics import Metrics, NoMetrics

Answer = tuple[int, str, Object]
# type -> reason of the condition, what an error says first
FAILURES = {
    "Resource": ("FailedGetResourceMetric", "failed to get {name} resource metric value: "),
    "ContainerResource": ("FailedGetContainerResourceMetric", "failed to get {name} container metric value: "),
    "Pods": ("FailedGetPodsMetric", "failed to get pods metric value: "),
    "Object": ("FailedGetObjectMetric", "failed to get object metric value: "),
    "External": ("FailedGetExternalMetric", "failed to get {name} external metric value: "),
}


class Target(Struct, frozen=True):
    namespace: str
    selector_text: str
    selector: Selector
    current: int
    hpa: Object

    @property
    def tolerance(self) -> Tolerance:
        behavior = self.hpa["spec"].get("behavior", {})
        default = Tolerance()
        down, up = (behavior.get(name, {}).get("tolerance") for name in ("scaleDown", "scaleUp"))
        return Tolerance(
            float(quantity.parse(down)) if down is not None else default.down,
            float(quantity.parse(up)) if up is not None else default.up,
        )


class Proposals:
    def __init__(self, metrics: Metrics, discovery: RestMapper, pods: Informer) -> None:
        self.metrics, self.discovery, self.pods = metrics, discovery, pods
        self.kinds: dict[str, Callable[[Object, Target], Awaitable[Answer]]] = {
            "Resource": self.resource,
            "ContainerResource": self.resource,
            "Pods": self.of_pods,
            "Object": self.of_object,
            "External": self.external,
        }

    async def of(self, metric: Object, target: Target) -> Answer:
        """Raises NoMetrics(message, reason, the whole message)."""
        kind = metric["type"]
        source = metric[kind[0].lower() + kind[1:]]
        reason, prefix = FAILURES[kind]
        name = source.get("name") or source.get("metric", {}).get("name", "")
        try:
            return await self.kinds[kind](source, target)
        except NoMetrics as error:
            raise NoMetrics(str(error), reason, prefix.format(name=name) + str(error)) from error

    def pods_of(self, target: Target) -> list[Object]:
        found = self.pods.index.list(target.namespace)
        return [pod for pod in found if target.selector.matches(pod["metadata"].get("labels", {}))]

    async def resource(self, source: Object, target: Target) -> Answer:
        name, container, goal = source["name"], source.get("container", ""), source["target"]
        wants_share = goal.get("averageUtilization") is not None
        what = f"{name} utilization" if wants_share else f"{name} usage"
        try:
            try:
                samples = await self.metrics.resource(target.namespace, name, target.selector_text, container)
            except NoMetrics as error:
                raise NoMetrics(f"unable to get metrics for resource {name}: {error}") from error
            pods = self.pods_of(target)
            if wants_share:
                proposal = calculation.by_utilization(
                    target.current, pods, samples, goal["averageUtilization"], target.tolerance, name, container
                )
            else:
                value = quantity.parse(goal["averageValue"]).milli_value()
                proposal = calculation.by_value(target.current, pods, samples, value, target.tolerance, name)
        except NoMetrics as error:
            raise NoMetrics(f"failed to get {what}: {error}") from error
        now: Object = {"averageValue": milli(proposal.average)}
        if proposal.utilization is not None:
            now["averageUtilization"] = proposal.utilization
        kind = "ContainerResource" if container else "Resource"
        status = {"name": name, **({"container": container} if container else {}), "current": now}
        shown = f"{name} resource utilization (percentage of request)" if wants_share else f"{name} resource"
        if container:
            shown = shown.replace("resource", "container resource", 1)
        return proposal.replicas, shown, {"type": kind, _field(kind): status}

    async def of_pods(self, source: Object, target: Target) -> Answer:
        metric = source["metric"]
        try:
            samples = await self.metrics.pods(target.namespace, metric, target.selector_text)
        except NoMetrics as error:
            raise NoMetrics(f"unable to get metric {metric['name']}: {error}") from error
        value = quantity.parse(source["target"]["averageValue"]).milli_value()
        proposal = calculation.by_value(target.current, self.pods_of(target), samples, value, target.tolerance)
        status = {"metric": metric, "current": {"averageValue": milli(proposal.average)}}
        return proposal.replicas, f"pods metric {metric['name']}", {"type": "Pods", "pods": status}

    async def of_object(self, source: Object, target: Target) -> Answer:
        metric, about = source["metric"], source["describedObject"]
        group, _, version = about.get("apiVersion", "").rpartition("/")
        try:
            place = (await self.discovery.for_kind(group, about["kind"], version)).resource
        except NoMatch as error:
            raise NoMetrics(f"unable to get metric {metric['name']}: {error}") from error
        try:
            value = await self.metrics.object(target.namespace, f"{place}/{about['name']}", metric)
        except NoMetrics as error:
            where = f"{about['kind']} on {target.namespace} {about['name']}"
            raise NoMetrics(f"unable to get metric {metric['name']}: {where}/{error}") from error
        replicas, now = self._whole(value, source["target"], target)
        status = {"metric": metric, "describedObject": about, "current": now}
        return replicas, f"{about['kind']} metric {metric['name']}", {"type": "Object", "object": status}

    async def external(self, source: Object, target: Target) -> Answer:
        metric = source["metric"]
        try:
            values = await self.metrics.external(target.namespace, metric)
        except NoMetrics as error:
            where = f"{target.namespace}/{metric['name']}/{metric.get('selector')}"
            raise NoMetrics(f"unable to get external metric {where}: {error}") from error
        replicas, now = self._whole(sum(values), source["target"], target)
        status = {"type": "External", "external": {"metric": metric, "current": now}}
        return replicas, f"external metric {metric['name']}({metric.get('selector')})", status

    def _whole(self, value: int, goal: Object, target: Target) -> tuple[int, Object]:
        """For metrics that are of no single pod."""
        if goal.get("averageValue") is not None:
            wanted = quantity.parse(goal["averageValue"]).milli_value()
            replicas = calculation.by_share(target.current, value, wanted, target.tolerance)
            return replicas, {"averageValue": milli(value // max(target.current, 1))}
        wanted = quantity.parse(goal["value"]).milli_value()
        ready = sum(is_ready(pod) for pod in self.pods_of(target))
        return calculation.by_total(target.current, ready, value, wanted, target.tolerance), {"value": milli(value)}


def is_ready(pod: Object) -> bool:
    status = pod.get("status", {})
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions", []))
    return status.get("phase") == "Running" and ready


def milli(value: int) -> str:
    return str(Quantity.from_milli(value))


def _field(kind: str) -> str:
    return kind[0].lower() + kind[1:]
