"""Validation of the group apps. A kind has a module of its own, but for the two small ones that are here."""

from __future__ import annotations

from typing import Any

from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation import Validator, daemon_sets, replica_sets, stateful_sets
from minikube_edu.api.validation.field_rules import immutable, nonnegative

Object = dict[str, Any]


def create_revision(obj: Object, errors: Errors) -> None:
    """A ControllerRevision: a template of old, kept for a rollback."""
    nonnegative(errors, "revision", obj.get("revision", 0))
    data = obj.get("data")
    if data is None:
        errors.required("data", "data is mandatory")
    elif not isinstance(data, dict):
        errors.required("data", "data must be a valid JSON object")


def update_revision(new: Object, old: Object, errors: Errors) -> None:
    """Data never change. The real server compares their text as it was sent, so that there even a patch of something
    else fails when the first client put blanks into its JSON; here it is the values that count."""
    nonnegative(errors, "revision", new.get("revision", 0))
    immutable(errors, "data", new.get("data"), old.get("data"))


VALIDATORS = {
    "Deployment": replica_sets.DEPLOYMENT,
    "ReplicaSet": replica_sets.REPLICA_SET,
    "DaemonSet": daemon_sets.VALIDATOR,
    "StatefulSet": stateful_sets.VALIDATOR,
    "ControllerRevision": Validator(create=create_revision, update=update_revision),
}
