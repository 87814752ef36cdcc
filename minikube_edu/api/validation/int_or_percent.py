"""Numbers that may be percentages: `maxSurge: 25%`, `minAvailable: 1`."""

from __future__ import annotations

from minikube_edu.api import intstr, names
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.intstr import IntOrString
from minikube_edu.api.validation.field_rules import nonnegative


def positive(errors: Errors, path: str, value: IntOrString) -> None:
    if isinstance(value, str):
        errors.invalid_each(path, value, names.percent(value))
    else:
        nonnegative(errors, path, value)


def at_most_all(errors: Errors, path: str, value: IntOrString) -> None:
    if isinstance(value, str) and not names.percent(value) and int(value[:-1]) > 100:
        errors.invalid(path, value, "must not be greater than 100%")


def size(value: IntOrString) -> int:
    """The number itself, of a percentage too."""
    if isinstance(value, str) and not names.percent(value):
        return int(value[:-1])
    return intstr.int_value(value)
