"""Rows of jobs."""

from __future__ import annotations

from typing import Any

from minikube_edu.api.tables.ages import age, human_duration, since
from minikube_edu.api.tables.cells import NONE, UNSET, containers, has_condition, selector, template_containers
from minikube_edu.lib import clock

Object = dict[str, Any]


def job(obj: Object) -> list[Any]:
    spec, status = obj["spec"], obj.get("status") or {}
    done = status.get("succeeded", 0)
    if "completions" in spec:
        completions = f"{done}/{spec['completions']}"
    else:
        parallelism = spec.get("parallelism", 0)
        completions = f"{done}/1 of {parallelism}" if parallelism > 1 else f"{done}/1"
    return [
        obj["metadata"]["name"], _state(obj), completions, _duration(status), age(obj), *template_containers(obj),
        selector(spec.get("selector")),
    ]  # fmt: skip


def _state(obj: Object) -> str:
    if has_condition(obj, "Complete"):
        return "Complete"
    if has_condition(obj, "Failed"):
        return "Failed"
    if "deletionTimestamp" in obj["metadata"]:
        return "Terminating"
    if has_condition(obj, "Suspended"):
        return "Suspended"
    return "FailureTarget" if has_condition(obj, "FailureTarget") else "Running"


def _duration(status: Object) -> Any:
    started, completed = status.get("startTime"), status.get("completionTime")
    if not started:
        return ""
    if not completed:
        return since(started)
    return human_duration(clock.parse_rfc3339(completed) - clock.parse_rfc3339(started))


def cron_job(obj: Object) -> list[Any]:
    spec, status = obj["spec"], obj.get("status") or {}
    job_spec = (spec.get("jobTemplate") or {}).get("spec") or {}
    suspend = spec.get("suspend")
    last = status.get("lastScheduleTime")
    return [
        obj["metadata"]["name"], spec.get("schedule", ""), spec.get("timeZone", NONE),
        UNSET if suspend is None else str(suspend), len(status.get("active") or ()), since(last) if last else NONE,
        age(obj), *containers((job_spec.get("template") or {}).get("spec")), selector(job_spec.get("selector")),
    ]  # fmt: skip


PRINTERS = {"CronJob": cron_job, "Job": job}
