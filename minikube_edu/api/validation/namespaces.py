"""Namespaces: finalizers of the kind's own, and a phase that follows deletion."""

from __future__ import annotations

from typing import Any

from minikube_edu.api import names
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation import Validator
from minikube_edu.api.validation.meta import STANDARD_FINALIZERS

Object = dict[str, Any]

_UNKNOWN = "name is neither a standard finalizer name nor is it fully qualified"


def _finalizer(errors: Errors, path: str, name: str) -> None:
    errors.invalid_each(path, name, names.qualified_name(name))
    if "/" not in name and name not in STANDARD_FINALIZERS:
        errors.invalid(path, name, _UNKNOWN)


def create(obj: Object, errors: Errors) -> None:
    for name in obj.get("spec", {}).get("finalizers", ()):
        _finalizer(errors, "spec.finalizers", name)


def update(new: Object, _: Object, errors: Errors) -> None:
    create(new, errors)


def status_update(new: Object, _: Object, errors: Errors) -> None:
    deleting = "deletionTimestamp" in new["metadata"]
    wanted = "Terminating" if deleting else "Active"
    phase = new.get("status", {}).get("phase", "")
    if phase != wanted:
        when = f"may only be '{wanted}' if `deletionTimestamp` is {'not ' if deleting else ''}empty"
        errors.invalid("status.Phase", phase, when)


def finalize(new: Object, _: Object, errors: Errors) -> None:
    for index, name in enumerate(new.get("spec", {}).get("finalizers", ())):
        _finalizer(errors, f"spec.finalizers[{index}]", name)


VALIDATOR = Validator(
    name=names.dns1123_label,
    create=create,
    update=update,
    subresources=(("status", status_update), ("finalize", finalize)),
)
