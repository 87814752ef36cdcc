"""Cron schedules: `*/5 8-18 * * mon-fri`, `@daily`, `@every 1h30m`, with `TZ=Asia/Seoul ` in front if need be.

Five fields: minute, hour, day of month, month, day of week. When both days are restricted, one of them is enough. The
rules, daylight saving included, and the messages are those of robfig/cron v3, which the CronJob controller uses; errors
are ValueErrors with its text.
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import NamedTuple, Protocol

from msgspec import Struct

from minikube_edu.api import durations
from minikube_edu.lib.gotext import atoi, words

STAR = 1 << 63  # marks a field that was given as "*" or "?"
_YEARS_AHEAD = 5  # a day that does not come in five years does not come


class Schedule(Protocol):
    def next(self, after: float) -> float | None:
        """The first activation later than `after`, in seconds since the epoch; None when there is none."""
        ...


class _Bounds(NamedTuple):
    low: int
    high: int
    names: dict[str, int]


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MINUTE = _Bounds(0, 59, {})
_HOUR = _Bounds(0, 23, {})
_DAY = _Bounds(1, 31, {})
_MONTH = _Bounds(1, 12, {name: number for number, name in enumerate(_MONTHS, 1)})
_WEEKDAY = _Bounds(0, 6, {name: number for number, name in enumerate(_DAYS)})
_DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


class Every(Struct, frozen=True):
    """At a fixed distance, whole seconds, one at least."""

    seconds: int

    def next(self, after: float) -> float | None:
        return float(int(after) + self.seconds)


class Fields(Struct, frozen=True):
    """Each field is a set of bits."""

    minute: int
    hour: int
    day: int
    month: int
    weekday: int
    zone: tzinfo = UTC

    def next(self, after: float) -> float | None:
        t = _Moment(int(after) + 1, self.zone)
        limit = t.local.year + _YEARS_AHEAD
        # Once a field has been moved, the smaller ones begin at their lowest.
        moved = False
        while t.local.year <= limit:
            # Each loop leaves with True when its field wrapped around, and all begins again with the month.
            if t.local.second:
                t = t.plus(60 - t.local.second)
                continue
            wrapped, t, moved = self._month(t, moved)
            if not wrapped:
                wrapped, t, moved = self._day(t, moved)
            if not wrapped:
                wrapped, t, moved = self._hour(t, moved)
            if not wrapped:
                wrapped, t, moved = self._minute(t, moved)
            if not wrapped:
                return float(t.seconds)
        return None

    def _month(self, t: _Moment, moved: bool) -> tuple[bool, _Moment, bool]:
        while not self.month >> t.local.month & 1:
            local = t.local
            following = (local.year + 1, 1) if local.month == 12 else (local.year, local.month + 1)
            clock = (local.hour, local.minute) if moved else (0, 0)
            t, moved = t.at(following[0], following[1], 1, *clock), True
            if t.local.month == 1:
                return True, t, moved
        return False, t, moved

    def _day(self, t: _Moment, moved: bool) -> tuple[bool, _Moment, bool]:
        while not self._is_day(t.local):
            if not moved:
                t, moved = t.at(t.local.year, t.local.month, t.local.day, 0), True
            t = t.next_day()
            if t.local.day == 1:
                return True, t, moved
        return False, t, moved

    def _hour(self, t: _Moment, moved: bool) -> tuple[bool, _Moment, bool]:
        while not self.hour >> t.local.hour & 1:
            if not moved:
                t, moved = t.at(t.local.year, t.local.month, t.local.day, t.local.hour), True
            t = t.plus(3600)
            if t.local.hour == 0:
                return True, t, moved
        return False, t, moved

    def _minute(self, t: _Moment, moved: bool) -> tuple[bool, _Moment, bool]:
        while not self.minute >> t.local.minute & 1:
            t, moved = t.plus(60), True
            if t.local.minute == 0:
                return True, t, moved
        return False, t, moved

    def _is_day(self, local: datetime) -> bool:
        in_month = bool(self.day >> local.day & 1)
        in_week = bool(self.weekday >> (local.weekday() + 1) % 7 & 1)
        if self.day & STAR or self.weekday & STAR:
            return in_month and in_week
        return in_month or in_week


class _Moment:
    """An instant and how the clocks of a zone show it."""

    __slots__ = ("local", "seconds", "zone")

    def __init__(self, seconds: int, zone: tzinfo) -> None:
        self.seconds = seconds
        self.zone = zone
        self.local = datetime.fromtimestamp(seconds, zone)

    def plus(self, seconds: int) -> _Moment:
        return _Moment(self.seconds + seconds, self.zone)

    def at(self, year: int, month: int, day: int, hour: int, minute: int = 0) -> _Moment:
        """The instant at which the clocks show this; when they never do (or twice), the one that Go takes."""
        wall = int(datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp())
        guess = self._offset(wall)
        return _Moment(wall - self._offset(wall - guess), self.zone)

    def next_day(self) -> _Moment:
        """Midnight of the next day, also where daylight saving takes midnight away. (East of Greenwich
        this can then land on the day after, as it does in the real one.)"""
        today = int(datetime(self.local.year, self.local.month, self.local.day, tzinfo=UTC).timestamp())
        following = datetime.fromtimestamp(today + 86400, UTC)
        t = self.at(following.year, following.month, following.day, self.local.hour, self.local.minute)
        hour = t.local.hour
        if hour > 12:
            return t.plus((24 - hour) * 3600)
        return t.plus(-hour * 3600)

    def _offset(self, seconds: int) -> int:
        shift = datetime.fromtimestamp(seconds, self.zone).utcoffset()
        return int(shift.total_seconds()) if shift else 0


@lru_cache(maxsize=1024)
def parse(text: str, zone: str | None = None) -> Schedule:
    """`zone` is the CronJob's timeZone; a TZ= in the text wins over it. UTC without either."""
    if not text:
        raise ValueError("empty spec string")
    place = load_zone(zone) if zone else UTC
    if text.startswith(("TZ=", "CRON_TZ=")):
        name, blank, rest = text.partition("=")[2].partition(" ")
        if not blank:
            # Here the real parser crashes; its caller turns that into an error of this kind.
            raise ValueError(f"provided bad location {name}: missing schedule")
        try:
            place = load_zone(name)
        except ValueError as error:
            raise ValueError(f"provided bad location {name}: {error}") from None
        text = rest.strip()
    if text.startswith("@"):
        return _descriptor(text, place)
    fields = text.split()
    if len(fields) != 5:
        raise ValueError(f"expected exactly 5 fields, found {len(fields)}: {words(fields)}")
    return _fields(fields, place)


def load_zone(name: str) -> tzinfo:
    """A zone of the IANA database; ValueError `unknown time zone X`."""
    if name in ("", "UTC"):
        return UTC
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"unknown time zone {name}") from None


def _descriptor(text: str, zone: tzinfo) -> Schedule:
    if text in _DESCRIPTORS:
        return _fields(_DESCRIPTORS[text].split(), zone)
    if text.startswith("@every "):
        try:
            nanoseconds = durations.parse(text.removeprefix("@every "))
        except ValueError as error:
            raise ValueError(f"failed to parse duration {text}: {error}") from None
        return Every(max(nanoseconds // durations.SECOND, 1))
    raise ValueError(f"unrecognized descriptor: {text}")


def _fields(texts: list[str], zone: tzinfo) -> Fields:
    bounds = (_MINUTE, _HOUR, _DAY, _MONTH, _WEEKDAY)
    minute, hour, day, month, weekday = (_field(text, bound) for text, bound in zip(texts, bounds, strict=True))
    return Fields(minute, hour, day, month, weekday, zone)


def _field(text: str, bounds: _Bounds) -> int:
    bits = 0
    for part in text.split(","):
        if part:
            bits |= _range(part, bounds)
    return bits


def _range(text: str, bounds: _Bounds) -> int:
    """`*`, `5`, `1-5`, `mon-fri`, each with `/step`."""
    span, *steps = text.split("/")
    ends = span.split("-")
    star = 0
    if ends[0] in ("*", "?"):
        low, high, star = bounds.low, bounds.high, STAR
    else:
        low = high = _number(ends[0], bounds)
        if len(ends) == 2:
            high = _number(ends[1], bounds)
        elif len(ends) > 2:
            raise ValueError(f"too many hyphens: {text}")
    step = 1
    if len(steps) > 1:
        raise ValueError(f"too many slashes: {text}")
    if steps:
        step = _unsigned(steps[0])
        if len(ends) == 1:
            high = bounds.high  # "N/step" goes on to the end
        if step > 1:
            star = 0
    if low < bounds.low:
        raise ValueError(f"beginning of range ({low}) below minimum ({bounds.low}): {text}")
    if high > bounds.high:
        raise ValueError(f"end of range ({high}) above maximum ({bounds.high}): {text}")
    if low > high:
        raise ValueError(f"beginning of range ({low}) beyond end of range ({high}): {text}")
    if step == 0:
        raise ValueError(f"step of range should be a positive number: {text}")
    return sum(1 << number for number in range(low, high + 1, step)) | star


def _number(text: str, bounds: _Bounds) -> int:
    named = bounds.names.get(text.lower())
    return _unsigned(text) if named is None else named


def _unsigned(text: str) -> int:
    try:
        number = atoi(text)
    except ValueError as error:
        raise ValueError(f"failed to parse int from {text}: {error}") from None
    if number < 0:
        raise ValueError(f"negative number ({number}) not allowed: {text}")
    return number
