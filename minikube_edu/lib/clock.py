"""The only source of time.

Every seat asks this module what time it is; nobody calls time.time() or datetime.now(). One clock serves the whole
process: the system's by default, a virtual one in simulations and tests (`install`), whose seconds pass when the test
says so. Sleeping is asyncio.sleep: a virtual event loop makes that instant as well, and installs a clock that follows
it.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> float:
        """Seconds since the epoch, the wall clock that users see in timestamps."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back: for timeouts and back-offs."""
        ...


class SystemClock:
    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


class ManualClock:
    """A clock that stands still until it is moved."""

    def __init__(self, start: float = 1_767_225_600.0) -> None:  # 2026-01-01T00:00:00Z
        self.seconds = start

    def now(self) -> float:
        return self.seconds

    def monotonic(self) -> float:
        return self.seconds

    def advance(self, seconds: float) -> None:
        self.seconds += seconds


_clock: Clock = SystemClock()


def install(clock: Clock) -> Clock:
    """Make `clock` the process's clock; returns the one before it."""
    global _clock
    before, _clock = _clock, clock
    return before


def now() -> float:
    return _clock.now()


def monotonic() -> float:
    return _clock.monotonic()


def rfc3339(seconds: float | None = None) -> str:
    """`2026-01-02T03:04:05Z`: metav1.Time, whole seconds."""
    moment = datetime.fromtimestamp(int(_clock.now() if seconds is None else seconds), UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def rfc3339_micro(seconds: float | None = None) -> str:
    """`2026-01-02T03:04:05.000006Z`: metav1.MicroTime."""
    moment = datetime.fromtimestamp(_clock.now() if seconds is None else seconds, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_rfc3339(text: str) -> float:
    """Seconds since the epoch of an RFC 3339 time; ValueError when it is none."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment.timestamp()
