"""Which of a schedule's times is due, and when is the next?

Only the latest missed time counts: a CronJob that was down for a day starts one Job, not twenty-four.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from minikube_edu.api.cron import Schedule
from minikube_edu.lib import clock

Object = dict[str, Any]

MANY = 100  # missed times that are worth a warning
MARGIN = 0.1  # seconds after the full minute, so that no clock is too early


class Due(NamedTuple):
    earliest: float  # from when on times count
    time: float | None  # the latest that has come; None when there is none yet
    many: bool = False


class NeverDue(ValueError):
    """The schedule's times are not apart from each other."""


def due(cron_job: Object, schedule: Schedule, now: float, *, deadline: bool) -> Due:
    """With `deadline`, times that are too long ago do not count."""
    status, spec = cron_job.get("status") or {}, cron_job["spec"]
    earliest = clock.parse_rfc3339(status.get("lastScheduleTime") or cron_job["metadata"]["creationTimestamp"])
    if deadline and spec.get("startingDeadlineSeconds") is not None:
        earliest = max(earliest, now - spec["startingDeadlineSeconds"])
    first = schedule.next(earliest)
    if first is None or now < first:
        return Due(earliest, None)
    second = schedule.next(first)
    if second is None or now < second:
        return Due(earliest, first)
    apart = int(second - first)
    if apart < 1:
        raise NeverDue("time difference between two schedules is less than 1 second")
    missed = int(now - first) // apart + 1
    # From shortly before the last one on, if the times are evenly spread; else there is more to go through.
    found, time = first, schedule.next(first + (missed - 2) * apart)
    while time is not None and time <= now:
        found, time = time, schedule.next(time)
    return Due(earliest, found, missed > MANY)


def until_next(cron_job: Object, schedule: Schedule, now: float) -> float | None:
    """Seconds; None when there will be no other time."""
    try:
        last = due(cron_job, schedule, now, deadline=False)
        from_ = last.time if last.time is not None else last.earliest
    except NeverDue:
        from_ = now
    following = schedule.next(from_)
    while following is not None and following <= now:
        following = schedule.next(following)
    return None if following is None else following + MARGIN - now
