"""Jobs and cron jobs."""

from __future__ import annotations

from typing import Any

from minikube_edu.api import label_selectors
from minikube_edu.api.tables.ages import human_duration
from minikube_edu.kubectl.describe.page import NONE, UNSET, Object, Page, controller, moment, truth
from minikube_edu.kubectl.describe.pods import template
from minikube_edu.lib import clock


async def job(page: Page, obj: Object, client: Any) -> None:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    page.named(obj)
    page.field(0, "Selector", _selector(spec.get("selector")))
    page.marked(obj)
    if owner := controller(obj):
        page.field(0, "Controlled By", owner)
    if spec.get("parallelism") is not None:
        page.field(0, "Parallelism", spec["parallelism"])
    page.field(0, "Completions", _or_unset(spec.get("completions")))
    for label, name in (
        ("Completion Mode", "completionMode"),
        ("Suspend", "suspend"),
        ("Backoff Limit", "backoffLimit"),
        ("TTL Seconds After Finished", "ttlSecondsAfterFinished"),
    ):
        if spec.get(name) is not None:
            page.field(0, label, spec[name])
    _times(page, status)
    if spec.get("activeDeadlineSeconds") is not None:
        page.field(0, "Active Deadline Seconds", f"{spec['activeDeadlineSeconds']}s")
    ready = "" if status.get("ready") is None else f" ({status['ready']} Ready)"
    succeeded, failed = status.get("succeeded") or 0, status.get("failed") or 0
    shown = f"{status.get('active') or 0} Active{ready} / {succeeded} Succeeded / {failed} Failed"
    page.field(0, "Pods Statuses", shown)
    if spec.get("completionMode") == "Indexed":
        page.field(0, "Completed Indexes", _indexes(status.get("completedIndexes") or ""))
    template(page, spec.get("template"))


def _times(page: Page, status: Object) -> None:
    start, end = status.get("startTime"), status.get("completionTime")
    if start:
        page.field(0, "Start Time", moment(start))
    if end:
        page.field(0, "Completed At", moment(end))
    if start and end:
        page.field(0, "Duration", human_duration(clock.parse_rfc3339(end) - clock.parse_rfc3339(start)))


def _indexes(text: str, limit: int = 50) -> str:
    """Cut at the first comma behind the limit."""
    if not text:
        return NONE
    cut = text.find(",", limit)
    return text if cut < 0 else text[: cut + 1] + "..."


async def cron_job(page: Page, obj: Object, client: Any) -> None:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    page.named(obj)
    page.marked(obj)
    page.field(0, "Schedule", spec.get("schedule") or "")
    page.field(0, "Concurrency Policy", spec.get("concurrencyPolicy") or "")
    page.field(0, "Suspend", truth(spec.get("suspend")))
    page.field(0, "Time Zone", _or_unset(spec.get("timeZone")))
    page.field(0, "Successful Job History Limit", _or_unset(spec.get("successfulJobsHistoryLimit")))
    page.field(0, "Failed Job History Limit", _or_unset(spec.get("failedJobsHistoryLimit")))
    page.field(0, "Starting Deadline Seconds", _or_unset(spec.get("startingDeadlineSeconds"), "s"))
    wanted = (spec.get("jobTemplate") or {}).get("spec") or {}
    page.field(0, "Selector", _selector(wanted["selector"]) if "selector" in wanted else UNSET)
    page.field(0, "Parallelism", _or_unset(wanted.get("parallelism")))
    page.field(0, "Completions", _or_unset(wanted.get("completions")))
    if wanted.get("activeDeadlineSeconds") is not None:
        page.field(0, "Active Deadline Seconds", f"{wanted['activeDeadlineSeconds']}s")
    template(page, wanted.get("template"))
    last = status.get("lastScheduleTime")
    page.field(0, "Last Schedule Time", moment(last) if last else UNSET)
    page.field(0, "Active Jobs", ", ".join(str(found.get("name")) for found in status.get("active") or ()) or NONE)


def _or_unset(value: Any, unit: str = "") -> str:
    return UNSET if value is None else f"{value}{unit}"


def _selector(found: Object | None) -> str:
    try:
        return str(label_selectors.from_object(found))
    except ValueError as error:
        return f"Failed to get selector: {error}"
