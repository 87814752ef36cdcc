"""A container runtime behind a Unix socket (socket_face.py), as an object: what a kubelet in another process holds.

When the connection ends, calls under way fail with code Unavailable, `closed` is set, and every further call fails:
whoever wants to go on connects anew.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

from minikube_edu.container_runtime.codec import Method, dump, methods, reader
from minikube_edu.container_runtime.cri import ContainerEvent, RuntimeFailure, Streams
from minikube_edu.container_runtime.frames import STDERR, STDIN, STDOUT, FrameConnection
from minikube_edu.lib.machine.socket_path import reachable
from minikube_edu.lib.streams.byte_stream import ByteStream, StreamReset

Listener = Callable[[ContainerEvent], None]


def unavailable(path: str, why: str) -> RuntimeFailure:
    return RuntimeFailure(
        f'connection error: desc = "transport: Error while dialing: dial unix {path}: connect: {why}"', "Unavailable"
    )


def _call(name: str) -> Any:
    """The method of that name: its call goes over the socket."""

    def call(self: SocketRuntime, *values: Any, **named: Any) -> Coroutine[Any, Any, Any]:
        method = methods()[name]
        if not method.streaming:
            return self.request(method, method.arguments(values, named))
        count = len(method.parameters)
        streams = values[count] if len(values) > count else named.pop("streams", None) or named.pop("stream", None)
        return self.streamed(method, method.arguments(values[:count], named), streams)

    call.__name__ = name
    return call


class SocketRuntime:
    version = _call("version")
    conditions = _call("conditions")
    update_runtime_config = _call("update_runtime_config")
    run_sandbox = _call("run_sandbox")
    stop_sandbox = _call("stop_sandbox")
    remove_sandbox = _call("remove_sandbox")
    sandbox_status = _call("sandbox_status")
    list_sandboxes = _call("list_sandboxes")
    create_container = _call("create_container")
    start_container = _call("start_container")
    stop_container = _call("stop_container")
    remove_container = _call("remove_container")
    container_status = _call("container_status")
    list_containers = _call("list_containers")
    update_container_resources = _call("update_container_resources")
    reopen_container_log = _call("reopen_container_log")
    exec_sync = _call("exec_sync")
    exec = _call("exec")
    attach = _call("attach")
    port_forward = _call("port_forward")
    container_stats = _call("container_stats")
    list_sandbox_stats = _call("list_sandbox_stats")
    pull_image = _call("pull_image")
    image_status = _call("image_status")
    list_images = _call("list_images")
    remove_image = _call("remove_image")
    image_filesystem = _call("image_filesystem")

    def __init__(self, path: str, connection: DriverConnection) -> None:
        self.path = path
        self._connection = connection
        self.closed = connection.done

    @classmethod
    async def connect(cls, path: str) -> SocketRuntime:
        """Raises RuntimeFailure with code Unavailable when nobody listens."""
        return cls(path, await _open(path))

    def events(self, listener: Listener) -> Callable[[], None]:
        return self._connection.listen(listener)

    async def dial(self, sandbox_id: str, port: int) -> ByteStream:
        """cri.PodDialer: the connection's stream is the pod's; it goes when both of its directions have ended."""
        connection = await _open(self.path)
        stream = connection.stream(STDIN)
        try:
            await connection.request(methods()["dial"], [sandbox_id, port])
        except BaseException:
            connection.close()
            raise
        return stream

    async def close(self) -> None:
        self._connection.close()
        await self.closed.wait()

    async def request(self, method: Method, values: list[Any]) -> Any:
        return await self._connection.request(method, values)

    async def streamed(self, method: Method, values: list[Any], streams: Streams | ByteStream) -> Any:
        """On a connection of its own, which lives as long as the call."""
        connection = await _open(self.path)
        wanted, pumps, outputs = _joined(connection, streams)
        inputs = [asyncio.create_task(pump) for pump in pumps]
        copies = [asyncio.create_task(_copy(connection.stream(number), output)) for number, output in outputs]
        ended = asyncio.create_task(_gone_first(connection, inputs, copies, streams))
        try:
            result = await connection.request(method, values, {"streams": wanted})
            if copies:
                await asyncio.wait(copies)
            return result
        finally:
            connection.close()
            for task in (*inputs, *copies, ended):
                task.cancel()
            await asyncio.gather(*inputs, *copies, ended, return_exceptions=True)
            await connection.done.wait()


async def _gone_first(
    connection: DriverConnection,
    inputs: list[asyncio.Task[None]],
    copies: list[asyncio.Task[None]],
    streams: Streams | ByteStream,
) -> None:
    """A port-forward whose client has broken off is over, whatever the far side still says."""
    if isinstance(streams, ByteStream):
        done, _ = await asyncio.wait([*inputs, *copies], return_when=asyncio.FIRST_EXCEPTION)
        if any(not task.cancelled() and task.exception() is not None for task in done):
            connection.close()


def _joined(
    connection: DriverConnection, streams: Streams | ByteStream
) -> tuple[dict[str, Any], list[Coroutine[Any, Any, None]], list[tuple[int, ByteStream]]]:
    """(what the runtime is told, what to carry there, where to carry what comes)"""
    if isinstance(streams, ByteStream):
        far = connection.stream(STDIN)
        return {"stream": True}, [_copy(streams, far), _copy(far, streams)], []
    wanted = {
        "stdin": streams.stdin is not None,
        "stdout": streams.stdout is not None,
        "stderr": streams.stderr is not None,
        "tty": streams.tty,
        "resize": streams.resize is not None,
    }
    pumps: list[Coroutine[Any, Any, None]] = []
    if streams.stdin is not None:
        pumps.append(_typed(streams.stdin, connection))
    if streams.resize is not None:
        pumps.append(_sizes(streams, connection))
    outputs = [
        (number, stream)
        for number, stream in ((STDOUT, streams.stdout), (STDERR, streams.stderr))
        if stream is not None
    ]
    return wanted, pumps, outputs


async def _copy(source: ByteStream, target: ByteStream) -> None:
    try:
        while data := await source.read():
            target.write(data)
            await target.drained()
        target.end()
    except StreamReset:
        target.end()
        raise


async def _typed(source: ByteStream, connection: DriverConnection) -> None:
    target = connection.stream(STDIN)
    try:
        while data := await source.read():
            target.write(data)
            await target.drained()
        target.end()
    except StreamReset:
        connection.send(dump({"broken": STDIN}))


async def _sizes(streams: Streams, connection: DriverConnection) -> None:
    if streams.resize is not None:
        async for columns, rows in streams.resize:
            connection.send(dump({"resize": [columns, rows]}))


async def _open(path: str) -> DriverConnection:
    try:
        _, connection = await asyncio.get_running_loop().create_unix_connection(
            lambda: DriverConnection(path), reachable(path)
        )
    except FileNotFoundError:
        raise unavailable(path, "no such file or directory") from None
    except OSError as error:
        raise unavailable(path, (error.strerror or str(error)).lower()) from None
    return connection


class DriverConnection(FrameConnection):
    """One connection to a runtime: calls that wait for answers, and listeners."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path
        self._number = 0
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._listeners: list[Listener] = []
        self._event = reader(ContainerEvent)

    async def request(self, method: Method, values: list[Any], more: dict[str, Any] | None = None) -> Any:
        if self.closed:
            raise unavailable(self._path, "connection refused")
        self._number += 1
        number = self._number
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        self.send(dump({"id": number, "call": method.name, "args": values, **(more or {})}))
        try:
            return method.result(await future)
        except asyncio.CancelledError:
            self.send(dump({"cancel": number}))
            raise
        finally:
            self._waiting.pop(number, None)

    def listen(self, listener: Listener) -> Callable[[], None]:
        if not self._listeners:
            self.send(dump({"subscribe": True}))
        self._listeners.append(listener)

        def stop() -> None:
            with contextlib.suppress(ValueError):
                self._listeners.remove(listener)

        return stop

    def received(self, message: dict[str, Any]) -> None:
        if "event" in message:
            event = self._event(message["event"])
            for listener in list(self._listeners):
                listener(event)
            return
        future = self._waiting.get(message["id"])
        if future is None or future.done():
            return
        error = message.get("error")
        if error is None:
            future.set_result(message.get("result"))
        else:
            future.set_exception(_failure(error["code"], error["message"]))

    def lost(self) -> None:
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(RuntimeFailure("error reading from server: EOF", "Unavailable"))


def _failure(code: str, message: str) -> RuntimeFailure:
    from minikube_edu.container_runtime.cri import NotFound

    return NotFound(message) if code == "NotFound" else RuntimeFailure(message, code)
