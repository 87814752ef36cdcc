"""The queue between events and workers: every control loop has one.

Items are keys, not objects: "something about default/web changed", never what. Hence the promises:

- An item is in the queue once, however often it is added: a hundred events of one object are one piece of work.
- An item is with one worker at a time. Added while a worker has it, it is marked dirty and comes again when the worker
  says `done`, so that no change is missed and no two workers fight over one object.
- Order is first in, first out, within a priority; an added item keeps its place, unless the new priority is higher.
- A failed item comes back later (`add_rate_limited`), later each time, until `forget` is called. `add_after` waits a
  given time; of two waits for one item the shorter holds.
- After `shut_down` nothing is taken in; what is queued is still handed out, then `get` raises ShutDown. `drain` waits
  besides until the workers are done.

A worker's life:

    while True:
        item = await queue.get()
        try:
            await reconcile(item)
        except Exception:
            queue.add_rate_limited(item)
        else:
            queue.forget(item)
        finally:
            queue.done(item)

One event loop, no locks. Waiting is loop.call_later, so that a virtual loop makes it instant.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

from minikube_edu.lib.ratelimit import RateLimiter, default_limiter

Item = TypeVar("Item", bound=Hashable)


class ShutDown(Exception):
    """The queue is closed and empty: the worker goes home."""


class WorkQueue(Generic[Item]):
    def __init__(self, name: str = "", limiter: RateLimiter | None = None) -> None:
        self.name = name
        self.adds = 0  # items that became due, as the metric workqueue_adds_total
        self.retries = 0  # rate-limited adds
        self._limiter = limiter or default_limiter()
        self._dirty: dict[Item, int] = {}  # what has to be worked on, with its priority; a queued item always is
        self._processing: set[Item] = set()
        self._queued: dict[Item, tuple[int, int, Item]] = {}
        self._heap: list[
            tuple[int, int, Item]
        ] = []  # (-priority, sequence, item); entries no longer in _queued are dead
        self._sequence = 0
        self._waiting: dict[Item, tuple[float, int, asyncio.TimerHandle]] = {}
        self._getters: deque[asyncio.Future[None]] = deque()
        self._drained: list[asyncio.Future[None]] = []
        self._shut_down = False

    def __len__(self) -> int:
        """How many items wait for a worker."""
        return len(self._queued)

    @property
    def in_progress(self) -> int:
        return len(self._processing)

    @property
    def waiting(self) -> int:
        """How many items wait for their time."""
        return len(self._waiting)

    @property
    def shutting_down(self) -> bool:
        return self._shut_down

    def add(self, item: Item, priority: int = 0) -> None:
        if self._shut_down:
            return
        before = self._dirty.get(item)
        if before is not None and before >= priority:
            return
        if before is None:
            self.adds += 1
        self._dirty[item] = priority
        if item not in self._processing:
            self._push(item, priority)

    def add_after(self, item: Item, seconds: float, priority: int = 0) -> None:
        if self._shut_down:
            return
        if seconds <= 0:
            self.add(item, priority)
            return
        loop = asyncio.get_running_loop()
        when = loop.time() + seconds
        waiting = self._waiting.get(item)
        if waiting is not None:
            priority = max(priority, waiting[1])
            when = min(when, waiting[0])
            waiting[2].cancel()
        self._waiting[item] = (when, priority, loop.call_at(when, self._due, item))

    def add_rate_limited(self, item: Item, priority: int = 0) -> None:
        self.retries += 1
        self.add_after(item, self._limiter.when(item), priority)

    def forget(self, item: Item) -> None:
        self._limiter.forget(item)

    def requeues(self, item: Item) -> int:
        """How often the item has failed since it was last forgotten."""
        return self._limiter.requeues(item)

    async def get(self) -> Item:
        """The next item; it stays with the caller until `done`. Raises ShutDown when there will be none."""
        while not self._queued:
            if self._shut_down:
                raise ShutDown(self.name)
            getter = asyncio.get_running_loop().create_future()
            self._getters.append(getter)
            try:
                await getter
            except asyncio.CancelledError:
                if getter in self._getters:
                    self._getters.remove(getter)
                elif self._queued:
                    self._wake_one()  # the call was for this worker, who left: another must hear it
                raise
        while True:
            entry = heapq.heappop(self._heap)
            item = entry[2]
            if self._queued.get(item) is entry:
                break
        del self._queued[item]
        del self._dirty[item]
        self._processing.add(item)
        return item

    def done(self, item: Item) -> None:
        """The worker is finished with the item, however it went."""
        self._processing.discard(item)
        if item in self._dirty:
            if item not in self._queued:
                self._push(item, self._dirty[item])
        elif not self._processing:
            self._tell_drained()

    def shut_down(self) -> None:
        self._shut_down = True
        for _, _, timer in self._waiting.values():
            timer.cancel()
        self._waiting.clear()
        for getter in self._getters:
            if not getter.done():
                getter.set_result(None)
        self._getters.clear()

    async def drain(self) -> None:
        """Shut down, and return once every item that a worker has, or will still get, is done."""
        self.shut_down()
        while self._processing or self._queued:
            drained = asyncio.get_running_loop().create_future()
            self._drained.append(drained)
            await drained

    def _push(self, item: Item, priority: int) -> None:
        self._sequence += 1
        entry = (-priority, self._sequence, item)
        self._queued[item] = entry
        heapq.heappush(self._heap, entry)
        self._wake_one()

    def _due(self, item: Item) -> None:
        _, priority, _ = self._waiting.pop(item)
        self.add(item, priority)

    def _wake_one(self) -> None:
        while self._getters:
            getter = self._getters.popleft()
            if not getter.done():
                getter.set_result(None)
                return

    def _tell_drained(self) -> None:
        for drained in self._drained:
            if not drained.done():
                drained.set_result(None)
        self._drained.clear()
