"""What the status of a Job may become: counters do not fall, an end is an end, and its parts do not contradict.

Most rules are asked only when what they speak of changes, so that a job that is wrong already can still be finished.
"""

from __future__ import annotations

from typing import Any

from minikube_edu.api.field_errors import OMIT, Errors
from minikube_edu.api.validation import job_indexes
from minikube_edu.api.validation.field_rules import IMMUTABLE, nonnegative

Object = dict[str, Any]


def condition_is(status: Object, kind: str, value: str) -> bool:
    return any(one.get("type") == kind and one.get("status") == value for one in status.get("conditions", ()))


class _State:
    """What the rules ask of one status."""

    def __init__(self, status: Object) -> None:
        self.complete = condition_is(status, "Complete", "True")
        self.failed = condition_is(status, "Failed", "True")
        self.finished = self.complete or self.failed
        self.failing = condition_is(status, "FailureTarget", "True")
        self.succeeding = condition_is(status, "SuccessCriteriaMet", "True")


def validate_status(new: Object, old: Object, errors: Errors) -> None:
    status, before, spec = new.get("status", {}), old.get("status", {}), new["spec"]
    now, was = _State(status), _State(before)
    changed = {
        field
        for field in status.keys() | before.keys()
        if status.get(field) != before.get(field) and (status.get(field) or before.get(field))
    }
    _validate_counts(status, errors)
    _validate_completion(status, now, was, changed, errors)
    _validate_finish(status, spec, now, was, changed, errors)
    _validate_indexes(status, spec, changed, errors)
    _validate_more(status, spec, now, was, changed, errors)
    _validate_change(status, before, spec, now, was, changed, errors)


def _conditions(errors: Errors, problem: str) -> None:
    errors.invalid("status.conditions", OMIT, problem)


def _validate_counts(status: Object, errors: Errors) -> None:
    for field in ("active", "succeeded", "failed", "ready", "terminating"):
        nonnegative(errors, f"status.{field}", status.get(field, 0))
    seen: set[str] = set()
    for field in ("succeeded", "failed"):
        for index, uid in enumerate(status.get("uncountedTerminatedPods", {}).get(field, ())):
            path = f"status.uncountedTerminatedPods.{field}[{index}]"
            if not uid:
                errors.invalid(path, uid, "must not be empty")
            elif uid in seen:
                errors.duplicate(path, uid)
            seen.add(uid)


def _validate_completion(status: Object, now: _State, was: _State, changed: set[str], errors: Errors) -> None:
    ended = now.complete != was.complete
    if (ended or now.failed != was.failed) and now.complete and now.failed:
        _conditions(errors, "cannot set Complete=True and Failed=true conditions")
    if (ended or now.failing != was.failing) and now.complete and now.failing:
        _conditions(errors, "cannot set Complete=True and FailureTarget=true conditions")
    time, start = status.get("completionTime"), status.get("startTime")
    if ended or "completionTime" in changed:
        if time and not now.complete:
            problem = "cannot set completionTime when there is no Complete=True condition"
            errors.invalid("status.completionTime", time, problem)
        if not time and now.complete:
            errors.required("status.completionTime", "completionTime is required for Complete jobs")
    if changed & {"startTime", "completionTime"} and start and time and time < start:
        errors.invalid("status.completionTime", time, "must be equal to or after `startTime`")


def _validate_finish(status: Object, spec: Object, now: _State, was: _State, changed: set[str], errors: Errors) -> None:
    if (now.failed != was.failed or "failedIndexes" in changed) and now.failed and not now.failing:
        _conditions(errors, "cannot set Failed=True condition without the FailureTarget=true condition")
    if (now.complete, now.succeeding) != (was.complete, was.succeeding) and now.complete and not now.succeeding:
        _conditions(errors, "cannot set Complete=True condition without the SuccessCriteriaMet=true condition")
    ended = now.finished != was.finished
    if (ended or "active" in changed) and now.finished and status.get("active", 0) > 0:
        errors.invalid("status.active", status["active"], "active>0 is invalid for finished job")
    nothing_to_do = spec.get("suspend") and spec.get("completions") == 0
    if (ended or "startTime" in changed) and not nothing_to_do and now.finished and not status.get("startTime"):
        errors.required("status.startTime", "startTime is required for finished job")
    uncounted = status.get("uncountedTerminatedPods", {})
    counted = not uncounted.get("succeeded") and not uncounted.get("failed")
    if (ended or "uncountedTerminatedPods" in changed) and now.finished and not counted:
        shown = {"Succeeded": uncounted.get("succeeded"), "Failed": uncounted.get("failed")}
        errors.invalid("status.uncountedTerminatedPods", shown, "must be empty for finished job")


def _validate_indexes(status: Object, spec: Object, changed: set[str], errors: Errors) -> None:
    completions, completed, failed = (
        spec.get("completions"),
        status.get("completedIndexes", ""),
        status.get("failedIndexes"),
    )
    per_index = "backoffLimitPerIndex" in spec
    if completions is not None:
        _parse("completedIndexes", completed if "completedIndexes" in changed else "", completions, errors)
        if per_index and failed is not None:
            _parse("failedIndexes", failed if "failedIndexes" in changed else "", completions, errors)
    if "completedIndexes" in changed and completed and spec.get("completionMode") != "Indexed":
        problem = "cannot set non-empty completedIndexes when non-indexed completion mode"
        errors.invalid("status.completedIndexes", completed, problem)
    if "failedIndexes" in changed and failed is not None and not per_index:
        problem = "cannot set non-null failedIndexes when backoffLimitPerIndex is null"
        errors.invalid("status.failedIndexes", failed, problem)
    if changed & {"failedIndexes", "completedIndexes"} and completions is not None and failed is not None:
        both = job_indexes.overlap(completed, failed, completions)
        if both is not None:
            problem = f"failedIndexes and completedIndexes overlap at index: {both}"
            errors.invalid("status.failedIndexes", failed, problem)


def _parse(field: str, text: str, completions: int, errors: Errors) -> None:
    try:
        job_indexes.count(text, completions)
    except ValueError as error:
        errors.invalid(f"status.{field}", text, f"error parsing {field}: {error}")


def _validate_more(status: Object, spec: Object, now: _State, was: _State, changed: set[str], errors: Errors) -> None:
    terminating, ready = status.get("terminating", 0), status.get("ready")
    if (now.finished != was.finished or "terminating" in changed) and terminating > 0 and now.finished:
        errors.invalid("status.terminating", terminating, "terminating>0 is invalid for finished job")
    if changed & {"ready", "active"} and ready is not None and ready > status.get("active", 0):
        errors.invalid("status.ready", ready, "cannot set more ready pods than active")
    if now.succeeding and now.failed:
        _conditions(errors, "cannot set SuccessCriteriaMet=True and Failed=true conditions")
    if now.succeeding and now.failing:
        _conditions(errors, "cannot set SuccessCriteriaMet=True and FailureTarget=true conditions")
    if "successPolicy" in spec and not now.succeeding and now.complete:
        _conditions(errors, "cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True")


def _validate_change(
    status: Object, before: Object, spec: Object, now: _State, was: _State, changed: set[str], errors: Errors
) -> None:
    for kind, is_now, was_then in (
        ("Failed", now.failed, was.failed),
        ("Complete", now.complete, was.complete),
        ("FailureTarget", now.failing, was.failing),
    ):
        if was_then and not is_now:
            _conditions(errors, f"cannot disable the terminal {kind}=True condition")
    if status.get("failed", 0) < before.get("failed", 0):
        errors.invalid("status.failed", status.get("failed", 0), "cannot decrease the failed counter")
    elastic = spec.get("completionMode") == "Indexed" and spec.get("completions") == spec.get("parallelism")
    if not elastic and status.get("succeeded", 0) < before.get("succeeded", 0):
        errors.invalid("status.succeeded", status.get("succeeded", 0), "cannot decrease the succeeded counter")
    time, start = status.get("completionTime"), status.get("startTime")
    if time and before.get("completionTime") and "completionTime" in changed:
        errors.invalid("status.completionTime", time, IMMUTABLE)
    resuming = condition_is(before, "Suspended", "True") and condition_is(status, "Suspended", "False")
    if "startTime" in changed and not resuming and before.get("startTime") and not spec.get("suspend"):
        errors.invalid("status.startTime", start, "field is immutable for unsuspended job once set")
    if was.succeeding and not now.succeeding:
        _conditions(errors, "cannot disable the SuccessCriteriaMet=True condition")
    if was.complete and not was.succeeding and now.succeeding:
        _conditions(errors, "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions")
