"""date and cal: what time it is, in the words of strftime(3).

Zones come from TZ: UTC, names of the zone database where Python has it, and POSIX's own `KST-9`, `EST5EDT` (without
daylight saving). The container's clock is the cluster's; setting it is not permitted, as in an unprivileged container.
"""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache

from minikube_edu.container_runtime.simulated.contract import Process, reason
from minikube_edu.container_runtime.simulated.tools.arguments import Complaint, is_busybox, parse, program
from minikube_edu.lib import clock

DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
FURTHEST = 253_402_300_799  # the last second of the year 9999


class Named(tzinfo):
    """A zone of a fixed offset with a name of its own."""

    def __init__(self, name: str, offset: timedelta) -> None:
        self.name, self.offset = name, offset

    def utcoffset(self, moment: datetime | None, /) -> timedelta:
        return self.offset

    def tzname(self, moment: datetime | None, /) -> str:
        return self.name

    def dst(self, moment: datetime | None, /) -> timedelta:
        return timedelta(0)


@lru_cache(maxsize=64)
def zone_of(name: str) -> tzinfo:
    name = name.removeprefix(":")
    posix = re.fullmatch(r"([A-Za-z]{3,}|<[-+A-Za-z0-9]+>)([-+]?\d{1,2})(?::(\d\d))?.*", name)
    if posix:
        hours = int(posix[2])
        minutes = int(posix[3] or 0)
        offset = timedelta(hours=-hours, minutes=-minutes if hours >= 0 else minutes)
        if abs(offset) < timedelta(hours=24):
            return Named(posix[1].strip("<>"), offset)
    if re.fullmatch(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*", name) and name not in ("UTC", "UTC0"):
        import zoneinfo

        try:
            return zoneinfo.ZoneInfo(name)
        except (OSError, ValueError):
            pass
    return UTC


def formatted(layout: str, seconds: float, zone: str = "") -> str:
    """strftime of GNU date: with %N, %s, %-d, %_d, %^a, %:z."""
    seconds = max(-62_135_596_800, min(seconds, FURTHEST))
    moment = datetime.fromtimestamp(seconds // 1, zone_of(zone))
    nanoseconds = round(seconds % 1 * 1_000_000) % 1_000_000 * 1000

    def one(found: re.Match[str]) -> str:
        flags, width, letter = found[1], found[2], found[3]
        text = directive(letter, moment, nanoseconds, seconds)
        if text is None:
            return found[0]
        if letter == "N" and width:
            return text[: int(width)]
        padding = "_" if letter in "ekl" else "0"
        if "-" in flags:
            text = text.lstrip("0 ") or "0" if letter not in "zN" else text
        elif "_" in flags and letter in "dmHIMSjyCgGUVWY":
            text = text.lstrip("0").rjust(len(text)) if text.strip("0") else "0".rjust(len(text))
        elif "0" in flags and letter in "ekl":
            text = text.replace(" ", "0")
        if width:
            text = text.rjust(int(width), " " if "_" in flags or padding == "_" or letter in "aAbBhZp" else "0")
        return text.upper() if "^" in flags else text.swapcase() if "#" in flags else text

    return re.sub(r"%([-_0^#]*)(\d*)(::?z|[EO]?[A-Za-z%+])", one, layout)


def directive(letter: str, moment: datetime, nanoseconds: int, seconds: float) -> str | None:
    name = letter[-1] if letter[0] in "EO" and len(letter) == 2 else letter
    offset = moment.utcoffset() or timedelta(0)
    minutes = int(offset.total_seconds() // 60)
    sign, minutes = "-" if minutes < 0 else "+", abs(minutes)
    hour = moment.hour % 12 or 12
    simple = {
        "Y": f"{moment.year}",
        "m": f"{moment.month:02d}",
        "d": f"{moment.day:02d}",
        "H": f"{moment.hour:02d}",
        "M": f"{moment.minute:02d}",
        "S": f"{moment.second:02d}",
        "e": f"{moment.day:2d}",
        "I": f"{hour:02d}",
        "k": f"{moment.hour:2d}",
        "l": f"{hour:2d}",
        "j": f"{moment.timetuple().tm_yday:03d}",
        "y": f"{moment.year % 100:02d}",
        "C": f"{moment.year // 100:02d}",
        "p": "AM" if moment.hour < 12 else "PM",
        "P": "am" if moment.hour < 12 else "pm",
        "a": DAYS[moment.weekday()][:3],
        "A": DAYS[moment.weekday()],
        "b": MONTHS[moment.month - 1][:3],
        "h": MONTHS[moment.month - 1][:3],
        "B": MONTHS[moment.month - 1],
        "u": str(moment.isoweekday()),
        "w": str(moment.isoweekday() % 7),
        "Z": moment.tzname() or "UTC",
        "n": "\n",
        "t": "\t",
        "%": "%",
        "s": str(int(seconds // 1)),
        "N": f"{nanoseconds:09d}",
        "z": f"{sign}{minutes // 60:02d}{minutes % 60:02d}",
        ":z": f"{sign}{minutes // 60:02d}:{minutes % 60:02d}",
        "::z": f"{sign}{minutes // 60:02d}:{minutes % 60:02d}:00",
        "V": f"{moment.isocalendar()[1]:02d}",
        "G": str(moment.isocalendar()[0]),
        "g": f"{moment.isocalendar()[0] % 100:02d}",
        "U": f"{(moment.timetuple().tm_yday + 6 - moment.isoweekday() % 7) // 7:02d}",
        "W": f"{(moment.timetuple().tm_yday + 6 - moment.weekday()) // 7:02d}",
        "q": str((moment.month + 2) // 3),
    }
    if name in simple:
        return simple[name]
    composed = {
        "D": "%m/%d/%y",
        "F": "%Y-%m-%d",
        "T": "%H:%M:%S",
        "R": "%H:%M",
        "r": "%I:%M:%S %p",
        "c": "%a %b %e %H:%M:%S %Y",
        "x": "%m/%d/%y",
        "X": "%H:%M:%S",
    }.get(name)
    if composed is None:
        return None
    return re.sub("%(.)", lambda found: simple[found[1]], composed)


UNITS = {
    "sec": 1,
    "second": 1,
    "min": 60,
    "minute": 60,
    "hour": 3600,
    "day": 86400,
    "week": 604800,
    "fortnight": 1209600,
}


def understood(text: str, zone: tzinfo, now: float) -> float:
    """A date as `-d` takes it: @N, ISO forms, `2 days ago`, `yesterday`, `next week`, `Jan 2 2026 10:00`."""
    words = text.strip()
    if re.fullmatch(r"@-?\d+(\.\d+)?", words):
        return float(words[1:])
    moment = datetime.fromtimestamp(now, zone)
    known = False
    iso = re.match(r"(\d{4})-(\d{1,2})-(\d{1,2})(?![\d-])|(\d{4})(\d\d)(\d\d)(?=\s|$|T)", words)
    if iso:
        parts = [int(part) for part in iso.groups() if part]
        moment = datetime(parts[0], parts[1], parts[2], tzinfo=zone)
        words, known = words[iso.end() :].lstrip("T "), True
    named = re.search(
        r"\b(?:(\d{1,2})\s+)?(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\b\.?(?:\s+(\d{1,2})(?!\d|:))?(?:,?\s+(\d{4}))?",
        words,
        re.IGNORECASE,
    )
    if named and not known:
        month = [name[:3].lower() for name in MONTHS].index(named[2].lower()) + 1
        moment = datetime(int(named[4] or moment.year), month, int(named[1] or named[3] or 1), tzinfo=zone)
        words, known = words[: named.start()] + words[named.end() :], True
        year = re.search(r"\b(\d{4})\b", words)
        if year and not named[4]:
            moment, words = moment.replace(year=int(year[1])), words.replace(year[1], "", 1)
    time = re.search(r"\b(\d{1,2}):(\d\d)(?::(\d\d)(?:\.(\d+))?)?\s*(am|pm)?", words, re.IGNORECASE)
    if time:
        hour = int(time[1]) % 12 + (12 if time[5].lower() == "pm" else 0) if time[5] else int(time[1])
        moment = moment.replace(hour=hour, minute=int(time[2]), second=int(time[3] or 0), microsecond=0)
        words = words[: time.start()] + words[time.end() :]
        offset = re.match(r"\s*([-+])(\d\d):?(\d\d)\b", words)
        if offset:
            minutes = int(offset[2]) * 60 + int(offset[3])
            moment = moment.replace(tzinfo=timezone(timedelta(minutes=minutes if offset[1] == "+" else -minutes)))
            words = words[offset.end() :]
    if re.search(r"(?<![A-Za-z])(Z|UTC|GMT)\b", words):
        moment = moment.replace(tzinfo=UTC)
        words = re.sub(r"(?<![A-Za-z])(Z|UTC|GMT)\b", "", words)
    words = words.lower()
    words = re.sub(r"\b(mon|tues?|wed(nes)?|thu(rs)?|fri|sat(ur)?|sun)(day)?\b,?", "", words)
    for name, days in (("yesterday", -1), ("tomorrow", 1), ("today", 0), ("now", 0)):
        if re.search(rf"\b{name}\b", words):
            moment += timedelta(days=days)
            words = re.sub(rf"\b{name}\b", "", words)
    if re.search(r"\bmidnight\b", words):
        moment = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        words = words.replace("midnight", "")

    def shift(found: re.Match[str]) -> str:
        nonlocal moment
        count = (
            {"next": 1, "last": -1, "this": 0, "a": 1, "an": 1}.get(found[1].strip())
            if not re.search(r"\d", found[1])
            else int(found[1].replace(" ", ""))
        )
        count = (1 if count is None else count) * (-1 if found[3] else 1)
        unit = found[2]
        if unit in ("month", "year"):
            months = moment.year * 12 + moment.month - 1 + count * (12 if unit == "year" else 1)
            year, month = divmod(months, 12)
            day = min(moment.day, calendar.monthrange(year, month + 1)[1])
            moment = moment.replace(year=year, month=month + 1, day=day)
        else:
            moment += timedelta(seconds=UNITS[unit] * count)
        return ""

    words = re.sub(
        r"([-+]?\s*\d+|next|last|this|an?)\s*(sec|second|min|minute|hour|day|week|fortnight|month|year)s?\b(\s+ago)?",
        shift,
        words,
    )
    if words.strip():
        raise ValueError(text)
    return moment.timestamp()


@program("date [OPTIONS] [+FMT] [[-s] TIME]")
async def date(process: Process) -> int:
    arguments = parse(
        process,
        "uRI::d:r:s:f:D:",
        {
            "utc": "u",
            "universal": "u",
            "rfc-email": "R",
            "rfc-2822": "R",
            "iso-8601::": "I",
            "date:": "d",
            "reference:": "r",
            "set:": "s",
            "rfc-3339:": "3339",
        },
    )
    zone = "UTC0" if arguments.has("u") else process.env.get("TZ", "")
    now = clock.now()
    moments = [now]
    text = arguments.last("d")
    operands = list(arguments.operands)
    layout = operands.pop(0)[1:] if operands and operands[0].startswith("+") else None
    if arguments.has("s") or (operands and re.fullmatch(r"\d{8,12}(\.\d\d)?", operands[0])):
        words = (
            "can't set date: Operation not permitted"
            if is_busybox(process)
            else "cannot set date: Operation not permitted"
        )
        await process.complain(words)
    elif operands:
        words = f"invalid date '{operands[0]}'"
        raise Complaint(words)
    if text is not None:
        try:
            moments = [understood(text, zone_of(zone), now)]
        except (ValueError, OverflowError):
            raise Complaint(f"invalid date '{text}'") from None
    reference = arguments.last("r")
    if reference is not None:
        try:
            moments = [process.stat(reference).mtime]
        except OSError as error:
            raise Complaint(f"{reference}: {reason(error)}") from None
    if layout is None:
        layout = "%a %b %e %H:%M:%S %Z %Y"
        if arguments.has("R"):
            layout = "%a, %d %b %Y %H:%M:%S %z"
        elif arguments.has("I"):
            how = arguments.last("I") or "date"
            zone_part = "%:z"
            layout = {
                "date": "%Y-%m-%d",
                "hours": f"%Y-%m-%dT%H{zone_part}",
                "minutes": f"%Y-%m-%dT%H:%M{zone_part}",
                "seconds": f"%Y-%m-%dT%H:%M:%S{zone_part}",
                "ns": f"%Y-%m-%dT%H:%M:%S,%N{zone_part}",
            }.get(how, "%F")
        elif arguments.has("3339"):
            layout = {"date": "%F", "ns": "%F %T.%N%:z"}.get(arguments.last("3339") or "", "%F %T%:z")
    for moment in moments:
        await process.print(formatted(layout, moment, zone))
    return 0


@program("cal [-jymw] [[MONTH] YEAR]")
async def cal(process: Process) -> int:
    arguments = parse(process, "jymw13")
    today = datetime.fromtimestamp(clock.now(), zone_of(process.env.get("TZ", "")))
    numbers = []
    for word in arguments.operands[-2:]:
        if not word.isdigit() or not 1 <= int(word) <= 9999:
            raise Complaint(f"invalid number '{word}'")
        numbers.append(int(word))
    year = numbers[-1] if numbers else today.year
    book = calendar.TextCalendar(6 if not arguments.has("m") else 0)
    if arguments.has("y") or len(numbers) == 1:
        await process.print(f"{year:>34}\n")
        for first in range(1, 13, 3):
            months = [book.formatmonth(year, month, 2).split("\n") for month in range(first, first + 3)]
            for row in range(8):
                cells = [(month[row] if row < len(month) else "") for month in months]
                if row == 0:
                    cells = [cell.replace(str(year), "").strip().center(20) for cell in cells]
                await process.print("   ".join(cell.ljust(20) for cell in cells).rstrip())
        return 0
    month = numbers[0] if len(numbers) == 2 else today.month
    if not 1 <= month <= 12:
        raise Complaint(f"invalid number '{month}'")
    lines = book.formatmonth(year, month, 1).rstrip("\n").split("\n")
    lines[0] = f"{MONTHS[month - 1]} {year}".center(20).rstrip()
    lines += [" " * 21] * (8 - len(lines))
    for line in lines[:8]:
        await process.print(line)
    return 0
