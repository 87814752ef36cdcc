"""What makes a lease wrong."""

from __future__ import annotations

from minikube_edu.api import names
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation import Object, Validator
from minikube_edu.api.validation.field_rules import NEGATIVE, named, one_of

STRATEGIES_KNOWN = ("OldestEmulationVersion",)


def create(obj: Object, errors: Errors) -> None:
    spec = obj["spec"]
    seconds, transitions = spec.get("leaseDurationSeconds"), spec.get("leaseTransitions")
    strategy = spec.get("strategy")
    if seconds is not None and seconds <= 0:
        errors.invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0")
    if transitions is not None and transitions < 0:
        errors.invalid("spec.leaseTransitions", transitions, NEGATIVE)
    if strategy is not None:
        # The real one names the field twice in this path.
        if "/" in strategy:
            named(errors, "spec.strategy.strategy", strategy, names.label_key)
        else:
            one_of(errors, "spec.strategy.strategy", strategy, STRATEGIES_KNOWN)
    if spec.get("preferredHolder") and not strategy:
        errors.forbidden("spec.preferredHolder", "may only be specified if `strategy` is defined")


VALIDATORS = {"Lease": Validator(create=create, update=lambda new, _, errors: create(new, errors))}
