"""A SPDY/3.1 session, server or client: streams with headers, opened by either end.

It is a protocol over any transport: an upgraded connection (`Upgrade: SPDY/3.1`) or a tunnel inside a WebSocket
(`tunnel`). A stream that the far end opens is shown to `on_stream`, which may `reset` it; else it is accepted with a
SYN_REPLY at once.

Windows: this end tells the far end what it has read (WINDOW_UPDATE), but does not wait for windows itself, because
the Go library of the real kubectl and kubelet neither sends nor heeds them; the connection's own back-pressure does
the work.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from minikube_edu.lib.streams import spdy_frames as spdy
from minikube_edu.lib.streams.byte_stream import ByteStream, Session, StreamReset
from minikube_edu.lib.streams.write_gate import WriteGate

PROTOCOL = "SPDY/3.1"
MOST_STREAMS = 4096
PIECE = 1 << 20  # a frame's length has 24 bits
WINDOW = 32 * 1024  # so much is read before the far end is told


class SpdySession(Session, asyncio.Protocol):
    def __init__(
        self,
        transport: asyncio.Transport,
        *,
        client: bool = False,
        on_stream: Callable[[ByteStream], None] | None = None,
    ) -> None:
        super().__init__(on_stream)
        self.transport = transport
        self._gate = WriteGate()
        self._client = client
        self._next = 1 if client else 2
        self._last = 0  # the last stream that the far end opened
        self._reader = spdy.Reader()
        self._writer = spdy.Writer()
        self._replies: dict[int, asyncio.Future[None]] = {}
        self._pings: dict[int, asyncio.Future[None]] = {}
        self._next_ping = 1 if client else 2
        self._unreported: dict[int, int] = {}

    # -- for its user ------------------------------------------------------------------------------------------------

    def start(self, headers: Mapping[str, str]) -> ByteStream:
        """Open a stream without waiting for the far end's consent."""
        if self.closed:
            raise StreamReset("the connection is closed")
        number = self._next
        self._next += 2
        stream = self.streams[number] = ByteStream(self, number, headers)
        self._replies[number] = asyncio.get_running_loop().create_future()
        self.transport.write(self._writer.syn_stream(number, headers))
        return stream

    async def open(self, headers: Mapping[str, str]) -> ByteStream:
        """Open a stream; StreamReset when the far end does not want it."""
        stream = self.start(headers)
        reply = self._replies[stream.number]
        try:
            await reply
        except asyncio.CancelledError:
            stream.reset()
            raise
        return stream

    async def ping(self) -> None:
        """Returns when the far end has answered."""
        if self.closed:
            raise StreamReset("the connection is closed")
        number = self._next_ping
        self._next_ping += 2
        self._pings[number] = asyncio.get_running_loop().create_future()
        self.transport.write(self._writer.ping(number))
        await self._pings[number]

    def close(self) -> None:
        if not self.closed:
            self.transport.write(self._writer.goaway(self._last))
            self.closed = True
            self.transport.close()

    # -- the transport's calls ---------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if self.closed:
            return
        try:
            for frame in self._reader.feed(data):
                self._take(frame)
        except ValueError:
            self.transport.write(self._writer.goaway(self._last, spdy.PROTOCOL_ERROR))
            self.transport.close()
            self._over(StreamReset("the far end broke the protocol"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._over(StreamReset("the connection is closed"))

    def pause_writing(self) -> None:
        self._gate.pause_writing()

    def resume_writing(self) -> None:
        self._gate.resume_writing()

    def _over(self, error: Exception) -> None:
        self._gate.resume_writing()
        for waiting in (self._replies, self._pings):
            for future in waiting.values():
                if not future.done():
                    future.set_exception(error)
                    future.exception()  # `start` has nobody who waits
            waiting.clear()
        self._lost(error)

    # -- frames ------------------------------------------------------------------------------------------------------

    def _take(self, frame: spdy.Frame) -> None:
        kind, number = frame.kind, frame.stream
        if kind == spdy.SYN_STREAM:
            self._opened(frame)
        elif kind == spdy.PING:
            if number % 2 == self._next_ping % 2:
                if (ping := self._pings.pop(number, None)) is not None and not ping.done():
                    ping.set_result(None)
            else:
                self.transport.write(self._writer.ping(number))
        elif number in self.streams:
            self._of_stream(frame, self.streams[number])
        elif kind == 0 and not frame.flags & spdy.FIN and not 0 < number < max(self._next, self._last + 1):
            self.transport.write(self._writer.rst_stream(number, spdy.INVALID_STREAM))
        # SETTINGS say nothing that we need; a GOAWAY is followed by the end of the connection.

    def _of_stream(self, frame: spdy.Frame, stream: ByteStream) -> None:
        kind, number = frame.kind, frame.stream
        if kind == spdy.RST_STREAM:
            error = StreamReset(f"the far end reset the stream (status {frame.status})")
            stream.ended = True
            self._forget(stream)
            self._replied(number, error)
            stream.fail(error)
            return
        if kind == spdy.SYN_REPLY:
            self._replied(number, None)
        if kind == 0:
            stream.feed(frame.data)
        if frame.flags & spdy.FIN:
            stream.feed_end()
            if stream.ended:
                self._forget(stream)

    def _opened(self, frame: spdy.Frame) -> None:
        number = frame.stream
        if number <= self._last or number % 2 == self._next % 2:
            raise spdy.Malformed("a stream id that is not the far end's next")
        self._last = number
        if self.on_stream is None or len(self.streams) >= MOST_STREAMS:
            self.transport.write(self._writer.rst_stream(number, spdy.REFUSED_STREAM))
            return
        stream = self.streams[number] = ByteStream(self, number, frame.headers)
        if frame.flags & spdy.UNIDIRECTIONAL:
            stream.ended = True
        try:
            self.on_stream(stream)
        except BaseException:
            stream.reset()
            raise
        if number in self.streams and not frame.flags & spdy.UNIDIRECTIONAL:
            self.transport.write(self._writer.syn_reply(number, {}))
        if frame.flags & spdy.FIN:
            stream.feed_end()
            if stream.ended:
                self._forget(stream)

    def _replied(self, number: int, error: Exception | None) -> None:
        future = self._replies.pop(number, None)
        if future is not None and not future.done():
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)
                future.exception()

    def _forget(self, stream: ByteStream) -> None:
        self.streams.pop(stream.number, None)
        self._unreported.pop(stream.number, None)

    # -- what streams ask for ----------------------------------------------------------------------------------------

    def _send(self, stream: ByteStream, data: bytes) -> None:
        for at in range(0, len(data), PIECE):
            self.transport.write(self._writer.data(stream.number, data[at : at + PIECE]))

    def _end(self, stream: ByteStream) -> None:
        self.transport.write(self._writer.data(stream.number, b"", spdy.FIN))
        if stream.far_ended:
            self._forget(stream)

    def _reset(self, stream: ByteStream) -> None:
        if stream.number in self.streams:
            self.transport.write(self._writer.rst_stream(stream.number, spdy.CANCEL))
            self._forget(stream)
            self._replied(stream.number, StreamReset("the stream was reset"))

    def _consumed(self, stream: ByteStream, size: int) -> None:
        super()._consumed(stream, size)
        if self.closed or stream.far_ended or stream.number not in self.streams:
            return
        read = self._unreported.get(stream.number, 0) + size
        if read >= WINDOW:
            self.transport.write(self._writer.window_update(stream.number, read))
            read = 0
        self._unreported[stream.number] = read

    def _read_on(self, go: bool) -> None:
        if not self.transport.is_closing():
            if go:
                self.transport.resume_reading()
            else:
                self.transport.pause_reading()

    async def _drained(self) -> None:
        await self._gate.passed()


def serve_spdy(
    begin: Callable[[SpdySession], None], *, client: bool = False
) -> Callable[[asyncio.Transport, bytes], SpdySession]:
    """The `take` of an Upgrade: makes the session and gives it to `begin`, before the first byte is looked at."""

    def take(transport: asyncio.Transport, early: bytes) -> SpdySession:
        session = SpdySession(transport, client=client)
        begin(session)
        if early:
            session.data_received(early)
        return session

    return take
