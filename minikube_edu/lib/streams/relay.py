"""Joining two connections, byte for byte: the API server passes an upgraded connection on to the kubelet's.

What comes in on one side goes out on the other; a side that cannot take more stops the reading of the other; when one
ends, so does the other, after what was written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from minikube_edu.lib.web.incoming import Upgraded


class RelayEnd(asyncio.Protocol):
    """One side. `done` is set when its connection has ended."""

    other: RelayEnd

    def __init__(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self.done = asyncio.Event()
        self.bytes = 0  # received

    def data_received(self, data: bytes) -> None:
        self.bytes += len(data)
        if not self.other.transport.is_closing():
            self.other.transport.write(data)

    def pause_writing(self) -> None:
        if not self.other.transport.is_closing():
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if not self.other.transport.is_closing():
            self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self.done.set()
        if not self.other.transport.is_closing():
            self.other.transport.close()


def forward_to(far: Upgraded) -> Callable[[asyncio.Transport, bytes], RelayEnd]:
    """The `take` of an Upgrade whose connection is joined with `far`, a connection that was upgraded before."""

    def take(transport: asyncio.Transport, early: bytes) -> RelayEnd:
        near, distant = RelayEnd(transport), RelayEnd(far.transport)
        near.other, distant.other = distant, near
        if far.early:
            transport.write(far.early)
        if early:
            far.transport.write(early)
        far.switch(lambda _transport, _early: distant)
        return near

    return take
