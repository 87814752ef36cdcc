"""What makes a priority class wrong. Names with `system-` are Kubernetes' own, with fixed values above all others."""

from __future__ import annotations

from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation import Object, Validator
from minikube_edu.api.validation.field_rules import immutable, required_one_of

HIGHEST_OF_USERS = 1_000_000_000
SYSTEM_PREFIX = "system-"
SYSTEM_CLASSES = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}


def _system_problem(obj: Object) -> str:
    """Why the class is not one of the system's; "" when it is."""
    name = obj["metadata"]["name"]
    if name not in SYSTEM_CLASSES:
        return f"{name} is not a known system priority class"
    if obj["value"] != SYSTEM_CLASSES[name]:
        return f"value of {name} PriorityClass must be {SYSTEM_CLASSES[name]}"
    return f"globalDefault of {name} PriorityClass must be false" if obj.get("globalDefault") else ""


def create(obj: Object, errors: Errors) -> None:
    if obj["metadata"].get("name", "").startswith(SYSTEM_PREFIX):
        if problem := _system_problem(obj):
            reserved = f"priority class names with '{SYSTEM_PREFIX}' prefix are reserved for system use only."
            errors.forbidden("metadata.name", f"{reserved} error: {problem}")
    elif obj["value"] > HIGHEST_OF_USERS:
        errors.forbidden("value", f"maximum allowed value of a user defined priority is {HIGHEST_OF_USERS}")
    if "preemptionPolicy" in obj:
        required_one_of(errors, "preemptionPolicy", obj["preemptionPolicy"], ["PreemptLowerPriority", "Never"])


def update(new: Object, old: Object, errors: Errors) -> None:
    if new["value"] != old["value"]:
        errors.forbidden("value", "may not be changed in an update.")
    immutable(errors, "preemptionPolicy", new.get("preemptionPolicy"), old.get("preemptionPolicy"))


VALIDATORS = {"PriorityClass": Validator(create=create, update=update)}
