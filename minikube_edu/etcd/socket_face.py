"""The store's private door: a Unix socket that only our own API server knows, speaking frames (frames.py).

Answers and events of one connection keep the contract's order, since both are written to it in the order in which the
store hands them out: the events of a revision before its result. The socket's directory and mode keep strangers out
(0600); who can open it can do everything.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine
from typing import Any

from minikube_edu.etcd import frames
from minikube_edu.etcd.contract import (
    Delete,
    InvalidRequest,
    Put,
    Range,
    Store,
    StoreError,
    Txn,
    Unavailable,
    Watch,
    WatchBatch,
    WatchRequest,
)
from minikube_edu.etcd.delegation import Delegation
from minikube_edu.etcd.frame_stream import FrameStream
from minikube_edu.etcd.limits import MAX_REQUEST_BYTES

log = logging.getLogger(__name__)

MAX_FRAME = 4 * MAX_REQUEST_BYTES


class SocketFace:
    """Serves a store on a Unix socket until it is closed."""

    def __init__(self, store: Store, path: str, delegation: Delegation | None = None) -> None:
        self._store = store
        self._path = path
        self._delegation = delegation or Delegation()
        self._server: asyncio.Server | None = None
        self._connections: set[Connection] = set()

    async def start(self) -> None:
        """Listen. A socket file that a killed process left behind is replaced, one that is in use is not."""
        loop = asyncio.get_running_loop()
        if os.path.exists(self._path):
            try:
                _, writer = await asyncio.open_unix_connection(self._path)
            except OSError:
                os.unlink(self._path)
            else:
                writer.close()
                raise Unavailable(f"{self._path}: another process listens on it")
        before = os.umask(0o177)
        try:
            self._server = await loop.create_unix_server(self._connection, self._path)
        finally:
            os.umask(before)

    def _connection(self) -> Connection:
        return Connection(self._store, self._delegation, self._connections)

    async def close(self) -> None:
        """Answer what is under way, then end all connections."""
        if self._server is None:
            return
        self._server.close()
        await asyncio.gather(*(connection.drain() for connection in list(self._connections)))
        await self._server.wait_closed()
        self._server = None
        if os.path.exists(self._path):
            os.unlink(self._path)


class Connection(FrameStream):
    """One client."""

    def __init__(self, store: Store, delegation: Delegation, connections: set[Connection]) -> None:
        super().__init__(MAX_FRAME)
        self._store = store
        self._delegation = delegation
        self._connections = connections
        self._tasks: set[asyncio.Task[None]] = set()
        self._watches: dict[int, Watch] = {}
        self._starting: dict[int, asyncio.Task[None]] = {}  # watches that still catch up
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._connections.add(self)

    def lost(self) -> None:
        self._delegation.leave(self)
        for watch in self._watches.values():
            watch.cancel()
        self._watches.clear()
        for task in self._tasks:
            task.cancel()
        self._connections.discard(self)
        self.gone.set_result(None)

    async def drain(self) -> None:
        for watch in self._watches.values():
            watch.cancel()
        writes = [task for task in self._tasks if task is not asyncio.current_task()]
        if writes:
            await asyncio.wait(writes, timeout=5)
        self.finish()
        await self.gone

    # The promise to be the only writer

    def granted(self) -> None:
        self.send(0, frames.Exclusive(self._store.revision))

    def recalled(self) -> None:
        self.send(0, frames.Recall())

    # Requests

    def received(self, number: int, message: Any) -> None:
        kind = type(message)
        if kind is frames.Hello:
            self._hello(message)
        elif kind is frames.Recalled:
            self._delegation.acknowledge(self)
        elif kind is frames.CancelWatch:
            self._cancel_watch(number)
        elif kind is frames.RequestProgress:
            if number in self._watches:
                self._watches[number].request_progress()
        else:
            task = asyncio.create_task(self._answer(number, message))
            if kind is WatchRequest:
                self._starting[number] = task
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _hello(self, hello: frames.Hello) -> None:
        if hello.version != frames.PROTOCOL:
            self.abort()
        elif hello.exclusive:
            self._delegation.join(self)

    async def _answer(self, number: int, message: Any) -> None:
        kind = type(message)
        try:
            if kind not in _CALLS:
                raise InvalidRequest(f"{kind.__name__} is not a request")
            if kind in _WRITES and not self._delegation.free(self):
                async with self._delegation.writing(self):
                    result = await _CALLS[kind](self, number, message)
            else:
                result = await _CALLS[kind](self, number, message)
            self.send(number, result)
        except StoreError as error:
            self.send(number, frames.failure(error))
        except Exception as error:  # a mistake of ours; nobody may wait for its answer for ever
            log.exception("%s", kind.__name__)
            self.send(number, frames.failure(StoreError(f"internal error: {error}")))

    async def _watch(self, number: int, request: WatchRequest) -> frames.Done:
        def deliver(batch: WatchBatch) -> None:
            self.send(number, batch)

        try:
            self._watches[number] = await self._store.watch(request, deliver)
        finally:
            self._starting.pop(number, None)
        return frames.Done()

    def _cancel_watch(self, number: int) -> None:
        if number in self._starting:
            self._starting.pop(number).cancel()
        elif number in self._watches:
            self._watches.pop(number).cancel()

    async def _snapshot(self, number: int, request: frames.TakeSnapshot) -> frames.Chunk:
        chunks = self._store.snapshot()
        async for chunk in chunks:
            self.send(number, frames.Chunk(chunk, getattr(chunks, "remaining", 0)))
            await self.flowing()
        return frames.Chunk(b"", 0)

    async def _compact(self, number: int, request: frames.Compact) -> frames.Number:
        return frames.Number(await self._store.compact(request.revision, request.physical))

    async def _revoke(self, number: int, request: frames.Revoke) -> frames.Done:
        await self._store.revoke(request.id)
        return frames.Done()

    async def _leases(self, number: int, request: frames.Leases) -> frames.Numbers:
        return frames.Numbers(await self._store.leases())

    async def _current_revision(self, number: int, request: frames.CurrentRevision) -> frames.Number:
        return frames.Number(await self._store.current_revision())

    async def _defragment(self, number: int, request: frames.Defragment) -> frames.Done:
        await self._store.defragment()
        return frames.Done()

    async def _disarm(self, number: int, request: frames.Disarm) -> frames.Names:
        return frames.Names(await self._store.disarm())


Call = Callable[[Connection, int, Any], Coroutine[Any, Any, Any]]

_CALLS: dict[type[Any], Call] = {
    Range: lambda self, _, request: self._store.range(request),
    Put: lambda self, _, request: self._store.put(request),
    Delete: lambda self, _, request: self._store.delete(request),
    Txn: lambda self, _, request: self._store.txn(request),
    WatchRequest: Connection._watch,
    frames.TakeSnapshot: Connection._snapshot,
    frames.Compact: Connection._compact,
    frames.Grant: lambda self, _, request: self._store.grant(request.ttl, request.id),
    frames.Revoke: Connection._revoke,
    frames.KeepAlive: lambda self, _, request: self._store.keep_alive(request.id),
    frames.TimeToLive: lambda self, _, request: self._store.time_to_live(request.id, request.keys),
    frames.Leases: Connection._leases,
    frames.GetStatus: lambda self, _, request: self._store.status(),
    frames.CurrentRevision: Connection._current_revision,
    frames.Defragment: Connection._defragment,
    frames.Disarm: Connection._disarm,
}
_WRITES = frozenset({Put, Delete, Txn, frames.Revoke})
