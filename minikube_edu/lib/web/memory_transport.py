"""Two transports that are each other's far end, without a socket: upgraded connections inside one process.

They keep asyncio's rules: data is delivered from the loop and never from inside `write`, a reader that pauses makes the
writer's protocol pause, `close` delivers what was written before it, `abort` does not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

HIGH, LOW = 64 * 1024, 16 * 1024


def transport_pair() -> tuple[MemoryTransport, MemoryTransport]:
    """Both have no protocol yet and do not read: `set_protocol`, then `resume_reading`."""
    loop = asyncio.get_running_loop()
    one, other = MemoryTransport(loop), MemoryTransport(loop)
    one.peer, other.peer = other, one
    return one, other


class MemoryTransport(asyncio.Transport):
    peer: MemoryTransport

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__({"peername": None, "sockname": None})
        self._loop = loop
        self._protocol: asyncio.BaseProtocol | None = None
        self._inbox: list[bytes] = []  # on its way to this end
        self._size = 0
        self._reading = False
        self._scheduled = False
        self._closing = False
        self._dead = False
        self._eof = False  # the far end will write no more
        self._protocol_paused = False
        self._high, self._low = HIGH, LOW

    # -- writing -----------------------------------------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        peer = self.peer
        if self._closing or peer._dead or not data:
            return
        peer._inbox.append(bytes(data))
        peer._size += len(data)
        peer._schedule()
        if peer._size > self._high and not self._protocol_paused:
            self._protocol_paused = True
            self._call("pause_writing")

    def get_write_buffer_size(self) -> int:
        return self.peer._size

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return (self._low, self._high)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._high = HIGH if high is None else high
        self._low = self._high // 4 if low is None else low

    def can_write_eof(self) -> bool:
        return False

    # -- reading -----------------------------------------------------------------------------------------------------

    def is_reading(self) -> bool:
        return self._reading

    def pause_reading(self) -> None:
        self._reading = False

    def resume_reading(self) -> None:
        self._reading = True
        self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled and not self._dead and (self._inbox or self._eof):
            self._scheduled = True
            self._loop.call_soon(self._deliver)

    def _deliver(self) -> None:
        self._scheduled = False
        if self._dead or not self._reading or self._protocol is None:
            return
        if self._inbox and not self._closing:
            data = self._inbox[0] if len(self._inbox) == 1 else b"".join(self._inbox)
            self._forget()
            self._call("data_received", data)
            self._schedule()
        elif self._eof:
            self._die(None)

    def _forget(self) -> None:
        """What was on its way has arrived, or never will."""
        self._inbox.clear()
        self._size = 0
        peer = self.peer
        if peer._protocol_paused:
            peer._protocol_paused = False
            peer._call("resume_writing")

    # -- the end -----------------------------------------------------------------------------------------------------

    def is_closing(self) -> bool:
        return self._closing or self._dead

    def close(self) -> None:
        if self.is_closing():
            return
        self._closing = True
        self.peer._eof = True
        self.peer._schedule()
        self._loop.call_soon(self._die, None)

    def abort(self) -> None:
        if self._dead:
            return
        self._closing = True
        peer = self.peer
        self._loop.call_soon(self._die, None)
        if not peer._dead:
            peer._inbox.clear()
            self._loop.call_soon(peer._die, ConnectionResetError("the far end was cut"))

    def _die(self, error: Exception | None) -> None:
        if self._dead:
            return
        self._dead = self._closing = True
        self._forget()
        self.peer._eof = True
        self.peer._schedule()
        self._call("connection_lost", error)

    # -- the protocol ------------------------------------------------------------------------------------------------

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        assert self._protocol is not None
        return self._protocol

    def _call(self, name: str, *arguments: Any) -> None:
        if self._protocol is None:
            return
        method: Callable[..., None] = getattr(self._protocol, name)
        try:
            method(*arguments)
        except Exception as error:
            context = {"message": f"{name} failed", "exception": error, "transport": self, "protocol": self._protocol}
            self._loop.call_exception_handler(context)
            if name == "data_received":
                self.abort()
