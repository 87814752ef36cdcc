"""The open body of a Streaming answer: the server's BodyWriter.

Each write is a chunk of its own. What is written in one turn of the loop goes to the transport at its end, in one
piece: a watch that gets ten events at once costs one system call and one TLS record. The head goes with the first of
them. In a burst the pieces are at least `BREATH` seconds apart: with many watchers, sending is what costs most.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minikube_edu.lib.web.protocol import Connection

log = logging.getLogger(__name__)

BREATH = 0.002

# The frame of the chunk that was written last: an event goes to many watchers, one after the other.
_last: tuple[bytes, bytes] = (b"", b"")


def frame(data: bytes) -> bytes:
    """`data` as one HTTP chunk."""
    global _last
    if _last[0] is not data:
        _last = (data, b"%x\r\n%b\r\n" % (len(data), data))
    return _last[1]


class ChunkedBody:
    __slots__ = ("_callbacks", "_chunked", "_connection", "_flushed", "_held", "_size", "closed")

    def __init__(self, connection: Connection, beginning: bytes, chunked: bool) -> None:
        self._connection: Connection | None = connection
        self._chunked = chunked  # False for HTTP/1.0: the end of the connection is the end of the body
        self._held = [beginning]
        self._size = len(beginning)
        self._callbacks: list[Callable[[], None]] = []
        self.closed = False
        self._flushed = 0.0
        connection._loop.call_soon(self._flush)

    @property
    def unsent(self) -> int:
        connection = self._connection
        return 0 if connection is None else self._size + connection.transport.get_write_buffer_size()

    def write(self, data: bytes) -> None:
        if self.closed or not data:
            return
        held = self._held
        if not held:
            connection = self._connection
            assert connection is not None
            loop = connection._loop
            since = loop.time() - self._flushed
            if since > BREATH:
                loop.call_soon(self._flush)
            else:
                loop.call_later(BREATH - since, self._flush)
        piece = frame(data) if self._chunked else data
        held.append(piece)
        self._size += len(piece)

    def _flush(self) -> None:
        held = self._held
        connection = self._connection
        if held and connection is not None:
            connection.transport.write(held[0] if len(held) == 1 else b"".join(held))
            self._flushed = connection._loop.time()
            held.clear()
            self._size = 0

    async def drained(self) -> None:
        self._flush()
        connection = self._connection
        while connection is not None and connection.write_paused and not self.closed:
            future: asyncio.Future[None] = connection._loop.create_future()
            connection.writable.append(future)
            await future

    def end(self) -> None:
        connection = self._connection
        if self.closed or connection is None:
            return
        if self._chunked:
            self._held.append(b"0\r\n\r\n")
        self._flush()
        self._finish()
        connection.stream_ended()

    def abort(self) -> None:
        connection = self._connection
        if connection is not None and not self.closed:
            self._flush()
            self._finish()
            connection.cut()

    def on_close(self, callback: Callable[[], None]) -> None:
        if self.closed:
            callback()
        else:
            self._callbacks.append(callback)

    def lost(self) -> None:
        """Called by the connection: the client has gone."""
        if not self.closed:
            self._finish()

    def _finish(self) -> None:
        self.closed = True
        self._connection = None
        self._held.clear()
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            try:
                callback()
            except Exception:
                log.exception("a callback of a closed body failed")
