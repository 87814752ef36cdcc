"""etcd's public ports, opened at once, served when somebody comes.

Importing gRPC takes as long as the whole seat needs to start, and a cluster whose API server speaks to its store over
the private socket may never need it. So the ports are plain listeners; the first bytes bring gRPC up, on a socket
that only this process knows, and from then on bytes are passed through (TLS is between the client and gRPC).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from collections.abc import Awaitable, Callable
from typing import cast

from minikube_edu.lib.streams.relay import RelayEnd

Bring = Callable[[str], Awaitable[None]]  # has gRPC listen on `unix:PATH`


class PatientFace:
    def __init__(self, bring: Bring) -> None:
        self._bring = bring
        self._listeners: list[asyncio.Server] = []
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._up: asyncio.Task[str] | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def listen(self, host: str, port: int) -> int:
        loop = asyncio.get_running_loop()
        listener = await loop.create_server(lambda: _Visitor(self), host, port)
        self._listeners.append(listener)
        return int(listener.sockets[0].getsockname()[1])

    async def close(self) -> None:
        for listener in self._listeners:
            listener.close()
        for task in [*self._open, *([self._up] if self._up else [])]:
            task.cancel()
        if self._folder is not None:
            self._folder.cleanup()

    def visit(self, visitor: _Visitor) -> None:
        task = asyncio.get_running_loop().create_task(self._join(visitor))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _join(self, visitor: _Visitor) -> None:
        if self._up is None:
            self._up = asyncio.get_running_loop().create_task(self._begin())
        try:
            path = await asyncio.shield(self._up)
            _, far = await asyncio.get_running_loop().create_unix_connection(lambda: _Far(visitor), path)
        except (OSError, RuntimeError, ImportError):
            visitor.transport.abort()
            raise
        visitor.joined(far)

    async def _begin(self) -> str:
        self._folder = tempfile.TemporaryDirectory(prefix="etcd-")
        path = os.path.join(self._folder.name, "grpc")
        await self._bring(path)
        return path


class _Visitor(RelayEnd):
    """A connection from outside. Whoever only looks whether the port answers brings nothing up: the first bytes do."""

    def __init__(self, face: PatientFace) -> None:
        self._face = face
        self._early = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().__init__(cast(asyncio.Transport, transport))  # uvloop's are none by name

    def data_received(self, data: bytes) -> None:
        if hasattr(self, "other"):
            super().data_received(data)
        elif not self._early:
            self._early = data
            self.transport.pause_reading()
            self._face.visit(self)

    def joined(self, far: RelayEnd) -> None:
        self.other = far
        far.transport.write(self._early)
        self.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        with contextlib.suppress(AttributeError):  # gone before gRPC came
            super().connection_lost(exc)


class _Far(RelayEnd):
    def __init__(self, visitor: _Visitor) -> None:
        self.other = visitor

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().__init__(cast(asyncio.Transport, transport))  # uvloop's are none by name
