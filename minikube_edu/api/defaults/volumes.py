"""Defaults of volumes, claims and everything that holds a list of resources."""

from __future__ import annotations

from typing import Any

from minikube_edu.api import quantity

Object = dict[str, Any]

# Of the sources that a PersistentVolume may have: field -> what is filled in.
SOURCES: dict[str, Object] = {
    "hostPath": {"type": ""},
    "rbd": {"pool": "rbd", "user": "admin", "keyring": "/etc/ceph/keyring"},
    "iscsi": {"iscsiInterface": "default"},
    "azureDisk": {"cachingMode": "ReadWrite", "fsType": "ext4", "readOnly": False, "kind": "Shared"},
    "scaleIO": {"storageMode": "ThinProvisioned", "fsType": "xfs"},
}


def resource_list(holder: Object, *fields: str) -> None:
    """Quantities are kept in thousandths at the finest; what is finer is rounded up."""
    for field in fields:
        values = holder.get(field)
        if not values:
            continue
        for name, text in values.items():
            if text[-1] in "nu" or len(text) > 12:
                values[name] = _to_milli(text)


def _to_milli(text: str) -> str:
    parsed = quantity.parse(text)
    if parsed.exponent >= -3:
        return text
    return str(quantity.Quantity.from_milli(parsed.milli_value(), parsed.format))


def volume_source(spec: Object) -> None:
    for field, values in SOURCES.items():
        source = spec.get(field)
        if source is not None:
            for name, value in values.items():
                source.setdefault(name, value)


def volume_spec(spec: Object) -> None:
    """A PersistentVolumeSpec, wherever it is written."""
    resource_list(spec, "capacity")
    volume_source(spec)


def persistent_volume(obj: Object) -> None:
    spec = obj["spec"]
    obj.setdefault("status", {}).setdefault("phase", "Pending")
    spec.setdefault("persistentVolumeReclaimPolicy", "Retain")
    spec.setdefault("volumeMode", "Filesystem")
    volume_spec(spec)


def persistent_volume_claim(obj: Object) -> None:
    spec, status = obj["spec"], obj.setdefault("status", {})
    status.setdefault("phase", "Pending")
    claim_spec(spec)
    resource_list(status, "capacity", "allocatedResources")


def claim_spec(spec: Object) -> None:
    """A PersistentVolumeClaimSpec, wherever it is written."""
    spec.setdefault("volumeMode", "Filesystem")
    resource_list(spec.get("resources", {}), "limits", "requests")
