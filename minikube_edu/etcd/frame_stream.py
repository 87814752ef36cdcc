"""One connection of the private protocol, either end: frames in, frames out.

What is sent in one turn of the event loop leaves in one write. A peer that does not read is ended when what waits for
it grows beyond a limit: nobody's memory is a queue for somebody who sleeps.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from minikube_edu.etcd.frames import HEADER, Malformed, frame, message

MAX_WAITING = 256 * 1024 * 1024


class FrameStream(asyncio.Protocol):
    """Subclasses say what to do with a message (`received`) and when the connection is gone (`lost`)."""

    def __init__(self, max_frame: int) -> None:
        self._max_frame = max_frame
        self._input = b""
        self._output: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self._flowing = asyncio.Event()
        self._flowing.set()

    def received(self, number: int, message: Any) -> None:
        raise NotImplementedError

    def lost(self) -> None:
        raise NotImplementedError

    def send(self, number: int, message: Any) -> None:
        if self._transport is None:
            return
        if not self._output:
            asyncio.get_running_loop().call_soon(self.flush)
        self._output.append(frame(number, message))

    def flush(self) -> None:
        if self._output and self._transport is not None:
            self._transport.write(self._output[0] if len(self._output) == 1 else b"".join(self._output))
            if self._transport.get_write_buffer_size() > MAX_WAITING:
                self.abort()
        self._output = []

    async def flowing(self) -> None:
        """Wait until the peer has read most of what was sent."""
        self.flush()
        await self._flowing.wait()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def finish(self) -> None:
        """Send what is waiting, then end the connection."""
        self.flush()
        if self._transport is not None:
            self._transport.close()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one, without saying so

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._flowing.set()
        self.lost()

    def pause_writing(self) -> None:
        self._flowing.clear()

    def resume_writing(self) -> None:
        self._flowing.set()

    def data_received(self, data: bytes) -> None:
        if self._input:
            data = self._input + data
        at, end = 0, len(data)
        try:
            while end - at >= HEADER.size:
                length, number, type_ = HEADER.unpack_from(data, at)
                if length > self._max_frame:
                    raise Malformed(f"a frame of {length} bytes")
                body = at + HEADER.size
                if end - body < length:
                    break
                at = body + length
                self.received(number, message(type_, data[body:at]))
        except Malformed:
            self.abort()
            return
        self._input = data[at:]
