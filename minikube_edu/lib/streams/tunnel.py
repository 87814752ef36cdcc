"""A WebSocket as a transport: SPDY inside it is how newer clients forward ports.

Each write is one binary message; message borders mean nothing to the reader. Closing the transport closes the
WebSocket.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from minikube_edu.lib.streams.websocket import NORMAL, WebSocket

PORT_FORWARD = "SPDY/3.1+portforward.k8s.io"


class TunnelTransport(asyncio.Transport):
    """Made by `take_tunnel`; the protocol inside is set there."""

    def __init__(self, websocket: WebSocket) -> None:
        super().__init__()
        self._websocket = websocket
        self._protocol: asyncio.Protocol | None = None
        websocket.on_message = self._message
        websocket.on_close = self._closed
        websocket.on_flow = self._flow

    def _flow(self, go: bool) -> None:
        if self._protocol is not None:
            if go:
                self._protocol.resume_writing()
            else:
                self._protocol.pause_writing()

    def _message(self, data: bytes, is_text: bool) -> None:
        if self._protocol is not None:
            self._protocol.data_received(data)

    def _closed(self, code: int, reason: str) -> None:
        protocol, self._protocol = self._protocol, None
        if protocol is not None:
            protocol.connection_lost(None)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = cast(asyncio.Protocol, protocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        assert self._protocol is not None
        return self._protocol

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._websocket.send(bytes(data))

    def get_write_buffer_size(self) -> int:
        return self._websocket.transport.get_write_buffer_size()

    def pause_reading(self) -> None:
        if not self._websocket.transport.is_closing():
            self._websocket.transport.pause_reading()

    def resume_reading(self) -> None:
        if not self._websocket.transport.is_closing():
            self._websocket.transport.resume_reading()

    def is_closing(self) -> bool:
        return self._websocket.closed or self._websocket.transport.is_closing()

    def close(self) -> None:
        self._websocket.close(NORMAL)

    def abort(self) -> None:
        self._websocket.transport.abort()


def through_websocket(
    take: Callable[[asyncio.Transport, bytes], asyncio.BaseProtocol], *, client: bool = False
) -> Callable[[asyncio.Transport, bytes], WebSocket]:
    """The `take` of an Upgrade to a WebSocket that has the connection of another `take` inside."""

    def outer(transport: asyncio.Transport, early: bytes) -> WebSocket:
        websocket = WebSocket(transport, client=client)
        tunnel = TunnelTransport(websocket)
        tunnel.set_protocol(take(tunnel, b""))
        if early:
            websocket.data_received(early)
        return websocket

    return outer
