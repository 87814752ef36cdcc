"""TCP between two programs of one process: a pipe each way, with a window.

Both ends see what sockets show: a writer waits while 64 KiB lie unread, `end` closes one direction, closing with unread
data cuts the connection (RST), writing to who is gone is EPIPE. Bytes that pass an eth0 are counted as they are written
and read; what stays on `lo` is not.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections import deque
from collections.abc import Callable

from minikube_edu.cni.contract import Address, Traffic

WINDOW = 65536
SEGMENT = 1448  # payload of a full segment on a 1500 byte Ethernet
HEADERS = 66  # Ethernet, IP, TCP with time stamps


def failure(number: int) -> OSError:
    return OSError(number, os.strerror(number))


class Stream:
    """One direction."""

    __slots__ = ("_pieces", "_reader", "_size", "_writer", "cut", "ended", "unread")

    def __init__(self) -> None:
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self.ended = False  # the writing end says no more
        self.unread = False  # the reading end is gone
        self.cut = False

    async def read(self, size: int) -> bytes:
        while not self._pieces:
            if self.cut:
                raise failure(errno.ECONNRESET)
            if self.ended or self.unread:
                return b""
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        data = self._pieces.popleft()
        while self._pieces and len(data) < size:
            data += self._pieces.popleft()
        if len(data) > size:
            self._pieces.appendleft(data[size:])
            data = data[:size]
        self._size -= len(data)
        _wake(self._writer)
        return data

    async def write(self, data: bytes) -> None:
        while self._size >= WINDOW and not (self.unread or self.cut or self.ended):
            self._writer = asyncio.get_running_loop().create_future()
            try:
                await self._writer
            finally:
                self._writer = None
        if self.cut:
            raise failure(errno.ECONNRESET)
        if self.unread or self.ended:
            raise failure(errno.EPIPE)
        self._pieces.append(data)
        self._size += len(data)
        _wake(self._reader)

    def end(self) -> None:
        self.ended = True
        _wake(self._reader)
        _wake(self._writer)

    def abandon(self) -> bool:
        """The reader goes. True when something lay unread."""
        self.unread = True
        left = bool(self._pieces)
        self._pieces.clear()
        self._size = 0
        _wake(self._writer)
        _wake(self._reader)
        return left

    def reset(self) -> None:
        self.cut = True
        self._pieces.clear()
        _wake(self._reader)
        _wake(self._writer)


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)


class End:
    """One end of a connection. `traffic` is that of its namespace's eth0; None on `lo`."""

    __slots__ = ("_closed", "_inbound", "_outbound", "local", "peer", "traffic")

    def __init__(
        self, local: Address, peer: Address, inbound: Stream, outbound: Stream, traffic: Traffic | None = None
    ) -> None:
        self.local = local
        self.peer = peer
        self.traffic = traffic
        self._inbound = inbound
        self._outbound = outbound
        self._closed = False

    async def read(self, size: int = WINDOW) -> bytes:
        if self._closed:
            raise failure(errno.EBADF)
        data = await self._inbound.read(size)
        if self.traffic is not None:
            packets = -(-len(data) // SEGMENT)
            self.traffic.rx_bytes += len(data) + packets * HEADERS
            self.traffic.rx_packets += packets
        return data

    async def write(self, data: bytes) -> None:
        if self._closed:
            raise failure(errno.EBADF)
        if not data:
            return
        if len(data) <= WINDOW:
            await self._outbound.write(bytes(data))
        else:
            for start in range(0, len(data), WINDOW):
                await self._outbound.write(bytes(data[start : start + WINDOW]))
        if self.traffic is not None:
            packets = -(-len(data) // SEGMENT)
            self.traffic.tx_bytes += len(data) + packets * HEADERS
            self.traffic.tx_packets += packets

    def end(self) -> None:
        self._outbound.end()

    def reset(self) -> None:
        """RST: the other side's next read or write fails."""
        self._outbound.reset()
        self.close()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._outbound.end()
        if self._inbound.abandon():
            self._outbound.reset()


def pair(
    client: Address, server: Address, seen_server: Address, traffic: tuple[Traffic | None, Traffic | None]
) -> tuple[End, End]:
    """(the caller's end, the server's end). The caller dialled `seen_server`: a service's address, perhaps."""
    up, down = Stream(), Stream()
    return (
        End(client, seen_server, down, up, traffic[0]),
        End(server, client, up, down, traffic[1]),
    )


class TcpListener:
    """A listening socket: connections wait in its backlog until they are accepted."""

    __slots__ = ("_accepting", "_closed", "_forget", "_waiting", "address", "backlog")

    def __init__(
        self, address: Address, backlog: int = 511, forget: Callable[[TcpListener], None] | None = None
    ) -> None:
        self.address = address
        self.backlog = backlog
        self._forget = forget  # its namespace's: the port is free again
        self._waiting: list[End] = []  # short, and there are thousands: no deque, each of which is 700 bytes
        self._accepting: list[asyncio.Future[None]] = []
        self._closed = False

    @property
    def full(self) -> bool:
        return len(self._waiting) >= self.backlog

    def deliver(self, end: End) -> None:
        self._waiting.append(end)
        while self._accepting:
            waiter = self._accepting.pop(0)
            if not waiter.done():
                waiter.set_result(None)
                break

    async def accept(self) -> End:
        while not self._waiting:
            if self._closed:
                raise failure(errno.EINVAL)
            waiter = asyncio.get_running_loop().create_future()
            self._accepting.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                # Woken and ended in the same turn: the connection is the next one's.
                if waiter.done() and not waiter.cancelled() and self._accepting:
                    _wake(self._accepting.pop(0))
                raise
        return self._waiting.pop(0)

    def close(self) -> None:
        """Refuse from now on; who waits in the backlog is cut."""
        if self._closed:
            return
        self._closed = True
        if self._forget is not None:
            self._forget(self)
        while self._waiting:
            end = self._waiting.pop(0)
            end.reset()
        while self._accepting:
            _wake(self._accepting.pop(0))
