"""What a store promises, whichever of the five it is: memory, SQLite, SQLite behind a socket or gRPC, a real etcd.

The model is etcd's. The store has one counter, the revision. Every transaction that changes something takes the next
number; all its changes bear it. A key's history is the list of its versions; `Range` reads at any revision that has not
been compacted away, `watch` replays from any such revision and then follows, without gap and without repeat.

Rules that callers may rely on:

- A write is durable when its call returns. Writes that arrive in one turn of the event loop may share one commit.
- Order: before a write's result of revision R is handed to the caller, every watch of the same Store object has been
  handed all events of revisions <= R (a real etcd cannot promise that: see `exclusive`).
- `deliver` is called synchronously, in revision order, never with half of a transaction, and must not block.
- `exclusive` is true while no one else can write through any other door; then the last revision that this Store object
  has returned or delivered *is* the current one, and a linearizable read needs no round trip. When somebody else wants
  to write, the store first turns `exclusive` to false here, and only then acknowledges the other's write.

Ranges are half open: [key, range_end). `range_end=b""` means the one key; `b"\\0"` means everything from `key` on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from enum import IntEnum
from typing import Protocol

from msgspec import Struct, field


class KeyValue(Struct, frozen=True):
    key: bytes
    value: bytes
    create_revision: int
    mod_revision: int
    version: int
    lease: int = 0


class EventKind(IntEnum):
    PUT = 0
    DELETE = 1


class Event(Struct, frozen=True):
    """One change. A DELETE's kv has only key and mod_revision; previous is the version before, where asked for."""

    kind: EventKind
    kv: KeyValue
    previous: KeyValue | None = None


class SortOrder(IntEnum):
    NONE = 0
    ASCEND = 1
    DESCEND = 2


class SortTarget(IntEnum):
    KEY = 0
    VERSION = 1
    CREATE = 2
    MOD = 3
    VALUE = 4


class Range(Struct, frozen=True):
    key: bytes
    range_end: bytes = b""
    limit: int = 0
    revision: int = 0
    sort_order: SortOrder = SortOrder.NONE
    sort_target: SortTarget = SortTarget.KEY
    serializable: bool = False
    keys_only: bool = False
    count_only: bool = False
    min_mod_revision: int = 0
    max_mod_revision: int = 0
    min_create_revision: int = 0
    max_create_revision: int = 0


class RangeResult(Struct, frozen=True):
    revision: int
    kvs: Sequence[KeyValue] = ()
    more: bool = False
    count: int = 0


class Put(Struct, frozen=True):
    key: bytes
    value: bytes
    lease: int = 0
    previous: bool = False
    ignore_value: bool = False
    ignore_lease: bool = False


class PutResult(Struct, frozen=True):
    revision: int
    previous: KeyValue | None = None


class Delete(Struct, frozen=True):
    key: bytes
    range_end: bytes = b""
    previous: bool = False


class DeleteResult(Struct, frozen=True):
    revision: int
    deleted: int = 0
    previous: Sequence[KeyValue] = ()


class Target(IntEnum):
    VERSION = 0
    CREATE = 1
    MOD = 2
    VALUE = 3
    LEASE = 4


class Result(IntEnum):
    EQUAL = 0
    GREATER = 1
    LESS = 2
    NOT_EQUAL = 3


class Compare(Struct, frozen=True):
    """One condition of a transaction. An absent key has version, create and mod revision and lease 0."""

    key: bytes
    target: Target
    result: Result
    number: int = 0
    value: bytes = b""
    range_end: bytes = b""


class Txn(Struct, frozen=True):
    compare: Sequence[Compare] = ()
    success: Sequence[Operation] = ()
    failure: Sequence[Operation] = ()


class TxnResult(Struct, frozen=True):
    revision: int
    succeeded: bool
    responses: Sequence[OperationResult] = ()


Operation = Range | Put | Delete | Txn
OperationResult = RangeResult | PutResult | DeleteResult | TxnResult


class WatchBatch(Struct, frozen=True):
    """What a watch hands over: whole revisions, in order. With no events it is a progress notice: all up to
    `revision` has been delivered. `error` is set on the last batch of a watch that the store ended."""

    revision: int
    events: Sequence[Event] = ()
    error: StoreError | None = None


class WatchRequest(Struct, frozen=True):
    key: bytes
    range_end: bytes = b""
    start_revision: int = 0  # 0: from the next change on
    previous: bool = False
    no_put: bool = False
    no_delete: bool = False
    progress_notify: bool = False


class Watch(Protocol):
    """A watch that is under way."""

    def cancel(self) -> None:
        """No batch is delivered after this returns."""
        ...

    def request_progress(self) -> None:
        """Ask for a progress notice as soon as the watch has seen all there is."""
        ...


class LeaseStatus(Struct, frozen=True):
    id: int
    ttl: int
    granted_ttl: int
    keys: Sequence[bytes] = ()


class Member(Struct, frozen=True):
    """What the member list says of this one, and the files of its TLS, for who may read them anyway."""

    name: str = "default"
    peer_urls: Sequence[str] = ()
    client_urls: Sequence[str] = ()  # none: nobody is served but over the private socket
    certificate: str = ""
    key: str = ""
    client_ca: str = ""  # clients have to show a certificate of it
    id: int = 0  # where several are listed


class Status(Struct, frozen=True):
    version: str
    revision: int
    compact_revision: int
    db_size: int
    db_size_in_use: int
    member_id: int = 1
    cluster_id: int = 1
    alarms: Sequence[str] = field(default_factory=tuple)
    member: Member = field(default_factory=Member)
    # What a member of a cluster of several has to tell besides; nothing of it: a cluster of one, which leads itself.
    members: Sequence[Member] = field(default_factory=tuple)
    leader: int = 0
    learner: bool = False
    raft_term: int = 0
    raft_index: int = 0
    raft_applied: int = 0
    storage_version: str = ""
    quota: int = 0


class Store(Protocol):
    @property
    def exclusive(self) -> bool: ...

    @property
    def revision(self) -> int:
        """The newest revision that this Store object knows of: the current one while `exclusive`."""
        ...

    async def current_revision(self) -> int:
        """The current revision, linearizable; no round trip while `exclusive`."""
        ...

    async def range(self, request: Range) -> RangeResult: ...
    async def put(self, request: Put) -> PutResult: ...
    async def delete(self, request: Delete) -> DeleteResult: ...
    async def txn(self, request: Txn) -> TxnResult: ...

    async def watch(self, request: WatchRequest, deliver: Callable[[WatchBatch], None]) -> Watch:
        """Returns once the watch is in place. Raises Compacted when start_revision is gone."""
        ...

    async def compact(self, revision: int, physical: bool = False) -> int: ...

    async def grant(self, ttl: int, id: int = 0) -> LeaseStatus: ...
    async def revoke(self, id: int) -> None: ...
    async def keep_alive(self, id: int) -> LeaseStatus: ...
    async def time_to_live(self, id: int, keys: bool = False) -> LeaseStatus: ...
    async def leases(self) -> Sequence[int]: ...

    async def status(self) -> Status: ...
    async def defragment(self) -> None: ...
    def snapshot(self) -> AsyncIterator[bytes]: ...
    async def disarm(self) -> Sequence[str]:
        """Clear alarms (NOSPACE); returns those that were raised."""
        ...

    async def close(self) -> None: ...


class StoreError(Exception):
    """The store refused or could not do it; `code` is gRPC's status name, the message is etcd's own."""

    code = "UNKNOWN"


class Compacted(StoreError):
    """etcdserver: mvcc: required revision has been compacted"""

    code = "OUT_OF_RANGE"

    def __init__(self, compact_revision: int = 0) -> None:
        super().__init__("etcdserver: mvcc: required revision has been compacted")
        self.compact_revision = compact_revision


class FutureRevision(StoreError):
    """etcdserver: mvcc: required revision is a future revision"""

    code = "OUT_OF_RANGE"

    def __init__(self) -> None:
        super().__init__("etcdserver: mvcc: required revision is a future revision")


class LeaseNotFound(StoreError):
    """etcdserver: requested lease not found"""

    code = "NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("etcdserver: requested lease not found")


class LeaseExists(StoreError):
    """etcdserver: lease already exists"""

    code = "FAILED_PRECONDITION"

    def __init__(self) -> None:
        super().__init__("etcdserver: lease already exists")


class NoSpace(StoreError):
    """etcdserver: mvcc: database space exceeded"""

    code = "RESOURCE_EXHAUSTED"

    def __init__(self) -> None:
        super().__init__("etcdserver: mvcc: database space exceeded")


class InvalidRequest(StoreError):
    """The request makes no sense; the message names the field."""

    code = "INVALID_ARGUMENT"


class Unsupported(StoreError):
    """The request is etcd's, but this store does not do it; the message names the field."""

    code = "UNIMPLEMENTED"


class Unavailable(StoreError):
    """The store cannot be reached, or is closing; the outcome of a write under way is unknown."""

    code = "UNAVAILABLE"


class Corrupt(StoreError):
    """The file is damaged, read-only, or the disk is full; nothing that was acknowledged has been touched."""

    code = "DATA_LOSS"
