"""The three metrics APIs: resource (metrics-server), custom and external (adapters). Numbers are in thousandths."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

import orjson
from msgspec import Struct

from minikube_edu.api import label_selectors, quantity
from minikube_edu.api.durations import parse as parse_duration
from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import Client
from minikube_edu.kube_controller_manager.controller import Object
from minikube_edu.lib import clock

DEFAULT_WINDOW = 60.0


class NoMetrics(Exception):
    """Why there is no number; the text goes into conditions and events."""


class Sample(Struct, frozen=True):
    """One pod's value, and the time over which it was measured."""

    value: int
    at: float
    window: float


Samples = dict[str, Sample]


class Metrics:
    def __init__(self, client: Client) -> None:
        self.client = client

    async def resource(self, namespace: str, resource: str, selector: str, container: str = "") -> Samples:
        path = f"/apis/metrics.k8s.io/v1beta1/namespaces/{namespace}/pods"
        try:
            items = (await self._get(path, {"labelSelector": selector}, "pods.metrics.k8s.io")).get("items") or []
        except ApiError as error:
            raise NoMetrics(f"unable to fetch metrics from resource metrics API: {error}") from error
        if not items:
            raise NoMetrics("no metrics returned from resource metrics API")
        found: Samples = {}
        for item in items:
            value = _usage(item, resource, container)
            if value is not None:
                window = parse_duration(item.get("window", "0s")) / 1e9
                found[item["metadata"]["name"]] = Sample(value, clock.parse_rfc3339(item["timestamp"]), window)
        return found

    async def pods(self, namespace: str, metric: Object, selector: str) -> Samples:
        items = await self._custom(namespace, "pods/*", metric, selector)
        if not items:
            raise NoMetrics("no metrics returned from custom metrics API")
        found: Samples = {}
        for item in items:
            window = float(item.get("windowSeconds") or DEFAULT_WINDOW)
            value = quantity.parse(item["value"]).milli_value()
            found[item["describedObject"]["name"]] = Sample(value, clock.parse_rfc3339(item["timestamp"]), window)
        return found

    async def object(self, namespace: str, place: str, metric: Object) -> int:
        """`place` is `ingresses.networking.k8s.io/web`."""
        items = await self._custom(namespace, place, metric, "")
        if not items:
            raise NoMetrics("no metrics returned from custom metrics API")
        return quantity.parse(items[0]["value"]).milli_value()

    async def external(self, namespace: str, metric: Object) -> list[int]:
        selector = str(label_selectors.from_object(metric["selector"])) if metric.get("selector") else ""
        path = f"/apis/external.metrics.k8s.io/v1beta1/namespaces/{namespace}/{quote(metric['name'], safe='')}"
        try:
            found = await self._get(path, {"labelSelector": selector}, f"{metric['name']}.external.metrics.k8s.io")
        except ApiError as error:
            raise NoMetrics(f"unable to fetch metrics from external metrics API: {error}") from error
        items = found.get("items") or []
        if not items:
            raise NoMetrics("no metrics returned from external metrics API")
        return [quantity.parse(item["value"]).milli_value() for item in items]

    async def _custom(self, namespace: str, place: str, metric: Object, selector: str) -> list[Object]:
        params = {"labelSelector": selector}
        if metric.get("selector"):
            params["metricLabelSelector"] = str(label_selectors.from_object(metric["selector"]))
        path = f"/apis/custom.metrics.k8s.io/v1beta2/namespaces/{namespace}/{place}/{quote(metric['name'], safe='')}"
        try:
            items: list[Object] = (await self._get(path, params, f"{place}.custom.metrics.k8s.io")).get("items") or []
        except ApiError as error:
            raise NoMetrics(f"unable to fetch metrics from custom metrics API: {error}") from error
        return items

    async def _get(self, path: str, params: dict[str, str], resource: str) -> dict[str, Any]:
        query = urlencode({key: value for key, value in params.items() if value})
        reply = await self.client.sender.request(
            "GET", f"{path}?{query}" if query else path, accept=b"application/json", resource=resource
        )
        found: dict[str, Any] = orjson.loads(reply.body)
        return found


def _usage(item: Object, resource: str, container: str) -> int | None:
    """A pod's use, or one container's; None when a part of it is not known."""
    total = 0
    containers = [one for one in item.get("containers") or [] if not container or one["name"] == container]
    if container and not containers:
        return None
    for one in containers:
        text = one.get("usage", {}).get(resource)
        if text is None:
            return None
        total += quantity.parse(text).milli_value()
    return total
