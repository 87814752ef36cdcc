"""One stream of bytes in a session of several, whichever wire carries them.

The code of exec and port-forward reads, writes and ends streams; sessions (`channels`, `spdy`) carry the bytes. A
session calls `feed`, `feed_end` and `fail`; it gets `_send`, `_end` and `_reset` calls.

Both directions end on their own: `end` says that this side writes no more, reading goes on. Back-pressure: `drained`
waits for the connection; what nobody reads stops the connection's reading, for all its streams.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping

HIGH, LOW = 1 << 20, 1 << 18  # bytes that a session holds for readers


class StreamReset(ConnectionError):
    """The far end broke this stream off, or its connection ended."""


class ByteStream:
    def __init__(self, session: Session, number: int, headers: Mapping[str, str] | None = None) -> None:
        self.session = session
        self.number = number
        self.headers = dict(headers or {})  # names in lower case; none over channels
        self.ended = False  # this side writes no more
        self.far_ended = False  # the far side writes no more
        self._pieces: deque[bytes] = deque()
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._listener: Callable[[bytes], None] | None = None

    # -- for its user ------------------------------------------------------------------------------------------------

    async def read(self) -> bytes:
        """What has come; b"" at the end. StreamReset when it broke off."""
        while not self._pieces:
            if self._error is not None:
                raise self._error
            if self.far_ended:
                return b""
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        data = b"".join(self._pieces)
        self._pieces.clear()
        self.session._consumed(self, len(data))
        return data

    async def read_all(self) -> bytes:
        pieces = []
        while data := await self.read():
            pieces.append(data)
        return b"".join(pieces)

    def listen(self, listener: Callable[[bytes], None]) -> None:
        """Instead of `read`: call `listener` with what comes, and with b"" at the end."""
        self._listener = listener
        while self._pieces:
            data = self._pieces.popleft()
            self.session._consumed(self, len(data))
            listener(data)
        if self.far_ended or self._error is not None:
            listener(b"")

    def write(self, data: bytes) -> None:
        """Nothing happens when the stream has ended; `drained` and `read` tell."""
        if not self.ended and not self.session.closed:
            self.session._send(self, data)

    async def drained(self) -> None:
        """Returns when the connection takes more; StreamReset when it is gone."""
        await self.session._drained()
        if self.session.closed:
            raise StreamReset("the connection is closed")

    def end(self) -> None:
        if not self.ended:
            self.ended = True
            if not self.session.closed:
                self.session._end(self)

    def reset(self) -> None:
        """Break off, both ways."""
        if not (self.ended and self.far_ended) and not self.session.closed:
            self.ended = True
            self.fail(StreamReset("the stream was reset"))
            self.session._reset(self)

    # -- for its session ---------------------------------------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        if not data or self.far_ended:
            return
        if self._listener is not None:
            self._listener(data)
            return
        self._pieces.append(data)
        self.session._received(self, len(data))
        self._wake()

    def feed_end(self) -> None:
        if not self.far_ended:
            self.far_ended = True
            self._wake()
            if self._listener is not None:
                self._listener(b"")

    def fail(self, error: Exception) -> None:
        if not self.far_ended:
            self._error = error
            self.feed_end()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Session:
    """What channels and SPDY have in common. `streams` holds those that are open; `on_stream` is called with each that
    the far end opens; `done` is set once, when the connection has ended."""

    def __init__(self, on_stream: Callable[[ByteStream], None] | None = None) -> None:
        self.streams: dict[int, ByteStream] = {}
        self.on_stream = on_stream
        self.closed = False
        self.done = asyncio.Event()
        self._held = 0  # bytes that wait for readers
        self._paused = False

    async def wait_closed(self) -> None:
        await self.done.wait()

    def close(self) -> None:
        """End the connection, after what was written."""
        raise NotImplementedError

    def _send(self, stream: ByteStream, data: bytes) -> None:
        raise NotImplementedError

    def _end(self, stream: ByteStream) -> None:
        raise NotImplementedError

    def _reset(self, stream: ByteStream) -> None:
        raise NotImplementedError

    def _read_on(self, go: bool) -> None:
        """Pause or resume the connection's reading."""
        raise NotImplementedError

    async def _drained(self) -> None:
        raise NotImplementedError

    def _received(self, stream: ByteStream, size: int) -> None:
        self._held += size
        if self._held > HIGH and not self._paused:
            self._paused = True
            self._read_on(False)

    def _consumed(self, stream: ByteStream, size: int) -> None:
        self._held -= size
        if self._paused and self._held < LOW:
            self._paused = False
            self._read_on(True)

    def _lost(self, error: Exception | None = None) -> None:
        """The connection has ended: so have all streams. Those that had not come to their end fail with `error`."""
        if self.closed and self.done.is_set():
            return
        self.closed = True
        for stream in list(self.streams.values()):
            stream.ended = True
            if error is None:
                stream.feed_end()
            else:
                stream.fail(error)
        self.streams.clear()
        self.done.set()
