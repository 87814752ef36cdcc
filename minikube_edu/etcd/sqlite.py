"""The store on SQLite: group commits, watches and leases around the engine.

A write joins the group of this turn of the event loop. At the end of the turn the whole group is done: every request
on the engine, one durable commit, then the events to the watches, then the results to the callers, in this order. So
sixteen writers share one fsync, and whoever has a result can rely on everybody having been told.

The commit runs on the loop, on purpose. Measured on a laptop's disk: 0.3 ms for a group of one, 0.5 ms for sixteen;
handing it to a thread costs about as much, and leaves a state between "done" and "durable" that every reader has to
step around. Where disks are slow, run the store as its own process (`python -m minikube_edu.etcd`): then only itself
waits.

If the commit fails (disk full, file damaged) the group is undone, in the file and in memory, its callers get the
error, and the store goes on with what was durable before.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any, TypeVar, cast

from minikube_edu.etcd.compact import AutoCompaction
from minikube_edu.etcd.contract import (
    Delete,
    DeleteResult,
    Event,
    EventKind,
    KeyValue,
    LeaseNotFound,
    LeaseStatus,
    Member,
    NoSpace,
    Put,
    PutResult,
    Range,
    RangeResult,
    Status,
    StoreError,
    Txn,
    TxnResult,
    Unavailable,
    Watch,
    WatchRequest,
)
from minikube_edu.etcd.engine import Engine
from minikube_edu.etcd.hub import Deliver, Hub, Subscription
from minikube_edu.etcd.index import PLACE_BITS
from minikube_edu.etcd.lease import Lessor
from minikube_edu.etcd.limits import (
    DEFAULT_QUOTA,
    ETCD_VERSION,
    MIN_LEASE_TTL,
    PROGRESS_INTERVAL,
    REPLAY_EVENTS,
    SCRUB_ROWS,
)
from minikube_edu.etcd.requests import check_delete, check_put, check_range, check_txn
from minikube_edu.etcd.snapshot import Lock, Snapshot
from minikube_edu.etcd.table import Row, Table, explain

log = logging.getLogger(__name__)

T = TypeVar("T")
Job = tuple[Callable[[Any], Any], Any, "asyncio.Future[Any]"]


class SqliteStore:
    """One file, one event loop. `path` ":memory:" keeps everything in memory (tests, and clusters that may be lost)."""

    exclusive = True  # the file is locked: nobody else has a door

    def __init__(
        self,
        path: str,
        *,
        fsync: bool = True,
        quota: int = 0,
        auto_compaction: AutoCompaction | None = None,
        min_lease_ttl: int = MIN_LEASE_TTL,
        progress_interval: float = PROGRESS_INTERVAL,
        max_pages: int = 0,
    ) -> None:
        self.path = path
        self.version, self.member, self.member_id, self.cluster_id = ETCD_VERSION, Member(), 1, 1  # the server's
        self._lock = Lock(path)
        try:
            self._open(fsync, max_pages, min_lease_ttl)
        except sqlite3.Error as error:
            self._lock.release()
            raise explain(error, path) from error
        except BaseException:
            self._lock.release()
            raise
        self._quota = quota or DEFAULT_QUOTA
        self._hub = Hub(progress_interval)
        self._hub.revision = self.revision
        self._auto_compaction = auto_compaction
        self._group: list[Job] = []
        self._scrubber: asyncio.Task[None] | None = None
        self._expiring: set[asyncio.Task[None]] = set()
        self._closed = False
        # Entered around writes that nobody asked for (leases that expire): a face that has promised somebody to be the
        # only writer takes that promise back first (delegation.py).
        self.own_write: Callable[[], AbstractAsyncContextManager[object]] = nullcontext

    def _open(self, fsync: bool, max_pages: int, min_lease_ttl: int) -> None:
        self._table = Table(self.path, fsync, max_pages)
        try:
            self._lessor = Lessor(self._expire, min_lease_ttl)
            self._engine = Engine(self._table, self._lessor)
            self.revision = self._engine.revision
            self._alarm = self._table.get("nospace") > 0
        except BaseException:
            self._table.close()
            raise

    async def start(self) -> None:
        """Set the clocks going: leases of an earlier life, an interrupted compaction, automatic compaction."""
        for id, ttl in self._table.leases():
            self._lessor.add(id, ttl)
        if self._table.get("scrubbed_revision") < self.compact_revision:
            self._start_scrubber()
        if self._auto_compaction is not None:
            self._auto_compaction.start(self)

    @property
    def compact_revision(self) -> int:
        return self._engine.compact_revision

    # Reading: between groups everything there is, is durable

    async def current_revision(self) -> int:
        self._check_open()
        return self.revision

    async def range(self, request: Range) -> RangeResult:
        self._check_open()
        check_range(request)
        try:
            return self._engine.range(request)
        except sqlite3.Error as error:
            raise explain(error, self.path) from error

    def _check_open(self) -> None:
        if self._closed:
            raise Unavailable("etcdserver: server stopped")

    # Writing

    async def put(self, request: Put) -> PutResult:
        check_put(request)
        return await self._join(self._engine.put, request)

    async def delete(self, request: Delete) -> DeleteResult:
        check_delete(request)
        return await self._join(self._engine.delete, request)

    async def txn(self, request: Txn) -> TxnResult:
        check_txn(request)
        return await self._join(self._engine.txn, request)

    def _join(self, work: Callable[[Any], T], request: Any) -> asyncio.Future[T]:
        """Become part of this turn's group."""
        self._check_open()
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        if not self._group:
            loop.call_soon(self._flush)
        self._group.append((work, request, done))
        return done

    def _flush(self) -> None:
        """Do the group: apply, commit, publish, answer."""
        group, self._group = self._group, []
        if not group:
            return
        engine, before = self._engine, self.revision
        engine.previous_wanted = self._hub.previous_wanted
        try:
            self._check_quota(group)
            outcomes = [self._apply(work, request) for work, request, _ in group]
            granted, revoked = engine.granted, engine.revoked
            events = engine.commit()
        except Exception as error:
            self._undo(before)
            outcomes = [explain(error, self.path) if isinstance(error, sqlite3.Error) else error] * len(group)
        else:
            for id, ttl in granted.items():
                self._lessor.add(id, ttl)
            for id in revoked:
                self._lessor.drop(id)
            self.revision = engine.revision
            if events:
                self._hub.publish(self.revision, events)
        for (_, _, done), outcome in zip(group, outcomes, strict=True):
            if done.done():  # the caller has gone away
                continue
            if isinstance(outcome, Exception):
                done.set_exception(outcome)
            else:
                done.set_result(outcome)

    def _apply(self, work: Callable[[Any], Any], request: Any) -> Any:
        if self._alarm and _grows(request):
            return NoSpace()
        try:
            return work(request)
        except StoreError as refusal:  # by the checks, before anything was changed
            return refusal

    def _undo(self, revision: int) -> None:
        try:
            self._engine.rollback(revision)
        except sqlite3.Error:
            log.exception("cannot roll back")

    def _check_quota(self, group: Sequence[Job]) -> None:
        """Raise the alarm when the file has outgrown its quota; it stays raised until somebody disarms it."""
        if not self._alarm and self._table.size() > self._quota and any(_grows(request) for _, request, _ in group):
            self._alarm = True
            self._table.begin()
            self._table.set("nospace", 1)
            log.warning("the database exceeds its quota of %d bytes: alarm NOSPACE", self._quota)

    # Watching

    async def watch(self, request: WatchRequest, deliver: Deliver) -> Watch:
        self._check_open()
        return await self._hub.follow(self, request, deliver)

    def history(self, subscription: Subscription, start: int) -> tuple[list[Event], int]:
        """What the hub replays to a watch that starts in the past; whole revisions."""
        try:
            return self._history(subscription, start)
        except sqlite3.Error as error:
            raise explain(error, self.path) from error

    def _history(self, subscription: Subscription, start: int) -> tuple[list[Event], int]:
        low, high = subscription.low, subscription.high
        limit = REPLAY_EVENTS
        while True:
            rows = self._table.changes(start, low, high, limit)
            complete = self.revision
            if len(rows) == limit:  # the last revision may be cut in two: leave it for the next step
                complete = (rows[-1][0][0] >> PLACE_BITS) - 1
            if complete >= start:
                break
            limit *= 4  # one enormous transaction
        events = [_event(row, before, subscription.previous) for row, before in rows]
        return [event for event in events if event.kv.mod_revision <= complete and subscription.wants(event)], complete

    # Forgetting

    async def compact(self, revision: int, physical: bool = False) -> int:
        self._check_open()
        self._flush()
        try:
            self._engine.compact(revision)
        except sqlite3.Error as error:
            self._undo(self.revision)
            raise explain(error, self.path) from error
        scrubber = self._start_scrubber()
        if physical:
            await asyncio.shield(scrubber)
        return self.revision

    def _start_scrubber(self) -> asyncio.Task[None]:
        if self._scrubber is None or self._scrubber.done():
            self._scrubber = asyncio.create_task(self._scrub(), name="etcd compaction")
        return self._scrubber

    async def _scrub(self) -> None:
        """Remove compacted rows in small steps, so that writes in between wait for milliseconds only."""
        try:
            while self._engine.scrub(SCRUB_ROWS):  # noqa: ASYNC110 (it does not wait: others get their turn)
                await asyncio.sleep(0)
        except sqlite3.Error as error:  # what is left is removed the next time
            log.error("compaction stopped: %s", explain(error, self.path))
            self._undo(self.revision)

    # Leases

    async def grant(self, ttl: int, id: int = 0) -> LeaseStatus:
        return await self._join(self._engine.grant, self._lessor.admit(ttl, id))

    async def revoke(self, id: int) -> None:
        await self._join(self._engine.revoke, id)

    def _expire(self, due: list[int]) -> None:
        task = asyncio.create_task(self._revoke_expired(due), name="etcd leases")
        self._expiring.add(task)
        task.add_done_callback(self._expiring.discard)

    async def _revoke_expired(self, due: list[int]) -> None:
        async with self.own_write():
            outcomes = await asyncio.gather(*map(self.revoke, due), return_exceptions=True)
        for id, outcome in zip(due, outcomes, strict=True):
            if outcome is not None and not isinstance(outcome, LeaseNotFound):
                log.error("lease %x has expired, but could not be revoked: %s", id, outcome)
                if id in self._lessor:
                    self._lessor.renew(id)  # it is tried again after another term

    async def keep_alive(self, id: int) -> LeaseStatus:
        self._check_open()
        return self._lessor.renew(id)

    async def time_to_live(self, id: int, keys: bool = False) -> LeaseStatus:
        self._check_open()
        return self._lessor.status(id, tuple(sorted(self._engine.index.attached.get(id, ()))) if keys else ())

    async def leases(self) -> Sequence[int]:
        self._check_open()
        return self._lessor.all()

    # Maintenance

    async def status(self) -> Status:
        self._check_open()
        alarms = ("NOSPACE",) if self._alarm else ()
        table = self._table
        told = self.member_id, self.cluster_id, alarms, self.member
        return Status(self.version, self.revision, self.compact_revision, table.size(), table.size_in_use(), *told)

    async def defragment(self) -> None:
        self._check_open()
        self._flush()
        try:
            self._table.vacuum()
        except sqlite3.Error as error:
            raise explain(error, self.path) from error

    def snapshot(self) -> AsyncIterator[bytes]:
        self._check_open()
        return Snapshot(self._table)

    async def disarm(self) -> Sequence[str]:
        self._check_open()
        if not self._alarm:
            return ()
        try:
            self._table.begin()
            self._table.set("nospace", 0)
            self._table.commit()
        except sqlite3.Error as error:
            self._undo(self.revision)
            raise explain(error, self.path) from error
        self._alarm = False
        return ("NOSPACE",)

    async def close(self) -> None:
        """Finish what has been asked for, tell the watches, let go of the file."""
        if self._closed:
            return
        self._flush()
        self._closed = True
        if self._auto_compaction is not None:
            self._auto_compaction.stop()
        tasks = [*self._expiring, *([self._scrubber] if self._scrubber else ())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._lessor.close()
        self._hub.end(Unavailable("etcdserver: server stopped"))
        self._table.close()
        self._lock.release()


def _grows(request: Any) -> bool:
    """Whether the quota forbids it: puts and new leases, never deletions."""
    if isinstance(request, Txn):
        return any(_grows(operation) for operation in (*request.success, *request.failure))
    return isinstance(request, Put | tuple)


def _event(row: Row, before: Row | None, previous: bool) -> Event:
    id, key, create_revision, version, lease, _, value = row
    revision = id >> PLACE_BITS
    old = _kv(before) if previous and before and before[3] else None
    if not version:
        return Event(EventKind.DELETE, KeyValue(key, b"", 0, revision, 0), old)
    return Event(EventKind.PUT, KeyValue(key, cast(bytes, value), create_revision, revision, version, lease), old)


def _kv(row: Row) -> KeyValue:
    id, key, create_revision, version, lease, _, value = row
    return KeyValue(key, cast(bytes, value), create_revision, id >> PLACE_BITS, version, lease)
