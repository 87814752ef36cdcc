"""Numbered byte channels over one WebSocket: the first byte of each message says which channel it belongs to.

Exec, attach and port-forward use it under these subprotocols. In the base64 ones messages are text: the channel is a
digit, the data base64. Only in v5, and only the client, can say that one channel has ended: a message on channel 255
carries the channel's number. Otherwise `end` says nothing to the far end, and a channel ends with its connection.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Callable

from minikube_edu.lib.streams.byte_stream import ByteStream, Session, StreamReset
from minikube_edu.lib.streams.websocket import NO_STATUS, NORMAL, PROTOCOL_ERROR, WebSocket

V5, V4 = "v5.channel.k8s.io", "v4.channel.k8s.io"
V1 = "channel.k8s.io"
V4_BASE64, V1_BASE64 = "v4.base64.channel.k8s.io", "base64.channel.k8s.io"
SUPPORTED = (V5, V4, V4_BASE64, V1, V1_BASE64, "")
CLOSE_SIGNAL = 255


class ChannelSession(Session):
    """`channel(number)` gives a stream of this session, whoever speaks first on it."""

    def __init__(
        self, websocket: WebSocket, protocol: str, on_stream: Callable[[ByteStream], None] | None = None
    ) -> None:
        super().__init__(on_stream)
        self.protocol = protocol
        self._base64 = "base64" in protocol
        # Servers must not say it: kubectl calls 255 an unknown stream.
        self._can_end = protocol == V5 and websocket.client
        self._can_be_ended = protocol == V5 and not websocket.client
        self._websocket = websocket
        self._used: set[int] = set()  # channels that have been; a stream is never opened twice
        websocket.on_message = self._message
        websocket.on_close = self._closed

    def channel(self, number: int) -> ByteStream:
        stream = self.streams.get(number)
        if stream is None:
            stream = self.streams[number] = ByteStream(self, number)
            self._used.add(number)
            if self.closed:
                stream.ended = True
                stream.feed_end()
        return stream

    def close(self, code: int = NORMAL, reason: str = "") -> None:
        self._websocket.close(code, reason)

    def _message(self, data: bytes, is_text: bool) -> None:
        if not data:
            return
        number = data[0]
        if self._base64:
            number -= ord("0")
            try:
                data = b" " + base64.b64decode(data[1:], validate=True)
            except (ValueError, binascii.Error):
                number = -1
            if not 0 <= number <= 9:
                self._websocket.close(PROTOCOL_ERROR, "not a base64 channel message")
                return
        elif number == CLOSE_SIGNAL and self._can_be_ended:
            if len(data) == 2 and (ending := self.streams.get(data[1])) is not None:
                ending.feed_end()
            return
        stream = self.streams.get(number)
        if stream is None:
            if number in self._used:
                return
            stream = self.channel(number)
            if self.on_stream is not None:
                self.on_stream(stream)
        stream.feed(data[1:])

    def _closed(self, code: int, reason: str) -> None:
        clean = code in (NORMAL, NO_STATUS)
        self._lost(None if clean else StreamReset(f"websocket: close {code} {reason}".rstrip()))

    def _send(self, stream: ByteStream, data: bytes) -> None:
        # An empty message is sent as well: servers use one to say that a channel is ready.
        if self._base64:
            self._websocket.send(b"%d%b" % (stream.number, base64.b64encode(data)), text=True)
        else:
            self._websocket.send(bytes((stream.number,)) + data)

    def _end(self, stream: ByteStream) -> None:
        if self._can_end:
            self._websocket.send(bytes((CLOSE_SIGNAL, stream.number)))

    def _reset(self, stream: ByteStream) -> None:
        self._end(stream)

    def _read_on(self, go: bool) -> None:
        transport = self._websocket.transport
        if not transport.is_closing():
            if go:
                transport.resume_reading()
            else:
                transport.pause_reading()

    async def _drained(self) -> None:
        await self._websocket.gate.passed()


def serve_channels(
    protocol: str, begin: Callable[[ChannelSession], None], *, client: bool = False
) -> Callable[[asyncio.Transport, bytes], WebSocket]:
    """The `take` of an Upgrade: makes the session and gives it to `begin`, before the first byte is looked at."""

    def take(transport: asyncio.Transport, early: bytes) -> WebSocket:
        websocket = WebSocket(transport, client=client)
        begin(ChannelSession(websocket, protocol))
        if early:
            websocket.data_received(early)
        return websocket

    return take
