"""Rows of storage classes, drivers and attachments."""

from __future__ import annotations

from typing import Any

from minikube_edu.api.tables.ages import age
from minikube_edu.api.tables.cells import NONE, UNSET

Object = dict[str, Any]
_DEFAULT = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")


def csi_driver(obj: Object) -> list[Any]:
    spec = obj.get("spec") or {}
    requests = spec.get("tokenRequests")
    return [
        obj["metadata"]["name"], spec.get("attachRequired", True), spec.get("podInfoOnMount", False),
        spec.get("storageCapacity", False),
        UNSET if requests is None else ",".join(request.get("audience", "") for request in requests),
        spec.get("requiresRepublish", False), ",".join(spec.get("volumeLifecycleModes") or ()) or NONE, age(obj),
    ]  # fmt: skip


def csi_node(obj: Object) -> list[Any]:
    return [obj["metadata"]["name"], len((obj.get("spec") or {}).get("drivers") or ()), age(obj)]


def storage_class(obj: Object) -> list[Any]:
    annotations = obj["metadata"].get("annotations") or {}
    default = any(annotations.get(name) == "true" for name in _DEFAULT)
    return [
        obj["metadata"]["name"] + (" (default)" if default else ""), obj.get("provisioner", ""),
        obj.get("reclaimPolicy", "Delete"), obj.get("volumeBindingMode", "Immediate"),
        obj.get("allowVolumeExpansion", False), age(obj),
    ]  # fmt: skip


def volume_attachment(obj: Object) -> list[Any]:
    spec = obj.get("spec") or {}
    return [
        obj["metadata"]["name"], spec.get("attacher", ""), (spec.get("source") or {}).get("persistentVolumeName", ""),
        spec.get("nodeName", ""), (obj.get("status") or {}).get("attached", False), age(obj),
    ]  # fmt: skip


def volume_attributes_class(obj: Object) -> list[Any]:
    annotations = obj["metadata"].get("annotations") or {}
    default = annotations.get("storageclass.kubernetes.io/is-default-class") == "true"
    return [obj["metadata"]["name"] + (" (default)" if default else ""), obj.get("driverName", ""), age(obj)]


PRINTERS = {
    "CSIDriver": csi_driver,
    "CSINode": csi_node,
    "StorageClass": storage_class,
    "VolumeAttachment": volume_attachment,
    "VolumeAttributesClass": volume_attributes_class,
}
