"""The client, over TLS, over a Unix socket and in process: is it the same for its user?"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from minikube_edu.lib.web import tls
from minikube_edu.lib.web.client import Client
from minikube_edu.lib.web.incoming import Caller, ClientResponse, Disconnected, IncomingBody, Upgraded
from minikube_edu.lib.web.inprocess import InProcess
from minikube_edu.lib.web.messages import Answer, BodyWriter, Peer, Request, Response, Streaming, Upgrade
from tests.lib.web.conftest import Files, Start


class Parrot(asyncio.Protocol):
    def __init__(self, transport: asyncio.Transport, early: bytes) -> None:
        self.transport = transport
        transport.write(b"hello" + early)

    def data_received(self, data: bytes) -> None:
        if data == b"bye":
            self.transport.close()
        else:
            self.transport.write(data.upper())


class Ear(asyncio.Protocol):
    def __init__(self, transport: asyncio.Transport, early: bytes) -> None:
        self.heard = early
        self.lost = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self.heard += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()

    async def hears(self, text: bytes) -> None:
        async with asyncio.timeout(5):
            while text not in self.heard:  # noqa: ASYNC110  # the protocol is the thing under test
                await asyncio.sleep(0.001)


closed: list[str] = []


async def three_lines(body: BodyWriter) -> None:
    body.write(b"one\ntw")
    await asyncio.sleep(0.002)
    body.write(b"o\n")
    body.write(b"three\n")
    body.end()


async def forever(body: BodyWriter) -> None:
    body.on_close(lambda: closed.append("gone"))
    while True:
        body.write(b"x" * 100_000 + b"\n")
        await body.drained()
        await asyncio.sleep(0)


def breaking(body: BodyWriter) -> None:
    body.write(b"half\n")
    asyncio.get_running_loop().call_later(0.005, body.abort)


async def slow(request: Request) -> Answer:
    await asyncio.sleep(float(request.query))
    return Response(200, b"slow")


def handler(request: Request) -> Answer | Awaitable[Answer]:
    if request.path == "/lines":
        return Streaming(three_lines, b"text/plain")
    if request.path == "/forever":
        return Streaming(forever)
    if request.path == "/breaking":
        return Streaming(breaking)
    if request.path == "/slow":
        return slow(request)
    if request.path == "/upgrade" and request.header(b"upgrade") == b"parrot":
        return Upgrade(Parrot, ((b"Upgrade", b"parrot"),))
    if request.path == "/big":
        return Response(200, [b"y" * 1_000_000, b"z" * 1_000_000])
    if request.path == "/broken":
        raise RuntimeError("boom")
    text = f"{request.method} {request.path} {request.query} {request.body.decode()} {request.header(b'x-a')!r}"
    return Response(404, text.encode(), b"text/plain", ((b"X-Answer", b"1"),))


@pytest.fixture(params=["tls", "unix", "in process"])
async def caller(request: Any, start: Start, files: Files, tmp_path: Path) -> AsyncIterator[Caller]:
    client: Client | InProcess
    if request.param == "tls":
        server = await start(handler, tls=tls.server_context(files.cert, files.key, files.ca))
        context = tls.client_context(files.ca, files.client_cert, files.client_key)
        client = Client("127.0.0.1", server.port, tls=context)
    elif request.param == "unix":
        await start(handler, unix=str(tmp_path / "s"))
        client = Client(unix=str(tmp_path / "s"))
    else:
        client = InProcess(handler, Peer("", "", None))
    yield client
    await client.close()


async def test_does_a_request_get_its_answer(caller: Caller) -> None:
    for number in range(3):
        answer = await caller.request("PUT", f"/a%20b?n={number}", ((b"X-A", b"1"),), b"body", timeout=5)
        assert (answer.status, answer.body) == (404, f"PUT /a%20b n={number} body b'1'".encode())
        assert answer.header(b"x-answer") == b"1"
        assert answer.header(b"content-type") == b"text/plain"


async def test_are_many_requests_at_once_kept_apart(caller: Caller) -> None:
    answers = await asyncio.gather(*[caller.request("GET", f"/{number}") for number in range(40)])
    assert [answer.body.split()[1] for answer in answers] == [b"/%d" % number for number in range(40)]


async def test_are_head_and_big_and_streamed_answers_whole(caller: Caller) -> None:
    assert (await caller.request("HEAD", "/x")).body == b""
    assert len((await caller.request("GET", "/big")).body) == 2_000_000
    answer = await caller.request("GET", "/lines")
    assert (answer.status, answer.body) == (200, b"one\ntwo\nthree\n")
    assert (await caller.request("HEAD", "/x")).status == 404


async def test_does_a_broken_handler_give_500(caller: Caller) -> None:
    assert (await caller.request("GET", "/broken")).status == 500
    assert (await caller.request("GET", "/x")).status == 404


async def test_are_lines_given_as_they_come(caller: Caller) -> None:
    body = await caller.stream("GET", "/lines", timeout=5)
    assert body.status == 200
    assert body.header(b"content-type") == b"text/plain"
    assert [line async for line in body.lines()] == [b"one", b"two", b"three"]
    whole = await caller.stream("GET", "/nothing")
    assert (whole.status, await whole.read()) == (404, b"GET /nothing   None")


async def test_is_a_stream_that_breaks_an_error(caller: Caller) -> None:
    body = await caller.stream("GET", "/breaking")
    assert await body.next() == b"half\n"
    with pytest.raises(Disconnected):
        await body.next()


async def test_does_a_slow_reader_slow_the_writer_and_does_leaving_end_it(caller: Caller) -> None:
    closed.clear()
    async with await caller.stream("GET", "/forever") as body:
        for _ in range(50):
            await asyncio.sleep(0)
        await asyncio.sleep(0.05)
        assert body.buffered < 3_000_000
        read = 0
        while read < 5_000_000:
            read += len(await body.next())
    for _ in range(200):
        if closed:
            break
        await asyncio.sleep(0.005)
    assert closed == ["gone"]
    assert (await caller.request("GET", "/x")).status == 404


async def test_is_the_time_limit_kept(caller: Caller) -> None:
    with pytest.raises(TimeoutError):
        await caller.request("GET", "/slow?30", timeout=0.03)
    with pytest.raises(TimeoutError):
        await caller.stream("GET", "/slow?30", timeout=0.03)
    assert (await caller.request("GET", "/slow?0.001", timeout=5)).body == b"slow"


async def test_can_a_caller_give_up(caller: Caller) -> None:
    asking = asyncio.create_task(caller.request("GET", "/slow?30"))
    await asyncio.sleep(0.02)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert (await caller.request("GET", "/x")).status == 404


async def test_does_an_upgrade_give_the_raw_connection(caller: Caller) -> None:
    refused = await caller.upgrade("GET", "/upgrade", ((b"Upgrade", b"other"),))
    assert isinstance(refused, ClientResponse)
    assert refused.status == 404
    upgraded = await caller.upgrade("POST", "/upgrade", ((b"Upgrade", b"parrot"),))
    assert isinstance(upgraded, Upgraded)
    assert upgraded.response.header(b"upgrade") == b"parrot"
    ears: list[Ear] = []

    def take(transport: asyncio.Transport, early: bytes) -> Ear:
        ears.append(Ear(transport, early))
        return ears[0]

    upgraded.switch(take)
    await ears[0].hears(b"hello")
    upgraded.transport.write(b"abc")
    await ears[0].hears(b"ABC")
    upgraded.transport.write(b"bye")
    await asyncio.wait_for(ears[0].lost.wait(), 5)


async def test_is_a_closed_client_of_no_use(caller: Caller) -> None:
    body: IncomingBody = await caller.stream("GET", "/forever")
    asking = asyncio.create_task(caller.request("GET", "/slow?30"))
    await asyncio.sleep(0.02)
    await caller.close()
    if not isinstance(caller, InProcess):
        with pytest.raises(Disconnected):
            await asking
    else:
        asking.cancel()
    with pytest.raises(Disconnected):
        await body.read()
    with pytest.raises(Disconnected):
        await caller.request("GET", "/x")


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
async def raw(request: Any) -> AsyncIterator[Callable[[bytes], Awaitable[Client]]]:
    """A server that says the given bytes to each request and then closes."""
    servers: list[asyncio.Server] = []
    clients: list[Client] = []

    async def begin(answer: bytes) -> Client:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(answer)
                await writer.drain()
            except (asyncio.IncompleteReadError, ConnectionError):
                pass
            writer.close()

        servers.append(await asyncio.start_server(talk, "127.0.0.1", 0))
        clients.append(Client("127.0.0.1", servers[-1].sockets[0].getsockname()[1]))
        return clients[-1]

    yield begin
    for client in clients:
        await client.close()
    for server in servers:
        server.close()
        await server.wait_closed()


async def test_are_unusual_answers_understood(raw: Callable[[bytes], Awaitable[Client]]) -> None:
    until_close = await raw(b"HTTP/1.1 200 OK\r\n\r\nall of it")
    assert (await until_close.request("GET", "/")).body == b"all of it"
    informed = await raw(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n")
    answer = await informed.request("GET", "/")
    assert (answer.status, answer.headers) == (204, ())
    old = await raw(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nab")
    assert (await old.request("GET", "/")).body == b"ab"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"nonsense",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
    ],
)
async def test_is_an_answer_that_is_not_whole_an_error(
    raw: Callable[[bytes], Awaitable[Client]], answer: bytes
) -> None:
    client = await raw(answer)
    with pytest.raises(Disconnected):
        await client.request("GET", "/", timeout=5)


async def test_is_a_kept_connection_that_the_server_closed_replaced(start: Start) -> None:
    server = await start(handler)
    client = Client("127.0.0.1", server.port)
    assert (await client.request("GET", "/a")).status == 404
    for connection in list(server.connections):
        connection.transport.abort()
    assert (await client.request("GET", "/b")).status == 404
    await client.close()


async def test_is_a_server_that_is_not_there_an_os_error() -> None:
    client = Client("127.0.0.1", 1)
    with pytest.raises(OSError, match=r".+"):
        await client.request("GET", "/")
    await client.close()


async def test_does_a_burst_share_connections_and_does_a_slow_answer_hold_nobody_up(start: Start, files: Files) -> None:
    """A handshake takes longer than a short answer: who waits for one takes what others are done with."""
    server = await start(handler, tls=tls.server_context(files.cert, files.key, files.ca))
    client = Client("127.0.0.1", server.port, tls=tls.client_context(files.ca, files.client_cert, files.client_key))
    stuck = asyncio.ensure_future(client.request("GET", "/slow?600"))
    answers = await asyncio.gather(*[client.request("GET", f"/{number}", timeout=20) for number in range(30)])
    assert [answer.body.split()[1] for answer in answers] == [b"/%d" % number for number in range(30)]
    assert len(client._all) < 20  # 31, if each made its own
    assert not stuck.done()
    stuck.cancel()
    await asyncio.gather(stuck, return_exceptions=True)
    await client.close()


async def resumed(port: int, context: ssl.SSLContext) -> list[bool]:
    """Of three connections, one after the other, by clients that share nothing but the context: was a session taken
    up? Each is asked who it is, as the session must know."""
    clients = [Client("127.0.0.1", port, tls=context) for _ in range(3)]
    try:
        found = []
        for client in clients:
            assert (await client.request("GET", "/who", timeout=20)).body == b"True"
            [connection] = client._all
            found.append(connection.transport.get_extra_info("ssl_object").session_reused)
        return found
    finally:
        for client in clients:
            await client.close()


def who(request: Request) -> Response:
    return Response(200, str(request.peer.certificate is not None).encode())


async def test_is_a_session_taken_up_by_the_next_connection_as_long_as_the_same_cas_count(
    start: Start, files: Files, tmp_path: Path
) -> None:
    ca = tmp_path / "ca.crt"
    ca.write_bytes(Path(files.ca).read_bytes())
    server = await start(who, tls=tls.server_context(files.cert, files.key, str(ca)))
    context = tls.client_context(files.ca, files.client_cert, files.client_key)
    assert await resumed(server.port, context) == [False, True, True]
    ca.write_bytes(Path(files.ca).read_bytes() * 2)
    assert await resumed(server.port, context) == [False, True, True]
    ca.write_bytes(Path(files.stranger_cert).read_bytes())
    with pytest.raises((OSError, Disconnected)):
        await resumed(server.port, context)


async def test_do_all_hear_at_once_that_a_server_cannot_be_reached() -> None:
    asked = 0

    async def dial(host: str, port: int) -> Any:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0.3)
        raise ConnectionRefusedError(host)

    client = Client("nowhere", 80, dial=dial)
    before = asyncio.get_running_loop().time()
    errors = await asyncio.gather(*[client.request("GET", "/") for _ in range(50)], return_exceptions=True)
    assert all(isinstance(error, ConnectionRefusedError) for error in errors)
    assert asyncio.get_running_loop().time() - before < 10  # two rounds of 0.3 s, not fifty
    assert asked == 50
    await client.close()
