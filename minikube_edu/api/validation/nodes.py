"""Nodes: taints, address ranges, capacities, and what may not change once set.

The real one also reads two annotations of old (`scheduler.alpha.kubernetes.io/taints` and `…/preferAvoidPods`), which
no scheduler looks at any more; they are not judged here.
"""

from __future__ import annotations

import re
from typing import Any

from minikube_edu.api import ip, names
from minikube_edu.api.field_errors import Errors, FieldError, Kind
from minikube_edu.api.internal_form import internal
from minikube_edu.api.validation import Validator, field_rules, meta, resource_names

Object = dict[str, Any]

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")

_FEATURE = re.compile(r"[A-Z][a-zA-Z0-9]*(/[a-zA-Z][a-zA-Z0-9]*)*", re.ASCII)
_FEATURE_WORDS = (
    "must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or "
    "MyFeature/mySubFeature), and contain only alphanumeric characters and slashes"
)
_SET_ONCE = 'node updates may not change {} except from "" to valid'


def create(obj: Object, errors: Errors) -> None:
    spec, status = obj.get("spec", {}), obj.get("status", {})
    taints(errors, "metadata.taints", spec.get("taints", ()))
    _resources(status, errors)
    swap = (status.get("nodeInfo") or {}).get("swap") or {}
    if swap.get("capacity") is not None and swap["capacity"] <= 0:
        errors.invalid("metadata.nodeSwapStatus.capacity", swap["capacity"], field_rules.NOT_POSITIVE)
    _features(status, errors)
    ranges = spec.get("podCIDRs", [])
    for index, cidr in enumerate(ranges):
        field_rules.legacy_cidr(errors, f"spec.podCIDRs[{index}]", cidr)
    if len(ranges) > 1 and (len(ranges) > 2 or ip.is_ipv6_cidr(ranges[0]) == ip.is_ipv6_cidr(ranges[1])):
        errors.invalid("spec.podCIDRs", ranges, "may specify no more than one CIDR for each IP family")


def taints(errors: Errors, path: str, found: Any) -> None:
    seen: set[tuple[str, str]] = set()
    for index, taint in enumerate(found):
        place, key, effect = f"{path}[{index}]", taint.get("key", ""), taint.get("effect", "")
        field_rules.named(errors, f"{place}.key", key, names.label_key)
        if problems := names.label_value(taint.get("value", "")):
            errors.invalid(f"{place}.value", taint.get("value", ""), ";".join(problems))
        field_rules.required_one_of(errors, f"{place}.effect", effect, EFFECTS)
        if (key, effect) in seen:
            shown = internal("core.v1.Taint", taint)
            errors.append(FieldError(Kind.DUPLICATE, place, shown, "taints must be unique by key and effect pair"))
        seen.add((key, effect))


def _resources(status: Object, errors: Errors) -> None:
    for field in ("capacity", "allocatable"):
        for name, text in sorted(status.get(field, {}).items()):
            resource_names.amount(errors, f"status.{field}.{name}", name, text)


def _features(status: Object, errors: Errors) -> None:
    """Sorted, each once."""
    features, path = status.get("declaredFeatures", []), "status.declaredFeatures"
    for index, feature in enumerate(features):
        if len(feature) > 253:
            detail = f'invalid feature name "{feature}": must be no more than 253 characters'
            errors.invalid(f"{path}[{index}]", feature, detail)
        elif not _FEATURE.fullmatch(feature):
            errors.invalid(f"{path}[{index}]", feature, f'invalid feature name "{feature}": {_FEATURE_WORDS}')
        following = features[index + 1] if index + 1 < len(features) else None
        if following == feature:
            errors.duplicate(f"{path}[{index + 1}]", following)
        elif following is not None and feature > following:
            errors.invalid(f"{path}[{index + 1}]", following, "list must be sorted alphabetically")


def update(new: Object, old: Object, errors: Errors) -> None:
    _metadata_again(new, errors)
    create(new, errors)
    changes(new, old, errors)


def _metadata_again(new: Object, errors: Errors) -> None:
    """The real one judges labels and annotations as it judges all metadata, and once more in each of its node rules."""
    metadata = new["metadata"]
    meta.check_labels("metadata.labels", metadata.get("labels", {}), errors)
    meta.check_annotations("metadata.annotations", metadata.get("annotations", {}), errors)


def changes(new: Object, old: Object, errors: Errors) -> None:
    """The rules of an update, of the status too."""
    spec, before, status = new.get("spec", {}), old.get("spec", {}), new.get("status", {})
    _metadata_again(new, errors)
    _resources(status, errors)
    _features(status, errors)
    seen: list[Object] = []
    for index, address in enumerate(status.get("addresses", ())):
        if address in seen:
            errors.duplicate(f"status.addresses[{index}]", internal("core.v1.NodeAddress", address))
        seen.append(address)
    _ranges(spec.get("podCIDRs", []), before.get("podCIDRs", []), errors)
    if before.get("providerID") and before["providerID"] != spec.get("providerID"):
        errors.forbidden("spec.providerID", _SET_ONCE.format("providerID"))
    if spec.get("configSource") is not None:
        _config_source(errors, "spec.configSource", spec["configSource"], in_status=False)
    for field in ("assigned", "active", "lastKnownGood"):
        source = (status.get("config") or {}).get(field)
        if source is not None:
            _config_source(errors, f"status.config.{field}", source, in_status=True)
    taints(errors, "metadata.taints", spec.get("taints", ()))
    if spec.get("externalID", "") != before.get("externalID", ""):
        errors.forbidden("spec.externalID", "may not be updated")


def _ranges(ranges: list[str], before: list[str], errors: Errors) -> None:
    if not before:
        return  # the controller may assign them
    if len(ranges) != len(before):
        errors.forbidden("spec.podCIDRs", _SET_ONCE.format("podCIDR"))
        return
    for new, old in zip(ranges, before, strict=True):
        if new != old:
            errors.forbidden("spec.podCIDRs", _SET_ONCE.format("podCIDR"))


def _config_source(errors: Errors, path: str, source: Object, in_status: bool) -> None:
    """A feature that is gone; its fields are still judged."""
    found = source.get("configMap")
    if found is None:
        shown = internal("core.v1.NodeConfigSource", source)
        errors.invalid(path, shown, "exactly one reference subfield must be non-nil")
        return
    path = f"{path}.configMap"
    for field in ("uid", "resourceVersion"):
        if in_status and not found.get(field):
            errors.required(f"{path}.{field}")
        elif not in_status and found.get(field):
            errors.forbidden(f"{path}.{field}", f"{field} must not be set in spec")
    rules = (("namespace", names.dns1123_label), ("name", names.dns1123_subdomain))
    for field, rule in (*rules, ("kubeletConfigKey", names.config_map_key)):
        field_rules.required_name(errors, f"{path}.{field}", found.get(field, ""), rule)


def warnings(obj: Object, _: Object | None) -> list[str]:
    spec, found = obj.get("spec", {}), []
    if spec.get("configSource") is not None:
        found.append("spec.configSource: the feature is removed")
    if spec.get("externalID"):
        found.append("spec.externalID: this field is deprecated, and is unused by Kubernetes")
    for index, cidr in enumerate(spec.get("podCIDRs", ())):
        found += ip.warnings_cidr(f"spec.podCIDRs[{index}]", cidr)
    return found


VALIDATOR = Validator(create=create, update=update, subresources=(("status", changes),), warnings=warnings)
