"""Who is told of a change: the watches of one store, and how a new one catches up.

A watch is *in place* once it has been handed everything up to the newest revision; from then on `publish` hands it
every change at once, in revision order. Catching up happens in `follow`, in steps of a thousand events with a turn of
the event loop between them, before the caller gets the watch back; so there is no second queue and no watch that lags
behind. (etcd keeps watches that lag in a separate group and catches them up in the background; ours cannot lag, since
`deliver` is a plain call that must not block.)
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from minikube_edu.etcd.contract import (
    Compacted,
    Event,
    InvalidRequest,
    StoreError,
    Watch,
    WatchBatch,
    WatchRequest,
)
from minikube_edu.etcd.limits import PROGRESS_INTERVAL
from minikube_edu.etcd.requests import interval

log = logging.getLogger(__name__)

Deliver = Callable[[WatchBatch], None]


def hand_over(deliver: Deliver, batch: WatchBatch) -> bool:
    """Deliver; false when the watcher raised: a bug of that watcher, which must not keep others from their events."""
    try:
        deliver(batch)
    except Exception:
        log.exception("a watcher failed and is dropped")
        return False
    return True


class History(Protocol):
    """What the hub asks of the store when a watch starts in the past."""

    @property
    def revision(self) -> int: ...
    @property
    def compact_revision(self) -> int: ...
    def history(self, subscription: Subscription, start: int) -> tuple[list[Event], int]:
        """Events in the watch's range from revision `start` on, whole revisions, perhaps not all; and the revision up
        to which they are complete."""
        ...


class Subscription:
    """One watch: what it wants, and where it is delivered."""

    __slots__ = (
        "_deliver",
        "_hub",
        "active",
        "high",
        "low",
        "no_delete",
        "no_put",
        "previous",
        "progress",
        "quiet",
        "start",
    )

    def __init__(self, hub: Hub, request: WatchRequest, deliver: Deliver) -> None:
        self.low, self.high = interval(request.key or b"\0", request.range_end)
        if self.high is not None and self.low >= self.high:
            raise InvalidRequest("mvcc: watcher range is empty")
        self.start = request.start_revision
        self.previous = request.previous
        self.no_put = request.no_put
        self.no_delete = request.no_delete
        self.progress = request.progress_notify
        self.quiet = True  # nothing delivered since the last periodic notice
        self.active = True
        self._hub = hub
        self._deliver = deliver

    def cancel(self) -> None:
        self.active = False
        self._hub.remove(self)

    def request_progress(self) -> None:
        if self.active:
            asyncio.get_running_loop().call_soon(self._notice)

    def _notice(self) -> None:
        self.hand(WatchBatch(self._hub.revision))

    def wants(self, event: Event) -> bool:
        key = event.kv.key
        return (
            self.low <= key
            and (self.high is None or key < self.high)
            and event.kv.mod_revision >= self.start
            and not (self.no_delete if event.kind else self.no_put)
        )

    def hand(self, batch: WatchBatch) -> None:
        if not self.active:
            return
        self.quiet = False
        if not hand_over(self._deliver, batch):
            self.cancel()


class Hub:
    def __init__(self, progress_interval: float = PROGRESS_INTERVAL) -> None:
        self.revision = 1
        self._ranges: dict[Subscription, None] = {}
        self._singles: dict[bytes, dict[Subscription, None]] = {}
        self._progress_interval = progress_interval
        self._timer: asyncio.TimerHandle | None = None
        self._previous = 0

    @property
    def previous_wanted(self) -> bool:
        """Whether anybody wants the version before a change: reading it costs the store a look-up a write."""
        return self._previous > 0

    def __len__(self) -> int:
        return len(self._ranges) + sum(map(len, self._singles.values()))

    async def follow(self, store: History, request: WatchRequest, deliver: Deliver) -> Watch:
        """Put a watch in place, replaying what it missed."""
        subscription = Subscription(self, request, deliver)
        start = request.start_revision
        while 0 < start <= store.revision:
            if start < store.compact_revision:
                raise Compacted(store.compact_revision)
            events, complete = store.history(subscription, start)
            if events:
                subscription.hand(WatchBatch(complete, tuple(events)))
            start = complete + 1
            if start <= store.revision:
                await asyncio.sleep(0)
        if subscription.active:
            self._add(subscription)
        return subscription

    def publish(self, revision: int, events: Sequence[Event]) -> None:
        """Hand whole revisions, up to and including `revision`, to everyone concerned."""
        self.revision = revision
        for subscription in list(self._ranges):
            wanted = [event for event in events if subscription.wants(event)]
            if wanted:
                self._hand(subscription, revision, wanted)
        if self._singles:
            self._publish_singles(revision, events)

    def _publish_singles(self, revision: int, events: Sequence[Event]) -> None:
        by_key: dict[bytes, list[Event]] = {}
        for event in events:
            if event.kv.key in self._singles:
                by_key.setdefault(event.kv.key, []).append(event)
        for key, changes in by_key.items():
            for subscription in list(self._singles.get(key, ())):
                wanted = [event for event in changes if subscription.wants(event)]
                if wanted:
                    self._hand(subscription, revision, wanted)

    def _hand(self, subscription: Subscription, revision: int, events: list[Event]) -> None:
        if not subscription.previous:
            events = [Event(event.kind, event.kv) if event.previous is not None else event for event in events]
        subscription.hand(WatchBatch(revision, tuple(events)))

    def end(self, error: StoreError) -> None:
        """The store closes: every watch gets its last batch."""
        everyone = [*self._ranges, *(one for group in self._singles.values() for one in group)]
        for subscription in everyone:
            subscription.hand(WatchBatch(self.revision, (), error))
            subscription.cancel()

    def _add(self, subscription: Subscription) -> None:
        self._group(subscription)[subscription] = None
        self._previous += subscription.previous
        if subscription.progress and self._timer is None:
            self._arm()

    def remove(self, subscription: Subscription) -> None:
        if self._group(subscription).pop(subscription, subscription) is None:
            self._previous -= subscription.previous
        if not self._singles.get(subscription.low, True):
            del self._singles[subscription.low]
        if self._timer is not None and not self._progressing():
            self._timer.cancel()
            self._timer = None

    def _group(self, subscription: Subscription) -> dict[Subscription, None]:
        if subscription.high == subscription.low + b"\0":
            return self._singles.setdefault(subscription.low, {})
        return self._ranges

    def _progressing(self) -> list[Subscription]:
        singles = (one for group in self._singles.values() for one in group)
        return [one for one in (*self._ranges, *singles) if one.progress]

    def _arm(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._progress_interval, self._notify)

    def _notify(self) -> None:
        """Watches that heard nothing for a whole interval get a progress notice."""
        self._timer = None
        for subscription in self._progressing():
            if subscription.quiet:
                subscription.hand(WatchBatch(self.revision))
            subscription.quiet = True
        if self._progressing():
            self._arm()
