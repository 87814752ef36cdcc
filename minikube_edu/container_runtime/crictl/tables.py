"""How crictl prints: columns at least 20 wide, sizes and ages in words."""

from __future__ import annotations

from collections.abc import Sequence

NARROWEST, PADDING = 20, 3
SHORT = 13  # letters of an id


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as Go's tabwriter lays them out; the last one is as wide as it is."""
    lines = [list(headings), *map(list, rows)]
    widths = [
        max(NARROWEST, *(len(line[column]) + PADDING for line in lines)) for column in range(len(headings) - 1)
    ]  # fmt: skip
    return "".join(
        "".join(cell.ljust(width) for cell, width in zip(line, widths, strict=False)) + line[-1] + "\n"
        for line in lines
    )


def short(identity: str) -> str:
    return identity.removeprefix("sha256:")[:SHORT]


def age(seconds: float) -> str:
    """`2 minutes ago`"""
    return f"{duration(seconds)} ago"


def duration(seconds: float) -> str:
    whole = int(seconds)
    if whole < 1:
        return "Less than a second"
    if whole < 60:
        return "1 second" if whole == 1 else f"{whole} seconds"
    minutes = whole // 60
    if minutes < 60:
        return "About a minute" if minutes == 1 else f"{minutes} minutes"
    hours = round(seconds / 3600)
    if hours < 48:
        return "About an hour" if hours == 1 else f"{hours} hours"
    for unit, size, limit in (("days", 24, 24 * 7 * 2), ("weeks", 24 * 7, 24 * 60), ("months", 24 * 30, 24 * 365 * 2)):
        if hours < limit:
            return f"{hours // size} {unit}"
    return f"{hours // 24 // 365} years"


def size(number: float) -> str:
    """`67.3MB`: three digits, units of a thousand."""
    units = ("B", "kB", "MB", "GB", "TB")
    place = 0
    while number >= 1000 and place < len(units) - 1:
        number, place = number / 1000, place + 1
    return f"{number:.3g}{units[place]}"
