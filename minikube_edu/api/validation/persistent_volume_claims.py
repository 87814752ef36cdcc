"""PersistentVolumeClaims: a wish that hardly changes once it is made."""

from __future__ import annotations

from typing import Any

from minikube_edu.api import names, quantity
from minikube_edu.api.field_errors import Errors, key
from minikube_edu.api.internal_form import difference
from minikube_edu.api.validation import Validator, field_rules, resource_names
from minikube_edu.api.validation.persistent_volumes import VOLUME_MODES, access_modes, class_name

Object = dict[str, Any]

CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
RESIZE_STATES = (
    "ControllerResizeInProgress", "ControllerResizeInfeasible", "NodeResizePending", "NodeResizeInProgress",
    "NodeResizeInfeasible",
)  # fmt: skip
_CHANGED = (
    "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n{}"
)


def create(obj: Object, errors: Errors) -> None:
    spec_rules(errors, "spec", obj["spec"])


def spec_rules(errors: Errors, path: str, spec: Object, any_group: bool = False, any_value: bool = False) -> None:
    """The rules of a spec, also of a template. `any_group`, `any_value`: what was wrong with the stored object's data
    sources and selector may stay wrong."""
    if not spec.get("accessModes"):
        errors.required(f"{path}.accessModes", "at least 1 access mode is required")
    field_rules.label_selector(errors, f"{path}.selector", spec.get("selector"), any_value)
    access_modes(errors, f"{path}.accessModes", spec.get("accessModes", []))
    place, wish = key(f"{path}.resources", "storage"), (spec.get("resources", {}).get("requests") or {}).get("storage")
    if wish is None:
        errors.required(place)
    else:
        field_rules.positive_quantity(errors, place, wish)
    if spec.get("storageClassName"):
        class_name(errors, f"{path}.storageClassName", spec["storageClassName"])
    if spec.get("volumeMode") is not None:
        field_rules.one_of(errors, f"{path}.volumeMode", spec["volumeMode"], VOLUME_MODES)
    _sources(errors, path, spec, any_group)
    if spec.get("volumeAttributesClassName"):
        class_name(errors, f"{path}.volumeAttributesClassName", spec["volumeAttributesClassName"])


def _sources(errors: Errors, path: str, spec: Object, any_group: bool) -> None:
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    if source is not None:
        _source(errors, f"{path}.dataSource", source, any_group)
    if reference is not None:
        _source(errors, f"{path}.dataSourceRef", reference, any_group)
        if reference.get("namespace"):
            field_rules.named(errors, f"{path}.dataSourceRef.namespace", reference["namespace"], names.dns1123_label)
    if source is None or reference is None:
        return
    if reference.get("namespace"):
        errors.invalid(path, f"{path}.dataSource", "may not be specified when dataSourceRef.namespace is specified")
    elif any(source.get(field) != reference.get(field) for field in ("apiGroup", "kind", "name")):
        errors.invalid(path, f"{path}.dataSource", "must match dataSourceRef")


def _source(errors: Errors, path: str, source: Object, any_group: bool) -> None:
    kind, group = source.get("kind", ""), source.get("apiGroup") or ""
    for field in ("name", "kind"):
        if not source.get(field):
            errors.required(f"{path}.{field}")
    if not group and kind != "PersistentVolumeClaim":
        errors.invalid(path, kind, "must be 'PersistentVolumeClaim' when referencing the default apiGroup")
    if group and not any_group:
        field_rules.named(errors, f"{path}.apiGroup", group, names.dns1123_subdomain)


def update(new: Object, old: Object, errors: Errors) -> None:
    spec, before = new["spec"], old["spec"]
    any_group = any((before.get(field) or {}).get("apiGroup") is not None for field in ("dataSource", "dataSourceRef"))
    any_value = not field_rules.selector_is_valid(before.get("selector"))
    spec_rules(errors, "spec", spec, any_group, any_value)
    _immutable_spec(new, old, errors)
    _size(new, old, errors)
    field_rules.immutable(errors, "volumeMode", spec.get("volumeMode"), before.get("volumeMode"))
    _attributes_class(spec, before, old.get("status", {}), errors)


def _immutable_spec(new: Object, old: Object, errors: Errors) -> None:
    """Compared after what may change has been made equal."""
    spec, before = {**new["spec"]}, {**old["spec"]}
    if not before.get("volumeName") and spec.get("volumeName"):
        before["volumeName"] = spec["volumeName"]  # it may be bound once
    annotation, annotation_before = (one["metadata"].get("annotations", {}).get(CLASS_ANNOTATION) for one in (new, old))
    name, name_before = spec.get("storageClassName"), before.get("storageClassName")
    if annotation_before is not None and name_before is None and name == annotation_before:
        moved = annotation in (None, annotation_before)
    else:
        moved = False
    if moved:  # from the annotation of old into the field
        del spec["storageClassName"]
    else:
        if (annotation or "") != (annotation_before or ""):
            errors.invalid(f"metadata.annotations.{CLASS_ANNOTATION}", annotation or "", field_rules.IMMUTABLE)
        if name is not None and name_before is None and annotation_before in (None, name):
            before["storageClassName"] = name
    if new.get("status", {}).get("phase") == "Bound":
        _same(spec, before)
    if spec != before:
        errors.forbidden("spec", _CHANGED.format(difference("core.v1.PersistentVolumeClaimSpec", before, spec)))


def _same(spec: Object, before: Object) -> None:
    """A bound claim may ask for another size and for another class of attributes."""
    resources = spec.get("resources", {})
    if resources.get("requests") is not None:
        wish = (before.get("resources", {}).get("requests") or {}).get("storage", "0")
        spec["resources"] = {**resources, "requests": {**resources["requests"], "storage": wish}}
    spec.pop("volumeAttributesClassName", None)
    if before.get("volumeAttributesClassName") is not None:
        spec["volumeAttributesClassName"] = before["volumeAttributesClassName"]


def _size(new: Object, old: Object, errors: Errors) -> None:
    """Smaller only down to what there is already: to recover from an expansion that failed."""
    wish, wish_before = (
        quantity.parse((one["spec"].get("resources", {}).get("requests") or {}).get("storage", "0"))
        for one in (new, old)
    )
    have = quantity.parse(old.get("status", {}).get("capacity", {}).get("storage", "0"))
    if wish < wish_before and wish <= have:
        errors.forbidden("spec.resources.requests.storage", "field can not be less than status.capacity")


def _attributes_class(spec: Object, before: Object, status: Object, errors: Errors) -> None:
    field, current = "volumeAttributesClassName", status.get("currentVolumeAttributesClassName")
    if current is None or spec.get(field) == before.get(field):
        return
    if spec.get(field) is None:
        why = "nil"
    elif not spec[field]:
        why = "empty string"
    else:
        return
    detail = f"update to {why} is forbidden when status.currentVolumeAttributesClassName is not nil"
    errors.forbidden(f"spec.{field}", detail)


def status_update(new: Object, _: Object, errors: Errors) -> None:
    status = new.get("status", {})
    if not new["metadata"].get("resourceVersion"):
        errors.required("resourceVersion")
    if not new["spec"].get("accessModes"):
        errors.required("Spec.accessModes")
    for name, text in sorted(status.get("capacity", {}).items()):
        field_rules.nonnegative_quantity(errors, key("status.capacity", name), text)
    path = "status.allocatedResourceStatuses"
    for name, state in sorted(status.get("allocatedResourceStatuses", {}).items()):
        _claim_resource(errors, path, name)
        if state not in RESIZE_STATES:
            errors.not_supported(path, name, sorted(RESIZE_STATES))
    path = "status.allocatedResources"
    for name, text in sorted(status.get("allocatedResources", {}).items()):
        if _claim_resource(errors, path, name):
            field_rules.nonnegative_quantity(errors, key(path, name), text)


def _claim_resource(errors: Errors, path: str, name: str) -> bool:
    problems = names.qualified_name(name)
    errors.invalid_each(path, name, problems)
    if not problems and resource_names.is_native(name) and name != "storage":
        errors.not_supported(path, name, ["storage"])
        return False
    return not problems


def warnings(obj: Object, _: Object | None) -> list[str]:
    found = []
    if CLASS_ANNOTATION in obj["metadata"].get("annotations", {}):
        words = 'deprecated since v1.8; use "storageClassName" attribute instead'
        found.append(f"metadata.annotations[{CLASS_ANNOTATION}]: {words}")
    return found + spec_warnings("spec", obj["spec"])


def spec_warnings(path: str, spec: Object) -> list[str]:
    """Bytes come whole."""
    found = []
    for field in ("requests", "limits"):
        text = (spec.get("resources", {}).get(field) or {}).get("storage", "0")
        if quantity.parse(text).milli_value() % 1000:
            place = key(f"{path}.resources.{field}", "storage")
            found.append(f'{place}: fractional byte value "{text}" is invalid, must be an integer')
    return found


VALIDATOR = Validator(create=create, update=update, subresources=(("status", status_update),), warnings=warnings)
