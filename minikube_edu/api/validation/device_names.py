"""Names in dynamic resource allocation, and lists and maps with a limit: what claims, classes and slices share."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from minikube_edu.api import names
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation import Object
from minikube_edu.api.validation.field_rules import named, one_of
from minikube_edu.api.validation.volume_sources import csi_driver_name

LONGEST_ID, LONGEST_POOL = 32, 253
LONGEST_EXPRESSION = LONGEST_PARAMETERS = 10 * 1024
TAINT_EFFECTS = ("NoExecute", "NoSchedule", "None")

Judge = Callable[[str, Any, Errors], None]


def each(path: str, items: Sequence[Any], most: int, judge: Judge, errors: Errors, key: Any = None) -> None:
    """Every item; `key` tells items apart, where none may come twice."""
    if 0 <= most < len(items):
        errors.too_many(path, len(items), most)
        return
    for index, item in enumerate(items):
        judge(f"{path}[{index}]", item, errors)
    if key is not None:
        found = [key(item) for item in items]
        for index, mark in enumerate(found):
            if mark in found[:index]:
                errors.duplicate(f"{path}[{index}]", mark)


def driver(path: str, name: str, errors: Errors) -> None:
    csi_driver_name(errors, path, name)


def label(path: str, name: str, errors: Errors) -> None:
    named(errors, path, name, names.dns1123_label)


def pool(path: str, name: str, errors: Errors) -> None:
    if not name:
        errors.required(path)
        return
    if len(name) > LONGEST_POOL:
        errors.too_long(path, LONGEST_POOL)
    for part in name.split("/"):
        named(errors, path, part, names.dns1123_subdomain)


def _identifier(path: str, text: str, errors: Errors) -> None:
    if len(text) > LONGEST_ID:
        errors.too_long(path, LONGEST_ID)
    named(errors, path, text, names.c_identifier)


def qualified(path: str, name: str, errors: Errors) -> None:
    """`id`, or `domain/id`."""
    domain, slash, rest = name.partition("/")
    if not slash:
        _identifier(path, name, errors)
        return
    if "/" in rest:
        errors.invalid(path, name, "must not contain more than one slash")
        return
    if domain:
        driver(path, domain, errors)
    else:
        errors.invalid(path, "", "the domain must not be empty")
    if rest:
        _identifier(path, rest, errors)
    else:
        errors.invalid(path, "", "the name must not be empty")


def fully_qualified(path: str, name: str, errors: Errors) -> None:
    qualified(path, name, errors)
    if "/" not in name:
        errors.invalid(path, name, "a fully qualified name must be a domain and a name separated by a slash")


def unique_id(path: str, text: str, errors: Errors) -> None:
    if not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text):
        form = "`xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters"
        errors.invalid(path, text, f"uid must be in RFC 4122 normalized form, {form}")


def json_object(path: str, value: Any, errors: Errors) -> None:
    """Parameters that only the driver understands."""
    if value is None:
        errors.required(path)
    elif len(orjson.dumps(value)) > LONGEST_PARAMETERS:
        errors.too_long(path, LONGEST_PARAMETERS)
    elif not isinstance(value, dict):
        errors.invalid(path, "<value omitted>", "must be a valid JSON object")


def selector(path: str, wanted: Object, errors: Errors) -> None:
    cel = wanted.get("cel")
    if cel is None:
        errors.required(f"{path}.cel")
        return
    expression, path = cel["expression"], f"{path}.cel.expression"
    if len(expression.encode()) > LONGEST_EXPRESSION:
        errors.too_long(path, LONGEST_EXPRESSION)
        return
    from minikube_edu.api.cel import environments
    from minikube_edu.api.validation.admission_rules import compiles

    compiles(path, expression, environments.device(), ("bool", "dyn"), errors)


def configuration(path: str, config: Object, errors: Errors) -> None:
    opaque = config.get("opaque")
    if opaque is None:
        errors.required(f"{path}.opaque")
        return
    driver(f"{path}.opaque.driver", opaque["driver"], errors)
    json_object(f"{path}.opaque.parameters", opaque.get("parameters"), errors)


def toleration(path: str, wanted: Object, errors: Errors) -> None:
    value, operator, effect = wanted.get("value", ""), wanted.get("operator", ""), wanted.get("effect", "")
    if key := wanted.get("key"):
        named(errors, f"{path}.key", key, names.label_key)
    if operator == "Exists":
        if value:
            errors.invalid(f"{path}.value", value, "must be empty for operator `Exists`")
    elif operator == "Equal":
        named(errors, f"{path}.value", value, names.label_value)
    elif operator:
        errors.not_supported(f"{path}.operator", operator, ["Equal", "Exists"])
    else:
        errors.required(f"{path}.operator")
    if effect:
        one_of(errors, f"{path}.effect", effect, TAINT_EFFECTS)


def bindings(path: str, item: Object, errors: Errors) -> None:
    """Conditions that must come true, or must not, before a device is used."""
    wanted, failing = item.get("bindingConditions", []), item.get("bindingFailureConditions", [])

    def name(at: str, text: str, found: Errors) -> None:
        named(found, at, text, names.label_key)

    each(f"{path}.bindingConditions", wanted, 4, name, errors)
    each(f"{path}.bindingFailureConditions", failing, 4, name, errors)
    for field, texts in (("bindingConditions", wanted), ("bindingFailureConditions", failing)):
        for index, text in enumerate(texts):
            at = f"{path}.{field}[{index}]"
            if text in texts[:index]:
                errors.duplicate(at, text)
            if field == "bindingFailureConditions" and text in wanted:
                errors.invalid(at, text, "bindingFailureConditions must not overlap with bindingConditions")
    if failing and not wanted:
        what = "bindingConditions are required to use bindingFailureConditions"
        errors.invalid(f"{path}.bindingConditions", None, what)
    if wanted and not failing:
        what = "bindingFailureConditions are required to use bindingConditions"
        errors.invalid(f"{path}.bindingFailureConditions", None, what)
