"""DaemonSets: one pod a node. Names of its pods do not depend on its own, so that no advice is given about it."""

from __future__ import annotations

from typing import Any

from minikube_edu.api import internal_pods, label_selectors
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation import Validator, int_or_percent, shown
from minikube_edu.api.validation.field_rules import label_selector, nonnegative
from minikube_edu.api.validation.pod_options import STRICT, Options, judge_update
from minikube_edu.api.validation.pod_specs import validate_template
from minikube_edu.api.validation.pod_warnings import template_warnings
from minikube_edu.api.validation.replica_sets import MISMATCH, check_collisions, immutable_selector
from minikube_edu.api.validation.workloads import check_always_restarts

Object = dict[str, Any]

_COUNTS = (
    "currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady", "observedGeneration",
    "updatedNumberScheduled", "numberAvailable", "numberUnavailable", "collisionCount",
)  # fmt: skip


def _judge(obj: Object, options: Options, errors: Errors) -> None:
    spec = obj["spec"]
    selector, labels = spec.get("selector"), spec["template"]["metadata"].get("labels", {})
    label_selector(errors, "spec.selector", selector, options.any_selector_value)
    try:
        matches = label_selectors.from_object(selector).matches(labels)
    except ValueError:
        matches = True  # what is wrong with it has been said
    if not matches:
        errors.invalid("spec.template.metadata.labels", shown.labels(labels), MISMATCH)
    if selector is not None and not selector.get("matchLabels") and not selector.get("matchExpressions"):
        errors.invalid("spec.selector", selector, "empty selector is invalid for daemonset")
    validate_template("spec.template", spec["template"], errors, options)
    check_always_restarts("spec.template.spec", spec["template"]["spec"], "DaemonSet", errors)
    nonnegative(errors, "spec.minReadySeconds", spec.get("minReadySeconds", 0))
    _validate_strategy("spec.updateStrategy", spec["updateStrategy"], errors)
    nonnegative(errors, "spec.revisionHistoryLimit", spec.get("revisionHistoryLimit", 0))


def _validate_strategy(path: str, strategy: Object, errors: Errors) -> None:
    kind = strategy.get("type", "")
    if kind == "OnDelete":
        return
    if kind != "RollingUpdate":
        value = internal_pods.internal("apps.v1.DaemonSetUpdateStrategy", strategy)
        errors.not_supported(path, value, ["RollingUpdate", "OnDelete"])
        return
    if "rollingUpdate" not in strategy:
        errors.required(f"{path}.rollingUpdate")
        return
    rolling = strategy["rollingUpdate"]
    fields = {field: rolling.get(field, 0) for field in ("maxUnavailable", "maxSurge")}
    for rule in (int_or_percent.positive, int_or_percent.at_most_all):
        for field, value in fields.items():
            rule(errors, f"{path}.rollingUpdate.{field}", value)
    missing, surplus = (int_or_percent.size(value) != 0 for value in fields.values())
    if missing and surplus:
        problem = "may not be set when maxUnavailable is non-zero"
        errors.invalid(f"{path}.rollingUpdate.maxSurge", fields["maxSurge"], problem)
    elif not missing and not surplus:
        errors.required(f"{path}.rollingUpdate.maxUnavailable", "cannot be 0 when maxSurge is 0")


def create(obj: Object, errors: Errors) -> None:
    _judge(obj, STRICT, errors)


def update(new: Object, old: Object, errors: Errors) -> None:
    immutable_selector(new["spec"], old["spec"], errors)
    judge_update(errors, _judge, new, old, STRICT)


def update_status(new: Object, old: Object, errors: Errors) -> None:
    status = new.get("status", {})
    for field in _COUNTS:
        nonnegative(errors, f"status.{field}", status.get(field, 0))
    check_collisions(new, old, errors)


def warn(new: Object, old: Object | None) -> list[str]:
    if old is not None and new["spec"]["template"] == old["spec"]["template"]:
        return []
    return template_warnings("spec.template", new["spec"]["template"])


VALIDATOR = Validator(create=create, update=update, subresources=(("status", update_status),), warnings=warn)
