"""Revisions: what a transaction reads and writes, on the index in memory and the table in the file.

Everything here is a plain call. The engine does not know of tasks, watches or durability: the store (sqlite.py) calls
it for all the requests of a group, then `commit`s once or `rollback`s, and hands out `events` afterwards.

Sequence of a transaction, as in etcd: decide every condition, nested ones too, on the state before it; check what
will be done; then do it. After the checks nothing can be refused, so a transaction happens whole or not at all.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from itertools import islice

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
    LeaseExists,
    LeaseNotFound,
    LeaseStatus,
    Operation,
    OperationResult,
    Put,
    PutResult,
    Range,
    RangeResult,
    SortTarget,
    Target,
    Txn,
    TxnResult,
)
from minikube_edu.etcd.index import PLACE_BITS, Head, Index
from minikube_edu.etcd.requests import KEY_NOT_FOUND, interval
from minikube_edu.etcd.selection import holds, in_key_order, select
from minikube_edu.etcd.table import Table


class Engine:
    def __init__(self, table: Table, leases: Container[int]) -> None:
        self.table = table
        self.index = Index(table.heads())
        self.leases = leases
        self.revision = table.last_revision()
        self.compact_revision = table.get("compact_revision")
        self.previous_wanted = False  # whether events carry the version before
        # Of the group under way:
        self.events: list[Event] = []
        self.granted: dict[int, int] = {}
        self.revoked: set[int] = set()
        # Of the transaction under way:
        self._next = 0  # id of its next row; 0: it has changed nothing yet
        # Of the removal of compacted rows under way:
        self._scrubbing = 0  # the revision up to which it goes
        self._cursor = 0  # the id that it goes on from

    # Groups

    def commit(self) -> list[Event]:
        """Make the group durable; returns its events. Raises sqlite3.Error, and then `rollback` is due."""
        self.table.commit()
        self.index.commit()
        events, self.events = self.events, []
        self.granted, self.revoked = {}, set()
        return events

    def rollback(self, revision: int) -> None:
        """Forget the group: the state is that of `revision` again."""
        self.index.rollback()
        self.revision = revision
        self.events, self.granted, self.revoked, self._next = [], {}, set(), 0
        self.table.rollback()

    # Reading

    def range(self, request: Range) -> RangeResult:
        self._check_revision(request)
        return self._range(request)

    def _check_revision(self, request: Range) -> None:
        if request.revision > self.revision:
            raise FutureRevision
        if 0 < request.revision < self.compact_revision:
            raise Compacted(self.compact_revision)

    def _range(self, request: Range) -> RangeResult:
        revision = self.revision + (self._next > 0)
        found, count = self._find(request)
        if request.count_only:
            return RangeResult(revision, count=count)
        if request.sort_target == SortTarget.VALUE and not in_key_order(request):
            kvs, more = select(request, self._with_values(found))
        else:
            heads, more = select(request, found)
            kvs = list(map(bare, heads)) if request.keys_only else self._with_values(heads)
        if request.keys_only:
            kvs = [KeyValue(kv.key, b"", kv.create_revision, kv.mod_revision, kv.version, kv.lease) for kv in kvs]
        return RangeResult(revision, tuple(kvs), more, count)

    def _find(self, request: Range) -> tuple[list[Head], int]:
        """The versions in the range (no more than the limit needs), in key order, and how many there are."""
        at = request.revision if 0 < request.revision < self.revision else 0
        heads = self.index.heads
        if not request.range_end:
            head = heads.get(request.key)
            if at and (head is None or head.mod_revision > at):
                head = self.table.past(head.id if head else self.index.graves.get(request.key, 0), at)
            return ([head], 1) if head else ([], 0)
        low, high = interval(request.key, request.range_end)
        count = self.index.keys.count(low, high)
        most = request.limit + 1 if request.limit > 0 and in_key_order(request) else None
        if at:
            return self._find_past(at, low, high, most, count)
        if request.count_only:
            return [], count
        return [heads[key] for key in islice(self.index.keys.within(low, high), most)], count

    def _find_past(
        self, at: int, low: bytes, high: bytes | None, most: int | None, count: int
    ) -> tuple[list[Head], int]:
        """The range as it was: as it is, with the changes since undone."""
        heads = self.index.heads
        undone = self.table.undone(at, low, high)
        back = [head for head in undone.values() if head]
        count += len(back) - sum(key in heads for key in undone)
        enough = None if most is None else most + len(undone)
        kept = [heads[key] for key in islice(self.index.keys.within(low, high), enough) if key not in undone]
        if back:
            kept = sorted(kept + back)
        return kept[:most], count

    def _with_values(self, heads: Sequence[Head]) -> list[KeyValue]:
        if len(heads) == 1:
            return [filled(heads[0], self.table.value(heads[0].id))]
        values = self.table.values([head.id for head in heads])
        return [filled(head, values[head.id]) for head in heads]

    # Writing

    def put(self, request: Put) -> PutResult:
        self._check_put(request)
        result = self._put(request)
        self._end()
        return result

    def delete(self, request: Delete) -> DeleteResult:
        result = self._delete(request)
        self._end()
        return result

    def txn(self, request: Txn) -> TxnResult:
        path: list[bool] = []
        self._decide(request, path)
        path.reverse()
        nested = self._txn(request, path)
        self._end()
        return TxnResult(self.revision, nested.succeeded, nested.responses)

    def _end(self) -> None:
        """The transaction is over; the next one has the next revision if this one changed something."""
        if self._next:
            self.revision += 1
            self._next = 0

    def _id(self) -> int:
        if not self._next:
            self.table.begin()
            self._next = (self.revision + 1) << PLACE_BITS
        self._next += 1
        return self._next - 1

    def _decide(self, request: Txn, path: list[bool]) -> None:
        """Decide the conditions and check the branch; the decisions, nested ones too, go to `path` in calling order."""
        succeeded = all(map(self._holds, request.compare))
        path.append(succeeded)
        for operation in request.success if succeeded else request.failure:
            if isinstance(operation, Put):
                self._check_put(operation)
            elif isinstance(operation, Range):
                self._check_revision(operation)
            elif isinstance(operation, Txn):
                self._decide(operation, path)

    def _check_put(self, request: Put) -> None:
        if (request.ignore_value or request.ignore_lease) and request.key not in self.index.heads:
            raise InvalidRequest(KEY_NOT_FOUND)
        if request.lease and (request.lease not in self.leases or request.lease in self.revoked):
            raise LeaseNotFound

    def _holds(self, compare: Compare) -> bool:
        if compare.range_end:
            heads = [self.index.heads[key] for key in self.index.keys.within(*interval(compare.key, compare.range_end))]
        else:
            head = self.index.heads.get(compare.key)
            heads = [head] if head else []
        if compare.target == Target.VALUE:
            return bool(heads) and all(holds(compare, 0, self.table.value(head.id)) for head in heads)
        if not heads:
            return holds(compare, 0, b"")
        return all(holds(compare, number(head, compare.target), b"") for head in heads)

    def _txn(self, request: Txn, path: list[bool]) -> TxnResult:
        succeeded = path.pop()
        branch = request.success if succeeded else request.failure
        responses = tuple([self._do(operation, path) for operation in branch])
        return TxnResult(0, succeeded, responses)  # etcd gives a nested one no revision

    def _do(self, operation: Operation, path: list[bool]) -> OperationResult:
        if isinstance(operation, Put):
            return self._put(operation)
        if isinstance(operation, Range):
            return self._range(operation)
        if isinstance(operation, Delete):
            return self._delete(operation)
        return self._txn(operation, path)

    def _put(self, request: Put) -> PutResult:
        key, value, lease = request.key, request.value, request.lease
        before = self.index.heads.get(key)
        previous = None
        if before and (self.previous_wanted or request.previous or request.ignore_value):
            previous = filled(before, self.table.value(before.id))
            if request.ignore_value:
                value = previous.value
        id = self._id()
        revision = id >> PLACE_BITS
        if before:
            if request.ignore_lease:
                lease = before.lease
            head = Head(key, id, before.create_revision, before.version + 1, lease)
        else:
            head = Head(key, id, revision, 1, lease)
        self.table.append(head, self.index.put(head), value)
        self.events.append(Event(EventKind.PUT, filled(head, value), previous))
        return PutResult(revision, previous if request.previous else None)

    def _delete(self, request: Delete) -> DeleteResult:
        heads = self.index.heads
        if request.range_end:
            low, high = interval(request.key, request.range_end)
            found = [heads[key] for key in self.index.keys.within(low, high)]
        else:
            found = [heads[request.key]] if request.key in heads else []
        previous: Sequence[KeyValue | None]
        if self.previous_wanted or request.previous:
            previous = self._with_values(found)
        else:
            previous = [None] * len(found)
        for head, kv in zip(found, previous, strict=True):
            self._bury(head, kv)
        revision = self.revision + (self._next > 0)
        return DeleteResult(revision, len(found), tuple(kv for kv in previous if kv) if request.previous else ())

    def _bury(self, head: Head, previous: KeyValue | None) -> None:
        id = self._id()
        self.index.delete(head, id)
        self.table.append(Head(head.key, id, 0, 0, 0), head.id, None)
        self.events.append(Event(EventKind.DELETE, KeyValue(head.key, b"", 0, id >> PLACE_BITS, 0), previous))

    # Leases

    def grant(self, lease: tuple[int, int]) -> LeaseStatus:
        id, ttl = lease
        if id in self.granted or id in self.leases:
            raise LeaseExists
        self.table.begin()
        self.table.add_lease(id, ttl)
        self.granted[id] = ttl
        return LeaseStatus(id, ttl, ttl)

    def revoke(self, id: int) -> None:
        """The lease and all keys attached to it go, in one transaction."""
        if id not in self.leases or id in self.revoked:
            raise LeaseNotFound
        self.table.begin()
        self.table.drop_lease(id)
        self.revoked.add(id)
        for key in sorted(self.index.attached.get(id, ())):
            self._delete(Delete(key))
        self._end()

    # Forgetting

    def compact(self, revision: int) -> None:
        """From now on revisions below `revision` cannot be read; their rows go step by step (`scrub`). Between
        groups."""
        if revision <= self.compact_revision:
            raise Compacted(self.compact_revision)
        if revision > self.revision:
            raise FutureRevision
        self.table.begin()
        self.table.set("compact_revision", revision)
        self.table.commit()
        self.compact_revision = revision
        self.index.bury(revision << PLACE_BITS)

    def scrub(self, rows: int) -> bool:
        """One step of removing what has been compacted, between groups; false when nothing is left."""
        done = self.table.get("scrubbed_revision")
        if not self._scrubbing:
            if done >= self.compact_revision:
                return False
            self._scrubbing, self._cursor = self.compact_revision, done << PLACE_BITS
        self.table.begin()
        self._cursor = self.table.scrub(self._cursor, self._scrubbing, rows)
        if not self._cursor:
            self.table.set("scrubbed_revision", self._scrubbing)
            self._scrubbing = 0
        self.table.commit()
        return True


def filled(head: Head, value: bytes) -> KeyValue:
    key, id, create_revision, version, lease = head
    return KeyValue(key, value, create_revision, id >> PLACE_BITS, version, lease)


def bare(head: Head) -> KeyValue:
    return filled(head, b"")


def number(head: Head, target: Target) -> int:
    if target == Target.MOD:
        return head.id >> PLACE_BITS
    if target == Target.VERSION:
        return head.version
    return head.create_revision if target == Target.CREATE else head.lease
