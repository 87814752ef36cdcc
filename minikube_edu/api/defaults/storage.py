"""Defaults of storage.k8s.io."""

from __future__ import annotations

from typing import Any

from minikube_edu.api.defaults import Defaulter, volumes

Object = dict[str, Any]

_CSI_DRIVER: Object = {
    "attachRequired": True,
    "podInfoOnMount": False,
    "storageCapacity": False,
    "fsGroupPolicy": "ReadWriteOnceWithFSType",
    "requiresRepublish": False,
    "seLinuxMount": False,
}


def _storage_class(obj: Object) -> None:
    obj.setdefault("reclaimPolicy", "Delete")
    obj.setdefault("volumeBindingMode", "Immediate")


def _csi_driver(obj: Object) -> None:
    spec = obj["spec"]
    for field, value in _CSI_DRIVER.items():
        spec.setdefault(field, value)
    if not spec.get("volumeLifecycleModes"):
        spec["volumeLifecycleModes"] = ["Persistent"]


def _volume_attachment(obj: Object) -> None:
    inline = obj["spec"].get("source", {}).get("inlineVolumeSpec")
    if inline is not None:
        volumes.volume_spec(inline)


DEFAULTS: dict[tuple[str, str], Defaulter] = {
    ("v1", "StorageClass"): _storage_class,
    ("v1", "CSIDriver"): _csi_driver,
    ("v1", "VolumeAttachment"): _volume_attachment,
}
