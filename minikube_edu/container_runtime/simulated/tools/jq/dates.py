"""jq's times: seconds since the epoch, and "broken down time", an array of eight numbers; all in UTC."""

from __future__ import annotations

import calendar
import math
import time
from typing import Any

from minikube_edu.container_runtime.simulated.tools.jq.values import Fault, kind, simple

FURTHEST = 250_000_000_000  # seconds: what the calendar of Python reaches


def broken_down(value: Any) -> list[Any]:
    if kind(value) != "number":
        raise Fault("gmtime() requires a number")
    if not abs(value) < FURTHEST:
        raise Fault("error converting number of seconds since epoch to datetime")
    whole = math.floor(value)
    moment = time.gmtime(whole)
    seconds = simple(moment.tm_sec + (value - whole))
    days = (moment.tm_wday + 1) % 7
    return [
        moment.tm_year,
        moment.tm_mon - 1,
        moment.tm_mday,
        moment.tm_hour,
        moment.tm_min,
        seconds,
        days,
        moment.tm_yday - 1,
    ]


def _tuple(value: Any, name: str) -> time.struct_time:
    if not isinstance(value, list) or len(value) < 6 or any(kind(part) != "number" for part in value):
        raise Fault(
            f"{name} requires array of 6 numbers"
            if isinstance(value, list)
            else f"{name} requires parsed datetime inputs"
        )
    year, month, day, hour, minute, second = (int(part) for part in value[:6])
    weekday = int(value[6]) if len(value) > 6 else 0
    days = int(value[7]) if len(value) > 7 else 0
    return time.struct_time((year, month + 1, day, hour, minute, second, (weekday - 1) % 7, days + 1, 0))


def made(value: Any) -> int:
    return calendar.timegm(_tuple(value, "mktime"))


def written(value: Any, layout: Any, name: str = "strftime/1") -> str:
    if kind(value) == "number":
        value = broken_down(value)
    elif not isinstance(value, list):
        raise Fault(f"{name} requires parsed datetime inputs")
    if kind(layout) != "string":
        raise Fault(f"{name} requires a string format")
    return time.strftime(layout.replace("%Z", "UTC").replace("%z", "+0000"), _tuple(value, name))


def read(value: Any, layout: Any) -> list[Any]:
    if kind(value) != "string":
        raise Fault("strptime/1 requires string inputs and arguments")
    try:
        moment = time.strptime(value, layout.replace("%e", "%d").replace("%T", "%H:%M:%S"))
    except ValueError:
        raise Fault(f'date "{value}" does not match format "{layout}"') from None
    return broken_down(calendar.timegm(moment))
