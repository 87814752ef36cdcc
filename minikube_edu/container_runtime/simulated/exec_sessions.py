"""A client's streams joined to a process: exec, exec_sync, attach.

Output needs no task: sinks write to the client's streams, and a slow client holds the program up. Input is one task
that carries bytes to a pipe or a terminal, another follows the terminal's size; both end with the session. A client
that goes leaves its command running, as a runtime does; with a terminal the command gets SIGHUP.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from minikube_edu.container_runtime.cri import RuntimeFailure, Streams
from minikube_edu.container_runtime.simulated import start_errors
from minikube_edu.container_runtime.simulated.contract import OpenFile, User
from minikube_edu.container_runtime.simulated.filesystem.device_tree import null
from minikube_edu.container_runtime.simulated.kernel.machine import Machine
from minikube_edu.container_runtime.simulated.kernel.pipe import Pipe, PipeEnd
from minikube_edu.container_runtime.simulated.kernel.sink import Sink
from minikube_edu.container_runtime.simulated.kernel.terminal import KernelTerminal
from minikube_edu.container_runtime.simulated.outputs import Output
from minikube_edu.lib import ids
from minikube_edu.lib.streams.byte_stream import ByteStream, StreamReset
from minikube_edu.lib.streams.pipe import pipe

SYNC_LIMIT = 16 << 20  # bytes of each stream that ExecSync answers


def new_id() -> str:
    return (ids.uid() + ids.uid()).replace("-", "")


def collected() -> tuple[bytearray, bytearray, Streams]:
    """Streams that gather what a command writes: (stdout, stderr, streams)."""
    stdout, stderr = bytearray(), bytearray()
    return stdout, stderr, Streams(stdout=_gathering(stdout), stderr=_gathering(stderr))


def _gathering(into: bytearray) -> ByteStream:
    near, far = pipe()

    def take(data: bytes) -> None:
        room = SYNC_LIMIT - len(into)
        if room > 0:
            into.extend(data[:room])

    far.listen(take)
    return near


def to_client(stream: ByteStream | None) -> Callable[[bytes], Awaitable[None] | None]:
    """What a sink calls: writes to the client, and waits while he does not read."""
    if stream is None:
        return lambda data: None

    async def drained() -> None:
        try:
            await stream.drained()
        except StreamReset:
            pass  # nobody listens any more; the program goes on

    def write(data: bytes) -> Awaitable[None]:
        stream.write(data)
        return drained()

    return write


def terminal_of(stream: ByteStream | None) -> KernelTerminal:
    """Its output goes to the client."""
    if stream is None:
        return KernelTerminal(lambda data: None)
    terminal = KernelTerminal(stream.write)

    async def drained() -> None:
        try:
            await stream.drained()
        except StreamReset:
            pass

    terminal.drained = drained
    return terminal


async def run(
    machine: Machine,
    command: Sequence[str],
    env: Mapping[str, str],
    cwd: str,
    user: User,
    streams: Streams,
    timeout: float = 0,
) -> int:
    """Returns the exit code; RuntimeFailure when the command cannot be started, or does not end in time."""
    terminal = terminal_of(streams.stdout) if streams.tty else None
    stdin_pipe = Pipe() if streams.stdin is not None and terminal is None else None
    files: dict[int, OpenFile] | None = None
    if terminal is None:
        stdin = null() if stdin_pipe is None else PipeEnd(stdin_pipe, True, False)
        files = {0: stdin, 1: Sink(to_client(streams.stdout)), 2: Sink(to_client(streams.stderr))}
    return await _run(machine, command, env, cwd, user, files, terminal, stdin_pipe, streams, timeout)


async def _run(
    machine: Machine,
    command: Sequence[str],
    env: Mapping[str, str],
    cwd: str,
    user: User,
    files: dict[int, OpenFile] | None,
    terminal: KernelTerminal | None,
    pipe: Pipe | None,
    streams: Streams,
    timeout: float,
) -> int:
    if pipe is not None:
        pipe.writers = 1  # the client
    try:
        process = machine.exec(command, env=env, cwd=cwd, user=user, files=files, terminal=terminal)
    except OSError as error:
        words = start_errors.EXEC.format(id=new_id()) + start_errors.in_runc_words(error, command)
        raise RuntimeFailure(words) from None
    tasks = input_tasks(streams, pipe, terminal, _closer(pipe, terminal))
    try:
        async with asyncio.timeout(timeout or None):
            status = await machine.ended_of(process)
        return status.shell_code()
    except TimeoutError:
        process.deliver(9, forced=True)
        raise RuntimeFailure(
            f"failed to exec in container: timeout {go_seconds(timeout)} exceeded: context deadline exceeded",
            "DeadlineExceeded",
        ) from None
    except asyncio.CancelledError:
        if terminal is not None:
            terminal.hang_up()
        raise
    finally:
        await _ended(tasks)
        for stream in (streams.stdout, streams.stderr):
            if stream is not None:
                stream.end()


def _closer(pipe: Pipe | None, terminal: KernelTerminal | None) -> Callable[[], None] | None:
    """What the end of its client's input does to a command: no more input, or a terminal that hangs up."""
    if terminal is not None:
        return terminal.hang_up
    return None if pipe is None else lambda: close_pipe(pipe)


def close_pipe(pipe: Pipe) -> None:
    """The runtime's own hold on the writing side."""
    if pipe.writers:
        pipe.writers = 0
        pipe.wake()


def go_seconds(seconds: float) -> str:
    """1s, 1.5s, 500ms"""
    if seconds < 1:
        return f"{seconds * 1000:g}ms"
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}m{rest:g}s" if minutes else f"{rest:g}s"


def input_tasks(
    streams: Streams, pipe: Pipe | None, terminal: KernelTerminal | None, close: Callable[[], None] | None
) -> list[asyncio.Task[None]]:
    tasks = []
    loop = asyncio.get_running_loop()
    if streams.stdin is not None and terminal is not None:
        tasks.append(loop.create_task(_type(streams.stdin, terminal, close)))
    elif streams.stdin is not None and pipe is not None:
        tasks.append(loop.create_task(_feed(streams.stdin, pipe, close)))
    if streams.resize is not None and terminal is not None:
        tasks.append(loop.create_task(_follow_size(streams, terminal)))
    return tasks


async def _feed(stdin: ByteStream, pipe: Pipe, close: Callable[[], None] | None) -> None:
    """The client's input into a pipe; at its end the pipe ends, unless others may still write to it."""
    try:
        while data := await stdin.read():
            pipe.feed(data)
            await pipe.drained()
    except StreamReset:
        pass
    if close is not None:
        close()


async def _type(stdin: ByteStream, terminal: KernelTerminal, broken: Callable[[], None] | None) -> None:
    try:
        while data := await stdin.read():
            terminal.type(data)
    except StreamReset:
        if broken is not None:
            broken()


async def _follow_size(streams: Streams, terminal: KernelTerminal) -> None:
    if streams.resize is not None:
        async for columns, rows in streams.resize:
            terminal.resize(columns, rows)


async def _ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.gather(*tasks, return_exceptions=True)


async def attach(
    output: Output,
    streams: Streams,
    pipe: Pipe | None,
    terminal: KernelTerminal | None,
    close: Callable[[], None] | None,
    until_ended: Callable[[], Awaitable[None]],
) -> None:
    """Until the container has ended, or the client has gone."""
    joined = [(name, stream) for name, stream in (("stdout", streams.stdout), ("stderr", streams.stderr)) if stream]
    for name, stream in joined:
        output.join(name, stream)
    tasks = input_tasks(streams, pipe, terminal, close)
    ends = [asyncio.ensure_future(until_ended())]
    client = next((stream for stream in (streams.stdout, streams.stdin, streams.stderr) if stream is not None), None)
    if client is not None:
        ends.append(asyncio.ensure_future(client.session.wait_closed()))
    try:
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for _, stream in joined:
            output.leave(stream)
            stream.end()
        await _ended([*tasks, *ends])
