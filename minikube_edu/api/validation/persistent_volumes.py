"""PersistentVolumes: capacity, modes, one source that never changes. Also inline in a VolumeAttachment."""

from __future__ import annotations

import posixpath
from typing import Any

from minikube_edu.api import names
from minikube_edu.api.field_errors import Errors, key
from minikube_edu.api.internal_form import difference
from minikube_edu.api.validation import Validator, field_rules, node_selectors, volume_sources

Object = dict[str, Any]

ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
RECLAIM_POLICIES = ("Delete", "Recycle", "Retain")
VOLUME_MODES = ("Block", "Filesystem")
MOUNT_OPTIONS = "volume.beta.kubernetes.io/mount-options"
INLINE = "in the context of inline volumes"

# Sources whose mounts took options from the annotation of old.
_TAKE_OPTIONS = (
    "gcePersistentDisk", "awsElasticBlockStore", "glusterfs", "nfs", "rbd", "quobyte", "iscsi", "cinder", "cephfs",
    "azureFile", "vsphereVolume", "azureDisk", "photonPersistentDisk",
)  # fmt: skip


def access_modes(errors: Errors, path: str, modes: list[str]) -> None:
    for mode in modes:
        field_rules.one_of(errors, path, mode, ACCESS_MODES)
    known = {mode for mode in modes if mode in ACCESS_MODES}
    if "ReadWriteOncePod" in known and len(known) > 1:
        errors.forbidden(path, "may not use ReadWriteOncePod with other access modes")


def class_name(errors: Errors, path: str, name: str) -> None:
    field_rules.named(errors, path, name, names.dns1123_subdomain)


def spec_rules(errors: Errors, path: str, spec: Object, volume: str, inline: bool = False, odd: bool = False) -> None:
    """The rules of a spec, in the real order. `inline`: it is in a VolumeAttachment, without claim and capacity; `odd`:
    its affinity had values before that would be refused today."""
    if inline:
        _inline_start(errors, path, spec)
    if not spec.get("accessModes"):
        errors.required(f"{path}.accessModes")
    access_modes(errors, f"{path}.accessModes", spec.get("accessModes", []))
    policy = spec.get("persistentVolumeReclaimPolicy", "")
    if not inline:
        _capacity(errors, f"{path}.capacity", spec.get("capacity"))
        if policy:
            field_rules.one_of(errors, f"{path}.persistentVolumeReclaimPolicy", policy, RECLAIM_POLICIES)
    elif policy not in ("", "Retain"):
        errors.forbidden(f"{path}.persistentVolumeReclaimPolicy", f"may only be Retain {INLINE}")
    has_affinity = _affinity(errors, f"{path}.nodeAffinity", spec.get("nodeAffinity"), inline, odd)
    volume_sources.sources(errors, path, spec, volume, has_affinity)
    root = (spec.get("hostPath") or {}).get("path")
    if root is not None and posixpath.normpath(root) in ("/", "//") and policy == "Recycle":
        errors.forbidden(f"{path}.persistentVolumeReclaimPolicy", "may not be 'recycle' for a hostPath mount of '/'")
    _class_and_mode(errors, path, spec, inline)
    if not inline:
        _attributes_class(errors, path, spec)


def _inline_start(errors: Errors, path: str, spec: Object) -> None:
    if spec.get("claimRef") is not None:
        errors.forbidden(f"{path}.claimRef", f"may not be specified {INLINE}")
    if spec.get("capacity"):
        errors.forbidden(f"{path}.capacity", f"may not be specified {INLINE}")
    if spec.get("csi") is None:
        errors.required(f"{path}.csi", f"has to be specified {INLINE}")


def _capacity(errors: Errors, path: str, capacity: Object | None) -> None:
    if not capacity:
        errors.required(path)
    if set(capacity or ()) != {"storage"}:
        errors.not_supported(path, capacity, ["storage"])
    for name, text in sorted((capacity or {}).items()):
        field_rules.nonnegative_quantity(errors, key(path, name), text)
        field_rules.positive_quantity(errors, key(path, name), text)


def _affinity(errors: Errors, path: str, affinity: Object | None, inline: bool, odd: bool) -> bool:
    if affinity is None:
        return False
    if inline:
        errors.forbidden(path, f"may not be specified {INLINE}")
        return False
    if affinity.get("required") is None:
        errors.required(f"{path}.required", "must specify required node constraints")
    else:
        node_selectors.node_selector(errors, f"{path}.required", affinity["required"], odd)
    return True


def _class_and_mode(errors: Errors, path: str, spec: Object, inline: bool) -> None:
    name, mode = spec.get("storageClassName", ""), spec.get("volumeMode")
    if name and inline:
        errors.forbidden(f"{path}.storageClassName", f"may not be specified {INLINE}")
    elif name:
        class_name(errors, f"{path}.storageClassName", name)
    if mode is not None and not inline:
        field_rules.one_of(errors, f"{path}.volumeMode", mode, VOLUME_MODES)
    elif mode not in (None, "Filesystem"):
        errors.forbidden(f"{path}.volumeMode", f"may not specify volumeMode other than Filesystem {INLINE}")


def _attributes_class(errors: Errors, path: str, spec: Object) -> None:
    name = spec.get("volumeAttributesClassName")
    if name is None:
        return
    if name:
        class_name(errors, f"{path}.volumeAttributesClassName", name)
    else:
        errors.required(f"{path}.volumeAttributesClassName", "an empty string is disallowed")
    if spec.get("csi") is None:
        errors.required(f"{path}.csi", "has to be specified when using volumeAttributesClassName")


def _mount_options(obj: Object, errors: Errors) -> None:
    if any(obj["spec"].get(field) is not None for field in _TAKE_OPTIONS):
        return
    if MOUNT_OPTIONS in obj["metadata"].get("annotations", {}):
        path = f"metadata.annotations.{MOUNT_OPTIONS}"
        errors.forbidden(path, "may not specify mount options for this volume type")


def create(obj: Object, errors: Errors, odd: bool = False) -> None:
    spec_rules(errors, "spec", obj["spec"], obj["metadata"].get("name", ""), odd=odd)
    _mount_options(obj, errors)


def _source(spec: Object, old: Object) -> Object:
    """The source alone; a controllerExpandSecretRef may be added later."""
    source = {field: spec[field] for field in volume_sources.FIELDS if field in spec}
    before = old.get("csi")
    if before is not None and "controllerExpandSecretRef" not in before and "csi" in source:
        source["csi"] = {name: value for name, value in source["csi"].items() if name != "controllerExpandSecretRef"}
    return source


def update(new: Object, old: Object, errors: Errors) -> None:
    spec, before = new["spec"], old["spec"]
    odd = node_selectors.has_odd_values((before.get("nodeAffinity") or {}).get("required"))
    create(new, errors, odd)
    spec_rules(errors, "spec", spec, new["metadata"].get("name", ""), odd=odd)  # judged twice, as in the real one
    source, source_before = _source(spec, before), _source(before, {})
    if source != source_before:
        changed = difference("core.v1.PersistentVolumeSource", source_before, source)
        detail = f"spec.persistentvolumesource is immutable after creation\n{changed}"
        errors.forbidden("spec.persistentvolumesource", detail)
    field_rules.immutable(errors, "volumeMode", spec.get("volumeMode"), before.get("volumeMode"))
    if before.get("nodeAffinity") is not None:
        _affinity_update(spec.get("nodeAffinity"), before["nodeAffinity"], errors)
    field = "volumeAttributesClassName"
    if before.get(field) is not None and spec.get(field) is None:
        errors.forbidden(f"spec.{field}", "update from non-nil value to nil is forbidden")


# Labels that may change their name to the newer one.
_RENAMED = {
    "beta.kubernetes.io/os": "kubernetes.io/os",
    "beta.kubernetes.io/arch": "kubernetes.io/arch",
    "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
    "beta.kubernetes.io/instance-type": "node.kubernetes.io/instance-type",
}


def _masked(affinity: Object | None, newer: Object | None) -> Any:
    """The old affinity with labels renamed where the new one has renamed them, at the same place."""
    if affinity is None or newer is None:
        return affinity
    import copy

    masked = copy.deepcopy(affinity)
    terms, newer_terms = (((one.get("required") or {}).get("nodeSelectorTerms") or []) for one in (masked, newer))
    for term, newer_term in zip(terms, newer_terms, strict=False):
        pairs = zip(term.get("matchExpressions", ()), newer_term.get("matchExpressions", ()), strict=False)
        for requirement, newer_requirement in pairs:
            if _RENAMED.get(requirement.get("key", "")) == newer_requirement.get("key"):
                requirement["key"] = newer_requirement["key"]
    return masked


def _affinity_update(new: Object | None, old: Object, errors: Errors) -> None:
    from minikube_edu.api.internal_form import internal

    if _masked(old, new) != new:
        shown = internal("core.v1.VolumeNodeAffinity", new)
        detail = f"{field_rules.IMMUTABLE}, except for updating from beta label to GA"
        errors.invalid("nodeAffinity", shown, detail)


def status_update(new: Object, _: Object, errors: Errors) -> None:
    if not new["metadata"].get("resourceVersion"):
        errors.required("resourceVersion")


_DEPRECATED_ANNOTATIONS = {
    "volume.beta.kubernetes.io/storage-class": 'deprecated since v1.8; use "storageClassName" attribute instead',
    MOUNT_OPTIONS: 'deprecated since v1.31; use "mountOptions" attribute instead',
}
_DEPRECATED_SOURCES = (
    ("cephfs", "cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    ("photonPersistentDisk", "photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"),
    ("scaleIO", "scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    ("storageos", "storageOS", "deprecated in v1.22, non-functional in v1.25+"),
    ("glusterfs", "glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    ("rbd", "rbd", "deprecated in v1.28, non-functional in v1.31+"),
)


def warnings(obj: Object, _: Object | None) -> list[str]:
    spec, annotations = obj["spec"], obj["metadata"].get("annotations", {})
    found = [
        f"metadata.annotations[{name}]: {words}"
        for name, words in _DEPRECATED_ANNOTATIONS.items()
        if name in annotations
    ]
    if spec.get("persistentVolumeReclaimPolicy") == "Recycle":
        found.append(
            "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended "
            "approach is to use dynamic provisioning."
        )
    affinity = spec.get("nodeAffinity") or {}
    found += node_selectors.warnings("spec.nodeAffinity.required", affinity.get("required"))
    found += [f"spec.{name}: {words}" for field, name, words in _DEPRECATED_SOURCES if spec.get(field) is not None]
    return found


VALIDATOR = Validator(create=create, update=update, subresources=(("status", status_update),), warnings=warnings)
