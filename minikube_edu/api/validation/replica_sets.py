"""Deployments and ReplicaSets: a selector, a template that it matches, how many, and how they are replaced."""

from __future__ import annotations

from typing import Any

from minikube_edu.api import internal_pods, label_selectors, names
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation import Validator, int_or_percent, shown
from minikube_edu.api.validation.field_rules import IMMUTABLE, label_selector, nonnegative
from minikube_edu.api.validation.pod_options import STRICT, Options, judge_update
from minikube_edu.api.validation.pod_specs import validate_template
from minikube_edu.api.validation.pod_warnings import template_warnings
from minikube_edu.api.validation.workloads import HOSTNAMES, check_always_restarts, validate_replica_status
from minikube_edu.lib.gotext import words

Object = dict[str, Any]

MISMATCH = "`selector` does not match template `labels`"


def validate_selector(spec: Object, empty: str, errors: Errors) -> None:
    """`empty` is the kind's complaint about a selector that would take every pod."""
    selector = spec.get("selector")
    if selector is None:
        errors.required("spec.selector")
        return
    label_selector(errors, "spec.selector", selector)
    if not selector.get("matchLabels") and not selector.get("matchExpressions"):
        errors.invalid("spec.selector", shown.selector(selector), empty)


def check_template_matches(spec: Object, invalid: str, errors: Errors) -> bool:
    """Whether the selector can be read at all; `invalid` is the complaint when not."""
    try:
        selector = label_selectors.from_object(spec.get("selector"))
    except ValueError:
        errors.invalid("spec.selector", shown.selector(spec.get("selector")), invalid)
        return False
    labels = spec["template"]["metadata"].get("labels", {})
    if not selector.empty() and not selector.matches(labels):
        errors.invalid("spec.template.metadata.labels", shown.labels(labels), MISMATCH)
    return True


def immutable_selector(new: Object, old: Object, errors: Errors) -> None:
    if new.get("selector") != old.get("selector"):
        errors.invalid("spec.selector", shown.selector(new.get("selector")), IMMUTABLE)


def _validate_template(spec: Object, options: Options, errors: Errors) -> None:
    if check_template_matches(spec, "invalid label selector", errors):
        validate_template("spec.template", spec["template"], errors, options)
        check_always_restarts("spec.template.spec", spec["template"]["spec"], "ReplicaSet", errors)


def warn(new: Object, old: Object | None) -> list[str]:
    """For the kinds whose pods bear their name."""
    found = []
    if old is None:
        if problems := names.dns1123_label(new["metadata"].get("name", "")):
            found.append(f"metadata.name: {HOSTNAMES} {words(problems)}")
    elif new["metadata"].get("generation") == old["metadata"].get("generation"):
        return []
    return found + template_warnings("spec.template", new["spec"]["template"])


# ---------------------------------------------------------------- ReplicaSet


def _judge_set(obj: Object, options: Options, errors: Errors) -> None:
    spec = obj["spec"]
    nonnegative(errors, "spec.replicas", spec.get("replicas", 0))
    nonnegative(errors, "spec.minReadySeconds", spec.get("minReadySeconds", 0))
    validate_selector(spec, "empty selector is invalid for deployment", errors)
    _validate_template(spec, options, errors)


def create_set(obj: Object, errors: Errors) -> None:
    _judge_set(obj, STRICT, errors)


def update_set(new: Object, old: Object, errors: Errors) -> None:
    judge_update(errors, _judge_set, new, old, STRICT)
    immutable_selector(new["spec"], old["spec"], errors)


def update_set_status(new: Object, old: Object, errors: Errors) -> None:
    validate_replica_status(new.get("status", {}), errors)


# ---------------------------------------------------------------- Deployment


def _judge_deployment(obj: Object, options: Options, errors: Errors) -> None:
    spec = obj["spec"]
    nonnegative(errors, "spec.replicas", spec.get("replicas", 0))
    validate_selector(spec, "empty selector is invalid for deployment", errors)
    _validate_template(spec, options, errors)
    _validate_strategy(spec["strategy"], errors)
    ready = spec.get("minReadySeconds", 0)
    nonnegative(errors, "spec.minReadySeconds", ready)
    nonnegative(errors, "spec.revisionHistoryLimit", spec.get("revisionHistoryLimit", 0))
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None:
        nonnegative(errors, "spec.progressDeadlineSeconds", deadline)
        if deadline <= ready:
            errors.invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")


def _validate_strategy(strategy: Object, errors: Errors) -> None:
    kind, rolling = strategy.get("type", ""), strategy.get("rollingUpdate")
    if kind == "Recreate":
        if rolling is not None:
            problem = "may not be specified when strategy `type` is 'Recreate'"
            errors.forbidden("spec.strategy.rollingUpdate", problem)
    elif kind == "RollingUpdate":
        _validate_rolling("spec.strategy.rollingUpdate", rolling or {}, errors)
    else:
        value = internal_pods.internal("apps.v1.DeploymentStrategy", strategy)
        errors.not_supported("spec.strategy", value, ["Recreate", "RollingUpdate"])


def _validate_rolling(path: str, rolling: Object, errors: Errors) -> None:
    missing, surplus = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    int_or_percent.positive(errors, f"{path}.maxUnavailable", missing)
    int_or_percent.positive(errors, f"{path}.maxSurge", surplus)
    if int_or_percent.size(missing) == 0 and int_or_percent.size(surplus) == 0:
        errors.invalid(f"{path}.maxUnavailable", missing, "may not be 0 when `maxSurge` is 0")
    int_or_percent.at_most_all(errors, f"{path}.maxUnavailable", missing)


def create_deployment(obj: Object, errors: Errors) -> None:
    _judge_deployment(obj, STRICT, errors)


def update_deployment(new: Object, old: Object, errors: Errors) -> None:
    judge_update(errors, _judge_deployment, new, old, STRICT)
    immutable_selector(new["spec"], old["spec"], errors)


def update_deployment_status(new: Object, old: Object, errors: Errors) -> None:
    status = new.get("status", {})
    counts = ("updatedReplicas", "readyReplicas", "availableReplicas")
    others = ("unavailableReplicas", "terminatingReplicas", "collisionCount")
    for field in ("observedGeneration", "replicas", *counts, *others):
        nonnegative(errors, f"status.{field}", status.get(field, 0))
    for field in counts:
        if status.get(field, 0) > status.get("replicas", 0):
            errors.invalid(f"status.{field}", status.get(field, 0), "cannot be greater than status.replicas")
    if status.get("availableReplicas", 0) > status.get("readyReplicas", 0):
        value = status.get("availableReplicas", 0)
        errors.invalid("status.availableReplicas", value, "cannot be greater than readyReplicas")
    check_collisions(new, old, errors)


def check_collisions(new: Object, old: Object, errors: Errors) -> None:
    """The number of hash collisions only grows."""
    after, before = new.get("status", {}).get("collisionCount"), old.get("status", {}).get("collisionCount")
    if before is not None and (after is None or after < before):
        errors.invalid("status.collisionCount", after or 0, "cannot be decremented")


DEPLOYMENT = Validator(
    create=create_deployment,
    update=update_deployment,
    subresources=(("status", update_deployment_status),),
    warnings=warn,
)
REPLICA_SET = Validator(
    create=create_set, update=update_set, subresources=(("status", update_set_status),), warnings=warn
)
