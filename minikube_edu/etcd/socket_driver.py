"""The store in another process, reached through its private socket: the API server's usual driver.

While the server is away every call raises Unavailable at once, every watch gets a last batch with that error, and one
task tries to connect again, with a growing pause. Whoever watches then watches again, from where it was.

`exclusive` is true while the server promises that nobody else writes (delegation.py); then the revision seen last is
the current one, and `current_revision` costs nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

from minikube_edu.etcd import frames
from minikube_edu.etcd.contract import (
    Delete,
    DeleteResult,
    LeaseStatus,
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
    WatchBatch,
    WatchRequest,
)
from minikube_edu.etcd.frame_stream import FrameStream
from minikube_edu.etcd.hub import Deliver, hand_over
from minikube_edu.lib import clock, ids

FIRST_PAUSE = 0.005
LONGEST_PAUSE = 1.0
MAX_FRAME = 2**31


class SocketStore:
    """Make one with `open`; it keeps itself connected until it is closed."""

    def __init__(self, path: str, *, exclusive: bool = True) -> None:
        self.path = path
        self.revision = 0
        self.exclusive = False
        self._wants_exclusive = exclusive
        self._link: Link | None = None
        self._connector: asyncio.Task[None] | None = None
        self._closed = False

    @classmethod
    async def open(cls, path: str, *, exclusive: bool = True, patience: float = 10.0) -> SocketStore:
        """Connect; waits `patience` seconds for a server that is just starting, then raises Unavailable."""
        store = cls(path, exclusive=exclusive)
        give_up = clock.monotonic() + patience
        pause = FIRST_PAUSE
        while True:
            try:
                await store._connect()
                return store
            except OSError as error:
                if clock.monotonic() + pause > give_up:
                    raise Unavailable(f"etcd: {path}: {error.strerror or error}") from error
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    # The connection

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        _, link = await loop.create_unix_connection(lambda: Link(self), self.path)
        link.send(0, frames.Hello(frames.PROTOCOL, self._wants_exclusive))
        self._link = link
        self.revision = 0  # it may be another store than before: one that was restored from a snapshot
        await self._current(link)

    def disconnected(self, link: Link) -> None:
        """The link is gone: from now on Unavailable, until there is a new one."""
        self.exclusive = False
        if self._link is link:
            self._link = None
            if not self._closed and (self._connector is None or self._connector.done()):
                self._connector = asyncio.create_task(self._reconnect(), name="etcd connection")

    async def _reconnect(self) -> None:
        pause = FIRST_PAUSE
        while self._link is None and not self._closed:
            await asyncio.sleep(pause * ids.uniform(0.8, 1.2))
            try:
                await self._connect()
            except (OSError, StoreError):
                pause = min(pause * 2, LONGEST_PAUSE)

    async def _call(self, message: Any) -> Any:
        if self._link is None:
            raise Unavailable("etcd: closed" if self._closed else f"etcd: {self.path}: the server is away")
        return await self._link.call(message)

    async def close(self) -> None:
        self._closed = True
        self.exclusive = False
        if self._connector is not None:
            self._connector.cancel()
            await asyncio.gather(self._connector, return_exceptions=True)
        if self._link is not None:
            link, self._link = self._link, None
            link.finish()
            await link.gone

    # The contract

    async def current_revision(self) -> int:
        if self.exclusive:
            return self.revision
        if self._link is None:
            return cast(int, await self._call(None))
        return await self._current(self._link)

    async def _current(self, link: Link) -> int:
        answer: frames.Number = await link.call(frames.CurrentRevision())
        self.revision = max(self.revision, answer.number)
        return answer.number

    async def range(self, request: Range) -> RangeResult:
        return cast(RangeResult, await self._call(request))

    async def put(self, request: Put) -> PutResult:
        return cast(PutResult, await self._call(request))

    async def delete(self, request: Delete) -> DeleteResult:
        return cast(DeleteResult, await self._call(request))

    async def txn(self, request: Txn) -> TxnResult:
        return cast(TxnResult, await self._call(request))

    async def watch(self, request: WatchRequest, deliver: Deliver) -> Watch:
        if self._link is None:
            await self._call(None)  # raises what there is to say
        assert self._link is not None
        return await self._link.watch(request, deliver)

    async def compact(self, revision: int, physical: bool = False) -> int:
        return cast(frames.Number, await self._call(frames.Compact(revision, physical))).number

    async def grant(self, ttl: int, id: int = 0) -> LeaseStatus:
        return cast(LeaseStatus, await self._call(frames.Grant(ttl, id)))

    async def revoke(self, id: int) -> None:
        await self._call(frames.Revoke(id))

    async def keep_alive(self, id: int) -> LeaseStatus:
        return cast(LeaseStatus, await self._call(frames.KeepAlive(id)))

    async def time_to_live(self, id: int, keys: bool = False) -> LeaseStatus:
        return cast(LeaseStatus, await self._call(frames.TimeToLive(id, keys)))

    async def leases(self) -> Sequence[int]:
        return cast(frames.Numbers, await self._call(frames.Leases())).numbers

    async def status(self) -> Status:
        return cast(Status, await self._call(frames.GetStatus()))

    async def defragment(self) -> None:
        await self._call(frames.Defragment())

    async def snapshot(self) -> AsyncIterator[bytes]:
        if self._link is None:
            await self._call(None)
        assert self._link is not None
        async for chunk in self._link.chunks():
            yield chunk

    async def disarm(self) -> Sequence[str]:
        return cast(frames.Names, await self._call(frames.Disarm())).names


class RemoteWatch:
    """A watch on the other side of the link."""

    def __init__(self, link: Link, number: int, deliver: Deliver) -> None:
        self._link = link
        self._number = number
        self.deliver = deliver

    def cancel(self) -> None:
        if self._link.watches.pop(self._number, None) is not None:
            self._link.send(self._number, frames.CancelWatch())

    def request_progress(self) -> None:
        if self._number in self._link.watches:
            self._link.send(self._number, frames.RequestProgress())


class Link(FrameStream):
    """One connection to the server, and what is under way on it."""

    def __init__(self, store: SocketStore) -> None:
        super().__init__(MAX_FRAME)
        self._store = store
        self._number = 0
        self._calls: dict[int, asyncio.Future[Any]] = {}
        self._streams: dict[int, asyncio.Queue[frames.Chunk | StoreError]] = {}
        self.watches: dict[int, RemoteWatch] = {}
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def _next(self) -> int:
        self._number = self._number % (2**32 - 1) + 1
        return self._number

    def call(self, message: Any, number: int = 0) -> asyncio.Future[Any]:
        number = number or self._next()
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self.gone.done():
            answer.set_exception(self._away())
            return answer
        self._calls[number] = answer
        self.send(number, message)
        return answer

    async def watch(self, request: WatchRequest, deliver: Deliver) -> Watch:
        number = self._next()
        watch = self.watches[number] = RemoteWatch(self, number, deliver)
        try:
            await self.call(request, number)
        except asyncio.CancelledError:
            watch.cancel()
            raise
        except StoreError:
            self.watches.pop(number, None)
            raise
        return watch

    async def chunks(self) -> AsyncIterator[bytes]:
        number = self._next()
        queue = self._streams[number] = asyncio.Queue()
        self.send(number, frames.TakeSnapshot())
        try:
            while True:
                chunk = await queue.get()
                if isinstance(chunk, StoreError):
                    raise chunk
                if not chunk.data:
                    return
                yield chunk.data
        finally:
            del self._streams[number]

    def _away(self) -> Unavailable:
        return Unavailable(f"etcd: {self._store.path}: the connection was lost")

    def received(self, number: int, message: Any) -> None:
        kind = type(message)
        store = self._store
        if kind is WatchBatch:
            store.revision = max(store.revision, message.revision)
            watch = self.watches.get(number)
            if watch is not None:
                if message.error is not None:
                    del self.watches[number]
                if not hand_over(watch.deliver, message):
                    watch.cancel()
        elif kind is frames.Exclusive:
            store.revision = max(store.revision, message.revision)
            store.exclusive = True
        elif kind is frames.Recall:
            store.exclusive = False
            self.send(0, frames.Recalled())
        elif number in self._streams:
            self._streams[number].put_nowait(frames.error(message) if kind is frames.Failure else message)
        else:
            self._answered(number, message)

    def _answered(self, number: int, message: Any) -> None:
        answer = self._calls.pop(number, None)
        revision = getattr(message, "revision", 0)
        if revision > self._store.revision:
            self._store.revision = revision
        if answer is None or answer.done():
            return
        if isinstance(message, frames.Failure):
            answer.set_exception(frames.error(message))
        else:
            answer.set_result(message)

    def lost(self) -> None:
        error = self._away()
        self.gone.set_result(None)
        self._store.disconnected(self)
        for answer in self._calls.values():
            if not answer.done():
                answer.set_exception(error)
        self._calls.clear()
        for queue in self._streams.values():
            queue.put_nowait(error)
        watches, self.watches = self.watches, {}
        for watch in watches.values():
            hand_over(watch.deliver, WatchBatch(self._store.revision, (), error))
