"""A connection that is no socket, in the clothes of an asyncio transport; with TLS inside it where that is wanted.

    transport, protocol = await connect(carrier, MyProtocol, tls=context, server_hostname="kubernetes")

A `Carrier` reads and writes bytes, that is all: a simulated program's connection is one. The event loops' own TLS works
over their own sockets only, so the records are made here, with OpenSSL's memory buffers.

An idle connection costs one waiting task. The transport keeps asyncio's rules: `write` never waits, data is delivered
from the loop, a protocol whose reader pauses gets no more until it resumes.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from typing import Any, Protocol, TypeVar, cast

PIECE = 65536


class Carrier(Protocol):
    """What cni's connections are."""

    async def read(self, size: int = PIECE) -> bytes:
        """b'' at the end."""

    async def write(self, data: bytes) -> None: ...

    def close(self) -> None: ...


P = TypeVar("P", bound=asyncio.Protocol)


async def connect(
    carrier: Carrier, factory: Callable[[], P], tls: ssl.SSLContext | None = None, server_hostname: str | None = None
) -> tuple[CarriedTransport, P]:
    """As `loop.create_connection`: after the handshake. The carrier is closed when that fails."""
    records = None
    if tls is not None:
        records = Records(tls, server_hostname)
        try:
            await records.handshake(carrier)
        except BaseException:
            carrier.close()
            raise
    protocol = factory()
    return CarriedTransport(carrier, protocol, records), protocol


class Records:
    """The client's half of TLS, between plain bytes and what is carried."""

    def __init__(self, context: ssl.SSLContext, server_hostname: str | None) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.object = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_hostname)

    async def handshake(self, carrier: Carrier) -> None:
        while True:
            try:
                self.object.do_handshake()
                break
            except ssl.SSLWantReadError:
                await self._send(carrier)
                data = await carrier.read()
                if not data:
                    raise ConnectionResetError("the server ended the TLS handshake") from None
                self._incoming.write(data)
            except ssl.SSLError:
                with contextlib.suppress(OSError):
                    await self._send(carrier)  # the alert
                raise
        await self._send(carrier)

    async def _send(self, carrier: Carrier) -> None:
        if data := self._outgoing.read():
            await carrier.write(data)

    def wrapped(self, data: bytes) -> bytes:
        self.object.write(data)
        return self._outgoing.read()

    def unwrapped(self, data: bytes) -> tuple[bytes, bool]:
        """(plain bytes, whether it was the end)"""
        self._incoming.write(data)
        pieces: list[bytes] = []
        while True:
            try:
                piece = self.object.read(PIECE)
            except ssl.SSLWantReadError:
                return b"".join(pieces), False
            except ssl.SSLZeroReturnError:
                piece = b""
            if not piece:
                return b"".join(pieces), True
            pieces.append(piece)

    def last_words(self) -> bytes:
        """close_notify"""
        with contextlib.suppress(ssl.SSLError):
            self.object.unwrap()
        return self._outgoing.read()


class CarriedTransport(asyncio.Transport):
    def __init__(self, carrier: Carrier, protocol: asyncio.Protocol, records: Records | None) -> None:
        secure = records.object if records is not None else None
        super().__init__({"peername": None, "sockname": None, "ssl_object": secure})
        self._carrier = carrier
        self._protocol: asyncio.Protocol = protocol
        self._records = records
        self._loop = asyncio.get_running_loop()
        self._closing = False
        self._lost = False
        self._outbox: list[bytes] = []
        self._writer: asyncio.Task[None] | None = None
        self._gate: asyncio.Future[None] | None = None  # reading is paused
        protocol.connection_made(self)
        self._reader = self._loop.create_task(self._read())

    # -- reading -----------------------------------------------------------------------------------------------------

    async def _read(self) -> None:
        error: Exception | None = None
        try:
            while data := await self._carrier.read(PIECE):
                ended = False
                if self._records is not None:
                    data, ended = self._records.unwrapped(data)
                if self._gate is not None:
                    await self._gate
                if data and not self._closing:
                    self._protocol.data_received(data)
                if ended:
                    break
        except OSError as failed:  # SSLError is one
            error = failed
        finally:
            self._lose(error)

    def pause_reading(self) -> None:
        if self._gate is None:
            self._gate = self._loop.create_future()

    def resume_reading(self) -> None:
        gate, self._gate = self._gate, None
        if gate is not None and not gate.done():
            gate.set_result(None)

    def is_reading(self) -> bool:
        return self._gate is None

    # -- writing -----------------------------------------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._closing or self._lost or not data:
            return
        self._outbox.append(bytes(data) if self._records is None else self._records.wrapped(bytes(data)))
        self._flush()

    def _flush(self) -> None:
        if self._writer is None:
            self._writer = self._loop.create_task(self._write())

    async def _write(self) -> None:
        try:
            while self._outbox:
                data = b"".join(self._outbox)
                self._outbox.clear()
                await self._carrier.write(data)
        except OSError:
            self._outbox.clear()  # the reader finds out why
        finally:
            self._writer = None
        if self._closing:
            self._reader.cancel()

    def can_write_eof(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return sum(map(len, self._outbox))

    # -- the end -----------------------------------------------------------------------------------------------------

    def is_closing(self) -> bool:
        return self._closing or self._lost

    def close(self) -> None:
        """After what was written."""
        if self.is_closing():
            return
        self._closing = True
        if self._records is not None and (last := self._records.last_words()):
            self._outbox.append(last)
        self._flush()

    def abort(self) -> None:
        self._closing = True
        if self._writer is not None:
            self._writer.cancel()
        self._reader.cancel()

    def _lose(self, error: Exception | None) -> None:
        if self._lost:
            return
        self._lost = self._closing = True
        self._carrier.close()
        self._loop.call_soon(self._protocol.connection_lost, error)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = cast(asyncio.Protocol, protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default
