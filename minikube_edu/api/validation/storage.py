"""Validation of storage.k8s.io: the table, classes of volumes and of their attributes, and attachments."""

from __future__ import annotations

from typing import Any

from minikube_edu.api import names
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.internal_form import internal
from minikube_edu.api.validation import Validator, csi, field_rules, persistent_volumes
from minikube_edu.api.validation.node_selectors import DEPRECATED_LABELS
from minikube_edu.api.validation.volume_sources import csi_driver_name

Object = dict[str, Any]

MAX_PARAMETERS, MAX_PARAMETER_BYTES = 512, 256 * 1024
MAX_METADATA_BYTES, MAX_MESSAGE = 256 * 1024, 1024
BINDING_MODES = ("Immediate", "WaitForFirstConsumer")
RECLAIM_POLICIES = ("Delete", "Retain")
_ONE_SOURCE = "must specify exactly one of inlineVolumeSpec and persistentVolumeName"


def _provisioner(errors: Errors, path: str, name: str) -> None:
    if name:
        field_rules.named(errors, path, name.lower(), names.qualified_name)
    else:
        errors.required(path)


def _size(values: Object) -> int:
    return sum(len(name.encode()) + len(value.encode()) for name, value in values.items())


def _parameters(errors: Errors, path: str, values: Object) -> None:
    if len(values) > MAX_PARAMETERS:
        errors.too_long(path, MAX_PARAMETERS)
        return
    if "" in values:
        errors.invalid(path, "", "field can not be empty.")
    if _size(values) > MAX_PARAMETER_BYTES:
        errors.too_long(path, MAX_PARAMETER_BYTES)


def _class(obj: Object, errors: Errors) -> None:
    _provisioner(errors, "provisioner", obj.get("provisioner", ""))
    _parameters(errors, "parameters", obj.get("parameters", {}))
    if obj.get("reclaimPolicy"):
        field_rules.one_of(errors, "reclaimPolicy", obj["reclaimPolicy"], RECLAIM_POLICIES)
    if obj.get("volumeBindingMode") is None:
        errors.required("volumeBindingMode")
    else:
        field_rules.one_of(errors, "volumeBindingMode", obj["volumeBindingMode"], BINDING_MODES)
    seen: list[dict[str, set[str]]] = []
    for index, term in enumerate(obj.get("allowedTopologies", ())):
        values = _topology(errors, f"allowedTopologies[{index}].matchLabelExpressions", term)
        if values in seen:
            errors.duplicate(f"allowedTopologies[{index}].matchLabelExpressions", "")
        seen.append(values)


def _topology(errors: Errors, path: str, term: Object) -> dict[str, set[str]]:
    """Judges one term; returns it as label -> values."""
    found: dict[str, set[str]] = {}
    for index, requirement in enumerate(term.get("matchLabelExpressions", ())):
        place, name = f"{path}[{index}]", requirement.get("key", "")
        values: set[str] = set()
        if not requirement.get("values"):
            errors.required(f"{place}.values")
        for number, value in enumerate(requirement.get("values") or ()):
            if value in values:
                errors.duplicate(f"{place}.values[{number}]", value)
            values.add(value)
        field_rules.named(errors, f"{place}.key", name, names.label_key)
        if name in found:
            errors.duplicate(f"{place}.key", name)
        found[name] = values
    return found


def _class_update(new: Object, old: Object, errors: Errors) -> None:
    _class(new, errors)
    for field in ("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"):
        field_rules.immutable(errors, field, new.get(field), old.get(field))


def _class_warnings(obj: Object, _: Object | None) -> list[str]:
    return [
        f"allowedTopologies[{index}].matchLabelExpressions[{number}].key: {DEPRECATED_LABELS[name]}"
        for index, term in enumerate(obj.get("allowedTopologies", ()))
        for number, requirement in enumerate(term.get("matchLabelExpressions", ()))
        if (name := requirement.get("key", "")) in DEPRECATED_LABELS
    ]


def _attributes_class(obj: Object, errors: Errors) -> None:
    _provisioner(errors, "driverName", obj.get("driverName", ""))
    parameters = obj.get("parameters", {})
    _parameters(errors, "parameters", parameters)
    if not parameters:
        errors.required("parameters", "must contain at least one key/value pair")


def _attributes_class_update(new: Object, old: Object, errors: Errors) -> None:
    for field in ("driverName", "parameters"):
        if new.get(field) != old.get(field):
            errors.forbidden(field, f"updates to {field} are forbidden.")
    _attributes_class(new, errors)


def _attachment(obj: Object, errors: Errors) -> None:
    spec, status = obj["spec"], obj.get("status", {})
    csi_driver_name(errors, "spec.attacher", spec.get("attacher", ""))
    source = spec.get("source", {})
    _attachment_source(errors, "spec.source", source)
    field_rules.named(errors, "spec.nodeName", spec.get("nodeName", ""), names.dns1123_subdomain)
    if _size(status.get("attachmentMetadata", {})) > MAX_METADATA_BYTES:
        errors.too_long("status.attachmentMetadata", MAX_METADATA_BYTES)
    for field in ("attachError", "detachError"):
        _volume_error(errors, f"status.{field}", status.get(field) or {})
    if source.get("persistentVolumeName") is not None:
        volume = source["persistentVolumeName"]
        field_rules.named(errors, "spec.source.persistentVolumeName", volume, names.dns1123_subdomain)


def _attachment_source(errors: Errors, path: str, source: Object) -> None:
    inline, volume = source.get("inlineVolumeSpec"), source.get("persistentVolumeName")
    if inline is None and volume is None:
        errors.required(path, _ONE_SOURCE)
    elif inline is not None and volume is not None:
        errors.forbidden(path, _ONE_SOURCE)
    elif volume == "":
        errors.required(f"{path}.persistentVolumeName", "must specify non empty persistentVolumeName")
    elif inline is not None:
        persistent_volumes.spec_rules(errors, f"{path}.inlineVolumeSpec", inline, "", inline=True)


def _volume_error(errors: Errors, path: str, found: Object) -> None:
    if len(found.get("message", "").encode()) > MAX_MESSAGE:
        errors.too_long(f"{path}.message", MAX_METADATA_BYTES)  # the real one names the wrong limit
    code = found.get("errorCode")
    if code is not None and code < 0:
        errors.invalid(f"{path}.errorCode", code, names.between(0, 2**31 - 1))


def _attachment_update(new: Object, old: Object, errors: Errors) -> None:
    _attachment(new, errors)
    if new["spec"] != old["spec"]:
        errors.invalid("spec", internal("storage.v1.VolumeAttachmentSpec", new["spec"]), field_rules.IMMUTABLE)


VALIDATORS: dict[str, Validator] = {
    "StorageClass": Validator(create=_class, update=_class_update, warnings=_class_warnings),
    "VolumeAttributesClass": Validator(create=_attributes_class, update=_attributes_class_update),
    "VolumeAttachment": Validator(create=_attachment, update=_attachment_update),
    "CSIDriver": csi.DRIVER,
    "CSINode": csi.NODE,
    "CSIStorageCapacity": csi.CAPACITY,
}
