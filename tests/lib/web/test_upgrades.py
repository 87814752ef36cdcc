"""Exec as a whole: client, API server and kubelet, joined by real TLS connections and a relay."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable

import pytest

from minikube_edu.lib.streams import channels, tunnel, websocket
from minikube_edu.lib.streams.byte_stream import ByteStream
from minikube_edu.lib.streams.channels import ChannelSession, serve_channels
from minikube_edu.lib.streams.relay import forward_to
from minikube_edu.lib.streams.spdy import SpdySession, serve_spdy
from minikube_edu.lib.streams.tunnel import through_websocket
from minikube_edu.lib.web import tls
from minikube_edu.lib.web.client import Client
from minikube_edu.lib.web.incoming import Upgraded
from minikube_edu.lib.web.messages import Answer, Request, Response, Upgrade
from tests.lib.web.conftest import Files, Start


class Kubelet:
    """Says everything back in capitals, whichever wire it came on."""

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[None]] = set()

    def run(self, stdin: ByteStream, stdout: ByteStream) -> None:
        task = asyncio.get_running_loop().create_task(self.shout(stdin, stdout))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def shout(self, stdin: ByteStream, stdout: ByteStream) -> None:
        while data := await stdin.read():
            stdout.write(data.upper())
            await stdout.drained()
        stdout.end()
        if isinstance(stdout.session, ChannelSession):
            stdout.session.close()

    def channels(self, session: ChannelSession) -> None:
        self.run(session.channel(0), session.channel(1))

    def spdy(self, session: SpdySession) -> None:
        session.on_stream = lambda stream: self.run(stream, stream)

    def handle(self, request: Request) -> Answer:
        if not websocket.is_handshake(request.headers):
            if request.header(b"upgrade") != b"SPDY/3.1":
                return Response(400, b"upgrade wanted")
            return Upgrade(serve_spdy(self.spdy), ((b"Upgrade", b"SPDY/3.1"),))
        headers, protocol = websocket.accept(request.headers, (*channels.SUPPORTED, tunnel.PORT_FORWARD))
        if protocol == tunnel.PORT_FORWARD:
            return Upgrade(through_websocket(serve_spdy(self.spdy)), headers)
        return Upgrade(serve_channels(protocol, self.channels), headers)


@pytest.fixture
async def front(start: Start, files: Files) -> AsyncIterator[Client]:
    """A client of an API server that forwards everything to a kubelet."""
    context = tls.server_context(files.cert, files.key, files.ca)
    kubelet = await start(Kubelet().handle, tls=context)
    behind = Client("127.0.0.1", kubelet.port, tls=tls.client_context(files.ca))

    async def forward(request: Request) -> Answer:
        headers = [pair for pair in request.headers if pair[0] not in (b"host", b"content-length")]
        far = await behind.upgrade(request.method, request.path, headers, timeout=5)
        if not isinstance(far, Upgraded):
            return Response(far.status, far.body)
        return Upgrade(forward_to(far), far.response.headers)

    def handler(request: Request) -> Awaitable[Answer]:
        return forward(request)

    server = await start(handler, tls=context)
    client = Client("127.0.0.1", server.port, tls=tls.client_context(files.ca))
    yield client
    await client.close()
    await behind.close()


async def websocket_to(client: Client, protocol: str) -> Upgraded:
    headers, key = websocket.offer([protocol])
    upgraded = await client.upgrade("GET", "/exec", headers, timeout=5)
    assert isinstance(upgraded, Upgraded)
    assert websocket.check_answer(upgraded.response.headers, key, [protocol]) == protocol
    return upgraded


BIG = bytes(range(97, 123)) * 40_000


async def say(stdin: ByteStream, stdout: ByteStream, *, end: bool = True) -> None:
    """Write in small pieces what comes back in capitals."""
    received = bytearray()

    async def write() -> None:
        for at in range(0, len(BIG), 30_000):
            stdin.write(BIG[at : at + 30_000])
            await stdin.drained()
        if end:
            stdin.end()

    writing = asyncio.create_task(write())
    while len(received) < len(BIG):
        data = await stdout.read()
        assert data
        received += data
    await writing
    assert received == BIG.upper()
    if end:
        assert await stdout.read() == b""


@pytest.mark.parametrize("protocol", [channels.V5, channels.V4, channels.V4_BASE64])
async def test_does_exec_over_websocket_channels_pass_the_api_server(front: Client, protocol: str) -> None:
    sessions: list[ChannelSession] = []
    upgraded = await websocket_to(front, protocol)
    upgraded.switch(serve_channels(protocol, sessions.append, client=True))
    async with asyncio.timeout(20):
        await say(sessions[0].channel(0), sessions[0].channel(1), end=protocol == channels.V5)
        sessions[0].close()
        await sessions[0].wait_closed()


async def test_does_exec_over_spdy_pass_the_api_server(front: Client) -> None:
    sessions: list[SpdySession] = []
    upgraded = await front.upgrade("POST", "/exec", ((b"Upgrade", b"SPDY/3.1"),), timeout=5)
    assert isinstance(upgraded, Upgraded)
    upgraded.switch(serve_spdy(sessions.append, client=True))
    await two_streams(sessions[0])


async def test_does_spdy_in_a_websocket_pass_the_api_server(front: Client) -> None:
    sessions: list[SpdySession] = []
    upgraded = await websocket_to(front, tunnel.PORT_FORWARD)
    upgraded.switch(through_websocket(serve_spdy(sessions.append, client=True), client=True))
    await two_streams(sessions[0])


async def two_streams(session: SpdySession) -> None:
    async with asyncio.timeout(20):
        one, other = await session.open({"streamtype": "data"}), await session.open({"streamtype": "data"})
        await asyncio.gather(say(one, one), say(other, other))
        session.close()
        await session.wait_closed()


async def test_is_the_kubelets_refusal_given_to_the_client(front: Client) -> None:
    refused = await front.upgrade("POST", "/exec", ((b"Upgrade", b"other"),), timeout=5)
    assert not isinstance(refused, Upgraded)
    assert (refused.status, refused.body) == (400, b"upgrade wanted")
