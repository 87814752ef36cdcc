"""endpoints-controller: a service's pods and ports as one Endpoints object, the old way.

Deprecated since 1.33 in favour of EndpointSlices, and still written for those who read it. All addresses are in one
object, grouped by the ports that they serve; at most a thousand are named.
"""

from __future__ import annotations

import asyncio
from typing import Any

from minikube_edu.api.ip import parse_ip
from minikube_edu.client.errors import ApiError
from minikube_edu.kube_controller_manager.controller import Controller, Environment, Object
from minikube_edu.kube_controller_manager.controllers.endpoint_slices.backends import (
    HEADLESS,
    TRIGGER_TIME,
    TriggerTimes,
    Watched,
    address,
    has_backends,
    hostname,
    is_headless,
    is_ready,
    serves,
    target_port,
    target_ref,
)
from minikube_edu.kube_controller_manager.kinds import ENDPOINTS, PODS, SERVICES

MANAGED_BY = ("endpoints.kubernetes.io/managed-by", "endpoint-controller")
OVER_CAPACITY = "endpoints.kubernetes.io/over-capacity"
LEADER = "control-plane.alpha.kubernetes.io/leader"
MOST = 1000

Ports = tuple[tuple[str, int, str, str], ...]  # name, number, protocol, application protocol
Objects = list[Object]


class EndpointsController(Controller):
    name = "endpoints-controller"

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.endpoints = self.informer(ENDPOINTS)
        self.services = self.watch(SERVICES)
        self.watched = Watched(self.services, self.informer(PODS), self.queue.add_after)
        self.times = TriggerTimes()
        self.endpoints.add_handler(deleted=lambda gone: self.enqueue(gone) if isinstance(gone, dict) else None)

    def loops(self) -> dict[str, Any]:
        return {"leftovers": self.leftovers}

    async def leftovers(self) -> None:
        """Once, at the start: Endpoints whose service went while nobody looked."""
        for obj in self.endpoints.index.list():
            if LEADER not in obj["metadata"].get("annotations", {}):
                self.enqueue(obj)
        await asyncio.sleep(0)

    async def reconcile(self, key: str) -> None:
        service = self.services.index.get(key)
        if service is None:
            self.times.forget(key)
            self.watched.forget(key)
            if self.endpoints.index.get(key) is not None:
                await self.remove(key)
            return
        if not has_backends(service):
            return
        pods = self.watched.behind(service)
        subsets = subsets_of(service, pods)
        truncated = truncate(subsets)
        await self.write(key, service, subsets, truncated, self.times.earliest(key, service, pods))

    async def remove(self, key: str) -> None:
        namespace, name = self.split(key)
        try:
            await self.client.delete(ENDPOINTS, name, namespace)
        except ApiError as error:
            if not error.not_found:
                raise

    async def write(self, key: str, service: Object, subsets: Objects, truncated: bool, since: str) -> None:
        found = self.endpoints.index.get(key)
        labels = {k: v for k, v in service["metadata"].get("labels", {}).items() if k != HEADLESS}
        labels[MANAGED_BY[0]] = MANAGED_BY[1]
        if is_headless(service):
            labels[HEADLESS] = ""
        annotations = dict(found["metadata"].get("annotations", {})) if found else {}
        same = found is not None and found.get("subsets", []) == subsets
        if same and found and found["metadata"].get("labels") == labels and (OVER_CAPACITY in annotations) == truncated:
            return
        annotations.pop(TRIGGER_TIME, None)
        annotations.pop(OVER_CAPACITY, None)
        if since:
            annotations[TRIGGER_TIME] = since
        if truncated:
            annotations[OVER_CAPACITY] = "truncated"
        metadata = dict(found["metadata"]) if found else dict(zip(("namespace", "name"), self.split(key), strict=True))
        metadata |= {"labels": labels, "annotations": annotations}
        made = {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata, "subsets": subsets}
        try:
            await (self.client.update(ENDPOINTS, made) if found else self.client.create(ENDPOINTS, made))
        except ApiError as error:
            self.times.forget(key)  # what was not written has still to be told
            if "NamespaceTerminating" in str(error.status):
                return
            if not error.conflict and not error.already_exists:
                verb, reason = ("update", "FailedToUpdateEndpoint") if found else ("create", "FailedToCreateEndpoint")
                message = f"Failed to {verb} endpoint {key}: {error}"
                self.environment.recorder("endpoint-controller").event(found or service, "Warning", reason, message)
            raise


def subsets_of(service: Object, pods: Objects) -> Objects:
    """Addresses grouped by the set of ports that they serve, all in a fixed order."""
    unready_too = bool(service["spec"].get("publishNotReadyAddresses"))
    family = (service["spec"].get("ipFamilies") or ["IPv4"])[0]
    served: dict[tuple[str, str], tuple[Object, bool, Ports]] = {}
    for pod in pods:
        at = address(pod, family)
        if not at or not serves(pod, while_going=unready_too):
            continue
        ports = ports_of(service, pod)
        if ports is None:
            continue
        entry = {"ip": at, "nodeName": pod["spec"].get("nodeName", ""), "targetRef": target_ref(pod)}
        if host := hostname(pod, service):
            entry["hostname"] = host
        entry = {name: value for name, value in entry.items() if value}
        served[at, pod["metadata"]["uid"]] = (entry, unready_too or is_ready(pod), ports)
    groups: dict[Ports, tuple[Objects, Objects]] = {}
    for entry, ready, ports in served.values():
        groups.setdefault(ports, ([], []))[0 if ready else 1].append(entry)
    return [_subset(ports, *addresses) for ports, addresses in sorted(groups.items())]


def ports_of(service: Object, pod: Object) -> Ports | None:
    """Ports of the service that this pod serves; None when it serves none. Headless services may have none at all."""
    wanted = service["spec"].get("ports", [])
    if not wanted:
        return () if is_headless(service) else None
    found = []
    for port in wanted:
        number = target_port(pod, port)
        if number is not None:
            found.append((port.get("name", ""), number, port.get("protocol", "TCP"), port.get("appProtocol", "")))
    return tuple(sorted(found)) or None


def _subset(ports: Ports, ready: Objects, unready: Objects) -> Object:
    subset: Object = {}
    for name, addresses in (("addresses", ready), ("notReadyAddresses", unready)):
        if addresses:
            subset[name] = sorted(addresses, key=_place)
    if ports:
        subset["ports"] = [
            {k: v for k, v in zip(("name", "port", "protocol", "appProtocol"), port, strict=True) if v}
            for port in ports
        ]
    return subset


def _place(entry: Object) -> tuple[bytes, str]:
    ip = parse_ip(entry["ip"])
    return (ip.packed if ip else b"", entry["targetRef"]["uid"])


def truncate(subsets: Objects) -> bool:
    """At most a thousand addresses, ready ones first; whether any had to go."""
    total = sum(len(s.get(kind, [])) for s in subsets for kind in ("addresses", "notReadyAddresses"))
    if total <= MOST:
        return False
    left = MOST
    for kind in ("addresses", "notReadyAddresses"):
        for subset in subsets:
            kept = subset.get(kind, [])[:left]
            left -= len(kept)
            subset.pop(kind, None)
            if kept:
                subset[kind] = kept
    subsets[:] = [s for s in subsets if "addresses" in s or "notReadyAddresses" in s]
    return True


CONTROLLER = EndpointsController
