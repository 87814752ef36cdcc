"""How our database clients and servers speak: packets of JSON in MySQL's framing (three bytes of length, a number).

A real client does not understand it; what it sees first, MySQL's greeting, is real enough for probes and scanners.
"""

from __future__ import annotations

from typing import Any

import orjson

from minikube_edu.cni.contract import Connection

LARGEST = (1 << 24) - 1


def packet(payload: bytes, number: int = 0) -> bytes:
    if len(payload) > LARGEST:
        raise ValueError("packet too large")
    return len(payload).to_bytes(3, "little") + bytes([number & 255]) + payload


def greeting(version: str) -> bytes:
    """Handshake version 10, with a challenge that nobody answers."""
    payload = b"\x0a" + version.encode() + b"\0" + (8).to_bytes(4, "little") + b"\x1a\x2f\x4c\x31\x5e\x22\x67\x08\0"
    payload += b"\xff\xff\xff\x02\0\xff\xdf\x15" + bytes(10) + b"\x11\x32\x5b\x6a\x03\x77\x21\x4d\x39\x18\x65\x42\0"
    return packet(payload + b"caching_sha2_password\0")


class Packets:
    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._buffer = b""

    async def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size:
            data = await self.connection.read()
            if not data:
                raise EOFError
            self._buffer += data
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data

    async def raw(self) -> bytes:
        size = int.from_bytes((await self._exactly(4))[:3], "little")
        return await self._exactly(size)

    async def receive(self) -> dict[str, Any]:
        """EOFError at the end, ValueError when it is no packet of ours."""
        found = orjson.loads(await self.raw())
        if not isinstance(found, dict):
            raise ValueError("no object")
        return found

    async def send(self, message: dict[str, Any]) -> None:
        await self.connection.write(packet(orjson.dumps(message, default=_plain)))


def _plain(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
