"""Jobs: work that ends. Selector and labels are made from the job's uid, unless its author takes that on.

The template of a job can change only while it is suspended, and then only in what scheduling needs.
"""

from __future__ import annotations

from typing import Any

from minikube_edu.api import internal_pods, label_selectors, names
from minikube_edu.api.field_errors import OMIT, Errors
from minikube_edu.api.validation import Validator, job_indexes, shown
from minikube_edu.api.validation.field_rules import IMMUTABLE, immutable, label_selector, nonnegative
from minikube_edu.api.validation.job_statuses import condition_is, validate_status
from minikube_edu.api.validation.pod_options import STRICT, Options, judge_update
from minikube_edu.api.validation.pod_specs import validate_template
from minikube_edu.api.validation.pod_warnings import template_warnings
from minikube_edu.api.validation.replica_sets import MISMATCH, immutable_selector
from minikube_edu.api.validation.workloads import HOSTNAMES
from minikube_edu.lib.gotext import words

Object = dict[str, Any]

UID, NAME = "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name"
OLD_UID, OLD_NAME = "controller-uid", "job-name"

_ACTIONS = ["Count", "FailIndex", "FailJob", "Ignore"]
_INDEXED_ONLY = "requires indexed completion mode"
_HIGH = "when completions are above 100000 and used with backoff limit per index"


# ---------------------------------------------------------------- the whole


def _judge(obj: Object, options: Options, errors: Errors) -> None:
    _judge_labelled(obj, options, errors, True)


def _judge_older(obj: Object, options: Options, errors: Errors) -> None:
    """A job from before the labels had a prefix."""
    _judge_labelled(obj, options, errors, False)


def _judge_labelled(obj: Object, options: Options, errors: Errors, prefixed: bool) -> None:
    metadata, spec = obj["metadata"], obj["spec"]
    if not spec.get("manualSelector") and "selector" in spec:
        _validate_generated(metadata, spec, prefixed, errors)
    _judge_spec(obj, options, errors)
    completions = spec.get("completions", 0)
    if spec.get("completionMode") == "Indexed" and completions > 0:
        name = metadata.get("name", "")
        last = f"{name}-{completions - 1}"
        if names.dns1123_label(last):
            problem = f"will not able to create pod with invalid DNS label: {last}"
            errors.invalid("metadata.name", name, problem)


def _validate_generated(metadata: Object, spec: Object, prefixed: bool, errors: Errors) -> None:
    name, uid = metadata.get("name", ""), metadata.get("uid", "")
    if not uid:
        errors.required("metadata.uid")
    expected = {OLD_UID: uid, OLD_NAME: name} | ({UID: uid, NAME: name} if prefixed else {})
    labels = spec["template"]["metadata"].get("labels", {})
    for key, value in expected.items():
        path = f"spec.template.metadata.labels[{key}]"
        if key not in labels:
            errors.required(path, f"must be '{value}'")
        elif labels[key] != value:
            errors.invalid(path, shown.labels(labels), f"must be '{value}'")
    try:
        matches = label_selectors.from_object(spec["selector"]).matches(expected)
    except ValueError:
        return
    if not matches:
        errors.invalid("spec.selector", shown.selector(spec["selector"]), "`selector` not auto-generated")


def _judge_spec(obj: Object, options: Options, errors: Errors) -> None:
    spec = obj["spec"]
    validate_job_spec("spec", spec, options, errors)
    if "selector" not in spec:
        errors.required("spec.selector")
    else:
        label_selector(errors, "spec.selector", spec["selector"], options.any_selector_value)
    labels = spec["template"]["metadata"].get("labels", {})
    try:
        matches = label_selectors.from_object(spec.get("selector")).matches(labels)
    except ValueError:
        return
    if not matches:
        errors.invalid("spec.template.metadata.labels", shown.labels(labels), MISMATCH)


# ---------------------------------------------------------------- the specification, also in a CronJob


def validate_job_spec(path: str, spec: Object, options: Options, errors: Errors) -> None:
    for field in (
        "parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished",
        "backoffLimitPerIndex", "maxFailedIndexes",
    ):  # fmt: skip
        nonnegative(errors, f"{path}.{field}", spec.get(field, 0))
    if "maxFailedIndexes" in spec and "backoffLimitPerIndex" not in spec:
        errors.required(f"{path}.backoffLimitPerIndex", "when maxFailedIndexes is specified")
    if "managedBy" in spec:
        _validate_manager(f"{path}.managedBy", spec["managedBy"], errors)
    _validate_mode(path, spec, errors)
    if "podFailurePolicy" in spec:
        _validate_failure_policy(f"{path}.podFailurePolicy", spec, errors)
    if "successPolicy" in spec:
        _validate_success_policy(f"{path}.successPolicy", spec, errors)
    replacement = spec.get("podReplacementPolicy")
    allowed = ["Failed"] if "podFailurePolicy" in spec else ["Failed", "TerminatingOrFailed"]
    if replacement is not None and replacement not in allowed:
        errors.not_supported(f"{path}.podReplacementPolicy", replacement, allowed)
    validate_template(f"{path}.template", spec["template"], errors, options)
    _validate_restart(f"{path}.template.spec.restartPolicy", spec, errors)


def _validate_restart(path: str, spec: Object, errors: Errors) -> None:
    policy = spec["template"]["spec"].get("restartPolicy", "")
    if policy in ("", "Always"):
        errors.required(path, 'valid values: "OnFailure", "Never"')
    elif policy not in ("OnFailure", "Never"):
        errors.not_supported(path, policy, ["OnFailure", "Never"])
    elif "podFailurePolicy" in spec and policy != "Never":
        errors.invalid(path, policy, 'only "Never" is supported when podFailurePolicy is specified')


def _validate_manager(path: str, name: str, errors: Errors) -> None:
    for problem in names.domain_prefixed_path(name):
        if problem.kind == "Required":
            errors.required(path, problem.detail)
        else:
            errors.invalid(path, problem.value, problem.detail)
    if len(name) > 63:
        errors.too_long(path, 63)


def _validate_mode(path: str, spec: Object, errors: Errors) -> None:
    mode = spec.get("completionMode")
    if mode == "Indexed":
        _validate_indexed(path, spec, errors)
    elif mode not in (None, "NonIndexed"):
        errors.not_supported(f"{path}.completionMode", mode, ["NonIndexed", "Indexed"])
    else:
        for field in ("backoffLimitPerIndex", "maxFailedIndexes"):
            if field in spec:
                errors.invalid(f"{path}.{field}", spec[field], _INDEXED_ONLY)


def _validate_indexed(path: str, spec: Object, errors: Errors) -> None:
    completions, failed = spec.get("completions"), spec.get("maxFailedIndexes")
    parallelism = spec.get("parallelism", 0)
    if completions is None:
        errors.required(f"{path}.completions", "when completion mode is Indexed")
    if parallelism > 100_000:
        problem = "must be less than or equal to 100000 when completion mode is Indexed"
        errors.invalid(f"{path}.parallelism", parallelism, problem)
    if completions is not None and failed is not None and failed > completions:
        errors.invalid(f"{path}.maxFailedIndexes", failed, "must be less than or equal to completions")
    if failed is not None and failed > 100_000:
        errors.invalid(f"{path}.maxFailedIndexes", failed, "must be less than or equal to 100000")
    if (completions or 0) > 100_000 and "backoffLimitPerIndex" in spec:
        if failed is None:
            errors.required(f"{path}.maxFailedIndexes", "must be specified when completions is above 100000")
        for field, value in (("parallelism", parallelism), ("maxFailedIndexes", failed or 0)):
            if value > 10_000:
                errors.invalid(f"{path}.{field}", value, f"must be less than or equal to 10000 {_HIGH}")


def _validate_failure_policy(path: str, spec: Object, errors: Errors) -> None:
    rules = spec["podFailurePolicy"].get("rules") or []
    if len(rules) > 20:
        errors.too_many(f"{path}.rules", len(rules), 20)
    pod = spec["template"]["spec"]
    known = {one.get("name", "") for field in ("containers", "initContainers") for one in pod.get(field) or ()}
    for index, rule in enumerate(rules):
        at, action = f"{path}.rules[{index}]", rule.get("action", "")
        codes, conditions = rule.get("onExitCodes"), rule.get("onPodConditions") or []
        if not action:
            errors.required(f"{at}.action", f"valid values: {_quoted(_ACTIONS)}")
        elif action == "FailIndex":
            if "backoffLimitPerIndex" not in spec:
                errors.invalid(f"{at}.action", action, "requires the backoffLimitPerIndex to be set")
        elif action not in _ACTIONS:
            errors.not_supported(f"{at}.action", action, _ACTIONS)
        if codes is not None:
            _validate_exit_codes(f"{at}.onExitCodes", codes, known, errors)
        _validate_patterns(f"{at}.onPodConditions", conditions, errors)
        if codes is not None and conditions:
            errors.invalid(at, OMIT, "specifying both OnExitCodes and OnPodConditions is not supported")
        if codes is None and not conditions:
            errors.invalid(at, OMIT, "specifying one of OnExitCodes and OnPodConditions is required")


def _quoted(values: list[str]) -> str:
    """%q of a list."""
    return "[" + " ".join(f'"{value}"' for value in values) + "]"


def _validate_exit_codes(path: str, codes: Object, known: set[str], errors: Errors) -> None:
    operator, values, container = codes.get("operator", ""), codes.get("values") or [], codes.get("containerName")
    if not operator:
        errors.required(f"{path}.operator", f"valid values: {_quoted(['In', 'NotIn'])}")
    elif operator not in ("In", "NotIn"):
        errors.not_supported(f"{path}.operator", operator, ["In", "NotIn"])
    if container is not None and container not in known:
        problem = "must be one of the container or initContainer names in the pod template"
        errors.invalid(f"{path}.containerName", container, problem)
    if not values:
        errors.invalid(f"{path}.values", values, "at least one value is required")
    elif len(values) > 255:
        errors.too_many(f"{path}.values", len(values), 255)
    for index, value in enumerate(values):
        if operator == "In" and value == 0:
            errors.invalid(f"{path}.values[{index}]", value, "must not be 0 for the In operator")
        if value in values[:index]:
            errors.duplicate(f"{path}.values[{index}]", value)
    if values != sorted(values):
        errors.invalid(f"{path}.values", values, "must be ordered")


def _validate_patterns(path: str, patterns: list[Object], errors: Errors) -> None:
    if len(patterns) > 20:
        errors.too_many(path, len(patterns), 20)
    statuses = ["False", "True", "Unknown"]
    for index, pattern in enumerate(patterns):
        kind, status = pattern.get("type", ""), pattern.get("status", "")
        errors.invalid_each(f"{path}[{index}].type", kind, names.qualified_name(kind))
        if not status:
            errors.required(f"{path}[{index}].status", f"valid values: {_quoted(statuses)}")
        elif status not in statuses:
            errors.not_supported(f"{path}[{index}].status", status, statuses)


def _validate_success_policy(path: str, spec: Object, errors: Errors) -> None:
    policy = spec["successPolicy"]
    if spec.get("completionMode") != "Indexed":
        errors.invalid(path, internal_pods.internal("batch.v1.SuccessPolicy", policy), _INDEXED_ONLY)
        return
    rules = policy.get("rules") or []
    if not rules:
        problem = "at least one rules must be specified when the successPolicy is specified"
        errors.required(f"{path}.rules", problem)
    if len(rules) > 20:
        errors.too_many(f"{path}.rules", len(rules), 20)
    for index, rule in enumerate(rules):
        _validate_success_rule(f"{path}.rules[{index}]", rule, spec.get("completions", 0), errors)


def _validate_success_rule(path: str, rule: Object, completions: int, errors: Errors) -> None:
    wanted, indexes = rule.get("succeededCount"), rule.get("succeededIndexes")
    if wanted is None and indexes is None:
        errors.required(path, "at least one of succeededCount or succeededIndexes must be specified")
    total = 0
    if indexes is not None:
        if len(indexes) > 64 * 1024:
            errors.too_long(f"{path}.succeededIndexes", 64 * 1024)
        try:
            total = job_indexes.count(indexes, completions)
        except ValueError as error:
            errors.invalid(f"{path}.succeededIndexes", indexes, f"error parsing succeededIndexes: {error}")
    if wanted is None:
        return
    nonnegative(errors, f"{path}.succeededCount", wanted)
    if wanted > completions:
        problem = f"must be less than or equal to {completions} (the number of specified completions)"
        errors.invalid(f"{path}.succeededCount", wanted, problem)
    if indexes is not None and wanted > total:
        problem = "(the number of indexes in the specified succeededIndexes field)"
        errors.invalid(f"{path}.succeededCount", wanted, f"must be less than or equal to {total} {problem}")


# ---------------------------------------------------------------- create, update


def create(obj: Object, errors: Errors) -> None:
    _judge(obj, STRICT, errors)


def update(new: Object, old: Object, errors: Errors) -> None:
    labels = old["spec"]["template"]["metadata"].get("labels", {})
    judge_update(errors, _judge if NAME in labels and UID in labels else _judge_older, new, old, STRICT)
    judge_update(errors, _judge_spec, new, old, STRICT)  # the real one says it twice
    after, before = new["spec"], old["spec"]
    _validate_completions(after, before, errors)
    immutable_selector(after, before, errors)
    _validate_template_change(after, old, errors)
    immutable(errors, "spec.completionMode", after.get("completionMode"), before.get("completionMode"))
    _immutable_struct(errors, "podFailurePolicy", "batch.v1.PodFailurePolicy", after, before)
    for field in ("backoffLimitPerIndex", "managedBy"):
        immutable(errors, f"spec.{field}", after.get(field), before.get(field))
    _immutable_struct(errors, "successPolicy", "batch.v1.SuccessPolicy", after, before)


def _immutable_struct(errors: Errors, field: str, type_name: str, new: Object, old: Object) -> None:
    if new.get(field) != old.get(field):
        errors.invalid(f"spec.{field}", internal_pods.internal(type_name, new.get(field)), IMMUTABLE)


def _validate_completions(new: Object, old: Object, errors: Errors) -> None:
    """An indexed job can grow and shrink together with its parallelism."""
    after, before = new.get("completions"), old.get("completions")
    if new.get("completionMode") != "Indexed":
        immutable(errors, "spec.completions", after, before)
    elif after is not None and after != before and after != new.get("parallelism"):
        errors.invalid("spec.completions", after, "can only be modified in tandem with spec.parallelism")


def may_change_template(job: Object) -> bool:
    """While it is suspended and nothing of it runs, what scheduling and sizes need may change."""
    status = job.get("status", {})
    idle = "startTime" not in status or condition_is(status, "Suspended", "True")
    return bool(job["spec"].get("suspend")) and idle and not status.get("active")


def _validate_template_change(new: Object, old: Object, errors: Errors) -> None:
    template, before = new["template"], old["spec"]["template"]
    free = may_change_template(old)
    if free:
        before = _with_scheduling(before, template)
    if not old["spec"].get("suspend") or not free:
        if template != before:
            value = template["metadata"] | {"Spec": internal_pods.pod_spec(template["spec"])}
            errors.invalid("spec.template", value, IMMUTABLE)
        return
    pod = dict(before["spec"])
    for field in ("containers", "initContainers"):
        pod[field] = _with_resources(pod.get(field) or [], template["spec"].get(field) or [])
        if not pod[field]:
            del pod[field]
    if template["spec"] != pod:
        errors.invalid("spec.template.spec", internal_pods.pod_spec(template["spec"]), IMMUTABLE)


def _with_scheduling(old: Object, new: Object) -> Object:
    """The old template with the new one's scheduling: what may differ does not count."""
    spec = dict(old["spec"])
    for field in ("nodeSelector", "tolerations", "schedulingGates"):
        if field in new["spec"]:
            spec[field] = new["spec"][field]
        else:
            spec.pop(field, None)
    affinity, given = dict(spec.get("affinity", {})), new["spec"].get("affinity")
    affinity.pop("nodeAffinity", None)
    if given and "nodeAffinity" in given:
        affinity["nodeAffinity"] = given["nodeAffinity"]
    if affinity or (given is not None and "affinity" in spec):
        spec["affinity"] = affinity
    elif given is not None:
        spec["affinity"] = given
    else:
        spec.pop("affinity", None)
    metadata = {field: value for field, value in old["metadata"].items() if field not in ("labels", "annotations")}
    metadata |= {field: new["metadata"][field] for field in ("labels", "annotations") if field in new["metadata"]}
    return {**old, "metadata": metadata, "spec": spec}


def _with_resources(old: list[Object], new: list[Object]) -> list[Object]:
    if len(old) != len(new):
        return old
    return [
        {**before, "resources": after["resources"]}
        if before.get("name") == after.get("name") and "resources" in after
        else before
        for before, after in zip(old, new, strict=True)
    ]


def update_status(new: Object, old: Object, errors: Errors) -> None:
    validate_status(new, old, errors)


def warn(new: Object, old: Object | None) -> list[str]:
    return job_warnings(new, old, "spec", new["spec"])


def job_warnings(new: Object, old: Object | None, path: str, spec: Object) -> list[str]:
    """Also of a CronJob."""
    found = []
    if old is None:
        if problems := names.dns1123_label(new["metadata"].get("name", "")):
            found.append(f"metadata.name: {HOSTNAMES} {words(problems)}")
    elif new["metadata"].get("generation") == old["metadata"].get("generation"):
        return []
    if spec.get("completionMode") == "Indexed":
        completions, parallelism = spec.get("completions", 0), spec.get("parallelism", 0)
        if completions > 100_000 and parallelism > 10_000:
            found.append(
                f"{path}: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than "
                "10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail"
            )
    return found + template_warnings(f"{path}.template", spec["template"])


VALIDATOR = Validator(create=create, update=update, subresources=(("status", update_status),), warnings=warn)
