"""Virtual time: when nothing is ready, the next timer is due at once, and the clock says that its time has passed.

While something is at work, time passes as this process works: what others do to the machine makes no test slower in its
own time. Where it waits for a socket or a pipe, that counts as it is.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from minikube_edu.lib import clock


class JumpingSelector:
    """In place of the loop's selector: does not wait for a timer unless a socket or pipe may speak up before."""

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self.selector = selector
        self.skipped = 0.0
        self.idle_descriptors = len(selector.get_map())

    def select(self, timeout: float | None = None) -> Any:
        if timeout is not None and timeout > 0 and len(self.selector.get_map()) <= self.idle_descriptors:
            self.skipped += timeout
            timeout = 0
        if timeout == 0:
            return self.selector.select(0)
        begun = time.perf_counter()
        try:
            return self.selector.select(timeout)
        finally:
            self.skipped += time.perf_counter() - begun

    def __getattr__(self, name: str) -> Any:
        return getattr(self.selector, name)


class LoopClock:
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._start = loop.time()

    def now(self) -> float:
        return 1_767_225_600.0 + self._loop.time() - self._start

    def monotonic(self) -> float:
        return self._loop.time()


@pytest.fixture(autouse=True)
async def virtual_time() -> AsyncIterator[None]:
    loop: Any = asyncio.get_running_loop()
    jumping = JumpingSelector(loop._selector)
    ahead = loop.time() - time.process_time()
    loop._selector = jumping
    loop.time = lambda: ahead + time.process_time() + jumping.skipped
    before = clock.install(LoopClock(loop))
    yield
    clock.install(before)
    loop._selector = jumping.selector
