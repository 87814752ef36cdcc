"""exec, attach, port-forward and dialling, on the runtime itself; ../socket has them over a socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from minikube_edu.container_runtime.cri import RuntimeFailure, Streams
from minikube_edu.container_runtime.simulated.runtime import SimulatedRuntime
from minikube_edu.lib.streams.pipe import pipe
from tests.container_runtime.node import Node, eventually


async def test_does_exec_join_stdin_and_both_outputs_and_answer_the_exit_code(node: Node) -> None:
    container = await node.start("busybox", "sleep", "100")
    stdin, to_stdin = pipe()
    stdout, from_stdout = pipe()
    stderr, from_stderr = pipe()
    streams = Streams(stdin, stdout, stderr)
    running = asyncio.create_task(node.runtime.exec(container, ["sh", "-c", "cat; echo oops >&2; exit 7"], streams))
    to_stdin.write(b"one\n")
    to_stdin.write(b"two\n")
    to_stdin.end()
    assert await running == 7
    assert await from_stdout.read_all() == b"one\ntwo\n"
    assert await from_stderr.read_all() == b"oops\n"


async def test_has_exec_a_terminal_with_the_clients_size(node: Node) -> None:
    container = await node.start("busybox", "sleep", "100")
    stdin, keyboard = pipe()
    stdout, screen = pipe()
    sizes: asyncio.Queue[tuple[int, int]] = asyncio.Queue()

    async def resizes() -> AsyncIterator[tuple[int, int]]:
        while True:
            yield await sizes.get()

    streams = Streams(stdin, stdout, None, True, resizes())
    running = asyncio.create_task(node.runtime.exec(container, ["sh"], streams))
    sizes.put_nowait((132, 43))
    await asyncio.sleep(0.05)
    keyboard.write(b"stty size; echo $TERM\r")
    await asyncio.sleep(0.1)
    keyboard.write(b"exit 5\r")
    assert await running == 5
    seen = (await screen.read_all()).decode()
    assert "43 132\r\n" in seen
    assert "xterm\r\n" in seen


async def test_is_a_command_that_is_not_there_refused_in_runcs_words(node: Node) -> None:
    container = await node.start("busybox", "sleep", "100")
    with pytest.raises(RuntimeFailure) as refused:
        await node.runtime.exec_sync(container, ["bash"])
    assert refused.value.message.startswith('failed to exec in container: failed to start exec "')
    assert refused.value.message.endswith(
        "OCI runtime exec failed: exec failed: unable to start container process: "
        'exec: "bash": executable file not found in $PATH'
    )


async def test_does_exec_sync_have_a_deadline(node: Node) -> None:
    container = await node.start("busybox", "sleep", "100")
    with pytest.raises(RuntimeFailure, match="timeout 50ms exceeded: context deadline exceeded") as refused:
        await node.runtime.exec_sync(container, ["sleep", "50"], 0.05)
    assert refused.value.code == "DeadlineExceeded"
    assert "sleep 50" not in await node.sh(container, "ps | grep -v ps")


async def test_is_exec_refused_when_the_container_has_ended(node: Node) -> None:
    status, _ = await node.run("busybox", "true")
    with pytest.raises(RuntimeFailure, match="container is in CONTAINER_EXITED state"):
        await node.runtime.exec_sync(status.id, ["true"])


async def test_does_a_commands_end_with_its_container_show_as_137(node: Node) -> None:
    container = await node.start("busybox", "sleep", "100")
    running = asyncio.create_task(node.runtime.exec_sync(container, ["sleep", "100"]))
    await asyncio.sleep(0.02)
    await node.runtime.stop_container(container, 0)
    assert (await running).exit_code == 137


async def test_does_attach_show_output_from_now_on_and_end_with_the_container(node: Node) -> None:
    container = await node.start("busybox", "sh", "-c", "echo early; sleep 0.1; echo late; sleep 0.1; exit 1")
    await asyncio.sleep(0.05)
    stdout, seen = pipe()
    await node.runtime.attach(container, Streams(stdout=stdout))
    assert await seen.read_all() == b"late\n"


async def test_does_stdin_once_end_the_input_with_its_first_client(node: Node) -> None:
    container = await node.start("busybox", "cat", stdin=True, stdin_once=True)
    stdin, to_stdin = pipe()
    stdout, seen = pipe()
    attached = asyncio.create_task(node.runtime.attach(container, Streams(stdin, stdout)))
    to_stdin.write(b"words\n")
    await asyncio.sleep(0.02)
    to_stdin.end()
    await asyncio.wait_for(attached, 5)
    status = await node.ended(container)
    assert status.exit_code == 0
    assert node.log(status) == "words\n"
    assert await seen.read_all() == b"words\n"


async def test_may_a_client_leave_and_another_come(node: Node) -> None:
    container = await node.start("busybox", "cat", stdin=True)
    for words in (b"first\n", b"second\n"):
        stdin, to_stdin = pipe()
        stdout, seen = pipe()
        attached = asyncio.create_task(node.runtime.attach(container, Streams(stdin, stdout)))
        to_stdin.write(words)
        assert await seen.read() == words
        to_stdin.session.close()
        seen.session.close()
        await asyncio.wait_for(attached, 5)
    await node.runtime.stop_container(container, 0)
    assert node.log(await node.ended(container)) == "first\nsecond\n"


async def test_is_a_terminal_the_containers_own_when_it_asks_for_one(node: Node) -> None:
    container = await node.start("busybox", "sh", stdin=True, tty=True)
    stdin, keyboard = pipe()
    stdout, screen = pipe()
    attached = asyncio.create_task(node.runtime.attach(container, Streams(stdin, stdout, None, True)))
    await asyncio.sleep(0.02)
    keyboard.write(b"echo $((6*7)); exit 3\r")
    await asyncio.wait_for(attached, 5)
    assert b"42\r\n" in await screen.read_all()
    assert (await node.ended(container)).exit_code == 3


async def test_does_a_container_survive_the_client_at_its_terminal(node: Node) -> None:
    container = await node.start("busybox", "sh", stdin=True, tty=True)
    stdin, keyboard = pipe()
    stdout, screen = pipe()
    attached = asyncio.create_task(node.runtime.attach(container, Streams(stdin, stdout, None, True)))
    await asyncio.sleep(0.02)
    keyboard.reset()
    screen.session.close()
    await asyncio.wait_for(attached, 5)
    assert await node.sh(container, "echo alive") == "alive\n"


async def test_does_a_command_get_sighup_when_its_terminal_goes(node: Node) -> None:
    container = await node.start("busybox", "sleep", "100")
    stdin, keyboard = pipe()
    stdout, _ = pipe()
    running = asyncio.create_task(
        node.runtime.exec(container, ["sh", "-c", "sleep 1000"], Streams(stdin, stdout, None, True))
    )
    await asyncio.sleep(0.05)
    keyboard.reset()
    assert await asyncio.wait_for(running, 5) == 129


async def test_does_port_forward_reach_the_pods_localhost(node: Node) -> None:
    sandbox = await node.sandbox()
    await node.start("nginx", sandbox=sandbox)
    await asyncio.sleep(0.1)
    stream, client = pipe()
    forwarding = asyncio.create_task(node.runtime.port_forward(sandbox, 80, stream))
    client.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    answer = await client.read_all()
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Welcome to nginx!" in answer
    client.session.close()
    await asyncio.wait_for(forwarding, 5)


async def test_is_a_port_where_nobody_listens_refused_in_containerds_words(node: Node) -> None:
    sandbox = await node.sandbox()
    stream, _ = pipe()
    with pytest.raises(RuntimeFailure) as refused:
        await node.runtime.port_forward(sandbox, 8080, stream)
    assert "failed to connect to localhost:8080 inside namespace" in refused.value.message
    assert "IPv4: dial tcp4 127.0.0.1:8080: connect: connection refused" in refused.value.message


async def test_can_the_kubelet_dial_a_pod(node: Node) -> None:
    assert isinstance(node.runtime, SimulatedRuntime)
    sandbox = await node.sandbox()
    with pytest.raises(RuntimeFailure, match="connect: connection refused"):
        await node.runtime.dial(sandbox, 80)
    await node.start("nginx", sandbox=sandbox)

    async def served() -> bytes:
        assert isinstance(node.runtime, SimulatedRuntime)
        try:
            stream = await node.runtime.dial(sandbox, 80)
        except RuntimeFailure:
            return b""
        stream.write(b"GET / HTTP/1.0\r\nHost: pod\r\n\r\n")
        stream.end()
        return await stream.read_all()

    assert (await eventually(served)).startswith(b"HTTP/1.1 200")
