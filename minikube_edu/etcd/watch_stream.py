"""One Watch call of the gRPC API: many watches on one stream, each with its number.

What the store delivers is queued, encoded and written in order, so that a progress notice for the whole stream (watch
id -1) really comes after all events up to its revision. A client that does not read while more than MAX_WAITING bytes
pile up is ended: it watches again from where it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial

from minikube_edu.etcd.contract import (
    Compacted,
    Event,
    InvalidRequest,
    Store,
    StoreError,
    Unavailable,
    Watch,
    WatchBatch,
)
from minikube_edu.etcd.limits import MAX_REQUEST_BYTES
from minikube_edu.etcd.translation import event_message, watch_request
from minikube_edu.etcd.wire import Message, decode, encode

WHOLE_STREAM = -1
MAX_WAITING = 256 * 1024 * 1024


class WatchStream:
    def __init__(
        self, store: Store, header: Callable[[int], Message], write: Callable[[bytes], Awaitable[None]]
    ) -> None:
        self._store = store
        self._header = header
        self._write = write
        self._watches: dict[int, Watch] = {}
        self._next_id = 0
        self._queue: asyncio.Queue[bytes | StoreError | None] = asyncio.Queue()
        self._waiting = 0

    async def serve(self, requests: AsyncIterator[bytes]) -> None:
        """Until the client ends the call; a StoreError ends it with that status."""
        reader = asyncio.create_task(self._read(requests), name="etcd watch stream")
        try:
            while (item := await self._queue.get()) is not None:
                if isinstance(item, StoreError):
                    raise item
                self._waiting -= len(item)
                await self._write(item)
        finally:
            for watch in self._watches.values():
                watch.cancel()
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)

    async def _read(self, requests: AsyncIterator[bytes]) -> None:
        try:
            async for data in requests:
                message = decode("WatchRequest", data, strict=True)
                if message["create_request"] is not None:
                    await self._create(message["create_request"])
                elif message["cancel_request"] is not None:
                    self._cancel(message["cancel_request"]["watch_id"])
                elif message["progress_request"] is not None:
                    self._send({"watch_id": WHOLE_STREAM}, self._store.revision)
            self._queue.put_nowait(None)
        except StoreError as error:
            self._queue.put_nowait(error)

    async def _create(self, message: Message) -> None:
        id = message["watch_id"]
        if id in self._watches and id:
            reason = "mvcc: duplicate watch ID provided on the WatchStream"
            self._send({"watch_id": -1, "created": True, "canceled": True, "cancel_reason": reason})
            return
        if not id:
            while self._next_id in self._watches:
                self._next_id += 1
            id = self._next_id
            self._next_id += 1
        self._send({"watch_id": id, "created": True})
        try:
            deliver = partial(self._deliver, id, message["fragment"])
            self._watches[id] = await self._store.watch(watch_request(message), deliver)
        except Compacted as error:
            self._send({"watch_id": id, "canceled": True, "compact_revision": error.compact_revision})
        except InvalidRequest as error:
            self._send({"watch_id": id, "canceled": True, "cancel_reason": str(error)})

    def _cancel(self, id: int) -> None:
        watch = self._watches.pop(id, None)
        if watch is not None:
            watch.cancel()
            self._send({"watch_id": id, "canceled": True})

    def _deliver(self, id: int, fragment: bool, batch: WatchBatch) -> None:
        if batch.error is not None:
            self._queue.put_nowait(batch.error)
            return
        if not fragment or len(batch.events) < 2:
            self._send({"watch_id": id, "events": list(map(event_message, batch.events))}, batch.revision)
            return
        parts = list(_fragments(batch.events))
        for place, events in enumerate(parts, 1):
            message = {"watch_id": id, "events": list(map(event_message, events)), "fragment": place < len(parts)}
            self._send(message, batch.revision)

    def _send(self, message: Message, revision: int = 0) -> None:
        data = encode("WatchResponse", {"header": self._header(revision), **message})
        self._waiting += len(data)
        if self._waiting > MAX_WAITING:
            self._queue.put_nowait(Unavailable("etcdserver: the watch stream is not read: watch again"))
            return
        self._queue.put_nowait(data)


def _fragments(events: Sequence[Event]) -> list[list[Event]]:
    """The events in parts of at most a request's size."""
    parts: list[list[Event]] = [[]]
    size = 0
    for event in events:
        more = sum(len(kv.key) + len(kv.value) + 64 for kv in (event.kv, event.previous) if kv)
        if parts[-1] and size + more > MAX_REQUEST_BYTES:
            parts.append([])
            size = 0
        parts[-1].append(event)
        size += more
    return parts
