"""Where a container's output goes: to its log, and to whoever has attached.

A client that reads slowly holds the program up, as a full pipe does; one that has gone is dropped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from minikube_edu.container_runtime.simulated.logs import ContainerLog
from minikube_edu.lib.streams.byte_stream import ByteStream, StreamReset


class Output:
    __slots__ = ("_clients", "log")

    def __init__(self, log: ContainerLog) -> None:
        self.log = log
        self._clients: list[tuple[str, ByteStream]] | None = None  # (stdout or stderr, who wants it)

    def stdout(self, data: bytes) -> Awaitable[None] | None:
        return self.write("stdout", data)

    def stderr(self, data: bytes) -> Awaitable[None] | None:
        return self.write("stderr", data)

    def write(self, stream: str, data: bytes) -> Awaitable[None] | None:
        waiting = self.show(stream, data)
        return self._drained(waiting) if waiting else None

    def show(self, stream: str, data: bytes) -> list[ByteStream]:
        """The same without waiting for anybody; returns who got it."""
        self.log.write(stream, data)
        if not self._clients:
            return []
        shown = [client for name, client in self._clients if name == stream]
        for client in shown:
            client.write(data)
        return shown

    async def _drained(self, clients: list[ByteStream]) -> None:
        for client in clients:
            try:
                await client.drained()
            except StreamReset:
                self.leave(client)

    def from_terminal(self, data: bytes) -> None:
        self.show("stdout", data)

    async def drained(self) -> None:
        """Until those who are attached have taken what was shown."""
        if self._clients:
            await self._drained([client for _, client in self._clients])

    def join(self, stream: str, client: ByteStream) -> None:
        self._clients = [*(self._clients or ()), (stream, client)]

    def leave(self, client: ByteStream) -> None:
        if self._clients:
            self._clients = [one for one in self._clients if one[1] is not client] or None

    def close(self) -> None:
        """The program has ended: so has its output."""
        self.log.close()
        for _, client in self._clients or ():
            client.end()
        self._clients = None


async def carried(source: ByteStream, target: ByteStream) -> None:
    """Bytes from one stream to another until the first ends; whatever breaks off, the second is ended."""
    try:
        while data := await source.read():
            target.write(data)
            await target.drained()
    except StreamReset:
        pass
    finally:
        target.end()


async def first_of(*tasks: asyncio.Task[object]) -> None:
    """Wait for one, and end the others."""
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
