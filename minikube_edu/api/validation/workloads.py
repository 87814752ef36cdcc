"""Validation of the kinds of the core group that are or make pods: Pod, PodTemplate, ReplicationController."""

from __future__ import annotations

from typing import Any

from minikube_edu.api import label_selectors, names
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation import Validator, pods, shown
from minikube_edu.api.validation.field_rules import nonnegative
from minikube_edu.api.validation.pod_options import STRICT, Options, judge_update
from minikube_edu.api.validation.pod_specs import validate_template
from minikube_edu.api.validation.pod_warnings import template_warnings
from minikube_edu.lib.gotext import words

Object = dict[str, Any]


def _judge_template(obj: Object, options: Options, errors: Errors) -> None:
    validate_template("template", obj["template"], errors, options)


def create_template(obj: Object, errors: Errors) -> None:
    _judge_template(obj, STRICT, errors)


def update_template(new: Object, old: Object, errors: Errors) -> None:
    judge_update(errors, _judge_template, new, old, STRICT)


def warn_template(new: Object, old: Object | None) -> list[str]:
    return template_warnings("template", new["template"]) if _changed(new, old) else []


HOSTNAMES = (
    "this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended:"
)


def _changed(new: Object, old: Object | None) -> bool:
    """Warnings are given once for each generation."""
    return old is None or new["metadata"].get("generation") != old["metadata"].get("generation")


# ---------------------------------------------------------------- ReplicationController


def _judge_controller(obj: Object, options: Options, errors: Errors) -> None:
    spec = obj["spec"]
    nonnegative(errors, "spec.minReadySeconds", spec.get("minReadySeconds", 0))
    selector = spec.get("selector", {})
    if not selector:
        errors.required("spec.selector")
    nonnegative(errors, "spec.replicas", spec.get("replicas", 0))
    template = spec.get("template")
    if template is None:
        errors.required("spec.template")
        return
    labels = template["metadata"].get("labels", {})
    if selector and not label_selectors.from_set(selector).matches(labels):
        problem = "`selector` does not match template `labels`"
        errors.invalid("spec.template.metadata.labels", shown.labels(labels), problem)
    validate_template("spec.template", template, errors, options)
    check_always_restarts("spec.template.spec", template["spec"], "ReplicationController", errors)


def check_always_restarts(path: str, spec: Object, owner: str, errors: Errors) -> None:
    """Pods that are to run for ever."""
    policy = spec.get("restartPolicy", "")
    if policy != "Always":
        errors.not_supported(f"{path}.restartPolicy", policy, ["Always"])
    if "activeDeadlineSeconds" in spec:
        errors.forbidden(f"{path}.activeDeadlineSeconds", f"activeDeadlineSeconds in {owner} is not Supported")


def create_controller(obj: Object, errors: Errors) -> None:
    _judge_controller(obj, STRICT, errors)


def update_controller(new: Object, old: Object, errors: Errors) -> None:
    judge_update(errors, _judge_controller, new, old, STRICT)


def update_controller_status(new: Object, old: Object, errors: Errors) -> None:
    validate_replica_status(new.get("status", {}), errors)


def validate_replica_status(status: Object, errors: Errors) -> None:
    """Counts of a ReplicationController or ReplicaSet: none is negative, none is more than all."""
    counts = ("fullyLabeledReplicas", "readyReplicas", "availableReplicas")
    replicas = status.get("replicas", 0)
    for field in ("replicas", *counts, "observedGeneration"):
        nonnegative(errors, f"status.{field}", status.get(field, 0))
    if "terminatingReplicas" in status:
        nonnegative(errors, "status.terminatingReplicas", status["terminatingReplicas"])
    for field in counts:
        if status.get(field, 0) > replicas:
            errors.invalid(f"status.{field}", status.get(field, 0), "cannot be greater than status.replicas")
    ready, available = status.get("readyReplicas", 0), status.get("availableReplicas", 0)
    if available > ready:
        errors.invalid("status.availableReplicas", available, "cannot be greater than readyReplicas")


def warn_controller(new: Object, old: Object | None) -> list[str]:
    found = []
    if old is None and (problems := names.dns1123_label(new["metadata"].get("name", ""))):
        found.append(f"metadata.name: {HOSTNAMES} {words(problems)}")
    # On update the real one looks at the template that was.
    template = (old or new)["spec"].get("template")
    return found + (template_warnings("spec.template", template) if template and _changed(new, old) else [])


VALIDATORS = {
    "Pod": pods.VALIDATOR,
    "PodTemplate": Validator(create=create_template, update=update_template, warnings=warn_template),
    "ReplicationController": Validator(
        create=create_controller,
        update=update_controller,
        subresources=(("status", update_controller_status),),
        warnings=warn_controller,
    ),
}
