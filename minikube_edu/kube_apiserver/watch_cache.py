"""The API server's copy of the store: every read is answered from here, and every watch is fed from here.

One watch of the whole `/registry/` feeds one `ResourceCache` a stored resource. Each keeps its objects as served bytes
and a ring of the latest changes, so that a watch may start a little in the past without asking the store. The store
may compact whatever it likes meanwhile: the ring is ours. Changes of the last minutes are in it, if they are not too
many; older ones only while it is nearly empty.

Promises:
- `revision` never goes back; all changes up to it are in. While it is `current`, that is the store's newest revision,
  and a consistent read needs no round trip; else `fresh()` asks for the newest revision and waits for it.
- A change is delivered to all watchers in one go, in order, before the write that caused it is answered.
- An object is decoded only when somebody looks inside (selectors, updates); an event is encoded once for all watchers.

The real one keeps a cache a resource with a watch of its own each, and reads through to etcd for some requests. The
file is a little long: cache, ring and watchers change together or not at all.
"""

from __future__ import annotations

import asyncio
import logging
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from minikube_edu.etcd.contract import (
    Compacted,
    Event,
    EventKind,
    KeyValue,
    Range,
    Store,
    StoreError,
    Watch,
    WatchBatch,
    WatchRequest,
)
from minikube_edu.kube_apiserver.encoding import load, split, with_revision

log = logging.getLogger(__name__)

Object = dict[str, Any]
ROOT = b"/registry/"
PAGE = 2000  # objects a range when the cache is filled
CATCH_UP_SECONDS = 10.0
RING, RING_AT_LEAST = 4096, 100  # changes remembered for each resource: the latest, and however old they are
AGE_SECONDS, AGES = 30.0, 4  # how long the others are remembered
# What reading a value that is no object raises.
UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, RecursionError)


class Entry:
    """One version of one object, as it is served: `front` (kind and apiVersion, shared by all of a kind) and `tail`."""

    __slots__ = ("facts", "front", "key", "lease", "revision", "row", "tail")

    def __init__(self, key: str, front: bytes, tail: bytes, revision: int, lease: int = 0) -> None:
        self.key = key  # below the resource's prefix: "default/web"
        self.front = front
        self.tail = tail
        self.revision = revision
        self.lease = lease
        self.facts: Any = None  # what selectors look at, and
        self.row: Any = None  # its row in a Table: made on demand by their users

    @classmethod
    def stored(cls, key: str, value: bytes, revision: int, lease: int = 0) -> Entry:
        """The entry of a value of the store."""
        front, tail = split(value, revision)
        return cls(key, front, tail, revision, lease)

    @classmethod
    def readable(cls, key: str, kv: KeyValue) -> Entry | None:
        """The same for what lies in the store; None, and a word in the log, when that is no object. Only somebody who
        writes past the API server can put such a thing there; for the API it is not there."""
        try:
            entry = cls.stored(key, kv.value, kv.mod_revision, kv.lease)
        except UNREADABLE as error:
            log.error("%s in the store is not an object: %r", kv.key, error)
            return None
        return entry

    def at(self, revision: int) -> Entry:
        """The same object under another revision."""
        return Entry(self.key, self.front, with_revision(self.tail, revision), revision)

    @property
    def served(self) -> bytes:
        return self.front + self.tail

    def object(self) -> Object:
        """A fresh copy, with resourceVersion: the caller may change it."""
        return load(self.served)


class Change:
    """One event of one resource. `entry` is the new version, or the last one (with the new revision) of a deletion."""

    __slots__ = ("before", "encoded", "entry", "kind", "revision")

    def __init__(self, kind: str, revision: int, entry: Entry, before: Entry | None) -> None:
        self.kind = kind  # ADDED, MODIFIED, DELETED
        self.revision = revision
        self.entry = entry
        self.before = before
        self.encoded: dict[Any, bytes] = {}  # by form: each is encoded once for all who watch when it happens


Listener = Callable[[Change], None]


class ResourceCache:
    """The objects of one stored resource."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.entries: dict[str, Entry] = {}
        self._order: list[str] = []  # keys in the store's order; put right when somebody asks
        self._sorted = True
        self._stale = 0  # keys in _order that are no longer there
        self.ring: deque[Change] = deque(maxlen=RING)
        self.ring_start = 0  # all changes after this revision are in the ring
        self.listeners: list[Listener] = []
        self.changed = 0  # revision of the last change

    def keys(self, below: str = "", start: str = "") -> list[str]:
        """The keys that begin with `below`, in the store's order, from `start` on."""
        if not self._sorted or self._stale:
            if self._stale:
                self._order = list(self.entries)
            self._order.sort()
            self._sorted, self._stale = True, 0
        if not below and not start:
            return self._order
        first = bisect_left(self._order, max(below, start))
        end = bisect_left(self._order, below[:-1] + chr(ord(below[-1]) + 1), first) if below else len(self._order)
        return self._order[first:end]

    def select(self, below: str = "") -> Iterator[Entry]:
        entries = self.entries
        return (entries[key] for key in self.keys(below))

    def put(self, entry: Entry) -> Change:
        before = self.entries.get(entry.key)
        self.entries[entry.key] = entry
        if before is None:
            if self._order and entry.key < self._order[-1]:
                self._sorted = False
            self._order.append(entry.key)
        return self.announce(Change("ADDED" if before is None else "MODIFIED", entry.revision, entry, before))

    def take(self, key: str, kv: KeyValue) -> None:
        """A value has come from the store; one that cannot be read counts as a deletion."""
        entry = Entry.readable(key, kv)
        if entry is None:
            self.remove(key, kv.mod_revision)
        else:
            self.put(entry)

    def remove(self, key: str, revision: int) -> Change | None:
        before = self.entries.pop(key, None)
        if before is None:
            return None
        self._stale += 1
        gone = before.at(revision)
        return self.announce(Change("DELETED", revision, gone, before))

    def announce(self, change: Change) -> Change:
        if len(self.ring) == RING:
            self.ring_start = self.ring[0].revision
        self.ring.append(change)
        self.changed = change.revision
        for listener in self.listeners:
            listener(change)
        change.encoded.clear()  # who comes later encodes it again
        return change

    def forget(self, revision: int) -> None:
        """What has changed up to `revision` was long ago."""
        ring = self.ring
        while len(ring) > RING_AT_LEAST and ring[0].revision <= revision:
            self.ring_start = ring.popleft().revision

    def changes_after(self, revision: int) -> list[Change] | None:
        """All changes after `revision`, or None when the ring does not reach back that far."""
        if revision < self.ring_start:
            return None
        found: list[Change] = []
        for change in reversed(self.ring):
            if change.revision <= revision:
                break
            found.append(change)
        found.reverse()
        return found

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` for each change from now on; returns how to stop it."""
        self.listeners = [*self.listeners, listener]  # a new list: the loop in announce goes on undisturbed

        def stop() -> None:
            self.listeners = [one for one in self.listeners if one is not listener]

        return stop


class WatchCache:
    """All resources' caches, and the watch that feeds them."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.caches: dict[str, ResourceCache] = {}
        self.revision = 0
        self.ready = asyncio.Event()
        self._prefixes: list[str] = []  # longest first, where prefixes contain one another
        self._routes: dict[str, ResourceCache | None] = {}
        self._watch: Watch | None = None
        self._caught_up = False  # the watch has brought us all that there was when it began
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []
        self._broken: asyncio.Event = asyncio.Event()
        self.revision_listeners: list[Callable[[int], None]] = []
        self._ages: deque[int] = deque(maxlen=AGES)  # the revision that there was, every so many seconds
        self._older: asyncio.TimerHandle | None = None

    def of(self, prefix: str) -> ResourceCache:
        """The cache of the resource that is stored below `prefix`; objects that are there already are taken in."""
        cache = self.caches.get(prefix)
        if cache is None:
            cache = self.caches[prefix] = ResourceCache(prefix)
            cache.ring_start = cache.changed = self.revision
            self._routes.clear()
        return cache

    def _route(self, key: str) -> tuple[ResourceCache | None, str]:
        """The cache of a key of the store, and the key's rest. Prefixes have two or three parts."""
        first = key.find("/", 10)
        head = key[: first + 1]
        cache = self.caches.get(head)
        if cache is None or first < 0:
            second = key.find("/", first + 1)
            head = key[: second + 1]
            cache = self.caches.get(head)
            if cache is None and second >= 0:
                return None, ""
        return cache, key[len(head) :]

    # ------------------------------------------------------------ feeding

    async def run(self) -> None:
        """Fill the cache and follow the store; goes on by itself when the store comes back after a failure."""
        self._grow_older()
        try:
            await self._keep_following()
        finally:
            if self._older is not None:
                self._older.cancel()
            if self._watch is not None:
                self._watch.cancel()

    def _grow_older(self) -> None:
        if len(self._ages) == AGES:
            for cache in self.caches.values():
                cache.forget(self._ages[0])
        self._ages.append(self.revision)
        self._older = asyncio.get_running_loop().call_later(AGE_SECONDS, self._grow_older)

    async def _keep_following(self) -> None:
        delay = 0.05
        while True:
            try:
                if not self.ready.is_set():
                    await self.fill()
                elif await self.store.current_revision() < self.revision:
                    log.warning("the store has gone back, to a snapshot of it: everything is read again")
                    await self._refill()
                    self.forget_past()
                start = self.revision
                self._broken.clear()
                await self._follow(start)
                delay = 0.05
                self.ready.set()
                if await self.wait_for(await self.store.current_revision(), CATCH_UP_SECONDS):
                    self._caught_up = not self._broken.is_set()
                await self._broken.wait()
            except Compacted:
                await self._refill()
            except StoreError as error:
                log.warning("the store does not answer: %s", error)
            if self._watch is not None:
                self._watch.cancel()
                self._watch = None
            await asyncio.sleep(delay)
            delay = min(delay * 2, 1.0)

    async def _follow(self, start: int) -> None:
        request = WatchRequest(ROOT, b"/registry0", start_revision=start + 1, progress_notify=True)
        self._watch = await self.store.watch(request, self.deliver)

    async def fill(self) -> int:
        """Read everything once; returns the revision that it was read at."""
        found, revision = await self._read_all()
        for kv in found:
            cache, key = self._route(kv.key.decode(errors="replace"))
            entry = Entry.readable(key, kv) if cache is not None else None
            if cache is not None and entry is not None:
                cache.entries[key] = entry
        for cache in self.caches.values():
            cache._stale, cache.ring_start, cache.changed = 1, revision, revision
        self._advance(revision)
        return revision

    def forget_past(self) -> None:
        """Watches may start from now on, not before: what went on during the boot concerns nobody."""
        for cache in self.caches.values():
            cache.ring.clear()
            cache.ring_start = self.revision

    async def _read_all(self) -> tuple[list[KeyValue], int]:
        found: list[KeyValue] = []
        key, revision = ROOT, 0
        while True:
            result = await self.store.range(Range(key, b"/registry0", limit=PAGE, revision=revision))
            revision = revision or result.revision
            found.extend(result.kvs)
            if not result.more:
                return found, revision
            key = result.kvs[-1].key + b"\0"

    async def _refill(self) -> None:
        """The changes since our revision are compacted: read all again and tell watchers the difference."""
        found, revision = await self._read_all()
        fresh: dict[ResourceCache, dict[str, KeyValue]] = {cache: {} for cache in self.caches.values()}
        for kv in found:
            cache, key = self._route(kv.key.decode(errors="replace"))
            if cache is not None:
                fresh[cache][key] = kv
        for cache, kvs in fresh.items():
            for key in [key for key in cache.entries if key not in kvs]:
                cache.remove(key, revision)
            for key, kv in kvs.items():
                have = cache.entries.get(key)
                if have is None or have.revision != kv.mod_revision:
                    cache.take(key, kv)
        self._advance(revision)

    def deliver(self, batch: WatchBatch) -> None:
        """The store's watch hands over whole revisions."""
        if batch.error is not None:
            log.warning("the store's watch ended: %s", batch.error)
            self._watch = None
            self._caught_up = False
            self._broken.set()
            return
        for event in batch.events:
            self.apply(event)
        if batch.revision > self.revision:
            self._advance(batch.revision)

    def apply(self, event: Event) -> None:
        kv = event.kv
        cache, key = self._route(kv.key.decode(errors="replace"))
        if cache is None or kv.mod_revision <= self.revision:
            return
        if event.kind is EventKind.PUT:
            cache.take(key, kv)
        else:
            cache.remove(key, kv.mod_revision)

    def _advance(self, revision: int) -> None:
        self.revision = revision
        for listener in self.revision_listeners:
            listener(revision)
        if self._waiters:
            due = [future for wanted, future in self._waiters if wanted <= revision]
            self._waiters = [pair for pair in self._waiters if pair[0] > revision]
            for future in due:
                if not future.done():
                    future.set_result(None)

    # ------------------------------------------------------------ waiting

    @property
    def current(self) -> bool:
        """Whether nothing can have been written that is not here: nobody else writes, and we have missed nothing."""
        return self._caught_up and self.store.exclusive

    async def fresh(self) -> None:
        """Return when the cache holds all that was written before this call."""
        if not self.current:
            await self.wait_for(await self.store.current_revision(), CATCH_UP_SECONDS)

    async def wait_for(self, revision: int, seconds: float) -> bool:
        """Wait until the cache has come to `revision`; False when it did not in time."""
        if self.revision >= revision:
            return True
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append((revision, future))
        if self._watch is not None:
            self._watch.request_progress()
        try:
            async with asyncio.timeout(seconds):
                await future
        except TimeoutError:
            self._waiters = [pair for pair in self._waiters if pair[1] is not future]
            return False
        return True
