"""What a pod refers to by name: secrets, config maps, claims. Its node may read these, and nothing else of the kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Object = dict[str, Any]

CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
# volume source -> the field of its secret's reference
_SECRET_REFERENCES = {
    "cephfs": "secretRef", "cinder": "secretRef", "csi": "nodePublishSecretRef", "flexVolume": "secretRef",
    "iscsi": "secretRef", "rbd": "secretRef", "scaleIO": "secretRef", "storageos": "secretRef",
}  # fmt: skip


def _containers(spec: Object) -> Iterator[Object]:
    for field in CONTAINERS:
        yield from spec.get(field) or ()


def _from_environment(spec: Object, whole: str, one: str) -> Iterator[str]:
    for container in _containers(spec):
        for source in container.get("envFrom") or ():
            if whole in source:
                yield source[whole].get("name", "")
        for variable in container.get("env") or ():
            reference = (variable.get("valueFrom") or {}).get(one)
            if reference:
                yield reference.get("name", "")


def _projected(spec: Object, field: str) -> Iterator[str]:
    for volume in spec.get("volumes") or ():
        for source in (volume.get("projected") or {}).get("sources") or ():
            if field in source:
                yield source[field].get("name", "")


def secrets(spec: Object) -> set[str]:
    found = {one.get("name", "") for one in spec.get("imagePullSecrets") or ()}
    found.update(_from_environment(spec, "secretRef", "secretKeyRef"))
    found.update(_projected(spec, "secret"))
    for volume in spec.get("volumes") or ():
        if "secret" in volume:
            found.add(volume["secret"].get("secretName", ""))
        if "azureFile" in volume:
            found.add(volume["azureFile"].get("secretName", ""))
        for source, field in _SECRET_REFERENCES.items():
            reference = (volume.get(source) or {}).get(field)
            if reference:
                found.add(reference.get("name", ""))
    return found - {""}


def config_maps(spec: Object) -> set[str]:
    found = set(_from_environment(spec, "configMapRef", "configMapKeyRef"))
    found.update(_projected(spec, "configMap"))
    found.update(v["configMap"].get("name", "") for v in spec.get("volumes") or () if "configMap" in v)
    return found - {""}


def claims(pod: Object) -> set[str]:
    """Names of persistent volume claims; one of an ephemeral volume is named after pod and volume."""
    found = set()
    for volume in pod["spec"].get("volumes") or ():
        if "persistentVolumeClaim" in volume:
            found.add(volume["persistentVolumeClaim"].get("claimName", ""))
        elif "ephemeral" in volume:
            found.add(f"{pod['metadata']['name']}-{volume['name']}")
    return found - {""}


def resource_claims(pod: Object) -> set[str]:
    """Names of resource claims: named in the specification, or made for the pod and named in its status."""
    found = {one.get("resourceClaimName") for one in pod["spec"].get("resourceClaims") or ()}
    status = pod.get("status", {})
    found.update(one.get("resourceClaimName") for one in status.get("resourceClaimStatuses") or ())
    extended = status.get("extendedResourceClaimStatus") or {}
    found.add(extended.get("resourceClaimName"))
    return {name for name in found if name}
