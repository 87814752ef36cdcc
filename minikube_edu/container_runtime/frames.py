"""The runtime's private protocol on a Unix socket: frames of four bytes of length, one of kind, and a body.

Kind 0 is a message in JSON, any other kind N carries bytes of stream N-1; an empty body there ends that stream.

    {"id": 7, "call": "run_sandbox", "args": […]}     a call; with "streams" for exec, attach and port_forward
    {"id": 7, "result": …}                            its answer, or
    {"id": 7, "error": {"code": …, "message": …}}     its refusal
    {"cancel": 7}                                     whoever called waits no longer
    {"subscribe": true}                               life signs, please
    {"event": {…}}                                    one
    {"broken": 0}                                     stream 0 did not end, it broke off
    {"resize": [80, 24]}                              the client's terminal, on a connection with streams

Calls with streams have a connection each: who does not read his output stops nobody else's calls. What is sent in one
turn of the event loop leaves in one write.
"""

from __future__ import annotations

import asyncio
import struct
from typing import Any, cast

import orjson

from minikube_edu.lib.streams.byte_stream import ByteStream, Session
from minikube_edu.lib.streams.write_gate import WriteGate

HEADER = struct.Struct(">IB")
MAX_FRAME = 64 * 1024 * 1024
STDIN, STDOUT, STDERR = 0, 1, 2  # stream numbers; port_forward has one stream, 0


class FrameConnection(Session, asyncio.Protocol):
    """One connection, either end. Subclasses say what to do with a message (`received`) and with its end (`lost`)."""

    def __init__(self) -> None:
        super().__init__()
        self._input = b""
        self._output: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self._gate = WriteGate()

    def received(self, message: dict[str, Any]) -> None:
        raise NotImplementedError

    def lost(self) -> None:
        """The connection has ended."""

    # -- sending -----------------------------------------------------------------------------------------------------

    def send(self, body: bytes, kind: int = 0) -> None:
        if self._transport is None:
            return
        if not self._output:
            asyncio.get_running_loop().call_soon(self.flush)
        self._output.append(HEADER.pack(len(body), kind))
        self._output.append(body)

    def flush(self) -> None:
        if self._output and self._transport is not None:
            self._transport.write(b"".join(self._output))
        self._output = []

    def stream(self, number: int) -> ByteStream:
        """Stream `number` of this connection, for reading and for writing."""
        made = self.streams[number] = ByteStream(self, number)
        return made

    def close(self) -> None:
        self.flush()
        if self._transport is not None:
            self._transport.close()

    def finish(self) -> None:
        """This side has said all; the far end closes. (Closing first would break what it is still sending, and with
        that lose it the answer.)"""
        self.flush()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write_eof()

    # -- Session: what a ByteStream asks for ---------------------------------------------------------------------------

    def _send(self, stream: ByteStream, data: bytes) -> None:
        if data:
            self.send(data, stream.number + 1)

    def _end(self, stream: ByteStream) -> None:
        self.send(b"", stream.number + 1)

    def _reset(self, stream: ByteStream) -> None:
        self.close()

    def _read_on(self, go: bool) -> None:
        if self._transport is not None and not self._transport.is_closing():
            if go:
                self._transport.resume_reading()
            else:
                self._transport.pause_reading()

    async def _drained(self) -> None:
        self.flush()
        await self._gate.passed()

    # -- asyncio.Protocol ----------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._gate.resume_writing()
        self._lost()
        self.lost()

    def pause_writing(self) -> None:
        self._gate.pause_writing()

    def resume_writing(self) -> None:
        self._gate.resume_writing()

    def data_received(self, data: bytes) -> None:
        if self._input:
            data = self._input + data
        at, end = 0, len(data)
        while end - at >= HEADER.size:
            length, kind = HEADER.unpack_from(data, at)
            if length > MAX_FRAME:
                self._abort()
                return
            body = at + HEADER.size
            if end - body < length:
                break
            at = body + length
            if kind:
                self._stream_frame(kind - 1, data[body:at])
                continue
            try:
                message = orjson.loads(data[body:at])
                self.received(message)
            except (ValueError, KeyError, TypeError, AttributeError):
                self._abort()  # whoever speaks another language has lost his way
                return
        self._input = data[at:]

    def _stream_frame(self, number: int, data: bytes) -> None:
        stream = self.streams.get(number)
        if stream is None:
            return
        if data:
            stream.feed(data)
        else:
            stream.feed_end()

    def _abort(self) -> None:
        self._input = b""
        if self._transport is not None:
            self._transport.abort()
