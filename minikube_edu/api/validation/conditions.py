"""Conditions of the common form (metav1.Condition), as newer kinds have them in their status."""

from __future__ import annotations

import re
from typing import Any

from minikube_edu.api import names
from minikube_edu.api.field_errors import Errors

Object = dict[str, Any]

_STATUSES = ["False", "True", "Unknown"]
_REASON = "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?"
_reason = re.compile(_REASON).fullmatch
_REASON_TEXT = (
    "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric "
    "characters or '_,:', and must end with an alphanumeric character or '_'"
)


def validate_conditions(path: str, conditions: list[Object], errors: Errors) -> None:
    seen: set[str] = set()
    for index, condition in enumerate(conditions):
        kind = condition.get("type", "")
        if kind in seen:
            errors.duplicate(f"{path}[{index}].type", kind)
        seen.add(kind)
        _validate(f"{path}[{index}]", condition, errors)


def _validate(path: str, condition: Object, errors: Errors) -> None:
    kind, status, reason = (condition.get(field, "") for field in ("type", "status", "reason"))
    if kind:
        errors.invalid_each(f"{path}.type", kind, names.label_key(kind))
    else:
        errors.required(f"{path}.type", "must be set")
    if not status:
        errors.required(f"{path}.status", "must be set")
    elif status not in _STATUSES:
        errors.not_supported(f"{path}.status", status, _STATUSES)
    generation = condition.get("observedGeneration", 0)
    if generation < 0:
        errors.invalid(f"{path}.observedGeneration", generation, "must be greater than or equal to zero")
    if not condition.get("lastTransitionTime"):
        errors.required(f"{path}.lastTransitionTime", "must be set")
    if not reason:
        errors.required(f"{path}.reason", "must be set")
    else:
        if not _reason(reason):
            examples = ("my_name", "MY_NAME", "MyName", "ReasonA,ReasonB", "ReasonA:ReasonB")
            errors.invalid(f"{path}.reason", reason, names.mismatch(_REASON_TEXT, _REASON, *examples))
        if len(reason) > 1024:
            errors.too_long(f"{path}.reason", 1024)
    if len(condition.get("message", "").encode()) > 32 * 1024:
        errors.too_long(f"{path}.message", 32 * 1024)
