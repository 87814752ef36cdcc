"""Do exec, attach and port-forward carry bytes, exit codes and refusals?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from urllib.parse import parse_qs

import orjson
import pytest

from minikube_edu.client import remote
from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import Client
from minikube_edu.client.sending import Sender
from minikube_edu.lib.streams import websocket
from minikube_edu.lib.streams.byte_stream import StreamReset
from minikube_edu.lib.streams.channels import V4, V5, ChannelSession, serve_channels
from minikube_edu.lib.web.inprocess import InProcess
from minikube_edu.lib.web.messages import Answer, Request, Upgrade
from tests.client.server import failure

Far = Callable[[ChannelSession], None]
EXIT_3 = {
    "status": "Failure",
    "reason": "NonZeroExitCode",
    "details": {"causes": [{"reason": "ExitCode", "message": "3"}]},
}


class Pod:
    """The far end of an upgraded connection."""

    def __init__(self, far: Far, supported: tuple[str, ...] = (V5, V4)) -> None:
        self.far = far
        self.supported = supported
        self.requests: list[Request] = []

    def __call__(self, request: Request) -> Answer:
        self.requests.append(request)
        headers, protocol = websocket.accept(request.headers, self.supported)
        return Upgrade(serve_channels(protocol, self.far), headers)

    def client(self) -> Client:
        return Client(Sender(InProcess(self)))


def finish(session: ChannelSession, status: object) -> None:
    session.channel(remote.ERROR).write(orjson.dumps(status))
    session.close()


async def test_does_a_command_get_its_input_and_give_its_output_and_code() -> None:
    tasks = []

    async def shout(session: ChannelSession) -> None:
        text = await session.channel(remote.STDIN).read_all()
        session.channel(remote.STDOUT).write(text.upper())
        session.channel(remote.STDERR).write(b"oops")
        finish(session, EXIT_3)

    pod = Pod(lambda session: tasks.append(asyncio.create_task(shout(session))))
    command = ["sh", "-c", "a b&c"]
    async with await remote.execute(pod.client(), "default", "web", command, container="c", stdin=True) as process:
        assert await process.run(b"hello") == (3, b"HELLO", b"oops")
    assert pod.requests[0].path == "/api/v1/namespaces/default/pods/web/exec"
    assert parse_qs(pod.requests[0].query) == {
        "command": command,
        "container": ["c"],
        "stdin": ["true"],
        "stdout": ["true"],
        "stderr": ["true"],
    }
    await asyncio.gather(*tasks)


async def test_is_success_zero_and_anything_else_an_error() -> None:
    pod = Pod(lambda session: finish(session, {"status": "Success"}))
    async with await remote.execute(pod.client(), "default", "web", ["true"]) as process:
        assert await process.wait() == 0
    pod = Pod(
        lambda session: finish(session, {"status": "Failure", "reason": "InternalError", "message": "no such file"})
    )
    async with await remote.execute(pod.client(), "default", "web", ["nope"]) as process:
        with pytest.raises(ApiError, match="no such file"):
            await process.wait()


async def test_is_a_broken_connection_no_success() -> None:
    pod = Pod(lambda session: session.close(websocket.FAILED, "gone"))
    async with await remote.attach(pod.client(), "default", "web") as process:
        with pytest.raises(StreamReset, match="gone"):
            await process.wait()


async def test_does_a_terminal_tell_its_size_and_have_no_stderr() -> None:
    sizes = []

    async def far(session: ChannelSession) -> None:
        sizes.append(await session.channel(remote.RESIZE).read())
        finish(session, {"status": "Success"})

    tasks = []
    pod = Pod(lambda session: tasks.append(asyncio.create_task(far(session))))
    async with await remote.attach(pod.client(), "default", "web", stdin=True, tty=True) as process:
        process.resize(80, 24)
        assert await process.wait() == 0
    assert sizes == [b'{"Width":80,"Height":24}']
    assert "stderr" not in pod.requests[0].query
    assert "tty=true" in pod.requests[0].query
    await asyncio.gather(*tasks)


async def test_is_a_refusal_told_before_anything_happens() -> None:
    client = Client(Sender(InProcess(lambda request: failure(404, "NotFound", 'pods "web" not found'))))
    with pytest.raises(ApiError, match='pods "web" not found'):
        await remote.execute(client, "default", "web", ["true"])


async def test_do_bytes_go_through_a_forwarded_port() -> None:
    tasks = []

    async def echo(session: ChannelSession) -> None:
        for number in (0, 1):
            session.channel(number).write((8080).to_bytes(2, "little"))
        session.channel(0).write(await session.channel(0).read())

    pod = Pod(lambda session: tasks.append(asyncio.create_task(echo(session))), (V4,))
    async with remote.forward(pod.client(), "default", "web", 8080) as port:
        port.data.write(b"ping")
        assert await port.data.read() == b"ping"
    assert pod.requests[0].query == "ports=8080"
    await asyncio.gather(*tasks)


async def test_is_a_command_heard_that_had_ended_when_the_answer_came() -> None:
    """Output, status and the connection's end all at once, with the answer: nothing of it is lost."""

    def far(session: ChannelSession) -> None:
        session.channel(1).write(b"said")
        session.channel(3).write(orjson.dumps(EXIT_3))
        session.close()

    process = await remote.execute(Pod(far).client(), "default", "web", ["false"])
    assert await process.run() == (3, b"said", b"")
