"""Named, guarded background loops: a seat's loops live and die together.

    loops = Loops("kube-scheduler", on_death=seat.stop)
    loops.spawn("schedule", self.schedule_forever())
    ...
    await loops.stop()

A loop that raises is a bug or a broken world, and half a seat is worse than none: its traceback is logged, `deaths`
counts it, the owner's other loops are stopped, and `on_death` is told. A loop that returns has simply finished.
Nothing is left behind `stop`: each loop was cancelled and waited for.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

log = logging.getLogger(__name__)

OnDeath = Callable[[str, BaseException], None]


class Loops:
    def __init__(self, owner: str, on_death: OnDeath | None = None) -> None:
        self.owner = owner
        self.deaths = 0  # loops that raised, over this owner's life
        self.failure: BaseException | None = None  # what the first of them raised
        self.stopping = False
        self._on_death = on_death
        self._running: dict[asyncio.Task[None], str] = {}
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def names(self) -> list[str]:
        """Of the loops that run now, in the order of their start."""
        return list(self._running.values())

    def spawn(
        self, name: str, coroutine: Coroutine[Any, Any, object], on_death: OnDeath | None = None
    ) -> asyncio.Task[None]:
        """Run `coroutine` as a loop of this owner. `on_death` here concerns this loop alone, and comes before the
        owner's."""
        if self.stopping:
            coroutine.close()
            raise RuntimeError(f"{self.owner} is stopping: loop {name} was not started")
        task = asyncio.get_running_loop().create_task(
            self._guard(name, coroutine, on_death), name=f"{self.owner}/{name}"
        )
        self._running[task] = name
        self._idle.clear()
        task.add_done_callback(lambda done: self._gone(done, coroutine))
        return task

    async def _guard(self, name: str, coroutine: Coroutine[Any, Any, object], on_death: OnDeath | None) -> None:
        try:
            await coroutine
        except Exception as error:
            self.deaths += 1
            self.failure = self.failure or error
            log.exception("loop %s of %s died", name, self.owner)
            for told in (on_death, self._on_death):
                if told is not None:
                    self._tell(told, name, error)
            self._cancel()

    def _tell(self, told: OnDeath, name: str, error: BaseException) -> None:
        try:
            told(name, error)
        except Exception:
            log.exception("what should follow the death of loop %s of %s failed", name, self.owner)

    def _gone(self, task: asyncio.Task[None], coroutine: Coroutine[Any, Any, object]) -> None:
        coroutine.close()  # cancelled before its first step, it would be left unawaited
        self._running.pop(task, None)
        if not self._running:
            self._idle.set()

    def _cancel(self) -> None:
        self.stopping = True
        current = asyncio.current_task()
        for task in list(self._running):
            if task is not current:
                task.cancel()

    async def stop(self) -> None:
        """Cancel all loops and wait until they are gone. May be called more than once, also by a loop of its own."""
        self._cancel()
        current = asyncio.current_task()
        others = [task for task in self._running if task is not current]
        while others:
            await asyncio.wait(others)
            others = [task for task in self._running if task is not current and not task.done()]

    async def finished(self) -> None:
        """Returns when no loop runs any more, whatever the reason; raises what the first dead loop raised."""
        await self._idle.wait()
        if self.failure is not None:
            raise self.failure
