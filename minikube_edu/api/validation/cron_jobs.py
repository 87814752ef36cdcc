"""CronJobs: a schedule, a time zone, and the template of the jobs that it starts."""

from __future__ import annotations

import re
from typing import Any

from minikube_edu.api import cron
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation import Validator, shown
from minikube_edu.api.validation.field_rules import nonnegative
from minikube_edu.api.validation.jobs import job_warnings, validate_job_spec
from minikube_edu.api.validation.pod_options import STRICT, Options, judge_update

Object = dict[str, Any]

# What the real parser does with a zone and no schedule, and how its caller reports it.
_CRASH = "invalid schedule format: runtime error: slice bounds out of range [:-1]"
LONGEST_NAME = 52  # eleven more letters make the names of its jobs
_zone_part = re.compile(r"[A-Za-z.\-_0-9+]{1,14}").fullmatch


def _judge(spec: Object, before: Object | None, options: Options, errors: Errors) -> None:
    schedule, zone = spec.get("schedule", ""), spec.get("timeZone")
    if schedule:
        _validate_schedule("spec.schedule", schedule, zone, before is not None and "TZ" in before["schedule"], errors)
    else:
        errors.required("spec.schedule")
    nonnegative(errors, "spec.startingDeadlineSeconds", spec.get("startingDeadlineSeconds", 0))
    if zone is not None and (before is None or before.get("timeZone") != zone):
        _validate_zone("spec.timeZone", zone, errors)
    policy = spec.get("concurrencyPolicy", "")
    if not policy:
        errors.required("spec.concurrencyPolicy")
    elif policy not in ("Allow", "Forbid", "Replace"):
        errors.not_supported("spec.concurrencyPolicy", policy, ["Allow", "Forbid", "Replace"])
    _validate_job("spec.jobTemplate.spec", spec["jobTemplate"]["spec"], options, errors)
    for field in ("successfulJobsHistoryLimit", "failedJobsHistoryLimit"):
        nonnegative(errors, f"spec.{field}", spec.get(field, 0))


def _validate_schedule(path: str, schedule: str, zone: str | None, zone_allowed: bool, errors: Errors) -> None:
    try:
        if schedule.startswith(("TZ=", "CRON_TZ=")) and " " not in schedule:
            raise ValueError(_CRASH)
        cron.parse(schedule)
    except ValueError as error:
        errors.invalid(path, schedule, str(error))
    if "TZ" not in schedule:
        return
    if not zone_allowed:
        errors.invalid(path, schedule, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead")
    elif zone is not None:
        errors.invalid(path, schedule, "cannot use both timeZone field and TZ or CRON_TZ in schedule")


def _validate_zone(path: str, zone: str, errors: Errors) -> None:
    if not zone:
        errors.invalid(path, zone, "timeZone must be nil or non-empty string")
        return
    for part in zone.split("/"):
        if part in (".", "..") or part.startswith("-") or not _zone_part(part):
            errors.invalid(path, zone, f"unknown time zone {zone}")
            return
    if zone.lower() == "local":
        problem = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
        errors.invalid(path, zone, problem)
        if zone == "Local":
            return
    try:
        cron.load_zone(zone)
    except ValueError as error:
        errors.invalid(path, zone, str(error))


def _validate_job(path: str, spec: Object, options: Options, errors: Errors) -> None:
    validate_job_spec(path, spec, options, errors)
    if "selector" in spec:
        errors.invalid(f"{path}.selector", shown.selector(spec["selector"]), "`selector` will be auto-generated")
    if spec.get("manualSelector"):
        errors.not_supported(f"{path}.manualSelector", True, ["nil", "false"])


def create(obj: Object, errors: Errors) -> None:
    _judge(obj["spec"], None, STRICT, errors)
    name = obj["metadata"].get("name", "")
    if len(name.encode()) > LONGEST_NAME:
        errors.invalid("metadata.name", name, f"must be no more than {LONGEST_NAME} characters")


def update(new: Object, old: Object, errors: Errors) -> None:
    def judge(obj: Object, options: Options, found: Errors) -> None:
        _judge(obj["spec"], old["spec"], options, found)

    judge_update(errors, judge, new, old, STRICT)


def update_status(_: Object, __: Object, ___: Errors) -> None:
    """Anything goes."""


def warn(new: Object, old: Object | None) -> list[str]:
    spec = new["spec"]
    found = job_warnings(new, old, "spec.jobTemplate.spec", spec["jobTemplate"]["spec"])
    if old is not None and "TZ" in spec.get("schedule", ""):
        more = "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details"
        found.append(f"cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see {more}")
    return found


VALIDATOR = Validator(create=create, update=update, subresources=(("status", update_status),), warnings=warn)
