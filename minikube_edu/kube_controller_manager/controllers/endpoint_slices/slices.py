"""endpointslice-controller: what is behind a service, in pieces.

One slice holds one address family and one set of ports; where pods call a named port by different numbers there are
more. Pods that are going stay, marked `terminating`, so that proxies can finish with them. A service without pods has
one empty slice. Services that prefer near backends (`trafficDistribution`) get hints: each endpoint for its own zone or
node.

The real one has besides the older annotation `service.kubernetes.io/topology-mode: Auto`, which divides the endpoints
among zones by their CPUs.
"""

from __future__ import annotations

from collections import defaultdict

from minikube_edu.client.errors import ApiError
from minikube_edu.client.informer import Deleted, last_state
from minikube_edu.kube_controller_manager.controller import Controller, Environment, Object
from minikube_edu.kube_controller_manager.controllers.endpoint_slices.backends import (
    HEADLESS,
    TRIGGER_TIME,
    TriggerTimes,
    Watched,
    address,
    has_backends,
    hostname,
    is_going,
    is_headless,
    is_ready,
    serves,
    target_port,
    target_ref,
)
from minikube_edu.kube_controller_manager.controllers.endpoint_slices.filling import Writes, dressed_as, fill
from minikube_edu.kube_controller_manager.kinds import ENDPOINT_SLICES, NODES, PODS, SERVICES
from minikube_edu.lib.jsonpatch import copy_json

SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
MANAGER = "endpointslice-controller.k8s.io"
ZONE = "topology.kubernetes.io/zone"

Ports = tuple[tuple[str, int, str, str], ...]
Objects = list[Object]


class EndpointSliceController(Controller):
    name = "endpointslice-controller"

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.services = self.watch(SERVICES)
        self.nodes = self.informer(NODES)
        self.watched = Watched(self.services, self.informer(PODS), self.queue.add_after)
        self.times = TriggerTimes()
        self.slices = self.informer(ENDPOINT_SLICES)
        self.slices.add_indexer("service", service_of)
        self.slices.add_handler(
            added=self.slice_seen, updated=lambda _, slice_: self.slice_seen(slice_), deleted=self.slice_gone
        )
        self.written: dict[str, str] = {}  # slice -> the version that this controller wrote: events of it wake nobody

    def slice_seen(self, slice_: Object) -> None:
        metadata = slice_["metadata"]
        if self.written.get(metadata["uid"]) != metadata["resourceVersion"]:
            for key in service_of(slice_):
                self.watched.wake(key)

    def slice_gone(self, gone: Deleted) -> None:
        slice_ = last_state(gone)
        if self.written.pop(slice_["metadata"]["uid"], None) is not None:
            for key in service_of(slice_):
                self.watched.wake(key)

    async def reconcile(self, key: str) -> None:
        service = self.services.index.get(key)
        if service is None:
            self.watched.forget(key)
            self.times.forget(key)  # its slices go with it: they are owned
            return
        if not has_backends(service):
            return
        pods = [pod for pod in self.watched.behind(service) if serves(pod, while_going=True)]
        existing = self.slices.index.by("service", key)
        writes = Writes()
        families = service["spec"].get("ipFamilies") or ["IPv4"]
        for family in families:
            mine = [one for one in existing if one["addressType"] == family]
            self.plan(service, family, pods, mine, writes)
        writes.delete += [one for one in existing if one["addressType"] not in families]
        await self.perform(key, service, writes, self.times.earliest(key, service, pods))

    def plan(self, service: Object, family: str, pods: Objects, existing: Objects, writes: Writes) -> None:
        """What is to be written for one address family."""
        desired: dict[Ports, Objects] = defaultdict(list)
        for pod in pods:
            if at := address(pod, family):
                desired[ports_of(service, pod)].append(self.endpoint(service, pod, at))
        give_hints(service, desired)
        by_ports: dict[Ports, Objects] = defaultdict(list)
        for slice_ in existing:
            by_ports[ports_in(slice_)].append(slice_)
        mine = Writes()
        for ports in dict.fromkeys([*desired, *by_ports]):
            fill(by_ports[ports], desired[ports], blank_slice(service, family, ports), mine)
        if len(mine.delete) == len(existing) and not mine.create:
            placeholder = blank_slice(service, family, ())
            if len(existing) == 1 and is_placeholder(existing[0], placeholder):
                mine.delete.clear()
            else:
                mine.create.append(placeholder)
        mine.reuse()
        writes.create += mine.create
        writes.update += mine.update
        writes.delete += mine.delete

    def endpoint(self, service: Object, pod: Object, at: str) -> Object:
        serving, going = is_ready(pod), is_going(pod)
        ready = bool(service["spec"].get("publishNotReadyAddresses")) or (serving and not going)
        made: Object = {
            "addresses": [at],
            "conditions": {"ready": ready, "serving": serving, "terminating": going},
            "targetRef": target_ref(pod),
        }
        if host := hostname(pod, service):
            made["hostname"] = host
        if node_name := pod["spec"].get("nodeName"):
            made["nodeName"] = node_name
            node = self.nodes.index.get(node_name)
            if node and (zone := node["metadata"].get("labels", {}).get(ZONE)):
                made["zone"] = zone
        return made

    async def perform(self, key: str, service: Object, writes: Writes, since: str) -> None:
        try:
            for slice_ in writes.create:
                self.remember(await self.client.create(ENDPOINT_SLICES, stamped(slice_, since)))
            for slice_ in writes.update:
                self.remember(await self.client.update(ENDPOINT_SLICES, stamped(slice_, since)))
            for slice_ in writes.delete:
                self.written.pop(slice_["metadata"]["uid"], None)
                await self.client.delete(ENDPOINT_SLICES, slice_["metadata"]["name"], slice_["metadata"]["namespace"])
        except ApiError as error:
            self.times.forget(key)
            if "NamespaceTerminating" in str(error.status):
                return
            if error.code >= 400 and error.reason not in ("Conflict", "NotFound"):
                message = f"Error updating Endpoint Slices for Service {key}: {error}"
                recorder = self.environment.recorder("endpoint-slice-controller")
                recorder.event(service, "Warning", "FailedToUpdateEndpointSlices", message)
            raise

    def remember(self, slice_: Object) -> None:
        """A write is in the index at once: the next look at the service must not make the slice a second time."""
        metadata = slice_["metadata"]
        self.written[metadata["uid"]] = metadata["resourceVersion"]
        known = self.slices.index.get(f"{metadata['namespace']}/{metadata['name']}")
        if known is None or int(known["metadata"]["resourceVersion"]) < int(metadata["resourceVersion"]):
            self.slices.index.put(slice_)


def service_of(slice_: Object) -> list[str]:
    metadata = slice_["metadata"]
    labels = metadata.get("labels", {})
    if labels.get(MANAGED_BY) != MANAGER or SERVICE_NAME not in labels:
        return []
    return [f"{metadata['namespace']}/{labels[SERVICE_NAME]}"]


def ports_of(service: Object, pod: Object) -> Ports:
    found = []
    for port in service["spec"].get("ports", []):
        number = target_port(pod, port)
        if number is not None:
            found.append((port.get("name", ""), number, port.get("protocol", "TCP"), port.get("appProtocol", "")))
    return tuple(found)


def ports_in(slice_: Object) -> Ports:
    return tuple(
        (p.get("name", ""), p.get("port", 0), p.get("protocol", "TCP"), p.get("appProtocol", ""))
        for p in slice_.get("ports") or []
    )


def blank_slice(service: Object, family: str, ports: Ports) -> Object:
    metadata = service["metadata"]
    reserved = (HEADLESS, SERVICE_NAME, MANAGED_BY)
    labels = {k: v for k, v in metadata.get("labels", {}).items() if k not in reserved}
    labels |= {SERVICE_NAME: metadata["name"], MANAGED_BY: MANAGER}
    if is_headless(service):
        labels[HEADLESS] = ""
    owner = {"apiVersion": "v1", "kind": "Service", "name": metadata["name"], "uid": metadata["uid"]}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "generateName": f"{metadata['name']}-",
            "namespace": metadata["namespace"],
            "labels": labels,
            "ownerReferences": [{**owner, "controller": True, "blockOwnerDeletion": True}],
        },
        "addressType": family,
        "endpoints": [],
        "ports": [
            {"name": name, "port": number, "protocol": protocol, **({"appProtocol": app} if app else {})}
            for name, number, protocol, app in ports
        ],
    }


def is_placeholder(slice_: Object, placeholder: Object) -> bool:
    return not slice_.get("endpoints") and not slice_.get("ports") and dressed_as(slice_, placeholder)


def give_hints(service: Object, desired: dict[Ports, Objects]) -> None:
    """`forZones` and `forNodes`: nearness, when every ready endpoint is known to be somewhere."""
    wish = service["spec"].get("trafficDistribution")
    if wish not in ("PreferClose", "PreferSameZone", "PreferSameNode"):
        return
    ready = [one for endpoints in desired.values() for one in endpoints if one["conditions"]["ready"]]
    zoned = all(one.get("zone") for one in ready)
    for one in ready:
        hints: Object = {}
        if zoned:
            hints["forZones"] = [{"name": one["zone"]}]
        if wish == "PreferSameNode" and one.get("nodeName"):
            hints["forNodes"] = [{"name": one["nodeName"]}]
        if hints:
            one["hints"] = hints


def stamped(slice_: Object, since: str) -> Object:
    made: Object = copy_json(slice_)
    annotations = made["metadata"].setdefault("annotations", {})
    annotations.pop(TRIGGER_TIME, None)
    if since:
        annotations[TRIGGER_TIME] = since
    return made
