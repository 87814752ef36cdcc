"""endpointslicemirroring-controller: Endpoints that somebody wrote by hand, as EndpointSlices.

A service without a selector has the backends that its user names in an Endpoints object of the same name; proxies read
slices alone, so they are copied, with the same owner-takes-along rule. Not copied are those that are marked
`skip-mirror`, those of leader elections, and those whose service has a selector.
"""

from __future__ import annotations

from collections import defaultdict

from minikube_edu.client.errors import ApiError
from minikube_edu.kube_controller_manager.controller import Controller, Environment, Object
from minikube_edu.kube_controller_manager.controllers.endpoint_slices.backends import HEADLESS, TRIGGER_TIME
from minikube_edu.kube_controller_manager.controllers.endpoint_slices.filling import Writes, fill
from minikube_edu.kube_controller_manager.kinds import ENDPOINT_SLICES, ENDPOINTS, SERVICES

SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
MANAGER = "endpointslicemirroring-controller.k8s.io"
SKIP = "endpointslice.kubernetes.io/skip-mirror"
LEADER = "control-plane.alpha.kubernetes.io/leader"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
MOST_PER_SUBSET = 1000

Objects = list[Object]
Group = tuple[str, tuple[tuple[str, int, str, str], ...]]  # address type, ports


class EndpointSliceMirroringController(Controller):
    name = "endpointslice-mirroring-controller"

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.endpoints = self.watch(ENDPOINTS)
        self.services = self.watch_related(SERVICES, lambda service: [key_like(service)])
        self.slices = self.watch_related(ENDPOINT_SLICES, mirrored_from)
        self.slices.add_indexer("mirrored", mirrored_from)

    async def reconcile(self, key: str) -> None:
        endpoints = self.endpoints.index.get(key)
        service = self.services.index.get(key)
        existing = self.slices.index.by("mirrored", key)
        writes = Writes()
        if endpoints is None or service is None or not wants_mirror(endpoints) or service["spec"].get("selector"):
            writes.delete += existing
        else:
            self.plan(endpoints, existing, writes)
        await self.perform(writes)

    def plan(self, endpoints: Object, existing: Objects, writes: Writes) -> None:
        desired = grouped(endpoints)
        found: dict[Group, Objects] = defaultdict(list)
        for slice_ in existing:
            found[slice_["addressType"], ports_in(slice_)].append(slice_)
        for group in dict.fromkeys([*desired, *found]):
            if desired[group] or found[group]:
                fill(found[group], desired[group], blank_slice(endpoints, group), writes)
        writes.reuse()

    async def perform(self, writes: Writes) -> None:
        for slice_ in writes.create:
            self.slices.index.put(await self.client.create(ENDPOINT_SLICES, slice_))
        for slice_ in writes.update:
            await self.client.update(ENDPOINT_SLICES, slice_)
        for slice_ in writes.delete:
            try:
                await self.client.delete(ENDPOINT_SLICES, slice_["metadata"]["name"], slice_["metadata"]["namespace"])
            except ApiError as error:
                if not error.not_found:
                    raise


def key_like(obj: Object) -> str:
    return f"{obj['metadata']['namespace']}/{obj['metadata']['name']}"


def wants_mirror(endpoints: Object) -> bool:
    metadata = endpoints["metadata"]
    return metadata.get("labels", {}).get(SKIP) != "true" and LEADER not in metadata.get("annotations", {})


def mirrored_from(slice_: Object) -> list[str]:
    metadata = slice_["metadata"]
    labels = metadata.get("labels", {})
    if labels.get(MANAGED_BY) != MANAGER or SERVICE_NAME not in labels:
        return []
    return [f"{metadata['namespace']}/{labels[SERVICE_NAME]}"]


def grouped(endpoints: Object) -> dict[Group, Objects]:
    """The endpoints of each slice family: by address type and ports."""
    found: dict[Group, Objects] = defaultdict(list)
    for subset in endpoints.get("subsets") or []:
        ports = tuple(
            (p.get("name", ""), p["port"], p.get("protocol", "TCP"), p.get("appProtocol", ""))
            for p in subset.get("ports", [])
        )
        taken = 0
        for kind, ready in (("addresses", True), ("notReadyAddresses", False)):
            for address in subset.get(kind, []):
                if taken < MOST_PER_SUBSET:
                    found["IPv6" if ":" in address["ip"] else "IPv4", ports].append(endpoint(address, ready))
                    taken += 1
    return found


def endpoint(address: Object, ready: bool) -> Object:
    made: Object = {"addresses": [address["ip"]], "conditions": {"ready": ready}}
    for name in ("hostname", "nodeName", "targetRef"):
        if address.get(name):
            made[name] = address[name]
    return made


def ports_in(slice_: Object) -> tuple[tuple[str, int, str, str], ...]:
    return tuple(
        (p.get("name", ""), p.get("port", 0), p.get("protocol", "TCP"), p.get("appProtocol", ""))
        for p in slice_.get("ports") or []
    )


def blank_slice(endpoints: Object, group: Group) -> Object:
    metadata = endpoints["metadata"]
    family, ports = group
    labels = {k: v for k, v in metadata.get("labels", {}).items() if k != HEADLESS}
    labels |= {SERVICE_NAME: metadata["name"], MANAGED_BY: MANAGER}
    annotations = {k: v for k, v in metadata.get("annotations", {}).items() if k not in (TRIGGER_TIME, LAST_APPLIED)}
    owner = {"apiVersion": "v1", "kind": "Endpoints", "name": metadata["name"], "uid": metadata["uid"]}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "generateName": f"{metadata['name']}-",
            "namespace": metadata["namespace"],
            "labels": labels,
            **({"annotations": annotations} if annotations else {}),
            "ownerReferences": [{**owner, "controller": True, "blockOwnerDeletion": True}],
        },
        "addressType": family,
        "endpoints": [],
        "ports": [
            {"name": name, "port": number, "protocol": protocol, **({"appProtocol": app} if app else {})}
            for name, number, protocol, app in ports
        ],
    }


CONTROLLER = EndpointSliceMirroringController
