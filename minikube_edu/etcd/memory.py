"""The store in memory: the shortest complete reading of the contract, and the oracle that the others are held against.

Every key has the list of its versions, a deletion among them as a version numbered 0; the log has the events of every
revision. Reading at a revision is looking back in that list. Nothing here is fast or clever, and nothing is durable:
it serves tests, and readers who want to know what an MVCC store is before they see one that lasts (sqlite.py).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import AsyncIterator, Sequence
from itertools import chain

from minikube_edu.etcd.contract import (
    Compacted,
    Compare,
    Delete,
    DeleteResult,
    Event,
    EventKind,
    FutureRevision,
    InvalidRequest,
    KeyValue,
    LeaseNotFound,
    LeaseStatus,
    Operation,
    OperationResult,
    Put,
    PutResult,
    Range,
    RangeResult,
    Status,
    Target,
    Txn,
    TxnResult,
    Unavailable,
    Watch,
    WatchRequest,
)
from minikube_edu.etcd.hub import Deliver, Hub, Subscription
from minikube_edu.etcd.index import PLACE_BITS
from minikube_edu.etcd.lease import Lessor
from minikube_edu.etcd.limits import ETCD_VERSION, MIN_LEASE_TTL, PROGRESS_INTERVAL
from minikube_edu.etcd.requests import (
    KEY_NOT_FOUND,
    check_delete,
    check_put,
    check_range,
    check_txn,
    interval,
)
from minikube_edu.etcd.selection import holds, select
from minikube_edu.etcd.snapshot import Snapshot
from minikube_edu.etcd.table import Row, Table


class MemoryStore:
    """An etcd that forgets. One object, one event loop."""

    exclusive = True

    def __init__(self, *, min_lease_ttl: int = MIN_LEASE_TTL, progress_interval: float = PROGRESS_INTERVAL) -> None:
        self.revision = 1
        self.compact_revision = 0
        self._versions: dict[bytes, list[KeyValue]] = {}
        self._log: list[tuple[int, list[Event]]] = []
        self._changes: list[Event] = []  # of the transaction under way
        self._hub = Hub(progress_interval)
        self._lessor = Lessor(self._expire, min_lease_ttl)
        self._closed = False

    # Reading

    async def current_revision(self) -> int:
        self._check_open()
        return self.revision

    async def range(self, request: Range) -> RangeResult:
        self._check_open()
        check_range(request)
        self._check_revision(request)
        return self._range(request)

    def _check_open(self) -> None:
        if self._closed:
            raise Unavailable("etcdserver: server stopped")

    def _check_revision(self, request: Range) -> None:
        if request.revision > self.revision:
            raise FutureRevision
        if 0 < request.revision < self.compact_revision:
            raise Compacted(self.compact_revision)

    def _now(self) -> int:
        """The revision that the transaction under way sees: the next one as soon as it has changed something."""
        return self.revision + bool(self._changes)

    def _at(self, key: bytes, revision: int) -> KeyValue | None:
        for kv in reversed(self._versions.get(key, ())):
            if kv.mod_revision <= revision:
                return kv if kv.version else None
        return None

    def _find(self, key: bytes, range_end: bytes, revision: int) -> list[KeyValue]:
        low, high = interval(key, range_end)
        keys = sorted(key for key in self._versions if low <= key and (high is None or key < high))
        return [kv for key in keys if (kv := self._at(key, revision)) is not None]

    def _range(self, request: Range) -> RangeResult:
        revision = self._now()
        found = self._find(request.key, request.range_end, request.revision if request.revision > 0 else revision)
        if request.count_only:
            return RangeResult(revision, count=len(found))
        chosen, more = select(request, found)
        if request.keys_only:
            chosen = [KeyValue(kv.key, b"", kv.create_revision, kv.mod_revision, kv.version, kv.lease) for kv in chosen]
        return RangeResult(revision, tuple(chosen), more, len(found))

    # Writing

    async def put(self, request: Put) -> PutResult:
        check_put(request)
        result = self._transact([request]).responses[0]
        assert isinstance(result, PutResult)
        return result

    async def delete(self, request: Delete) -> DeleteResult:
        check_delete(request)
        result = self._transact([request]).responses[0]
        assert isinstance(result, DeleteResult)
        return result

    async def txn(self, request: Txn) -> TxnResult:
        check_txn(request)
        self._check_open()
        succeeded = all(self._holds(compare) for compare in request.compare)
        result = self._transact(request.success if succeeded else request.failure)
        return TxnResult(result.revision, succeeded, result.responses)

    def _transact(self, operations: Sequence[Operation]) -> TxnResult:
        """Check, do, publish: a transaction that is refused has changed nothing."""
        self._check_open()
        decided: dict[int, bool] = {}
        self._check(operations, decided)
        responses = tuple([self._do(operation, decided) for operation in operations])
        self._finish()
        return TxnResult(self.revision, True, responses)

    def _finish(self) -> None:
        if self._changes:
            self.revision += 1
            self._log.append((self.revision, self._changes))
            changes, self._changes = self._changes, []
            self._hub.publish(self.revision, changes)

    def _check(self, operations: Sequence[Operation], decided: dict[int, bool]) -> None:
        """etcd decides all nested conditions, and checks what will be done, before it does anything."""
        for operation in operations:
            if isinstance(operation, Range):
                self._check_revision(operation)
            elif isinstance(operation, Put):
                if operation.lease and operation.lease not in self._lessor:
                    raise LeaseNotFound
                if (operation.ignore_value or operation.ignore_lease) and self._at(
                    operation.key, self.revision
                ) is None:
                    raise InvalidRequest(KEY_NOT_FOUND)
            elif isinstance(operation, Txn):
                succeeded = all(self._holds(compare) for compare in operation.compare)
                decided[id(operation)] = succeeded
                self._check(operation.success if succeeded else operation.failure, decided)

    def _holds(self, compare: Compare) -> bool:
        kvs = self._find(compare.key, compare.range_end, self.revision)
        if not kvs:
            # A value that is not there equals nothing, not even the empty one; numbers of an absent key are 0.
            return compare.target != Target.VALUE and holds(compare, 0, b"")
        return all(holds(compare, _number(kv, compare.target), kv.value) for kv in kvs)

    def _do(self, operation: Operation, decided: dict[int, bool]) -> OperationResult:
        if isinstance(operation, Range):
            return self._range(operation)
        if isinstance(operation, Put):
            return self._put(operation)
        if isinstance(operation, Delete):
            return self._delete(operation)
        succeeded = decided[id(operation)]
        branch = operation.success if succeeded else operation.failure
        responses = tuple([self._do(nested, decided) for nested in branch])
        return TxnResult(0, succeeded, responses)  # etcd gives a nested one no revision

    def _put(self, request: Put) -> PutResult:
        before = self._at(request.key, self.revision + 1)
        kv = KeyValue(
            request.key,
            before.value if request.ignore_value and before else request.value,
            before.create_revision if before else self.revision + 1,
            self.revision + 1,
            before.version + 1 if before else 1,
            before.lease if request.ignore_lease and before else request.lease,
        )
        self._change(EventKind.PUT, kv, before)
        return PutResult(self.revision + 1, before if request.previous else None)

    def _delete(self, request: Delete) -> DeleteResult:
        found = self._find(request.key, request.range_end, self.revision + 1)
        for kv in found:
            self._change(EventKind.DELETE, KeyValue(kv.key, b"", 0, self.revision + 1, 0), kv)
        return DeleteResult(self._now(), len(found), tuple(found) if request.previous else ())

    def _change(self, kind: EventKind, kv: KeyValue, before: KeyValue | None) -> None:
        self._versions.setdefault(kv.key, []).append(kv)
        self._changes.append(Event(kind, kv, before))

    # Watching

    async def watch(self, request: WatchRequest, deliver: Deliver) -> Watch:
        self._check_open()
        return await self._hub.follow(self, request, deliver)

    def history(self, subscription: Subscription, start: int) -> tuple[list[Event], int]:
        first = bisect_left(self._log, start, key=lambda entry: entry[0])
        events = [event for _, events in self._log[first:] for event in events if subscription.wants(event)]
        if not subscription.previous:
            events = [Event(event.kind, event.kv) for event in events]
        return events, self.revision

    # Forgetting

    async def compact(self, revision: int, physical: bool = False) -> int:
        self._check_open()
        if revision > self.revision:
            raise FutureRevision
        if revision <= self.compact_revision:
            raise Compacted(self.compact_revision)
        self.compact_revision = revision
        self._log = self._log[bisect_left(self._log, revision, key=lambda entry: entry[0]) :]
        for key, versions in list(self._versions.items()):
            newest = max((kv.mod_revision for kv in versions if kv.mod_revision <= revision), default=0)
            kept = [kv for kv in versions if kv.mod_revision >= newest]
            if kept[0].version == 0 and kept[0].mod_revision < revision:
                del kept[0]
            if kept:
                self._versions[key] = kept
            else:
                del self._versions[key]
        return self.revision

    # Leases

    async def grant(self, ttl: int, id: int = 0) -> LeaseStatus:
        self._check_open()
        id, ttl = self._lessor.admit(ttl, id)
        self._lessor.add(id, ttl)
        return LeaseStatus(id, ttl, ttl)

    async def revoke(self, id: int) -> None:
        self._check_open()
        if id not in self._lessor:
            raise LeaseNotFound
        self._revoke(id)

    def _revoke(self, id: int) -> None:
        self._lessor.drop(id)
        for key in self._attached(id):
            self._delete(Delete(key))
        self._finish()

    def _expire(self, due: list[int]) -> None:
        for id in due:
            self._revoke(id)

    def _attached(self, id: int) -> tuple[bytes, ...]:
        return tuple(kv.key for kv in self._find(b"\0", b"\0", self.revision) if kv.lease == id)

    async def keep_alive(self, id: int) -> LeaseStatus:
        self._check_open()
        return self._lessor.renew(id)

    async def time_to_live(self, id: int, keys: bool = False) -> LeaseStatus:
        self._check_open()
        return self._lessor.status(id, self._attached(id) if keys else ())

    async def leases(self) -> Sequence[int]:
        self._check_open()
        return self._lessor.all()

    # Maintenance

    async def status(self) -> Status:
        self._check_open()
        size = sum(len(kv.key) + len(kv.value) for versions in self._versions.values() for kv in versions)
        return Status(ETCD_VERSION, self.revision, self.compact_revision, size, size)

    async def defragment(self) -> None:
        self._check_open()

    async def snapshot(self) -> AsyncIterator[bytes]:
        """The same format as the store on SQLite's, so that one can be restored as the other."""
        self._check_open()
        table = Table(":memory:")
        places: dict[int, int] = {}
        ids: dict[bytes, int] = {}
        rows: list[Row] = []
        for kv in sorted(chain(*self._versions.values()), key=lambda kv: (kv.mod_revision, kv.key)):
            place = places[kv.mod_revision] = places.get(kv.mod_revision, -1) + 1
            id = kv.mod_revision << PLACE_BITS | place
            value = kv.value if kv.version else None
            rows.append((id, kv.key, kv.create_revision, kv.version, kv.lease, ids.get(kv.key, 0), value))
            ids[kv.key] = id
        table.begin()
        table.append_all(rows)
        for lease in self._lessor.all():
            table.add_lease(lease, self._lessor.status(lease).granted_ttl)
        table.set("compact_revision", self.compact_revision)
        table.commit()
        async for block in Snapshot(table):
            yield block
        table.close()

    async def disarm(self) -> Sequence[str]:
        self._check_open()
        return ()

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._lessor.close()
            self._hub.end(Unavailable("etcdserver: server stopped"))


def _number(kv: KeyValue, target: Target) -> int:
    if target == Target.VERSION:
        return kv.version
    if target == Target.CREATE:
        return kv.create_revision
    return kv.mod_revision if target == Target.MOD else kv.lease
