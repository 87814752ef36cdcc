"""Validation of the group autoscaling: HorizontalPodAutoscaler (as version 2) and Scale."""

from __future__ import annotations

from typing import Any

from minikube_edu.api import names, quantity
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation import Validator
from minikube_edu.api.validation.container_resources import container_name_problems
from minikube_edu.api.validation.field_rules import nonnegative, nonnegative_quantity

Object = dict[str, Any]

_TYPES = ["ContainerResource", "External", "Object", "Pods", "Resource"]
_TARGETS = ("Utilization", "Value", "AverageValue")
_FIELDS = ("object", "external", "pods", "resource", "containerResource")
_NO_GROUP = "apiVersion must specify API group"
_RAW_OR_UTILIZATION = "must set either a target raw value or a target utilization"


def _judge(spec: Object, errors: Errors, old: Object | None = None) -> None:
    low, high = spec.get("minReplicas"), spec.get("maxReplicas", 0)
    lowest = 0 if old is not None and old.get("minReplicas") == 0 else 1
    if low is not None and low < lowest:
        errors.invalid("spec.minReplicas", low, f"must be greater than or equal to {lowest}")
    if high == 0:
        errors.required("spec.maxReplicas", "must be set and greater than 0")
    elif high < 0:
        errors.invalid("spec.maxReplicas", high, "must be greater than or equal to 1")
    if low is not None and high < low:
        errors.invalid("spec.maxReplicas", high, "must be greater than or equal to `minReplicas`")
    target = spec.get("scaleTargetRef", {})
    known = (old or {}).get("scaleTargetRef", {})
    kept = old is not None and all(known.get(field) == target.get(field) for field in ("apiVersion", "kind"))
    core = target.get("kind") == "ReplicationController"
    _validate_reference("spec.scaleTargetRef", target, errors, any_version=kept, any_group=core)
    _validate_metrics(spec, old, errors)
    for field in ("scaleUp", "scaleDown"):
        if field in spec.get("behavior", {}):
            _validate_rules(f"spec.behavior.{field}", spec["behavior"][field], errors)


def _validate_reference(
    path: str, reference: Object, errors: Errors, any_version: bool = False, any_group: bool = True
) -> None:
    for field in ("kind", "name"):
        value = reference.get(field, "")
        if value:
            errors.invalid_each(f"{path}.{field}", value, names.path_segment(value))
        else:
            errors.required(f"{path}.{field}")
    version = reference.get("apiVersion", "")
    if not any_version and (problem := _version_problem(version, any_group)):
        errors.invalid(f"{path}.apiVersion", version, problem)


def _version_problem(version: str, any_group: bool) -> str:
    if version.count("/") > 1:
        return f"unexpected GroupVersion string: {version}"
    return "" if any_group or (version.partition("/")[1] and not version.startswith("/")) else _NO_GROUP


# ---------------------------------------------------------------- metrics


def _validate_metrics(spec: Object, old: Object | None, errors: Errors) -> None:
    metrics = spec.get("metrics", [])
    any_version = any(
        metric.get("type") == "Object"
        and _version_problem(metric.get("object", {}).get("describedObject", {}).get("apiVersion", ""), True)
        for metric in (old or {}).get("metrics", ())
    )
    for index, metric in enumerate(metrics):
        _validate_metric(f"spec.metrics[{index}]", metric, any_version, errors)
    if spec.get("minReplicas") == 0 and not any(metric.get("type") in ("Object", "External") for metric in metrics):
        problem = "must specify at least one Object or External metric to support scaling to zero replicas"
        errors.forbidden("spec.metrics", problem)


def _validate_metric(path: str, metric: Object, any_version: bool, errors: Errors) -> None:
    kind = metric.get("type", "")
    if not kind:
        errors.required(f"{path}.type", "must specify a metric source type")
    if kind not in _TYPES:
        errors.not_supported(f"{path}.type", kind, _TYPES)
    given = [field for field in _FIELDS if field in metric]
    if given:
        _validate_source(f"{path}.{given[0]}", given[0], metric[given[0]], any_version, errors)
    expected = kind[:1].lower() + kind[1:]
    if kind not in _TYPES:
        errors.not_supported(f"{path}.type", kind, _TYPES)
    elif expected not in metric:
        errors.required(f"{path}.{expected}", "must populate information for the given metric source")
    if len(given) != 1:
        for field in given:
            if field != expected:
                errors.forbidden(f"{path}.{field}", "must populate the given metric source only")


def _validate_source(path: str, field: str, source: Object, any_version: bool, errors: Errors) -> None:
    target = source.get("target", {})
    if field == "object":
        _validate_reference(f"{path}.describedObject", source.get("describedObject", {}), errors, any_version)
    if field in ("object", "external", "pods"):
        _validate_name(f"{path}.metric.name", source.get("metric", {}).get("name", ""), errors)
    else:
        _validate_resource(path, field, source, errors)
    _validate_target(f"{path}.target", target, errors)
    if field == "object":
        if "value" not in target and "averageValue" not in target:
            errors.required(f"{path}.target.averageValue", "must set either a target value or averageValue")
    elif field == "external":
        if "value" not in target and "averageValue" not in target:
            problem = "must set either a target value for metric or a per-pod target"
            errors.required(f"{path}.target.averageValue", problem)
        if "value" in target and "averageValue" in target:
            problem = "may not set both a target value for metric and a per-pod target"
            errors.forbidden(f"{path}.target.value", problem)
    elif field == "pods":
        if "averageValue" not in target:
            errors.required(f"{path}.target.averageValue", "must specify a positive target averageValue")
    else:
        if "averageUtilization" not in target and "averageValue" not in target:
            errors.required(f"{path}.target.averageUtilization", _RAW_OR_UTILIZATION)
        if "averageUtilization" in target and "averageValue" in target:
            problem = "may not set both a target raw value and a target utilization"
            errors.forbidden(f"{path}.target.averageValue", problem)


def _validate_name(path: str, name: str, errors: Errors) -> None:
    if name:
        errors.invalid_each(path, name, names.path_segment(name))
    else:
        errors.required(path, "must specify a metric name")


def _validate_resource(path: str, field: str, source: Object, errors: Errors) -> None:
    name = source.get("name", "")
    if not name:
        errors.required(f"{path}.name", "must specify a resource name")
    elif field == "containerResource":
        errors.invalid_each(f"{path}.name", name, container_name_problems(name))
    if field == "containerResource":
        container = source.get("container", "")
        if container:
            errors.invalid_each(f"{path}.container", container, names.dns1123_label(container))
        else:
            errors.required(f"{path}.container", "must specify a container")


def _validate_target(path: str, target: Object, errors: Errors) -> None:
    kind = target.get("type", "")
    if not kind:
        errors.required(f"{path}.type", "must specify a metric target type")
    if kind not in _TARGETS:
        errors.invalid(f"{path}.type", kind, "must be either Utilization, Value, or AverageValue")
    for field in ("value", "averageValue"):
        if field in target and quantity.parse(target[field]).sign() != 1:
            errors.invalid(f"{path}.{field}", target[field], "must be positive")
    utilization = target.get("averageUtilization")
    if utilization is not None and utilization < 1:
        errors.invalid(f"{path}.averageUtilization", utilization, "must be greater than 0")


# ---------------------------------------------------------------- behaviour


def _validate_rules(path: str, rules: Object, errors: Errors) -> None:
    window, select = rules.get("stabilizationWindowSeconds"), rules.get("selectPolicy")
    if window is not None:
        if window < 0:
            problem = "must be greater than or equal to zero"
            errors.invalid(f"{path}.stabilizationWindowSeconds", window, problem)
        if window > 3600:
            errors.invalid(f"{path}.stabilizationWindowSeconds", window, "must be less than or equal to 3600")
    if select is not None and select not in ("Disabled", "Max", "Min"):
        errors.not_supported(f"{path}.selectPolicy", select, ["Disabled", "Max", "Min"])
    if not rules.get("policies"):
        errors.required(f"{path}.policies", "must specify at least one Policy")
    for index, policy in enumerate(rules.get("policies") or ()):
        _validate_policy(f"{path}.policies[{index}]", policy, errors)
    if "tolerance" in rules:
        nonnegative_quantity(errors, f"{path}.tolerance", rules["tolerance"])


def _validate_policy(path: str, policy: Object, errors: Errors) -> None:
    if policy.get("type") not in ("Percent", "Pods"):
        errors.not_supported(f"{path}.type", policy.get("type", ""), ["Percent", "Pods"])
    for field in ("value", "periodSeconds"):
        if policy.get(field, 0) <= 0:
            errors.invalid(f"{path}.{field}", policy.get(field, 0), "must be greater than zero")
    if policy.get("periodSeconds", 0) > 1800:
        errors.invalid(f"{path}.periodSeconds", policy["periodSeconds"], "must be less than or equal to 1800")


def create(obj: Object, errors: Errors) -> None:
    _judge(obj["spec"], errors)


def update(new: Object, old: Object, errors: Errors) -> None:
    _judge(new["spec"], errors, old["spec"])


def update_status(new: Object, old: Object, errors: Errors) -> None:
    for field in ("currentReplicas", "desiredReplicas"):
        nonnegative(errors, f"status.{field}", new.get("status", {}).get(field, 0))


def validate_scale(scale: Object, errors: Errors) -> None:
    """The body of a write to …/scale; its metadata is judged by `meta`."""
    nonnegative(errors, "spec.replicas", scale.get("spec", {}).get("replicas", 0))


VALIDATORS = {
    "HorizontalPodAutoscaler": Validator(create=create, update=update, subresources=(("status", update_status),)),
    "Scale": Validator(create=validate_scale),
}
