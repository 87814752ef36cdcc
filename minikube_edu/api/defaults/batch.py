"""Defaults of the group batch: Job and CronJob."""

from __future__ import annotations

from typing import Any

from minikube_edu.api.defaults.pod_specs import default_pod_spec

Object = dict[str, Any]

BACKOFF_LIMIT = 6  # failed pods before the job fails
NO_LIMIT = 2**31 - 1


def job(obj: Object) -> None:
    spec = obj["spec"]
    if "parallelism" not in spec:
        spec.setdefault("completions", 1)
        spec["parallelism"] = 1
    spec.setdefault("backoffLimit", NO_LIMIT if "backoffLimitPerIndex" in spec else BACKOFF_LIMIT)
    if labels := spec["template"]["metadata"].get("labels"):
        obj["metadata"].setdefault("labels", dict(labels))
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    spec.setdefault("podReplacementPolicy", "Failed" if "podFailurePolicy" in spec else "TerminatingOrFailed")
    spec.setdefault("manualSelector", False)
    _job_spec(spec)


def cron_job(obj: Object) -> None:
    spec = obj["spec"]
    spec.setdefault("concurrencyPolicy", "Allow")
    spec.setdefault("suspend", False)
    spec.setdefault("successfulJobsHistoryLimit", 3)
    spec.setdefault("failedJobsHistoryLimit", 1)
    _job_spec(spec["jobTemplate"]["spec"])


def _job_spec(spec: Object) -> None:
    """What jobs and the templates of jobs have in common."""
    for rule in spec.get("podFailurePolicy", {}).get("rules") or ():
        for pattern in rule.get("onPodConditions") or ():
            pattern["status"] = pattern.get("status") or "True"
    default_pod_spec(spec["template"]["spec"])


DEFAULTS = {("v1", "Job"): job, ("v1", "CronJob"): cron_job}
