"""Pure work that cannot pause by itself, in a thread that runs only when it is its turn.

Some work is deep in somebody else's hands (a SQLite query, a parser of many frames) and can neither await nor yield,
but it can call a function now and then: `give_way`. `in_turns` runs it in a thread of its own; while the thread works,
the event loop waits for it, and when the slice is used up, `give_way` hands the loop back and sleeps until its process
has the next turn. So there are never two at work, the container pays for every slice as for its own, time in tests
stands still meanwhile, and a process that is killed takes the thread with it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from minikube_edu.container_runtime.simulated.kernel.scheduler import breathe, due

T = TypeVar("T")
_mine = threading.local()


class Abandoned(BaseException):
    """Raised through the work whose process has ended."""


def give_way() -> None:
    """A step of work was done; without a thread of its own, nothing."""
    baton: Baton[Any] | None = getattr(_mine, "baton", None)
    if baton is not None and due():
        baton.hand_over()


def abandoned() -> bool:
    """The same for those through whom nothing can be raised: whether to stop."""
    try:
        give_way()
    except Abandoned:
        return True
    return False


class Baton(Generic[T]):
    def __init__(self, work: Callable[[], T]) -> None:
        self.work = work
        self.go, self.back = threading.Lock(), threading.Lock()
        self.go.acquire()
        self.back.acquire()
        self.dropped = False
        self.done = False
        self.result: T | None = None
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        self.go.acquire()
        _mine.baton = self
        try:
            if not self.dropped:
                self.result = self.work()
        except BaseException as error:
            self.error = error
        self.done = True
        self.back.release()

    def hand_over(self) -> None:
        if not self.dropped:
            self.back.release()
            self.go.acquire()
        if self.dropped:
            raise Abandoned

    def turn(self) -> bool:
        """One slice; whether the work is done."""
        if not self.thread.ident:
            self.thread.start()
        self.go.release()
        self.back.acquire()
        return self.done

    def drop(self) -> None:
        if self.thread.ident and not self.done:
            self.dropped = True
            self.go.release()
        if self.thread.ident:
            self.thread.join()

    async def finished(self) -> T:
        try:
            while not self.done and not self.turn():
                await breathe()
        finally:
            self.drop()
        if isinstance(self.error, Abandoned):
            raise asyncio.CancelledError
        if self.error is not None:
            raise self.error
        return self.result  # type: ignore[return-value]  # it is done, and without an error


async def in_turns(work: Callable[[], T]) -> T:
    """The result of the work, or its error."""
    return await Baton(work).finished()
