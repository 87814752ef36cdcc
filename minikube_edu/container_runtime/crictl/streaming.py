"""exec, attach, logs, port-forward: what flows."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from minikube_edu.container_runtime.cri import Container, ContainerState, Streams
from minikube_edu.container_runtime.crictl.session import Failure, Session
from minikube_edu.lib import clock
from minikube_edu.lib.streams.byte_stream import ByteStream, StreamReset
from minikube_edu.lib.streams.pipe import pipe

LOOK_AGAIN = 0.1


async def execute(session: Session) -> int:
    given = session.given
    if len(given.arguments) < 2:
        raise Failure("ID cannot be empty" if not given.arguments else "command cannot be empty")
    container = await session.container(given.arguments[0])
    if container.state is not ContainerState.RUNNING:
        raise Failure(f"execing command in container: container is not in running state: {container.state.value}")
    command = given.arguments[1:]
    if given.has("sync"):
        result = await session.runtime.exec_sync(container.id, command, float(given.get("timeout", "0")))
        sys.stdout.buffer.write(result.stdout)
        sys.stderr.buffer.write(result.stderr)
        return int(result.exit_code)
    with _terminal(given.has("tty")):
        streams, pumps = _streams(given.has("interactive"), given.has("tty"))
        try:
            return int(await session.runtime.exec(container.id, command, streams))
        finally:
            await _end(pumps)


async def attach(session: Session) -> None:
    if not session.given.arguments:
        raise Failure("ID cannot be empty")
    container = await session.container(session.given.arguments[0])
    with _terminal(session.given.has("tty")):
        streams, pumps = _streams(session.given.has("stdin"), session.given.has("tty"))
        try:
            await session.runtime.attach(container.id, streams)
        finally:
            await _end(pumps)


def _streams(stdin: bool, tty: bool) -> tuple[Streams, list[asyncio.Task[None]]]:
    """The caller's standard streams, joined with the command's."""
    pumps = []

    def output(descriptor: int) -> ByteStream:
        near, far = pipe()

        def write(data: bytes) -> None:
            while data:
                data = data[os.write(descriptor, data) :]

        near.listen(write)
        return far

    typed = None
    if stdin:
        near, typed = pipe()
        pumps.append(asyncio.create_task(_typed(near)))
    return Streams(typed, output(1), None if tty else output(2), tty, _sizes() if tty else None), pumps


async def _typed(stream: ByteStream) -> None:
    loop = asyncio.get_running_loop()
    with contextlib.suppress(StreamReset, OSError):
        while data := await loop.run_in_executor(None, os.read, 0, 4096):
            stream.write(data)
            await stream.drained()
    stream.end()


async def _end(pumps: list[asyncio.Task[None]]) -> None:
    sys.stdout.flush()
    for pump in pumps:
        pump.cancel()


async def _sizes() -> AsyncIterator[tuple[int, int]]:
    changed = asyncio.Event()
    changed.set()
    asyncio.get_running_loop().add_signal_handler(signal.SIGWINCH, changed.set)
    while True:
        await changed.wait()
        changed.clear()
        with contextlib.suppress(OSError):
            columns, rows = os.get_terminal_size(0)
            yield columns, rows


@contextlib.contextmanager
def _terminal(raw: bool) -> Iterator[None]:
    """Keys go through as they are typed, until the end."""
    if not raw or not os.isatty(0):
        yield
        return
    import termios
    import tty

    before = termios.tcgetattr(0)
    tty.setraw(0)
    try:
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)


async def logs(session: Session) -> None:
    given = session.given
    if not given.arguments:
        raise Failure("ID cannot be empty")
    container = await session.container(given.arguments[0])
    if given.has("previous"):
        container = await _previous(session, container)
    path = Path(container.log_path)
    if not container.log_path or not path.exists():
        raise Failure(f'failed to try resolving symlinks in path "{container.log_path}": no such file or directory')
    lines = path.read_bytes().splitlines(keepends=True)
    position = sum(map(len, lines))
    if given.has("since"):
        limit = clock.rfc3339_micro(clock.now() - _seconds(given.get("since"))).encode()
        lines = [line for line in lines if line[:26] >= limit[:26]]
    if given.has("tail") and int(given.get("tail")) >= 0:
        lines = lines[-int(given.get("tail")) :] if int(given.get("tail")) else []
    _print(lines, given.has("timestamps"))
    while given.has("follow"):
        await asyncio.sleep(LOOK_AGAIN)
        now = await session.runtime.container_status(container.id)
        more = path.read_bytes()[position:]
        position += len(more)
        _print(more.splitlines(keepends=True), given.has("timestamps"))
        if now.state is not ContainerState.RUNNING and not more:
            return


async def _previous(session: Session, container: Container) -> Container:
    known: list[Container] = await session.runtime.list_containers(container.sandbox_id)
    same = [
        one
        for one in known
        if one.config.name == container.config.name and one.config.attempt < container.config.attempt
    ]
    if not same:
        raise Failure(f"there is no previous instance of container {container.id}")
    return max(same, key=lambda one: one.config.attempt)


def _print(lines: list[bytes], timestamps: bool) -> None:
    """Out of CRI's log format: `TIME STREAM TAG text`."""
    for line in lines:
        parts = line.split(b" ", 3)
        if len(parts) < 4:
            continue
        stamp, stream, tag, text = parts
        target = sys.stderr if stream == b"stderr" else sys.stdout
        text = text.removesuffix(b"\n") if tag == b"P" else text
        target.buffer.write((stamp + b" " if timestamps else b"") + text)
    sys.stdout.flush()
    sys.stderr.flush()


def _seconds(text: str) -> float:
    """A Go duration, or an RFC 3339 time."""
    from minikube_edu.lib.durations import parse

    try:
        return parse(text) / 1e9
    except ValueError:
        return clock.now() - clock.parse_rfc3339(text)


async def port_forward(session: Session) -> None:
    if len(session.given.arguments) < 2:
        raise Failure("POD-ID and a port are needed")
    sandbox = await session.sandbox(session.given.arguments[0])
    servers = []
    for words in session.given.arguments[1:]:
        local, _, remote = words.rpartition(":")

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, remote: int = int(remote)) -> None:
            near, far = pipe()
            near.listen(lambda data: writer.write(data) if data else writer.close())
            forwarding = asyncio.create_task(session.runtime.port_forward(sandbox.id, remote, far))
            while data := await reader.read(65536):
                near.write(data)
                await near.drained()
            near.end()
            await forwarding

        server = await asyncio.start_server(serve, "127.0.0.1", int(local or remote))
        port = server.sockets[0].getsockname()[1]
        session.say(f"Forwarding from 127.0.0.1:{port} -> {remote}")
        servers.append(server)
    sys.stdout.flush()
    await asyncio.gather(*(server.serve_forever() for server in servers))
