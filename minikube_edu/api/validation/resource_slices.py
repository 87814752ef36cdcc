"""What makes a resource slice wrong: the devices that a driver offers on a node, or to many."""

from __future__ import annotations

import re

from minikube_edu.api import names, quantity
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation import Object, Validator, device_names
from minikube_edu.api.validation.device_names import TAINT_EFFECTS, each
from minikube_edu.api.validation.field_rules import immutable, named, required_one_of
from minikube_edu.api.validation.node_selectors import node_selector

MOST_DEVICES, MOST_WITH_EXTRAS, MOST_SETS, MOST_COUNTERS = 128, 64, 8, 32
MOST_ATTRIBUTES, MOST_VALUES, MOST_TAINTS, MOST_CONSUMED = 32, 48, 16, 2
LONGEST_VALUE = 64
_PLACES = ("nodeName", "nodeSelector", "allNodes", "perDeviceNodeSelection")
_ONE = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required"
_ONE_OF_DEVICE = (
    "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true "
    "in the ResourceSlice spec"
)
_NUMBER, _MARK = r"(0|[1-9]\d*)", r"(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
_semver = re.compile(
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(-{_MARK}(\.{_MARK})*)?(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?", re.ASCII
).fullmatch
# field of an attribute -> name in the server's internal form
_VALUES = {
    "int": "IntValue", "bool": "BoolValue", "string": "StringValue", "version": "VersionValue", "ints": "IntValues",
    "bools": "BoolValues", "strings": "StringValues", "versions": "VersionValues",
}  # fmt: skip


def create(obj: Object, errors: Errors) -> None:
    _slice(obj["spec"], None, errors)


def update(new: Object, old: Object, errors: Errors) -> None:
    _slice(new["spec"], old["spec"], errors)


def _slice(spec: Object, old: Object | None, errors: Errors) -> None:
    pool = spec["pool"]
    device_names.driver("spec.driver", spec["driver"], errors)
    device_names.pool("spec.pool.name", pool["name"], errors)
    if pool["resourceSliceCount"] <= 0:
        errors.invalid("spec.pool.resourceSliceCount", pool["resourceSliceCount"], "must be greater than zero")
    if pool["generation"] < 0:
        errors.invalid("spec.pool.generation", pool["generation"], "must be greater than or equal to zero")
    if old is not None:
        immutable(errors, "spec.pool.name", pool["name"], old["pool"]["name"])
        immutable(errors, "spec.driver", spec["driver"], old["driver"])
        immutable(errors, "spec.nodeName", spec.get("nodeName"), old.get("nodeName"))
    _place("spec", spec, _PLACES, _ONE, f"{_ONE}, but multiple fields are set", errors)
    devices, counters = spec.get("devices", []), spec.get("sharedCounters", [])
    if devices and counters:
        errors.invalid("spec", "", "only one of `sharedCounters` or `devices` is allowed")
    known = {device["name"]: device for device in (old or {}).get("devices", ())}

    def device(path: str, item: Object, found: Errors) -> None:
        _device(path, item, known.get(item["name"]), bool(spec.get("perDeviceNodeSelection")), found)

    most = MOST_WITH_EXTRAS if any(map(_has_extras, devices)) else MOST_DEVICES
    each("spec.devices", devices, most, device, errors, key=lambda item: item["name"])
    each("spec.sharedCounters", counters, MOST_SETS, _counter_set, errors, key=lambda item: item["name"])


def _has_extras(device: Object) -> bool:
    lists = any(
        set(value) & {"ints", "bools", "strings", "versions"} for value in device.get("attributes", {}).values()
    )
    return bool(device.get("taints") or device.get("consumesCounters") or lists)


def _place(path: str, item: Object, fields: tuple[str, ...], none: str, many: str, errors: Errors) -> None:
    """Where the devices are: said in one way."""
    said = []
    for field in fields:
        value = item.get(field)
        if value is None:
            continue
        if field == "nodeName":
            if value:
                named(errors, f"{path}.nodeName", value, names.dns1123_subdomain)
            else:
                errors.invalid(f"{path}.nodeName", value, "must be either unset or set to a non-empty string")
                continue
        elif field == "nodeSelector":
            node_selector(errors, f"{path}.nodeSelector", value)
            terms = value.get("nodeSelectorTerms") or []
            if len(terms) != 1 and path == "spec":
                at = f"{path}.nodeSelector.nodeSelectorTerms"
                errors.invalid(at, terms, "must have exactly one node selector term")
        elif not value:
            errors.invalid(f"{path}.{field}", value, "must be either unset or set to true")
            continue
        said.append(f"`{field}`")
    if not said:
        errors.required(path, none)
    elif len(said) > 1:
        errors.invalid(path, f"{{{', '.join(said)}}}", many)


def _device(path: str, device: Object, old: Object | None, per_device: bool, errors: Errors) -> None:
    attributes, capacity = device.get("attributes", {}), device.get("capacity", {})
    device_names.label(f"{path}.name", device["name"], errors)
    if (count := len(attributes) + len(capacity)) > MOST_ATTRIBUTES:
        what = f"the total number of attributes and capacities must not exceed {MOST_ATTRIBUTES}"
        errors.invalid(path, count, what)
    count = sum(sum(len(one) for one in value.values() if isinstance(one, list)) or 1 for value in attributes.values())
    if count > MOST_VALUES:
        errors.invalid(path, count, f"the total number of attribute values must not exceed {MOST_VALUES}")
    for name in sorted(attributes):
        device_names.qualified(f"{path}.attributes", name, errors)
        _attribute(f"{path}.attributes[{name}]", attributes[name], errors)
    if old is None or old.get("capacity") != device.get("capacity"):
        for name in sorted(capacity):
            device_names.qualified(f"{path}.capacity", name, errors)
            at = f"{path}.capacity[{name}]"
            _capacity(at, capacity[name], bool(device.get("allowMultipleAllocations")), errors)
    if old is None or old.get("taints") != device.get("taints"):
        each(f"{path}.taints", device.get("taints", []), MOST_TAINTS, _taint, errors)
    consumed = device.get("consumesCounters", [])
    each(f"{path}.consumesCounters", consumed, MOST_CONSUMED, _consumption, errors, key=lambda item: item["counterSet"])
    places = ("nodeName", "nodeSelector", "allNodes")
    if per_device:
        _place(path, device, places, _ONE_OF_DEVICE, _ONE_OF_DEVICE, errors)
    elif any(field in device for field in places):
        what = "can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec"
        errors.invalid(path, None, f"`nodeName`, `nodeSelector` and `allNodes` {what}")
    device_names.bindings(path, device, errors)


def _attribute(path: str, value: Object, errors: Errors) -> None:
    texts = [("string", value.get("string"))] + [
        (f"strings[{i}]", text) for i, text in enumerate(value.get("strings", ()))
    ]
    versions = [("version", value.get("version"))]
    versions += [(f"versions[{i}]", text) for i, text in enumerate(value.get("versions", ()))]
    for field, text in texts:
        if text is not None and len(text.encode()) > LONGEST_VALUE:
            errors.too_long(f"{path}.{field}", LONGEST_VALUE)
    for field, text in versions:
        if text is None:
            continue
        if not _semver(text):
            errors.invalid(f"{path}.{field}", text, "must be a string compatible with semver.org spec 2.0.0")
        if len(text.encode()) > LONGEST_VALUE:
            errors.too_long(f"{path}.{field}", LONGEST_VALUE)
    if not value:
        errors.invalid(path, "", "exactly one value must be specified")
    elif len(value) > 1:
        shown = {go: value.get(field) for field, go in _VALUES.items()}
        errors.invalid(path, shown, "exactly one value must be specified")


def _capacity(path: str, capacity: Object, shared: bool, errors: Errors) -> None:
    policy, path = capacity.get("requestPolicy"), f"{path}.requestPolicy"
    if policy is None:
        return
    if not shared:
        errors.forbidden(path, "allowMultipleAllocations must be true")
        return
    allowed, span = policy.get("validValues", []), policy.get("validRange")
    if allowed and span is not None:
        what = 'exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time'
        errors.forbidden(path, what)
    elif (allowed or span is not None) and not policy.get("default"):
        errors.required(f"{path}.default", f"required when {'validValues' if allowed else 'validRange'} is defined")
    elif allowed:
        _valid_values(f"{path}.validValues", allowed, policy["default"], capacity["value"], errors)
    elif span is not None:
        _valid_range(f"{path}.validRange", span, policy["default"], capacity["value"], errors)


def _above(left: str, right: str) -> bool:
    return quantity.parse(left).cmp(quantity.parse(right)) > 0


def _valid_values(path: str, allowed: list[str], default: str, most: str, errors: Errors) -> None:
    for index in range(1, len(allowed)):
        if _above(allowed[index - 1], allowed[index]):
            errors.invalid(f"{path}[{index}]", allowed[index], "values must be sorted in ascending order")

    def option(at: str, text: str, found: Errors) -> None:
        if _above(text, most):
            found.invalid(at, text, f"option is larger than capacity value: {most}")

    each(path, allowed, 10, option, errors, key=lambda text: str(quantity.parse(text).value()))
    if not any(quantity.parse(text).cmp(quantity.parse(default)) == 0 for text in allowed):
        errors.invalid(path, default, "default value is not valid according to the requestPolicy")


def _valid_range(path: str, span: Object, default: str, most: str, errors: Errors) -> None:
    low, high, step = span.get("min"), span.get("max"), span.get("step")
    if low is None:
        errors.required(f"{path}.min", "required when validRange is defined")
        return
    if _above(low, most):
        errors.invalid(f"{path}.min", low, f"min is larger than capacity value: {most}")
    if _above(low, default):
        errors.invalid(f"{path}.default", default, f"default is less than min: {low}")
    if high is not None:
        if _above(low, high):
            errors.invalid(f"{path}.max", low, f"min is larger than max: {high}")
        if _above(high, most):
            errors.invalid(f"{path}.max", high, f"max is larger than capacity value: {most}")
        if _above(default, high):
            errors.invalid(f"{path}.default", default, f"default is more than max: {high}")
    if step is None:
        return
    size, start = quantity.parse(step).value(), quantity.parse(low).value()
    if size <= 0:
        errors.invalid(f"{path}.step", step, "must be greater than zero")
        return
    for text in (default, high) if high is not None else (default,):
        if (quantity.parse(text).value() - start) % size:
            errors.invalid(f"{path}.step", text, f"value is not a multiple of a given step ({step}) from ({low})")


def _taint(path: str, taint: Object, errors: Errors) -> None:
    named(errors, f"{path}.key", taint["key"], names.label_key)
    if value := taint.get("value"):
        named(errors, f"{path}.value", value, names.label_value)
    required_one_of(errors, f"{path}.effect", taint["effect"], sorted(TAINT_EFFECTS))


def _counters(path: str, counters: Object, errors: Errors) -> None:
    if not counters:
        errors.required(path)
    elif len(counters) > MOST_COUNTERS:
        errors.too_many(path, len(counters), MOST_COUNTERS)
    else:
        for name in sorted(counters):
            device_names.label(path, name, errors)


def _counter_set(path: str, item: Object, errors: Errors) -> None:
    if item["name"]:
        device_names.label(f"{path}.name", item["name"], errors)
    else:
        errors.required(f"{path}.name")
    _counters(f"{path}.counters", item.get("counters", {}), errors)


def _consumption(path: str, item: Object, errors: Errors) -> None:
    if item["counterSet"]:
        device_names.label(f"{path}.counterSet", item["counterSet"], errors)
    else:
        errors.required(f"{path}.counterSet")
    _counters(f"{path}.counters", item.get("counters", {}), errors)


SLICE = Validator(create=create, update=update)
