"""The runtime behind its socket does what the runtime does; clients come and go."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from minikube_edu.container_runtime.cri import (
    ContainerEvent,
    ContainerState,
    EventType,
    NotFound,
    RuntimeFailure,
    Streams,
)
from minikube_edu.container_runtime.socket_driver import SocketRuntime
from minikube_edu.container_runtime.socket_face import SocketFace
from minikube_edu.lib.streams.pipe import pipe
from tests.container_runtime.node import Node, eventually
from tests.container_runtime.node import node as running_node


@asynccontextmanager
async def served(root: Path) -> AsyncIterator[tuple[Node, str]]:
    async with running_node(root) as node:
        face = SocketFace(node.runtime, str(root / "run/c.sock"))
        await face.start()
        try:
            yield node, str(root / "run/c.sock")
        finally:
            await face.close()


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    """A node whose runtime is reached over the socket."""
    async with served(tmp_path) as (made, path):
        runtime = await SocketRuntime.connect(path)
        yield Node(made.root, runtime, made.fabric, made.events)
        await runtime.close()


async def test_does_a_container_run_from_pull_to_removal(node: Node) -> None:
    events: list[ContainerEvent] = []
    node.runtime.events(events.append)
    status, log = await node.run("busybox", "sh", "-c", "echo hello; exit 3", labels={"a": "b"})
    assert (status.exit_code, log, status.config.labels) == (3, "hello\n", {"a": "b"})
    assert status.state is ContainerState.EXITED
    assert [event.type for event in events if event.container_id == status.id] == [
        EventType.CREATED,
        EventType.STARTED,
        EventType.STOPPED,
    ]
    await node.runtime.remove_sandbox(status.sandbox_id)
    assert await node.runtime.list_containers() == []
    assert (await node.runtime.version()).name == "containerd"
    assert [condition.status for condition in await node.runtime.conditions()] == [True, True]
    assert [image.tags for image in await node.runtime.list_images()] == [("docker.io/library/busybox:latest",)]


async def test_do_refusals_keep_their_kind_code_and_words(node: Node) -> None:
    with pytest.raises(NotFound, match=r"nginx:1\.161: not found"):
        await node.runtime.pull_image("nginx:1.161")
    with pytest.raises(RuntimeFailure) as refused:
        await node.runtime.pull_image("nginx:")
    assert refused.value.code == "InvalidArgument"
    container = await node.start("busybox", "sleep", "100")
    with pytest.raises(RuntimeFailure) as late:
        await node.runtime.exec_sync(container, ["sleep", "9"], timeout=0.05)
    assert late.value.code == "DeadlineExceeded"


async def test_do_streams_go_both_ways(node: Node) -> None:
    container = await node.start("busybox", "sleep", "100")
    stdin, to_stdin = pipe()
    stdout, from_stdout = pipe()
    stderr, from_stderr = pipe()
    running = asyncio.create_task(
        node.runtime.exec(container, ["sh", "-c", "cat; echo oops >&2; exit 7"], Streams(stdin, stdout, stderr))
    )
    data = os.urandom(1 << 20)
    received = asyncio.create_task(from_stdout.read_all())
    for at in range(0, len(data), 10_000):
        to_stdin.write(data[at : at + 10_000])
        await to_stdin.drained()
    to_stdin.end()
    assert await running == 7
    assert await received == data
    assert await from_stderr.read_all() == b"oops\n"


async def test_does_a_reader_that_sleeps_hold_up_only_his_own_command(node: Node) -> None:
    container = await node.start("busybox", "sleep", "100")
    stdout, unread = pipe()
    running = asyncio.create_task(
        node.runtime.exec(
            container, ["sh", "-c", "while true; do cat /bin/busybox /etc/group; done"], Streams(stdout=stdout)
        )
    )
    await asyncio.sleep(0.3)
    assert (await node.runtime.exec_sync(container, ["echo", "still here"])).stdout == b"still here\n"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    unread.session.close()
    await node.runtime.stop_container(container, 0)


async def test_do_port_forward_and_dial_reach_a_pod(node: Node) -> None:
    sandbox = await node.sandbox()
    await node.start("nginx", sandbox=sandbox)
    runtime = node.runtime
    assert isinstance(runtime, SocketRuntime)

    async def dialled() -> bytes:
        assert isinstance(runtime, SocketRuntime)
        try:
            stream = await runtime.dial(sandbox, 80)
        except RuntimeFailure:
            return b""  # not yet
        stream.write(b"GET / HTTP/1.0\r\nHost: pod\r\n\r\n")
        stream.end()
        return await stream.read_all()

    assert (await eventually(dialled)).startswith(b"HTTP/1.1 200")
    stream, client = pipe()
    forwarding = asyncio.create_task(runtime.port_forward(sandbox, 80, stream))
    client.write(b"GET / HTTP/1.0\r\nHost: pod\r\n\r\n")
    assert (await client.read_all()).startswith(b"HTTP/1.1 200")
    client.session.close()
    await asyncio.wait_for(forwarding, 5)
    with pytest.raises(RuntimeFailure, match="connect: connection refused"):
        await runtime.port_forward(sandbox, 81, pipe()[0])


async def test_does_attach_end_when_its_client_goes(node: Node) -> None:
    container = await node.start("busybox", "cat", stdin=True)
    stdin, to_stdin = pipe()
    stdout, seen = pipe()
    attached = asyncio.create_task(node.runtime.attach(container, Streams(stdin, stdout)))
    to_stdin.write(b"words\n")
    assert await seen.read() == b"words\n"
    attached.cancel()
    await asyncio.gather(attached, return_exceptions=True)
    assert (await node.runtime.container_status(container)).state is ContainerState.RUNNING
    await node.runtime.stop_container(container, 0)


async def test_does_a_command_get_sighup_when_its_clients_terminal_breaks_off(node: Node) -> None:
    container = await node.start("busybox", "sleep", "100")
    stdin, keyboard = pipe()
    stdout, _ = pipe()
    streams = Streams(stdin, stdout, None, True)
    running = asyncio.create_task(node.runtime.exec(container, ["sh", "-c", "sleep 1000"], streams))
    await asyncio.sleep(0.1)
    keyboard.reset()
    assert await asyncio.wait_for(running, 5) == 129


async def test_is_the_socket_private_and_taken_away(tmp_path: Path) -> None:
    async with served(tmp_path) as (node, path):
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        with pytest.raises(RuntimeFailure, match="another process listens"):
            await SocketFace(node.runtime, path).start()
    assert not os.path.exists(path)
    with pytest.raises(RuntimeFailure) as refused:
        await SocketRuntime.connect(path)
    assert refused.value.code == "Unavailable"
    assert "connect: no such file or directory" in refused.value.message


async def test_do_calls_fail_when_the_runtime_goes(tmp_path: Path) -> None:
    async with served(tmp_path) as (node, path):
        runtime = await SocketRuntime.connect(path)
        container = await node.start("busybox", "sleep", "100")
        waiting = asyncio.create_task(runtime.exec_sync(container, ["sleep", "100"]))
        await asyncio.sleep(0.02)
    with pytest.raises(RuntimeFailure) as failure:
        await waiting
    assert failure.value.code == "Unavailable"
    assert runtime.closed.is_set()
    with pytest.raises(RuntimeFailure):
        await runtime.version()


async def test_may_many_clients_come_and_speak_nonsense(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, path):
        clients = [await SocketRuntime.connect(path) for _ in range(10)]
        await asyncio.gather(*(client.version() for client in clients))
        for nonsense in (b"GET / HTTP/1.1\r\n\r\n", b"\x00\x00\x00\x02\x00[]", b"\x00\x00\x00\x02\x00{}", b"\xff" * 9):
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(nonsense)
            writer.write_eof()
            await asyncio.wait_for(reader.read(), 5)
            writer.close()
        assert (await clients[0].version()).name == "containerd"
        for client in clients:
            await client.close()


async def test_is_an_abandoned_call_cancelled(tmp_path: Path) -> None:
    async with served(tmp_path) as (node, path):
        runtime = await SocketRuntime.connect(path)
        container = await node.start("busybox", "sleep", "100")
        stopping = asyncio.create_task(runtime.stop_container(container, 60))
        await asyncio.sleep(0.02)
        stopping.cancel()
        await asyncio.gather(stopping, return_exceptions=True)
        assert (await runtime.container_status(container)).state is ContainerState.RUNNING
        await runtime.close()
