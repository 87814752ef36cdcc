"""An event loop whose seconds cost nothing: when nothing is ready, the next timer is due at once.

    result = run(story())      # as asyncio.run, but five minutes of waiting take no time

`lib.clock` follows the loop while it runs, so that timestamps, leases and back-offs agree with what was slept. While
there is work, time passes as this process works: a busy machine makes no timeout of a test expire. The wall
clock starts at the real now: certificates are judged by OpenSSL, which knows no other. Rules for callers: what happens
outside the process (sockets to others, subprocesses) does not keep up with such a clock; threads of the loop's executor
are waited for.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, TypeVar, TypeVarTuple, Unpack

from minikube_edu.lib import clock

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class JumpingSelector(selectors.DefaultSelector):
    """Looks once whether something is ready, and otherwise skips the time until the next timer."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped = 0.0
        self.threads = 0  # at work: they need real time

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout <= 0:
            return super().select(timeout)
        if timeout is None or self.threads:
            begun = time.perf_counter()
            try:
                return super().select(timeout)
            finally:
                self.skipped += time.perf_counter() - begun
        ready = super().select(0)
        if not ready:
            self.skipped += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = JumpingSelector()
        super().__init__(self._jumping)
        self._ahead = super().time() - time.process_time()

    def time(self) -> float:
        return self._ahead + time.process_time() + self._jumping.skipped

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> asyncio.Future[T]:
        future = super().run_in_executor(executor, func, *args)
        self._jumping.threads += 1
        future.add_done_callback(self._thread_done)
        return future

    def _thread_done(self, _: object) -> None:
        self._jumping.threads -= 1


class LoopClock:
    """The process's clock while such a loop runs."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._ahead = clock.now() - loop.time()

    def now(self) -> float:
        return self._loop.time() + self._ahead

    def monotonic(self) -> float:
        return self._loop.time()


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """The coroutine's result; its loop and all that it left running are closed, the clock is as it was."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        before = clock.install(LoopClock(runner.get_loop()))
        try:
            return runner.run(coroutine)
        finally:
            clock.install(before)
