"""An event loop whose seconds cost nothing: when nothing is ready, the next timer is due at once.

    result = run(story())      # as asyncio.run, but five minutes of waiting take no time

`lib.clock` follows the loop while it runs, so that timestamps, leases and back-offs agree with what was slept. While
there is work, time passes as this process works: a busy machine makes no timeout of a test expire. The wall
clock starts at the real now: certificates are judged by OpenSSL, which knows no other. Rules for callers: what happens
outside the process (sockets to others, subprocesses) does not keep up with such a clock; threads of the loop's executor
are waited for. `taken_over` is for a loop that runs already, such as a test's: there, sockets and pipes are waited for
as well, in real time.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any, TypeVar, TypeVarTuple, Unpack

from minikube_edu.lib import clock

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
Ready = list[tuple[selectors.SelectorKey, int]]


class JumpingSelector:
    """In place of a loop's selector: looks once whether something is ready, and otherwise skips to the next timer."""

    def __init__(self, selector: selectors.BaseSelector, *, waits_for_sockets: bool = False) -> None:
        self.selector = selector
        self.skipped = 0.0
        self.threads = 0  # at work: they need real time
        self._own = len(selector.get_map()) if waits_for_sockets else None  # descriptors that nobody speaks through

    def select(self, timeout: float | None = None) -> Ready:
        if timeout is not None and timeout <= 0:
            return self.selector.select(timeout)
        if timeout is None or self._others_at_work():
            begun = time.perf_counter()
            try:
                return self.selector.select(timeout)
            finally:
                self.skipped += time.perf_counter() - begun
        ready = self.selector.select(0)
        if not ready:
            self.skipped += timeout
        return ready

    def _others_at_work(self) -> bool:
        return self.threads > 0 or (self._own is not None and len(self.selector.get_map()) > self._own)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.selector, name)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = JumpingSelector(selectors.DefaultSelector())
        super().__init__(self._jumping)  # type: ignore[arg-type]  # all of a selector's methods, but no subclass
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
    """The process's clock while such a loop runs; `began` is what it shows first, the real now when not given."""

    def __init__(self, loop: asyncio.AbstractEventLoop, began: float | None = None) -> None:
        self._loop = loop
        self._ahead = (clock.now() if began is None else began) - loop.time()

    def now(self) -> float:
        return self._loop.time() + self._ahead

    def monotonic(self) -> float:
        return self._loop.time()


@contextmanager
def taken_over(loop: Any, *, began: float | None = None) -> Iterator[None]:
    """A loop of asyncio's that somebody else has made, and closes."""
    jumping = JumpingSelector(loop._selector, waits_for_sockets=True)
    ahead = loop.time() - time.process_time()
    loop._selector = jumping
    loop.time = lambda: ahead + time.process_time() + jumping.skipped
    before = clock.install(LoopClock(loop, began))
    try:
        yield
    finally:
        clock.install(before)
        loop._selector = jumping.selector


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """The coroutine's result; its loop and all that it left running are closed, the clock is as it was."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        before = clock.install(LoopClock(runner.get_loop()))
        try:
            return runner.run(coroutine)
        finally:
            clock.install(before)
