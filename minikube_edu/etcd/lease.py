"""Leases: promises that end unless they are renewed. When one ends, the keys that are attached to it go.

This is the clockwork alone: which leases exist and when the next one ends. The keys, and the deletion of them, are the
store's; it is called back with the ids that are due, and calls `drop` when they are gone. One timer serves all
leases, so an idle store does nothing.

A real etcd writes the time left to its log now and then (checkpoints); ours, like etcd without them, gives every
lease its full time again when the store is opened.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from heapq import heappop, heappush

from minikube_edu.etcd.contract import LeaseExists, LeaseNotFound, LeaseStatus, StoreError
from minikube_edu.etcd.limits import MAX_LEASE_TTL, MIN_LEASE_TTL
from minikube_edu.lib import clock, ids


class TtlTooLarge(StoreError):
    """etcdserver: too large lease TTL"""

    code = "OUT_OF_RANGE"

    def __init__(self) -> None:
        super().__init__("etcdserver: too large lease TTL")


class Lessor:
    """All leases of one store."""

    def __init__(self, on_due: Callable[[list[int]], None], minimum: int = MIN_LEASE_TTL) -> None:
        self._on_due = on_due
        self._minimum = minimum
        self._ttls: dict[int, int] = {}
        self._deadlines: dict[int, float] = {}
        self._heap: list[tuple[float, int]] = []  # may hold outdated deadlines: a renewal only adds the new one
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0

    def __contains__(self, id: object) -> bool:
        return id in self._ttls

    def all(self) -> Sequence[int]:
        return tuple(sorted(self._ttls))

    def admit(self, ttl: int, id: int) -> tuple[int, int]:
        """The id and time to live that a request for a lease would be given; refuses what etcd refuses."""
        if ttl > MAX_LEASE_TTL:
            raise TtlTooLarge
        if id in self._ttls:
            raise LeaseExists
        while not id or id in self._ttls:
            id = ids.integer(1, 2**63 - 1)
        return id, max(ttl, self._minimum)

    def add(self, id: int, ttl: int) -> None:
        self._ttls[id] = ttl
        self._extend(id)

    def drop(self, id: int) -> None:
        self._ttls.pop(id, None)
        self._deadlines.pop(id, None)

    def renew(self, id: int) -> LeaseStatus:
        if id not in self._ttls:
            raise LeaseNotFound
        self._extend(id)
        ttl = self._ttls[id]
        return LeaseStatus(id, ttl, ttl)

    def status(self, id: int, keys: Sequence[bytes] = ()) -> LeaseStatus:
        if id not in self._ttls:
            raise LeaseNotFound
        remaining = self._deadlines[id] - clock.monotonic()
        return LeaseStatus(id, max(0, int(remaining)), self._ttls[id], keys)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _extend(self, id: int) -> None:
        deadline = clock.monotonic() + self._ttls[id]
        self._deadlines[id] = deadline
        heappush(self._heap, (deadline, id))
        if self._timer is None or self._timer_at > deadline:
            self._arm(deadline)

    def _arm(self, deadline: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        wait = min(max(0.0, deadline - clock.monotonic()), 86_400.0)  # far deadlines: look again tomorrow
        self._timer = asyncio.get_running_loop().call_later(wait, self._tick)
        self._timer_at = deadline

    def _tick(self) -> None:
        self._timer = None
        now = clock.monotonic()
        due = []
        while self._heap and self._heap[0][0] <= now:
            deadline, id = heappop(self._heap)
            if self._deadlines.get(id) == deadline:
                due.append(id)
        while self._heap and self._deadlines.get(self._heap[0][1]) != self._heap[0][0]:
            heappop(self._heap)
        if self._heap:
            self._arm(self._heap[0][0])
        if due:
            self._on_due(due)
