"""Persistent volumes and claims, storage classes, CSI nodes, volume attributes classes."""

from __future__ import annotations

from typing import Any

from minikube_edu.client.rest import Resource
from minikube_edu.kubectl.describe.page import NONE, Object, Page, moment, pairs, since, truth
from minikube_edu.kubectl.describe.volumes import PERSISTENT, source

PODS = Resource("", "v1", "pods", True, "Pod")
_BETA_CLASS = "volume.beta.kubernetes.io/storage-class"
_DEFAULTS = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")
_MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}


def access_modes(found: list[str] | None) -> str:
    return ",".join(short for mode, short in _MODES.items() if mode in (found or ()))


def claim_class(obj: Object) -> str:
    annotations = (obj.get("metadata") or {}).get("annotations") or {}
    return str(annotations.get(_BETA_CLASS) or (obj.get("spec") or {}).get("storageClassName") or "")


def _phase(obj: Object) -> str:
    if deleted := obj["metadata"].get("deletionTimestamp"):
        return f"Terminating (lasts {since(deleted)})"
    return str((obj.get("status") or {}).get("phase") or "")


async def volume(page: Page, obj: Object, client: Any) -> None:
    spec = obj.get("spec") or {}
    page.named(obj, namespaced=False)
    page.marked(obj)
    page.field(0, "Finalizers", obj["metadata"].get("finalizers") or [])
    page.field(0, "StorageClass", claim_class(obj))
    page.field(0, "Status", _phase(obj))
    claim = spec.get("claimRef")
    page.field(0, "Claim", f"{claim.get('namespace') or ''}/{claim.get('name') or ''}" if claim else "")
    page.field(0, "Reclaim Policy", spec.get("persistentVolumeReclaimPolicy") or "")
    page.field(0, "Access Modes", access_modes(spec.get("accessModes")))
    if spec.get("volumeMode") is not None:
        page.field(0, "VolumeMode", spec["volumeMode"])
    page.field(0, "Capacity", str((spec.get("capacity") or {}).get("storage", "0")))
    _node_affinity(page, (spec.get("nodeAffinity") or {}).get("required"))
    page.field(0, "Message", (obj.get("status") or {}).get("message") or "")
    page.line(0, "Source:")
    source(page, spec, PERSISTENT)


def _node_affinity(page: Page, required: Object | None) -> None:
    if required is None:
        page.field(0, "Node Affinity", NONE)
        return
    page.field(0, "Node Affinity", "")
    terms = required.get("nodeSelectorTerms") or ()
    page.field(1, "Required Terms", "" if terms else NONE)
    for index, term in enumerate(terms):
        shown = [
            f"{want['key']} {str(want.get('operator')).lower()}" + _values(want.get("values"))
            for want in term.get("matchExpressions") or ()
        ]
        _terms(page, 2, f"Term {index}", shown)


def _values(found: list[str] | None) -> str:
    return f" [{', '.join(found)}]" if found else ""


def _terms(page: Page, level: int, title: str, items: list[str]) -> None:
    page.several(title, items, level=level)


async def claim(page: Page, obj: Object, client: Any) -> None:
    metadata = obj["metadata"]
    claim_fields(page, obj)
    answer = await client.list(PODS, metadata.get("namespace") or "")
    page.several("Used By", sorted(_users(obj, answer.get("items") or [])))
    conditions = (obj.get("status") or {}).get("conditions") or ()
    if conditions:
        page.line(0, "Conditions:")
        page.columns(1, "Type", "Status", "LastProbeTime", "LastTransitionTime", "Reason", "Message")
        page.columns(1, "----", "------", "-----------------", "------------------", "------", "-------")
    for found in conditions:
        times = f"{moment(found.get('lastProbeTime'))} \t{moment(found.get('lastTransitionTime'))}"
        why = f"{found.get('reason') or ''} \t{found.get('message') or ''}"
        page.line(1, f"{found.get('type')} \t{found.get('status')} \t{times} \t{why}")


def _users(obj: Object, pods: list[Object]) -> list[str]:
    """Pods that mount the claim, and the pod that owns it."""
    name = obj["metadata"]["name"]
    owners = {owner.get("uid") for owner in obj["metadata"].get("ownerReferences") or () if owner.get("kind") == "Pod"}
    users = []
    for pod in pods:
        volumes = (pod.get("spec") or {}).get("volumes") or ()
        mounts = sum((volume.get("persistentVolumeClaim") or {}).get("claimName") == name for volume in volumes)
        if mounts or pod["metadata"].get("uid") in owners:
            users += [pod["metadata"]["name"]] * max(mounts, 1)
    return users


def claim_fields(page: Page, obj: Object, whole: bool = True) -> None:
    """A claim; not whole is one that stands in a pod."""
    metadata, spec, status = obj.get("metadata") or {}, obj.get("spec") or {}, obj.get("status") or {}
    if whole:
        page.named(obj)
    page.field(0, "StorageClass", claim_class(obj))
    if whole:
        page.field(0, "Status", _phase(obj))
    bound = bool(spec.get("volumeName"))
    page.field(0, "Volume", spec.get("volumeName") or "")
    page.marked(obj)
    if whole:
        page.field(0, "Finalizers", metadata.get("finalizers") or [])
    page.field(0, "Capacity", str((status.get("capacity") or {}).get("storage", "0")) if bound else "")
    page.field(0, "Access Modes", access_modes(status.get("accessModes")) if bound else "")
    if spec.get("volumeMode") is not None:
        page.field(0, "VolumeMode", spec["volumeMode"])
    if origin := spec.get("dataSource"):
        page.line(0, "DataSource:")
        for label, name in (("APIGroup", "apiGroup"), ("Kind", "kind"), ("Name", "name")):
            if name != "apiGroup" or origin.get(name) is not None:
                page.field(1, label, origin.get(name) or "")


async def storage_class(page: Page, obj: Object, client: Any) -> None:
    annotations = obj["metadata"].get("annotations") or {}
    page.named(obj, namespaced=False)
    page.field(0, "IsDefaultClass", "Yes" if any(annotations.get(name) == "true" for name in _DEFAULTS) else "No")
    page.field(0, "Annotations", pairs(annotations))
    page.field(0, "Provisioner", obj.get("provisioner") or "")
    page.field(0, "Parameters", pairs(obj.get("parameters")))
    page.field(0, "AllowVolumeExpansion", truth(obj.get("allowVolumeExpansion")))
    if options := obj.get("mountOptions"):
        page.line(0, "MountOptions:")
        for option in options:
            page.line(1, option)
    else:
        page.field(0, "MountOptions", NONE)
    for label, name in (("ReclaimPolicy", "reclaimPolicy"), ("VolumeBindingMode", "volumeBindingMode")):
        if obj.get(name) is not None:
            page.field(0, label, obj[name])
    if obj.get("allowedTopologies") is not None:
        page.field(0, "AllowedTopologies", "" if obj["allowedTopologies"] else NONE)
        for index, term in enumerate(obj["allowedTopologies"]):
            wanted = term.get("matchLabelExpressions") or ()
            _terms(page, 1, f"Term {index}", [f"{want['key']} in" + _values(want.get("values")) for want in wanted])


async def attributes_class(page: Page, obj: Object, client: Any) -> None:
    page.named(obj, namespaced=False)
    page.field(0, "Annotations", pairs(obj["metadata"].get("annotations")))
    page.field(0, "DriverName", obj.get("driverName") or "")
    page.field(0, "Parameters", pairs(obj.get("parameters")))


async def csi_node(page: Page, obj: Object, client: Any) -> None:
    page.named(obj, namespaced=False)
    page.marked(obj)
    page.field(0, "CreationTimestamp", moment(obj["metadata"].get("creationTimestamp")))
    page.line(0, "Spec:")
    drivers = (obj.get("spec") or {}).get("drivers")
    if drivers is None:
        return
    page.line(1, "Drivers:")
    for driver in drivers:
        page.line(2, f"{driver.get('name')}:")
        page.field(3, "Node ID", driver.get("nodeID") or "")
        if (count := (driver.get("allocatable") or {}).get("count")) is not None:
            page.line(3, "Allocatables:")
            page.field(4, "Count", count)
        if driver.get("topologyKeys") is not None:
            page.field(3, "Topology Keys", driver["topologyKeys"])
