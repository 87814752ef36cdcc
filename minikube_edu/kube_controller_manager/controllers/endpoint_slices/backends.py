"""What a Service's selector finds: which pods serve, at which ports, and since when that is known.

Shared by the two controllers that write it down, as Endpoints and as EndpointSlices. `Watched` is their eyes: it tells
which services a pod's event concerns. An event that changes nothing that a service could see wakes nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from minikube_edu.client.informer import Deleted, Informer, last_state
from minikube_edu.kube_controller_manager.controller import Object
from minikube_edu.lib import clock

Objects = list[Object]

TRIGGER_TIME = "endpoints.kubernetes.io/last-change-trigger-time"
HEADLESS = "service.kubernetes.io/headless"
BATCH, BATCH_PODS = 0.05, 100  # seconds; once more for every so many pods


def has_backends(service: Object) -> bool:
    """Services without a selector and names for something outside have no pods behind them."""
    return bool(service["spec"].get("selector")) and service["spec"].get("type") != "ExternalName"


def is_headless(service: Object) -> bool:
    return str(service["spec"].get("clusterIP")) == "None"


def is_ready(pod: Object) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod.get("status", {}).get("conditions", []))


def is_going(pod: Object) -> bool:
    return "deletionTimestamp" in pod["metadata"]


def serves(pod: Object, while_going: bool) -> bool:
    """Whether the pod can be reached at all: it has an address and has not ended."""
    status = pod.get("status", {})
    if status.get("phase") in ("Failed", "Succeeded") or not status.get("podIPs"):
        return False
    return while_going or not is_going(pod)


def address(pod: Object, family: str) -> str:
    """The pod's address of the family `IPv4` or `IPv6`; empty when it has none."""
    for entry in pod.get("status", {}).get("podIPs", []):
        if (":" in entry["ip"]) == (family == "IPv6"):
            return str(entry["ip"])
    return ""


def hostname(pod: Object, service: Object) -> str:
    """The pod's own name in DNS: it has one when its subdomain is the service."""
    spec = pod["spec"]
    return (
        str(spec["hostname"]) if spec.get("hostname") and spec.get("subdomain") == service["metadata"]["name"] else ""
    )


def target_port(pod: Object, port: Object) -> int | None:
    """The number behind a service's port in this pod: a name stands for the container port that bears it."""
    target = port.get("targetPort", port["port"])
    if isinstance(target, int):
        return target or int(port["port"])
    sidecars = [c for c in pod["spec"].get("initContainers", []) if c.get("restartPolicy") == "Always"]
    for container in [*pod["spec"]["containers"], *sidecars]:
        for offered in container.get("ports", []):
            if offered.get("name") == target and offered.get("protocol", "TCP") == port.get("protocol", "TCP"):
                return int(offered["containerPort"])
    return None


def target_ref(pod: Object) -> Object:
    metadata = pod["metadata"]
    return {"kind": "Pod", "namespace": metadata["namespace"], "name": metadata["name"], "uid": metadata["uid"]}


class TriggerTimes:
    """When the earliest of the changes happened that are not yet written down: what makes network programming latency
    measurable. A pod's change is its readiness, a service's its creation."""

    def __init__(self) -> None:
        self._pods: dict[str, dict[str, float]] = {}
        self._services: dict[str, float] = {}

    def forget(self, key: str) -> None:
        self._pods.pop(key, None)
        self._services.pop(key, None)

    def earliest(self, key: str, service: Object, pods: Iterable[Object]) -> str:
        """As the annotation has it; empty when nothing has changed."""
        before, now, changed = self._pods.get(key, {}), {}, []
        for pod in pods:
            since = _ready_since(pod)
            if since:
                now[pod["metadata"]["name"]] = since
                if since > before.get(pod["metadata"]["name"], 0.0):
                    changed.append(since)
        made = clock.parse_rfc3339(service["metadata"]["creationTimestamp"])
        if made > self._services.get(key, 0.0):
            changed.append(made)
        self._pods[key], self._services[key] = now, made
        return clock.rfc3339(min(changed)) if changed else ""


def _ready_since(pod: Object) -> float:
    for condition in pod.get("status", {}).get("conditions", []):
        if condition["type"] == "Ready" and condition.get("lastTransitionTime"):
            return clock.parse_rfc3339(condition["lastTransitionTime"])
    return 0.0


class Watched:
    """Pods and services, and which services an event of a pod wakes: `wake(key, seconds)`.

    An event waits a moment for others, so that a rollout is not one write a pod; longer behind a service that had many
    pods at the last look, for there each write is long, and all proxies read it.
    """

    def __init__(self, services: Informer, pods: Informer, wake: Callable[[str, float], None]) -> None:
        self.services, self.pods, self._wake = services, pods, wake
        self._sizes: dict[str, int] = {}
        pods.add_handler(added=self._pod, updated=self._pod_changed, deleted=self._pod_gone)

    def wake(self, key: str) -> None:
        self._wake(key, BATCH * (1 + self._sizes.get(key, 0) / BATCH_PODS))

    def behind(self, service: Object) -> Objects:
        wanted = service["spec"]["selector"].items()
        found = [
            pod
            for pod in self.pods.index.list(service["metadata"]["namespace"])
            if wanted <= pod["metadata"].get("labels", {}).items()
        ]
        self._sizes[f"{service['metadata']['namespace']}/{service['metadata']['name']}"] = len(found)
        return found

    def forget(self, key: str) -> None:
        self._sizes.pop(key, None)

    def _pod(self, pod: Object) -> None:
        labels = pod["metadata"].get("labels", {}).items()
        for service in self.services.index.list(pod["metadata"]["namespace"]):
            selector = service["spec"].get("selector")
            if selector and selector.items() <= labels:
                self.wake(f"{service['metadata']['namespace']}/{service['metadata']['name']}")

    def _pod_gone(self, gone: Deleted) -> None:
        self._pod(last_state(gone))

    def _pod_changed(self, before: Object, pod: Object) -> None:
        if _seen(before) == _seen(pod):
            return
        self._pod(pod)
        if before["metadata"].get("labels") != pod["metadata"].get("labels"):
            self._pod(before)


def _seen(pod: Object) -> tuple[Any, ...]:
    """All that a service can see of a pod."""
    metadata, spec, status = pod["metadata"], pod["spec"], pod.get("status", {})
    return (
        metadata["uid"],
        metadata.get("labels"),
        is_going(pod),
        is_ready(pod),
        status.get("podIPs"),
        status.get("phase") in ("Failed", "Succeeded"),
        spec.get("nodeName"),
        spec.get("hostname"),
        spec.get("subdomain"),
    )
