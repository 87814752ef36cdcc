"""A container runtime on a private Unix socket: `cri` for kubelets in other processes.

The socket's mode (0600) and its directory keep strangers out: who can open it can do everything, as with containerd's.
Any number of clients. A client that goes takes its calls with it: what it waited for is cancelled.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

from minikube_edu.container_runtime.codec import dump, methods
from minikube_edu.container_runtime.cri import ContainerEvent, ContainerRuntime, PodDialer, RuntimeFailure, Streams
from minikube_edu.container_runtime.frames import STDERR, STDIN, STDOUT, FrameConnection
from minikube_edu.lib.machine.socket_path import reachable
from minikube_edu.lib.streams.byte_stream import ByteStream, StreamReset

log = logging.getLogger(__name__)


class SocketFace:
    """Serves a runtime until it is closed."""

    def __init__(self, runtime: ContainerRuntime, path: str) -> None:
        self.runtime = runtime
        self.connections: set[FaceConnection] = set()
        self._path = reachable(path)
        self._server: asyncio.Server | None = None
        self._inode = 0

    async def start(self) -> None:
        """Listen. A socket that a killed process left behind is replaced, one that is in use is not."""
        os.makedirs(os.path.dirname(self._path) or ".", mode=0o700, exist_ok=True)
        if os.path.exists(self._path):
            if _answers(self._path):
                raise RuntimeFailure(f"{self._path}: another process listens on it", "Unavailable")
            os.unlink(self._path)
        before = os.umask(0o177)
        try:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_unix_server(lambda: FaceConnection(self), self._path)
        finally:
            os.umask(before)
        self._inode = os.stat(self._path).st_ino

    async def close(self) -> None:
        """End all connections, and take the socket away if it is still ours."""
        if self._server is None:
            return
        self._server.close()
        gone = [connection.done.wait() for connection in self.connections]
        for connection in list(self.connections):
            connection.close()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.gather(*gone), 1.0)
        self._server = None
        with contextlib.suppress(OSError):
            if os.stat(self._path).st_ino == self._inode:
                os.unlink(self._path)


def _answers(path: str) -> bool:
    """Whether somebody listens; a Unix socket says so at once."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
    return True


class FaceConnection(FrameConnection):
    """One client's connection: calls, or one call with streams."""

    def __init__(self, face: SocketFace) -> None:
        super().__init__()
        self._face = face
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._unsubscribe: Callable[[], None] | None = None
        self._sizes: asyncio.Queue[tuple[int, int]] = asyncio.Queue()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._face.connections.add(self)

    def lost(self) -> None:
        self._face.connections.discard(self)
        if self._unsubscribe is not None:
            self._unsubscribe()
        for task in self._tasks.values():
            task.cancel()

    def received(self, message: dict[str, Any]) -> None:
        if "call" in message:
            number = message["id"]
            # Bytes may follow in the same piece of input: the streams must be there before the call begins.
            streams = self._streams(message["streams"]) if "streams" in message else None
            task = asyncio.get_running_loop().create_task(
                self._answer(number, message, streams), name=f"cri {message['call']}"
            )
            self._tasks[number] = task
            task.add_done_callback(lambda _done: self._tasks.pop(number, None))
        elif "cancel" in message:
            if task_under_way := self._tasks.get(message["cancel"]):
                task_under_way.cancel()
        elif "broken" in message:
            stream = self.streams.get(message["broken"])
            if stream is not None:
                stream.fail(StreamReset("the client is gone"))
        elif "resize" in message:
            columns, rows = message["resize"]
            self._sizes.put_nowait((int(columns), int(rows)))
        elif message.get("subscribe") and self._unsubscribe is None:
            self._unsubscribe = self._face.runtime.events(self._event)

    def _event(self, event: ContainerEvent) -> None:
        self.send(dump({"event": event}))

    async def _answer(self, number: int, message: dict[str, Any], streams: object) -> None:
        method = methods().get(message["call"])
        try:
            if method is None:
                raise RuntimeFailure(f"unknown method {message['call']} for service runtime.v1", "Unimplemented")
            values = method.read(message["args"])
            if method.streaming:
                values.append(streams)
            if method.name == "dial":
                await self._dial(number, values)
                return
            result = await getattr(self._face.runtime, method.name)(*values)
            body = dump({"id": number, "result": result})
        except RuntimeFailure as error:
            body = dump({"id": number, "error": {"code": error.code, "message": error.message}})
        except (TypeError, ValueError, KeyError) as error:
            log.exception("call %s", message["call"])
            body = dump({"id": number, "error": {"code": "InvalidArgument", "message": str(error)}})
        except Exception as error:
            log.exception("call %s", message["call"])
            body = dump({"id": number, "error": {"code": "Internal", "message": f"{type(error).__name__}: {error}"}})
        self.send(body)
        if method is not None and method.streaming:
            self.finish()

    async def _dial(self, number: int, values: list[Any]) -> None:
        """The answer, then the connection to the pod, until either side has ended."""
        if not isinstance(self._face.runtime, PodDialer):
            raise RuntimeFailure("unknown method dial for service runtime.v1", "Unimplemented")
        far, near = await self._face.runtime.dial(*values), self.stream(STDIN)
        self.send(dump({"id": number, "result": None}))
        both = [asyncio.create_task(_carry(near, far)), asyncio.create_task(_carry(far, near))]
        try:
            await asyncio.wait(both)
        finally:
            for task in both:
                task.cancel()
            far.reset()
            self.close()

    def _streams(self, wanted: dict[str, Any]) -> object:
        """What the client has said that it has connected."""
        if "stream" in wanted:
            return self.stream(STDIN)
        return Streams(
            stdin=self.stream(STDIN) if wanted.get("stdin") else None,
            stdout=self.stream(STDOUT) if wanted.get("stdout") else None,
            stderr=self.stream(STDERR) if wanted.get("stderr") else None,
            tty=bool(wanted.get("tty")),
            resize=self._resizes() if wanted.get("resize") else None,
        )

    async def _resizes(self) -> AsyncIterator[tuple[int, int]]:
        while True:
            yield await self._sizes.get()


async def _carry(source: ByteStream, target: ByteStream) -> None:
    try:
        while data := await source.read():
            target.write(data)
            await target.drained()
        target.end()
    except StreamReset:
        target.reset()
