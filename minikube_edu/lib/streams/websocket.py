"""WebSockets (RFC 6455), both ends, over a transport that has left HTTP.

`accept` and `offer`/`check_answer` are the two sides of the handshake; `WebSocket` is the protocol behind it. It
answers pings, puts fragments together, checks what it gets (a broken rule ends the connection with its close code),
and calls `on_message(data, is_text)` and, once, `on_close(code, reason)`. No extensions: nobody in a cluster needs
them.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
import struct
from collections.abc import Callable, Sequence

from minikube_edu.lib.streams.write_gate import WriteGate
from minikube_edu.lib.web.messages import Headers

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
# Close codes
NORMAL, GOING_AWAY, PROTOCOL_ERROR, UNSUPPORTED, NO_STATUS, ABNORMAL = 1000, 1001, 1002, 1003, 1005, 1006
BAD_DATA, POLICY, TOO_BIG, FAILED = 1007, 1008, 1009, 1011
CLOSE_SECONDS = 5.0  # how long the far end may take to answer our close


class Refused(ValueError):
    """The handshake is not one, or offers nothing that we speak."""


def _key_answer(key: bytes) -> bytes:
    return base64.b64encode(hashlib.sha1(key + GUID).digest())


def _values(headers: Headers, name: bytes) -> list[bytes]:
    return [part.strip() for key, value in headers if key.lower() == name for part in value.split(b",") if part.strip()]


def is_handshake(headers: Headers) -> bool:
    """Does this request ask for a WebSocket?"""
    wants = any(value.lower() == b"upgrade" for value in _values(headers, b"connection"))
    return wants and any(value.lower() == b"websocket" for value in _values(headers, b"upgrade"))


def offered_protocols(headers: Headers) -> list[str]:
    return [value.decode("latin-1") for value in _values(headers, b"sec-websocket-protocol")]


def accept(headers: Headers, supported: Sequence[str] = ()) -> tuple[Headers, str]:
    """The headers of the 101 answer to a handshake, and the chosen subprotocol: the client's first that is supported.
    A client that offers none gets "" when that is supported, or when nothing else is."""
    keys = [value for key, value in headers if key == b"sec-websocket-key"]
    if not is_handshake(headers) or len(keys) != 1:
        raise Refused("not a WebSocket handshake")
    if _values(headers, b"sec-websocket-version") != [b"13"]:
        raise Refused("missing or bad WebSocket version")
    offered = offered_protocols(headers)
    chosen = next((name for name in offered if name in supported), "")
    if not chosen and supported and "" not in supported:
        raise Refused(f"unable to negotiate protocol: client supports {offered}, server supports {list(supported)}")
    answer = [(b"Upgrade", b"websocket"), (b"Connection", b"Upgrade")]
    answer.append((b"Sec-WebSocket-Accept", _key_answer(keys[0].strip())))
    if chosen:
        answer.append((b"Sec-WebSocket-Protocol", chosen.encode("latin-1")))
    return answer, chosen


def offer(protocols: Sequence[str] = ()) -> tuple[Headers, bytes]:
    """The headers of a client's handshake, and its key for `check_answer`."""
    key = base64.b64encode(secrets.token_bytes(16))
    headers = [(b"Connection", b"Upgrade"), (b"Upgrade", b"websocket"), (b"Sec-WebSocket-Version", b"13")]
    headers.append((b"Sec-WebSocket-Key", key))
    if protocols:
        headers.append((b"Sec-WebSocket-Protocol", ", ".join(protocols).encode()))
    return headers, key


def check_answer(headers: Headers, key: bytes, protocols: Sequence[str] = ()) -> str:
    """The subprotocol that the server chose; Refused when its answer does not fit our offer."""
    if _values(headers, b"sec-websocket-accept") != [_key_answer(key)]:
        raise Refused("the server's answer does not fit the key")
    chosen = offered_protocols(headers)
    if len(chosen) > 1 or (chosen and chosen[0] not in protocols):
        raise Refused(f"the server chose a protocol that was not offered: {chosen}")
    return chosen[0] if chosen else ""


class _Broken(Exception):
    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def mask_with(data: bytes, mask: bytes) -> bytes:
    size = len(data)
    pattern = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(data, "little") ^ int.from_bytes(pattern, "little")).to_bytes(size, "little")


def frame(opcode: int, data: bytes, *, masked: bool, final: bool = True) -> bytes:
    size = len(data)
    first = opcode | (0x80 if final else 0)
    bit = 0x80 if masked else 0
    if size < 126:
        head = struct.pack("!BB", first, bit | size)
    elif size < 65536:
        head = struct.pack("!BBH", first, bit | 126, size)
    else:
        head = struct.pack("!BBQ", first, bit | 127, size)
    if not masked:
        return head + data
    mask = secrets.token_bytes(4)
    return head + mask + mask_with(data, mask)


class WebSocket(asyncio.Protocol):
    def __init__(
        self,
        transport: asyncio.Transport,
        *,
        client: bool = False,
        on_message: Callable[[bytes, bool], None] | None = None,
        on_close: Callable[[int, str], None] | None = None,
        max_message: int = 16 << 20,
    ) -> None:
        self.transport = transport
        self.gate = WriteGate()
        self.on_message = on_message
        self.on_close = on_close
        self.on_flow: Callable[[bool], None] | None = None  # False: the connection takes no more, True: it does again
        self.closed = False
        self.client = client
        self._max = max_message
        self._buffer = bytearray()
        self._fragments: list[bytes] = []
        self._size = 0
        self._opcode = 0  # of the message that is being put together
        self._close_sent = False
        self._code, self._reason = ABNORMAL, ""
        self._timer: asyncio.TimerHandle | None = None

    # -- sending -----------------------------------------------------------------------------------------------------

    def send(self, data: bytes, *, text: bool = False) -> None:
        if not self._close_sent and not self.closed:
            self.transport.write(frame(TEXT if text else BINARY, data, masked=self.client))

    def ping(self, data: bytes = b"") -> None:
        if not self._close_sent and not self.closed:
            self.transport.write(frame(PING, data[:125], masked=self.client))

    def close(self, code: int = NORMAL, reason: str = "") -> None:
        """Begin the closing handshake; a far end that does not answer is cut."""
        if self._close_sent or self.closed:
            return
        self._close_sent = True
        self._code, self._reason = code, reason
        text = reason.encode()[:123].decode(errors="ignore").encode()
        self.transport.write(frame(CLOSE, struct.pack("!H", code) + text, masked=self.client))
        if not self.transport.is_closing():
            self.transport.resume_reading()  # the answer must get through
        self._timer = asyncio.get_running_loop().call_later(CLOSE_SECONDS, self.transport.abort)

    # -- receiving ---------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        try:
            while not self.closed and (used := self._frame(buffer)):
                del buffer[:used]
        except _Broken as broken:
            buffer.clear()
            self.close(broken.code, str(broken))
            self.transport.close()

    def _frame(self, buffer: bytearray) -> int:
        """Take the first frame of the buffer; the bytes it took, 0 when it is not whole."""
        if len(buffer) < 2:
            return 0
        first, second = buffer[0], buffer[1]
        opcode, final, size, at = first & 0x0F, bool(first & 0x80), second & 0x7F, 2
        if first & 0x70:
            raise _Broken(PROTOCOL_ERROR, "reserved bits are set")
        if bool(second & 0x80) == self.client:
            raise _Broken(PROTOCOL_ERROR, "a frame of a client must be masked, a server's must not")
        if opcode >= CLOSE and (size > 125 or not final):
            raise _Broken(PROTOCOL_ERROR, "a control frame is long or in fragments")
        if size == 126:
            if len(buffer) < 4:
                return 0
            size, at = int.from_bytes(buffer[2:4], "big"), 4
        elif size == 127:
            if len(buffer) < 10:
                return 0
            size, at = int.from_bytes(buffer[2:10], "big"), 10
        if self._size + size > self._max:
            raise _Broken(TOO_BIG, "message too big")
        mask = b""
        if not self.client:
            mask = bytes(buffer[at : at + 4])
            at += 4
        end = at + size
        if len(buffer) < end:
            return 0
        data = bytes(buffer[at:end])
        self._take(opcode, final, mask_with(data, mask) if mask else data)
        return end

    def _take(self, opcode: int, final: bool, data: bytes) -> None:
        if opcode == PING:
            if not self._close_sent:
                self.transport.write(frame(PONG, data, masked=self.client))
        elif opcode == PONG:
            pass
        elif opcode == CLOSE:
            self._closing(data)
        elif opcode in (TEXT, BINARY, CONTINUATION):
            if (opcode == CONTINUATION) != bool(self._opcode):
                raise _Broken(PROTOCOL_ERROR, "fragments out of order")
            self._opcode = self._opcode or opcode
            self._fragments.append(data)
            self._size += len(data)
            if final:
                self._message()
        else:
            raise _Broken(PROTOCOL_ERROR, f"unknown opcode {opcode}")

    def _message(self) -> None:
        data = self._fragments[0] if len(self._fragments) == 1 else b"".join(self._fragments)
        is_text = self._opcode == TEXT
        self._fragments, self._size, self._opcode = [], 0, 0
        if is_text:
            try:
                data.decode()
            except UnicodeDecodeError:
                raise _Broken(BAD_DATA, "text that is not UTF-8") from None
        if self.on_message is not None and not self._close_sent:
            self.on_message(data, is_text)

    def _closing(self, data: bytes) -> None:
        code, reason = NO_STATUS, ""
        if len(data) == 1:
            raise _Broken(PROTOCOL_ERROR, "a close code of one byte")
        if data:
            code = int.from_bytes(data[:2], "big")
            if code < 1000 or code in (1004, NO_STATUS, ABNORMAL) or 1015 <= code < 3000 or code >= 5000:
                raise _Broken(PROTOCOL_ERROR, "a close code that may not be sent")
            reason = data[2:].decode(errors="replace")
        if not self._close_sent:
            self._code, self._reason = code, reason
            self._close_sent = True
            self.transport.write(frame(CLOSE, data[:2], masked=self.client))
        self._over()
        self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._over()

    def _over(self) -> None:
        self.gate.resume_writing()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self.closed:
            self.closed = True
            if self.on_close is not None:
                self.on_close(self._code, self._reason)

    # -- flow control ------------------------------------------------------------------------------------------------

    def pause_writing(self) -> None:
        self.gate.pause_writing()
        if self.on_flow is not None:
            self.on_flow(False)

    def resume_writing(self) -> None:
        self.gate.resume_writing()
        if self.on_flow is not None:
            self.on_flow(True)
