"""One line at the bottom of a terminal that says what a command still waits for. The real kubectl has none of it.

    with live_line.of(call) as line:
        line.show(lambda: f"3 of 5 after {line.passed}")

Only where stdout is a terminal that can erase a line: in pipes, with `-o` and on dumb terminals nothing is drawn and
nothing is asked. What the command itself prints goes above the line; at the end the line is erased, so that what stays
on the terminal is what the real kubectl leaves there. No colours: those are for who asks for them (see `colours`).

Callers take the line before the first use of `call.factory`, since its warnings go above the line as well.
"""

from __future__ import annotations

import asyncio
import os
import unicodedata
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, TextIO, cast

from minikube_edu.lib import clock

if TYPE_CHECKING:
    from minikube_edu.kubectl.command import Call

ERASE = "\r\x1b[K"
EVERY = 0.5  # seconds; what is shown tells how long it has been
SHADES, PLAIN_SHADES = "█▒·", "#=."


class LiveLine:
    """Draws nothing unless `drawn`."""

    def __init__(self, out: TextIO, drawn: bool) -> None:
        self._out = out
        self._drawn = drawn
        self._text: Callable[[], str] | None = None
        self._shown = ""
        self._timer: asyncio.TimerHandle | None = None
        self._begin = clock.monotonic()
        self.at_margin = True  # nothing of the command's own stands in the line

    def __enter__(self) -> LiveLine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hide()

    @property
    def passed(self) -> str:
        """How long it has been, as ages are told."""
        from minikube_edu.api.tables.ages import human_duration

        return human_duration(clock.monotonic() - self._begin)

    def show(self, text: Callable[[], str]) -> None:
        """From now on this, asked again as time goes by."""
        self._text = text
        if self._drawn:
            self._draw()

    def hide(self) -> None:
        self._text = None
        self.erase()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def erase(self) -> None:
        if self._shown:
            self._shown = ""
            self._out.write(ERASE)
            self._out.flush()

    def redraw_soon(self) -> None:
        """After what is being printed now."""
        if self._text is not None and self._drawn:
            self._again(0.0)

    def _draw(self) -> None:
        self._again(EVERY)
        if self._text is None or not self.at_margin:
            return
        text = fitting(self._text(), _columns() - 1)
        if text != self._shown:
            self._out.write(ERASE + text)
            self._out.flush()
            self._shown = text

    def _again(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._draw)

    def bar(self, done: int, begun: int, wanted: int, width: int = 10) -> str:
        """`done` of `wanted` in full, those up to `begun` in half."""
        shades = SHADES if "utf" in (getattr(self._out, "encoding", "") or "").lower() else PLAIN_SHADES
        full, half = (min(width, max(0, count) * width // max(1, wanted)) for count in (done, begun))
        half = max(full, half)
        return shades[0] * full + shades[1] * (half - full) + shades[2] * (width - half)


class Above:
    """An output whose lines come above the live one."""

    def __init__(self, out: TextIO, line: LiveLine) -> None:
        self._out, self._line = out, line

    def write(self, text: str) -> int:
        if not text:
            return 0
        self._line.erase()
        self._line.at_margin = text.endswith("\n")
        self._line.redraw_soon()
        return self._out.write(text)

    def flush(self) -> None:
        self._out.flush()

    def isatty(self) -> bool:
        return self._out.isatty()

    @property
    def encoding(self) -> str:
        return self._out.encoding


def of(call: Call) -> LiveLine:
    flags = call.flags
    formatted = bool(flags.get("output") or flags.get("template"))
    drawn = call.out.isatty() and os.environ.get("TERM", "dumb") != "dumb" and not formatted
    line = LiveLine(call.out, drawn)
    if drawn:
        call.out = cast("TextIO", Above(call.out, line))
        if call.err.isatty():
            call.err = cast("TextIO", Above(call.err, line))
    return line


def _columns() -> int:
    try:
        return os.get_terminal_size(1).columns or 80
    except OSError:
        return 80


def fitting(text: str, columns: int) -> str:
    """As much as fits into one line; a value of an object may hold anything."""
    found, used = [], 0
    for letter in text:
        category = unicodedata.category(letter)
        if letter.isspace():
            letter = " "
        elif category in ("Cc", "Cf", "Cs", "Co", "Cn"):
            letter = "?"
        used += 2 if unicodedata.east_asian_width(letter) in "WF" else 0 if category in ("Mn", "Me") else 1
        if used > columns:
            break
        found.append(letter)
    return "".join(found)
