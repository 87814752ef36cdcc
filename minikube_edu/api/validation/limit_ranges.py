"""LimitRange: per type of thing, bounds and defaults that must not contradict each other."""

from __future__ import annotations

from typing import Any

from minikube_edu.api import names, quantity
from minikube_edu.api.field_errors import Errors, key
from minikube_edu.api.quantity import Quantity
from minikube_edu.api.validation import Validator, resource_names

Object = dict[str, Any]

TYPES = ("Pod", "Container", "PersistentVolumeClaim")
MAX_MILLI_VALUE = quantity.MAX_INT64 // 1000


def create(obj: Object, errors: Errors) -> None:
    seen: set[str] = set()
    for index, item in enumerate(obj["spec"].get("limits") or ()):
        path, kind = f"spec.limits[{index}]", item.get("type", "")
        _type(errors, f"{path}.type", kind)
        if kind in seen:
            errors.duplicate(f"{path}.type", kind)
        seen.add(kind)
        _item(errors, path, kind, item)


def update(new: Object, _: Object, errors: Errors) -> None:
    create(new, errors)


def _type(errors: Errors, path: str, kind: str) -> None:
    problems = names.qualified_name(kind)
    if not problems and "/" not in kind and kind not in TYPES:
        problems = ["must be a standard limit type or fully qualified"]
    errors.invalid_each(path, kind, problems)


def _item(errors: Errors, path: str, kind: str, item: Object) -> None:
    fields = ["max", "min"]
    if kind == "Pod":
        for field in ("default", "defaultRequest"):
            if item.get(field):
                errors.forbidden(f"{path}.{field}", "may not be specified when `type` is 'Pod'")
    else:
        fields += ["default", "defaultRequest"]
    for field in fields:
        _names(errors, f"{path}.{field}", kind, item.get(field, {}))
    if kind == "PersistentVolumeClaim" and "storage" not in {**item.get("min", {}), **item.get("max", {})}:
        detail = "either minimum or maximum storage value is required, but neither was provided"
        errors.required(f"{path}.limits", detail)
    _names(errors, f"{path}.maxLimitRequestRatio", kind, item.get("maxLimitRequestRatio", {}))
    fields.append("maxLimitRequestRatio")
    for name in sorted({name for field in fields for name in item.get(field, {})}):
        values = {field: quantity.parse(item[field][name]) for field in fields if name in item.get(field, {})}
        _compare(errors, path, name, values)


def _names(errors: Errors, path: str, kind: str, values: Object) -> None:
    for name in sorted(values):
        if kind in ("Pod", "Container"):
            resource_names.container_resource_name(errors, key(path, name), name)
        else:
            resource_names.resource_name(errors, key(path, name), name)


# (smaller, larger, the field of the error, the one whose value is shown, words)
_ORDER = (
    ("min", "max", "min", "min", "min value {} is greater than max value {}"),
    ("min", "defaultRequest", "defaultRequest", "defaultRequest",
     "min value {} is greater than default request value {}"),
    ("defaultRequest", "max", "defaultRequest", "defaultRequest",
     "default request value {} is greater than max value {}"),
    ("defaultRequest", "default", "defaultRequest", "defaultRequest",
     "default request value {} is greater than default limit value {}"),
    ("min", "default", "default", "min", "min value {} is greater than default value {}"),
    ("default", "max", "default", "max", "default value {} is greater than max value {}"),
)  # fmt: skip


def _compare(errors: Errors, path: str, name: str, values: dict[str, Quantity]) -> None:
    for small, large, field, shown, words in _ORDER:
        if small in values and large in values and values[small] > values[large]:
            detail = words.format(values[small], values[large])
            errors.invalid(key(f"{path}.{field}", name), str(values[shown]), detail)
    ratio, low, high = values.get("maxLimitRequestRatio"), values.get("min"), values.get("max")
    ratio_path = key(f"{path}.maxLimitRequestRatio", name)
    if ratio is not None and ratio < Quantity(1):
        errors.invalid(ratio_path, str(ratio), f"ratio {ratio} is less than 1")
    if ratio is not None and low is not None and high is not None:
        bound = _ratio_limit(low, high)
        if _ratio(ratio, low, high) > bound:
            words = "+Inf" if bound == float("inf") else f"{bound:f}"
            errors.invalid(ratio_path, str(ratio), f"ratio {ratio} is greater than max/min = {words}")
    limit, request = values.get("default"), values.get("defaultRequest")
    if limit is not None and request is not None and limit != request and not resource_names.may_overcommit(name):
        detail = f"default value {limit} must equal to defaultRequest value {request} in {name}"
        errors.invalid(key(f"{path}.defaultRequest", name), str(request), detail)


def _ratio(ratio: Quantity, low: Quantity, high: Quantity) -> float:
    exact = max(ratio.value(), low.value(), high.value()) < MAX_MILLI_VALUE
    return ratio.milli_value() / 1000 if exact else float(min(ratio.value(), quantity.MAX_INT64))


def _ratio_limit(low: Quantity, high: Quantity) -> float:
    small, large = min(low.milli_value(), quantity.MAX_INT64), min(high.milli_value(), quantity.MAX_INT64)
    return large / small if small else float("inf")


VALIDATOR = Validator(create=create, update=update)
