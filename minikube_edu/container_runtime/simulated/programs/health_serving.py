"""gRPC's health service, with just as much of HTTP/2 as it needs to answer Check.

Whatever is called is taken for `/grpc.health.v1.Health/Check`: request headers are not read, the message is. The answer
is two header blocks of literals and one message. A service that nobody has named is NOT_FOUND, as the real one says it.
"""

from __future__ import annotations

import asyncio
import struct

from minikube_edu.cni.contract import Connection, Listener
from minikube_edu.container_runtime.simulated.contract import Process

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS, PING, GOAWAY = 0x0, 0x1, 0x4, 0x6, 0x7
ACK, END_STREAM, END_HEADERS, PADDED = 0x1, 0x1, 0x4, 0x8
SERVING, NOT_SERVING, NOT_FOUND = 1, 2, 5
LONGEST = 1 << 14


def frame(kind: int, flags: int, stream: int, data: bytes = b"") -> bytes:
    return struct.pack("!I", len(data))[1:] + struct.pack("!BBI", kind, flags, stream) + data


def literal(name: str, value: str) -> bytes:
    """A header that nobody is to remember."""
    return bytes((0, len(name))) + name.encode() + bytes((len(value),)) + value.encode()


class HealthServer:
    def __init__(self, process: Process) -> None:
        self.process = process
        self.serving: dict[str, bool] = {}

    async def serve(self, listener: Listener) -> None:
        talks: set[asyncio.Task[None]] = set()
        while True:
            task = self.process.thread(self._talk(await listener.accept()))
            talks.add(task)
            task.add_done_callback(talks.discard)

    async def _talk(self, connection: Connection) -> None:
        source = Source(connection)
        messages: dict[int, bytes] = {}
        try:
            if await source.take(len(PREFACE)) != PREFACE:
                return
            await connection.write(frame(SETTINGS, 0, 0))
            while True:
                head = await source.take(9)
                size, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
                stream = int.from_bytes(head[5:9], "big") & 0x7FFFFFFF
                if size > LONGEST or kind == GOAWAY:
                    return
                data = await source.take(size)
                if kind in (SETTINGS, PING) and not flags & ACK:
                    await connection.write(frame(kind, ACK, 0, data if kind == PING else b""))
                if kind == DATA:
                    if flags & PADDED and data:
                        data = data[1 : len(data) - data[0]]
                    messages[stream] = messages.get(stream, b"")[:LONGEST] + data
                if kind in (DATA, HEADERS) and flags & END_STREAM:
                    await connection.write(self.answer(stream, messages.pop(stream, b"")))
        except (OSError, EOFError):
            pass
        finally:
            connection.close()

    def answer(self, stream: int, message: bytes) -> bytes:
        """Of a Check: its only field is the service's name."""
        body = message[5:]
        service = body[2 : 2 + body[1]].decode(errors="replace") if len(body) > 1 and body[0] == 0x0A else ""
        head = b"\x88" + literal("content-type", "application/grpc")
        serving = self.serving.get(service)
        if serving is None:
            words = literal("grpc-status", str(NOT_FOUND)) + literal("grpc-message", "unknown service")
            return frame(HEADERS, END_HEADERS | END_STREAM, stream, head + words)
        status = bytes((0x08, SERVING if serving else NOT_SERVING))
        return (
            frame(HEADERS, END_HEADERS, stream, head)
            + frame(DATA, 0, stream, struct.pack("!BI", 0, len(status)) + status)
            + frame(HEADERS, END_HEADERS | END_STREAM, stream, literal("grpc-status", "0"))
        )


class Source:
    """A connection's bytes, as many as are wanted."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.buffer = b""

    async def take(self, size: int) -> bytes:
        while len(self.buffer) < size:
            data = await self.connection.read()
            if not data:
                raise EOFError
            self.buffer += data
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken
