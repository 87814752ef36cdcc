"""The gRPC health check, with just as much of HTTP/2 as one call needs.

The call is `/grpc.health.v1.Health/Check` with a service's name; the answer says SERVING or not. Frames that concern
flow control of large bodies are not needed: the message has a few bytes. Headers are sent as HPACK literals; of the
server's, only the trailers' `grpc-status` and `grpc-message` are read, by a decoder of the static and dynamic table and
Huffman code in `hpack`.
"""

from __future__ import annotations

import struct
from urllib.parse import unquote

from msgspec import Struct

from minikube_edu.kubelet.pod_dialing import Wire
from minikube_edu.kubelet.probes import hpack

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, PING, GOAWAY, CONTINUATION = 0, 1, 3, 4, 6, 7, 9
ACK, END_STREAM, END_HEADERS, PADDED, PRIORITY = 0x1, 0x1, 0x4, 0x8, 0x20

UNIMPLEMENTED, UNAVAILABLE = 12, 14
CODES = {
    1: "Canceled", 2: "Unknown", 3: "InvalidArgument", 4: "DeadlineExceeded", 5: "NotFound", 7: "PermissionDenied",
    12: "Unimplemented", 13: "Internal", 14: "Unavailable", 16: "Unauthenticated",
}  # fmt: skip
STATUSES = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}


class Health(Struct):
    code: int = 0  # gRPC's
    message: str = ""
    status: str = "UNKNOWN"


def frame(kind: int, flags: int, stream: int, data: bytes = b"") -> bytes:
    return struct.pack("!I", len(data))[1:] + struct.pack("!BBI", kind, flags, stream) + data


async def check(wire: Wire, authority: str, service: str) -> Health:
    """ConnectionError when the far end does not speak HTTP/2, or goes away."""
    name = service.encode()
    message = b"\x0a" + bytes((len(name),)) + name if name else b""
    headers = hpack.encode(
        [
            (":method", "POST"), (":scheme", "http"), (":path", "/grpc.health.v1.Health/Check"),
            (":authority", authority), ("content-type", "application/grpc"), ("user-agent", "kube-probe/1.36"),
            ("te", "trailers"),
        ]
    )  # fmt: skip
    wire.write(PREFACE + frame(SETTINGS, 0, 0))
    wire.write(frame(HEADERS, END_HEADERS, 1, headers))
    wire.write(frame(DATA, END_STREAM, 1, struct.pack("!BI", 0, len(message)) + message))
    return await _Call(wire).answer()


class _Call:
    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.buffer = b""
        self.decoder = hpack.Decoder()
        self.block = b""  # a header block in pieces
        self.body = b""
        self.headers: dict[str, str] = {}

    async def answer(self) -> Health:
        while True:
            kind, flags, stream, data = await self._frame()
            if kind == SETTINGS and not flags & ACK:
                self.wire.write(frame(SETTINGS, ACK, 0))
            elif kind == PING and not flags & ACK:
                self.wire.write(frame(PING, ACK, 0, data))
            elif kind == GOAWAY or (kind == RESET and stream == 1):
                return Health(UNAVAILABLE, "the connection was closed by the server")
            elif stream == 1 and self._of_call(kind, flags, data):
                return self._health()

    async def _frame(self) -> tuple[int, int, int, bytes]:
        head = await self._take(9)
        size = int.from_bytes(head[:3], "big")
        if size > 1 << 20 or head[3] > 9:
            raise ConnectionError('connection error: desc = "error reading server preface: http2: frame too large"')
        return head[3], head[4], int.from_bytes(head[5:9], "big") & 0x7FFFFFFF, await self._take(size)

    async def _take(self, size: int) -> bytes:
        while len(self.buffer) < size:
            data = await self.wire.read()
            if not data:
                raise ConnectionError('connection error: desc = "error reading server preface: EOF"')
            self.buffer += data
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    def _of_call(self, kind: int, flags: int, data: bytes) -> bool:
        """True when the call has ended."""
        if kind in (DATA, HEADERS) and flags & PADDED:
            data = data[1 : len(data) - data[0]]
        if kind == DATA:
            self.body += data
        elif kind in (HEADERS, CONTINUATION):
            self.block += data[5:] if kind == HEADERS and flags & PRIORITY else data
            if flags & END_HEADERS:
                self.headers.update(self.decoder.decode(self.block))
                self.block = b""
                return "grpc-status" in self.headers or bool(flags & END_STREAM)
        return kind == DATA and bool(flags & END_STREAM)

    def _health(self) -> Health:
        status = self.headers.get("grpc-status", "")
        code = int(status) if status.isdigit() else 2
        message = unquote(self.headers.get("grpc-message", ""))
        if not status and self.headers.get(":status") != "200":
            return Health(UNIMPLEMENTED, f"unexpected HTTP status code received from server: {self.headers[':status']}")
        value = self.body[5:]  # behind the message's own head; field 1 is the status
        number = value[1] if len(value) >= 2 and value[0] == 0x08 else 0
        return Health(code, message, STATUSES.get(number, str(number)))
