"""CoreDNS's copies of what the names are made of: Services, EndpointSlices, Namespaces, and Pods where asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from minikube_edu.client.factory import InformerFactory
from minikube_edu.client.informer import without_managed_fields
from minikube_edu.client.rest import Client, Resource
from minikube_edu.lib import clock

SERVICES = Resource("", "v1", "services", kind="Service")
SLICES = Resource("discovery.k8s.io", "v1", "endpointslices", kind="EndpointSlice")
NAMESPACES = Resource("", "v1", "namespaces", namespaced=False, kind="Namespace")
PODS = Resource("", "v1", "pods", kind="Pod")
SERVICE_NAME = "kubernetes.io/service-name"
Object = dict[str, Any]


class EndpointAddress(Struct, frozen=True):
    ip: str
    hostname: str  # the pod's, in its subdomain; empty for most
    target: str  # the pod's name
    service: str  # namespace/name
    ports: tuple[tuple[str, str, int], ...]  # name, protocol, number

    def label(self, by_pod_name: bool = False) -> str:
        """Its name below the service's."""
        if self.hostname:
            return self.hostname
        if by_pod_name and self.target:
            return self.target
        return self.ip.replace(".", "-").replace(":", "-")


class ClusterView:
    def __init__(self, client: Client, *, pods: bool = False) -> None:
        self.factory = InformerFactory(client)
        informer = self.factory.informer
        self.services = informer(SERVICES, transform=without_managed_fields)
        self.slices = informer(SLICES, transform=without_managed_fields)
        self.namespaces = informer(NAMESPACES, transform=without_managed_fields)
        self.pods = informer(PODS, transform=_small_pod) if pods else None
        self.serial = int(clock.now())  # of the zone: when something last changed
        self.services.add_indexer("ip", cluster_ips)
        self.slices.add_indexer("service", lambda one: [_service_of(one)])
        self.slices.add_indexer("ip", lambda one: [end["addresses"][0] for end in one.get("endpoints") or ()])
        if self.pods is not None:
            self.pods.add_indexer("ip", lambda pod: [(pod.get("status") or {}).get("podIP") or ""])
        for informed in (self.services, self.slices):
            informed.add_key_handler(self._changed)

    def _changed(self, _: str) -> None:
        self.serial = int(clock.now())

    @property
    def synced(self) -> bool:
        informers = [self.services, self.slices, self.namespaces, *([self.pods] if self.pods else [])]
        return all(informer.has_synced() for informer in informers)

    def has_namespace(self, name: str) -> bool:
        return self.namespaces.index.find(name) is not None

    def service(self, namespace: str, name: str) -> Object | None:
        return self.services.index.find(name, namespace)

    def services_at(self, ip: str) -> list[Object]:
        return self.services.index.by("ip", ip)

    def endpoints(self, namespace: str, name: str) -> Iterator[EndpointAddress]:
        for one in self.slices.index.by("service", f"{namespace}/{name}"):
            yield from addresses_of(one)

    def endpoints_at(self, ip: str) -> list[EndpointAddress]:
        return [end for one in self.slices.index.by("ip", ip) for end in addresses_of(one) if end.ip == ip]

    def has_pod(self, namespace: str, ip: str) -> bool:
        found = self.pods.index.by("ip", ip) if self.pods is not None else []
        return any(pod["metadata"]["namespace"] == namespace for pod in found)


def cluster_ips(service: Object) -> list[str]:
    """None for headless services."""
    spec = service.get("spec") or {}
    found = spec.get("clusterIPs") or [spec.get("clusterIP") or ""]
    return [ip for ip in found if ip not in ("", "None")]


def addresses_of(one: Object) -> Iterator[EndpointAddress]:
    """The ready endpoints of a slice."""
    ports = tuple(
        (port.get("name") or "", port.get("protocol") or "TCP", int(port.get("port") or -1))
        for port in one.get("ports") or ()
    )
    for end in one.get("endpoints") or ():
        if (end.get("conditions") or {}).get("ready") is False:
            continue
        target = (end.get("targetRef") or {}).get("name") or ""
        for ip in end.get("addresses") or ():
            yield EndpointAddress(ip, end.get("hostname") or "", target, _service_of(one), ports or (("", "", -1),))


def _service_of(one: Object) -> str:
    metadata = one["metadata"]
    return f"{metadata.get('namespace')}/{(metadata.get('labels') or {}).get(SERVICE_NAME, '')}"


def _small_pod(pod: Object) -> Object:
    metadata = {key: pod["metadata"].get(key) for key in ("name", "namespace", "uid", "resourceVersion")}
    return {"metadata": metadata, "status": {"podIP": (pod.get("status") or {}).get("podIP") or ""}}
