"""Validation of the group policy: PodDisruptionBudget."""

from __future__ import annotations

from typing import Any

from minikube_edu.api import internal_pods, names
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation import Validator, int_or_percent
from minikube_edu.api.validation.conditions import validate_conditions
from minikube_edu.api.validation.field_rules import label_selector, nonnegative, selector_is_valid

Object = dict[str, Any]

_POLICIES = ["AlwaysAllow", "IfHealthyBudget"]


def _judge(spec: Object, errors: Errors, any_value: bool = False) -> None:
    if "minAvailable" in spec and "maxUnavailable" in spec:
        shown = internal_pods.internal("policy.v1.PodDisruptionBudgetSpec", spec)
        errors.invalid("spec", shown, "minAvailable and maxUnavailable cannot be both set")
    for field in ("minAvailable", "maxUnavailable"):
        if field in spec:
            int_or_percent.positive(errors, f"spec.{field}", spec[field])
            int_or_percent.at_most_all(errors, f"spec.{field}", spec[field])
    label_selector(errors, "spec.selector", spec.get("selector"), any_value)
    policy = spec.get("unhealthyPodEvictionPolicy")
    if policy is not None and policy not in _POLICIES:
        errors.not_supported("spec.unhealthyPodEvictionPolicy", policy, _POLICIES)


def create(obj: Object, errors: Errors) -> None:
    _judge(obj["spec"], errors)


def update(new: Object, old: Object, errors: Errors) -> None:
    _judge(new["spec"], errors, any_value=not selector_is_valid(old["spec"].get("selector")))


def update_status(new: Object, old: Object, errors: Errors) -> None:
    status = new.get("status", {})
    validate_conditions("status.conditions", status.get("conditions", []), errors)
    for field in ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"):
        nonnegative(errors, f"status.{field}", status.get(field, 0))


VALIDATORS = {
    "PodDisruptionBudget": Validator(
        name=names.path_segment, create=create, update=update, subresources=(("status", update_status),)
    ),
}
