"""A container's account of processor time: what its programs really used, what they pretend to use, and its limit.

Real use is the loop's time that its programs took. Pretended use (`use_cpu(0.5)`) grows with the clock; together with
all other pretenders of the container it is cut at the limit. A container with a limit has periods of 100 ms: beyond
its quota it waits for the next one, which is what `cpu.stat` counts as throttled.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

from minikube_edu.lib import clock

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.kernel.process import KernelProcess

PERIOD = 0.1


class CpuAccount:
    __slots__ = (
        "_at",
        "_opening",
        "_period_end",
        "_period_used",
        "host_cpus",
        "periods",
        "pretenders",
        "quota",
        "throttled_periods",
        "throttled_seconds",
        "turn_used",
        "used",
        "waiting",
    )

    def __init__(self, limit: float, host_cpus: int) -> None:
        self.quota = limit * PERIOD  # seconds per period; 0: none
        self.host_cpus = host_cpus
        self.used = 0.0  # by all its processes since the beginning
        self.turn_used = 0.0  # in this turn of the loop (the scheduler's)
        self.waiting: deque[asyncio.Future[None]] | None = None  # processes in the scheduler's queue
        self.pretenders: dict[KernelProcess, float] = {}
        self.periods = 0
        self.throttled_periods = 0
        self.throttled_seconds = 0.0
        self._at = 0.0  # until when pretended use is counted
        self._period_end = 0.0
        self._period_used = 0.0
        self._opening: asyncio.Future[None] | None = None

    def set_limit(self, limit: float) -> None:
        self.settle()
        self.quota = limit * PERIOD

    @property
    def limit(self) -> float:
        return self.quota / PERIOD

    # -- real use ----------------------------------------------------------------------------------------------------

    def charge(self, seconds: float) -> None:
        self.used += seconds
        self._period_used += seconds

    def throttled(self, loop: asyncio.AbstractEventLoop) -> bool:
        if self._period_used <= self.quota:
            return False
        now = loop.time()
        if now >= self._period_end:
            self.periods += 1
            self._period_end = now + PERIOD
            self._period_used = 0.0
        return self._period_used > self.quota

    def next_period(self, loop: asyncio.AbstractEventLoop) -> asyncio.Future[None]:
        """All processes of the container wait for one future of their own each, opened together."""
        left = max(self._period_end - loop.time(), 0.0)
        if self._opening is None:
            self.throttled_periods += 1
            self.throttled_seconds += left
            self._opening = loop.create_future()
            loop.call_later(left, self._open)
        gate: asyncio.Future[None] = loop.create_future()
        self._opening.add_done_callback(lambda _: None if gate.done() else gate.set_result(None))
        return gate

    def _open(self) -> None:
        opening, self._opening = self._opening, None
        self._period_used = 0.0
        self._period_end = 0.0
        self.periods += 1
        if opening is not None and not opening.done():
            opening.set_result(None)

    # -- pretended use -----------------------------------------------------------------------------------------------

    def pretend(self, process: KernelProcess, cores: float) -> None:
        self.settle()
        if cores > 0:
            self.pretenders[process] = cores
        else:
            self.pretenders.pop(process, None)

    def rate(self) -> float:
        """Cores in pretended use now, after the limit."""
        asked = sum(self._asking())
        return min(asked, self.limit or self.host_cpus, float(self.host_cpus))

    def _asking(self) -> Iterable[float]:
        return (cores for process, cores in self.pretenders.items() if process.stop_gate is None)

    def settle(self) -> None:
        """Count what was pretended since the last time."""
        now = clock.monotonic()
        elapsed, self._at = now - self._at, now
        if not self.pretenders or elapsed <= 0:
            return
        asked = sum(self._asking())
        if not asked:
            return
        share = self.rate() / asked
        for process, cores in self.pretenders.items():
            if process.stop_gate is None:
                process.cpu_used += cores * share * elapsed
                self.used += cores * share * elapsed
        if share < 1 and self.quota:
            periods = round(elapsed / PERIOD)
            self.periods += periods
            self.throttled_periods += periods
            self.throttled_seconds += elapsed * (asked - self.rate())
