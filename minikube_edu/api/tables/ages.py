"""Cells that tell how long ago something was: `5m12s`.

They change while the object does not, so a row keeps the moment (`Since`) and writes the words when it is sent.
`until` says for how long the words stay true: most ages change once a minute or once an hour, not once a second.
"""

from __future__ import annotations

from typing import Any

from minikube_edu.lib import clock

UNKNOWN = "<unknown>"
_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86_400, 365 * 86_400


def human_duration(seconds: float) -> str:
    """Two or three figures, as kubectl's users know them."""
    whole = int(seconds)
    if whole < 0:
        return "0s" if whole == -1 else "<invalid>"
    if whole < 2 * _MINUTE:
        return f"{whole}s"
    if whole < 10 * _MINUTE:
        return _two(whole, _MINUTE, "m", 1, "s")
    if whole < 3 * _HOUR:
        return f"{whole // _MINUTE}m"
    if whole < 8 * _HOUR:
        return _two(whole, _HOUR, "h", _MINUTE, "m")
    if whole < 48 * _HOUR:
        return f"{whole // _HOUR}h"
    if whole < 8 * _DAY:
        return _two(whole, _DAY, "d", _HOUR, "h")
    if whole < 2 * _YEAR:
        return f"{whole // _DAY}d"
    if whole < 8 * _YEAR:
        return _two(whole, _YEAR, "y", _DAY, "d")
    return f"{whole // _YEAR}y"


def _two(whole: int, big: int, big_name: str, small: int, small_name: str) -> str:
    rest = whole % big // small
    return f"{whole // big}{big_name}{rest}{small_name}" if rest else f"{whole // big}{big_name}"


class Since:
    """A cell with an age in it; `before` and `after` are the words around it."""

    __slots__ = ("after", "at", "before")

    def __init__(self, at: float, before: str = "", after: str = "") -> None:
        self.at = at
        self.before = before
        self.after = after

    def text(self, now: float) -> str:
        return f"{self.before}{human_duration(now - self.at)}{self.after}"

    def until(self, now: float) -> float:
        """When the text changes next."""
        age = now - self.at
        if age < 10 * _MINUTE:
            step = 1
        elif age < 8 * _HOUR:
            step = _MINUTE
        else:
            step = _HOUR if age < 8 * _DAY else _DAY
        return self.at + (age // step + 1) * step


def since(timestamp: Any) -> Since | str:
    """The cell for a timestamp of an object; `<unknown>` when there is none."""
    if not timestamp:
        return UNKNOWN
    return Since(clock.parse_rfc3339(timestamp))


def age(obj: dict[str, Any]) -> Since | str:
    """How old the object is."""
    return since(obj["metadata"].get("creationTimestamp"))
