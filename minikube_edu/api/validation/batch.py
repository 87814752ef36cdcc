"""Validation of the group batch."""

from __future__ import annotations

from minikube_edu.api.validation import cron_jobs, jobs

VALIDATORS = {"Job": jobs.VALIDATOR, "CronJob": cron_jobs.VALIDATOR}
