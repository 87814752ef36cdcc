"""The HTTP server, seen from the wire."""

from __future__ import annotations

import asyncio
import gzip
import logging
import socket
import ssl
from pathlib import Path

import pytest

from minikube_edu.lib.web import tls
from minikube_edu.lib.web.limits import Limits
from minikube_edu.lib.web.messages import BodyWriter, Request, Response, Streaming, Upgrade
from tests.lib.web.conftest import Files, Start
from tests.lib.web.talk import echo, head_and_body, send

CLOSE = b"Host: x\r\nConnection: close\r\n\r\n"


async def test_does_a_request_reach_the_handler_as_it_was_sent(start: Start) -> None:
    seen: list[Request] = []

    def handler(request: Request) -> Response:
        seen.append(request)
        return Response(201, [b"a", b"b"], headers=((b"X-One", b"1"),))

    server = await start(handler)
    answer = await send(
        server, b"POST /a%20b/c?x=1&y=%3F HTTP/1.1\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 3\r\n" + CLOSE + b"abc"
    )
    head, body = head_and_body(answer)
    assert head.startswith(b"HTTP/1.1 201 Created\r\nDate: ")
    assert b"\r\nContent-Type: application/json\r\nX-One: 1\r\nConnection: close\r\nContent-Length: 2" in head
    assert body == b"ab"
    request = seen[0]
    assert (request.method, request.path, request.query, request.body) == ("POST", "/a%20b/c", "x=1&y=%3F", b"abc")
    assert [value for name, value in request.headers if name == b"x-a"] == [b"1", b"2"]
    assert request.peer.address.startswith("127.0.0.1:")
    assert request.peer.local_address == f"127.0.0.1:{server.port}"


async def test_is_a_connection_kept_for_many_requests_and_are_repeated_headers_the_same_object(start: Start) -> None:
    seen: list[Request] = []

    def handler(request: Request) -> Response:
        seen.append(request)
        return Response(200, request.path.encode())

    server = await start(handler)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    for number in range(5):
        writer.write(b"GET /no-%d?q=%d HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\n\r\n" % (number, number))
        answer = await reader.readuntil(b"/no-%d" % number)
        assert answer.endswith(b"\r\n\r\n/no-%d" % number)
    assert [(request.path, request.query) for request in seen] == [(f"/no-{n}", f"q={n}") for n in range(5)]
    assert seen[1].headers is seen[4].headers
    assert seen[1].headers == ((b"host", b"x"), (b"authorization", b"Bearer t"))
    assert all(request.peer is seen[0].peer for request in seen)
    writer.close()
    await writer.wait_closed()


async def test_do_pipelined_requests_wait_for_their_turn(start: Start) -> None:
    running = 0

    async def handler(request: Request) -> Response:
        nonlocal running
        running += 1
        assert running == 1
        await asyncio.sleep(0.001)
        running -= 1
        return Response(200, request.path.encode() + b";", b"")

    server = await start(handler)
    requests = [b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % number for number in range(20)]
    answer = await send(server, b"".join(requests) + b"GET /last HTTP/1.1\r\n" + CLOSE)
    paths = [part.partition(b";")[0] for part in answer.split(b"\r\n\r\n")[1:]]
    assert paths == [b"/%d" % number for number in range(20)] + [b"/last"]


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),  # no Host
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nBad Name: 1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 5000 + b"\r\n\r\n", 431),
        (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: 1\r\n" * 50 + b"\r\n", 431),
    ],
)
async def test_is_what_is_no_request_refused_and_the_connection_closed(
    start: Start, request_bytes: bytes, status: int
) -> None:
    server = await start(echo, limits=Limits(head=4096, headers=32))
    answer = await send(server, request_bytes + b"GET /second HTTP/1.1\r\n" + CLOSE)
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert b"second" not in answer
    assert b"Connection: close" in answer


async def test_is_a_header_line_without_an_end_refused(start: Start) -> None:
    server = await start(echo, limits=Limits(head=4096))
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nX: ")
    await asyncio.sleep(0.02)
    writer.write(b"a" * 5000)
    assert (await asyncio.wait_for(reader.read(), 5)).startswith(b"HTTP/1.1 431 ")
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("chunked", [False, True])
async def test_does_the_handler_learn_of_a_body_over_the_limit(start: Start, chunked: bool) -> None:
    server = await start(echo, limits=Limits(body=1000))
    if chunked:
        framing, body = b"Transfer-Encoding: chunked\r\n", b"3e8\r\n" + b"a" * 1000 + b"\r\n1\r\na\r\n0\r\n\r\n"
    else:
        framing, body = b"Content-Length: 1001\r\n", b"a" * 1001
    answer = await send(server, b"POST / HTTP/1.1\r\nHost: a\r\n" + framing + b"\r\n" + body)
    assert answer.endswith(b"POST|/||0|True")
    assert b"Connection: close" in answer
    exact = b"POST / HTTP/1.1\r\nContent-Length: 1000\r\n" + CLOSE + b"a" * 1000
    assert (await send(server, exact)).endswith(b"POST|/||1000|False")


async def test_does_the_rest_of_a_refused_body_not_hold_the_connection_for_long(start: Start) -> None:
    server = await start(echo, limits=Limits(body=1000, linger_seconds=0.05))
    answer = await send(server, b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nabc")
    assert answer.endswith(b"POST|/||0|True")


async def test_is_a_chunked_body_put_together_and_are_trailers_left_out(start: Start) -> None:
    seen: list[Request] = []

    def handler(request: Request) -> Response:
        seen.append(request)
        return Response(200, request.body)

    server = await start(handler)
    data = (
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"
        + CLOSE
        + b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-Late: 1\r\n\r\n"
    )
    assert (await send(server, data)).endswith(b"\r\n\r\nabcde")
    assert seen[0].header(b"x-late") is None


async def test_is_a_client_that_asks_told_to_go_on(start: Start) -> None:
    server = await start(echo, limits=Limits(body=1000))
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n" + CLOSE)
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(b"abc")
    assert (await reader.read()).endswith(b"POST|/||3|False")
    writer.close()
    await writer.wait_closed()
    refused = b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3000\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(refused)
    assert (await reader.readuntil(b"True")).startswith(b"HTTP/1.1 200 OK")
    writer.close()
    await writer.wait_closed()


async def test_has_head_the_length_but_no_body(start: Start) -> None:
    server = await start(echo)
    head, body = head_and_body(await send(server, b"HEAD /a HTTP/1.1\r\n" + CLOSE))
    assert b"Content-Length: 16" in head
    assert body == b""


async def test_do_old_clients_get_what_they_understand(start: Start) -> None:
    def handler(request: Request) -> Response | Streaming:
        if request.path == "/stream":
            return Streaming(write_two)
        return echo(request)

    def write_two(body: BodyWriter) -> None:
        body.write(b"one")
        body.write(b"two")
        body.end()

    server = await start(handler)
    head, body = head_and_body(await send(server, b"GET /a HTTP/1.0\r\n\r\n"))
    assert b"Connection: close" in head
    assert body == b"GET|/a||0|False"
    head, body = head_and_body(await send(server, b"GET /stream HTTP/1.0\r\n\r\n"))
    assert b"chunked" not in head
    assert body == b"onetwo"


async def test_is_an_exception_a_bare_500_with_a_name_in_the_log(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    async def later() -> Response:
        raise RuntimeError("boom")

    def handler(request: Request) -> Response:
        if request.path == "/later":
            return later()  # type: ignore[return-value]  # a handler may return either
        raise RuntimeError("boom")

    server = await start(handler, name="kubelet")
    for path in (b"/now", b"/later"):
        with caplog.at_level(logging.ERROR):
            answer = await send(server, b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        head, body = head_and_body(answer)
        assert head.startswith(b"HTTP/1.1 500 Internal Server Error")
        assert body == b""
    assert server.failures == 2
    assert "kubelet: the handler failed on GET /later" in caplog.text


async def test_are_chunks_of_one_turn_sent_together_and_do_they_stay_chunks(start: Start) -> None:
    closed: list[str] = []

    async def follow(body: BodyWriter) -> None:
        body.on_close(lambda: closed.append("closed"))
        body.write(b"one")
        body.write(b"two!")
        await asyncio.sleep(0.01)
        body.write(b"three")
        body.end()
        assert body.closed

    server = await start(lambda _: Streaming(follow, b"text/x", 200, ((b"X-A", b"1"),)))
    head, body = head_and_body(await send(server, b"GET / HTTP/1.1\r\n" + CLOSE))
    assert b"Transfer-Encoding: chunked" in head
    assert b"Content-Type: text/x" in head
    assert body == b"3\r\none\r\n4\r\ntwo!\r\n5\r\nthree\r\n0\r\n\r\n"
    assert closed == ["closed"]


async def test_does_a_stream_learn_that_its_client_has_gone(start: Start) -> None:
    gone = asyncio.Event()
    cancelled = asyncio.Event()
    writers: list[BodyWriter] = []
    open_now = asyncio.Event()

    async def follow(body: BodyWriter) -> None:
        writers.append(body)
        open_now.set()
        body.on_close(gone.set)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    server = await start(lambda _: Streaming(follow))
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await asyncio.wait_for(open_now.wait(), 5)
    writer.close()
    await writer.wait_closed()
    async with asyncio.timeout(5):
        await gone.wait()
        await cancelled.wait()
    assert writers[0].closed
    writers[0].write(b"nobody hears this")


async def test_can_a_connection_be_used_again_after_a_stream(start: Start) -> None:
    def count(body: BodyWriter) -> None:
        body.write(b"x")
        asyncio.get_running_loop().call_later(0.005, body.end)

    server = await start(lambda request: Streaming(count) if request.path == "/s" else echo(request))
    answer = await send(
        server, b"GET /s HTTP/1.1\r\nHost: x\r\n\r\nGET /s HTTP/1.1\r\nHost: x\r\n\r\nGET /a HTTP/1.1\r\n" + CLOSE
    )
    assert answer.count(b"1\r\nx\r\n0\r\n\r\nHTTP/1.1") == 2
    assert answer.endswith(b"GET|/a||0|False")


async def test_can_a_writer_wait_for_a_slow_client_and_cut_it(start: Start) -> None:
    done = asyncio.Event()
    sizes: list[int] = []

    async def flood(body: BodyWriter) -> None:
        body.write(b"x" * 8_000_000)
        await asyncio.sleep(0)
        sizes.append(body.unsent)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(body.drained(), 0.05)
        done.set()
        await body.drained()
        sizes.append(body.unsent)
        body.abort()

    server = await start(lambda _: Streaming(flood))
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1000)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await asyncio.wait_for(done.wait(), 5)
    answer = await asyncio.wait_for(reader.read(), 10)
    assert sizes[0] > 1_000_000
    assert sizes[1] < 1_000_000
    assert not answer.endswith(b"0\r\n\r\n")
    writer.close()
    await writer.wait_closed()


async def test_does_an_upgrade_hand_over_the_raw_connection(start: Start) -> None:
    class Parrot(asyncio.Protocol):
        def __init__(self, transport: asyncio.Transport, early: bytes) -> None:
            self.transport = transport
            transport.write(b"<" + early)

        def data_received(self, data: bytes) -> None:
            self.transport.write(data.upper())

    def handler(request: Request) -> Response | Upgrade:
        return Upgrade(Parrot, ((b"Upgrade", b"parrot"),)) if request.path == "/p" else echo(request)

    server = await start(handler)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    ask = b" HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: parrot\r\n\r\n"
    writer.write(b"GET /other" + ask)
    assert (await reader.readuntil(b"False")).startswith(b"HTTP/1.1 200 OK")
    writer.write(b"POST /p" + ask + b"early")
    head = await reader.readuntil(b"\r\n\r\n")
    assert head == b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: parrot\r\nConnection: Upgrade\r\n\r\n"
    assert await reader.readexactly(6) == b"<early"
    writer.write(b"late")
    assert await reader.readexactly(4) == b"LATE"
    await server.close()
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()


async def test_are_slow_clients_cut(start: Start) -> None:
    quick = Limits(head_seconds=0.05, body_seconds=0.05, idle_seconds=0.05)
    server = await start(echo, limits=quick)
    assert await send(server, b"") == b""
    assert await send(server, b"GET / HTTP/1.1\r\nHos") == b""
    late = await send(server, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na")
    assert late.startswith(b"HTTP/1.1 408 ")
    idle = await send(server, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert idle.endswith(b"False")


async def test_does_a_slow_handler_outlive_the_time_limits_of_clients(start: Start) -> None:
    async def handler(request: Request) -> Response:
        await asyncio.sleep(0.15)
        return echo(request)

    server = await start(handler, limits=Limits(head_seconds=0.03, body_seconds=0.03, idle_seconds=0.03))
    assert (await send(server, b"GET / HTTP/1.1\r\n" + CLOSE)).endswith(b"GET|/||0|False")


async def test_is_the_handlers_task_cancelled_when_its_client_goes(start: Start) -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def handler(request: Request) -> Response:
        started.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return echo(request)

    server = await start(handler)
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await asyncio.wait_for(started.wait(), 5)
    writer.close()
    await writer.wait_closed()
    await asyncio.wait_for(cancelled.wait(), 5)


async def test_does_closing_let_a_request_in_work_finish(start: Start) -> None:
    started = asyncio.Event()

    async def handler(request: Request) -> Response:
        started.set()
        await asyncio.sleep(0.05)
        return echo(request)

    server = await start(handler)
    idle_reader, idle_writer = await asyncio.open_connection("127.0.0.1", server.port)
    asking = asyncio.create_task(send(server, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
    await asyncio.wait_for(started.wait(), 5)
    await server.close(grace=5)
    assert (await asking).endswith(b"GET|/||0|False")
    assert await idle_reader.read() == b""
    idle_writer.close()
    await idle_writer.wait_closed()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", server.port)


async def test_does_closing_cut_what_lasts_too_long(start: Start) -> None:
    started = asyncio.Event()

    async def handler(request: Request) -> Response:
        started.set()
        await asyncio.sleep(60)
        return echo(request)

    server = await start(handler)
    asking = asyncio.create_task(send(server, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
    await asyncio.wait_for(started.wait(), 5)
    await asyncio.wait_for(server.close(grace=0.02), 5)
    [answer] = await asyncio.gather(asking, return_exceptions=True)
    assert answer == b"" or isinstance(answer, ConnectionError)


async def test_does_it_serve_unix_and_inherited_sockets(start: Start, tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    server = await start(echo, unix=path)
    assert server.port == 0
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(b"GET /u HTTP/1.1\r\n" + CLOSE)
    assert (await reader.read()).endswith(b"GET|/u||0|False")
    writer.close()
    await writer.wait_closed()
    await server.close()
    assert not (tmp_path / "s").exists()
    listening = socket.create_server(("127.0.0.1", 0))
    server = await start(echo, sock=listening)
    assert (await send(server, b"GET /i HTTP/1.1\r\n" + CLOSE)).endswith(b"GET|/i||0|False")


async def test_is_a_big_answer_packed_for_far_clients_alone(start: Start) -> None:
    big = b'{"a": 1}' * 30_000

    def handler(request: Request) -> Response:
        if request.path == "/far":
            request.peer.address = "10.0.0.9:1"
        return Response(200, big)

    server = await start(handler)
    ask = b" HTTP/1.1\r\nAccept-Encoding: deflate, gzip;q=0.5\r\n" + CLOSE
    head, body = head_and_body(await send(server, b"GET /far" + ask))
    assert b"Content-Encoding: gzip" in head
    assert gzip.decompress(body) == big
    assert head_and_body(await send(server, b"GET /near" + ask))[1] == big
    plain = await send(server, b"GET /far HTTP/1.1\r\nAccept-Encoding: gzip;q=0\r\n" + CLOSE)
    assert head_and_body(plain)[1] == big


def certificate_user(request: Request) -> Response:
    from minikube_edu.lib import pki

    if request.peer.certificate is None:
        return Response(200, b"anonymous")
    subject = pki.subject_of(request.peer.certificate)
    return Response(200, f"{subject.common_name} {subject.organizations}".encode())


async def ask_tls(port: int, context: ssl.SSLContext, name: str = "localhost") -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)
    try:
        writer.write(b"GET / HTTP/1.1\r\n" + CLOSE)
        answer = await asyncio.wait_for(reader.read(), 5)
        return head_and_body(answer)[1]
    finally:
        writer.transport.abort()


async def test_is_the_client_certificate_optional_and_given_to_the_handler(start: Start, files: Files) -> None:
    server = await start(certificate_user, tls=tls.server_context(files.cert, files.key, files.ca))
    assert await ask_tls(server.port, tls.client_context(files.ca)) == b"anonymous"
    known = tls.client_context(files.ca, files.client_cert, files.client_key)
    assert await ask_tls(server.port, known) == b"admin ('system:masters',)"
    stranger = tls.client_context(files.ca, files.stranger_cert, files.stranger_key)
    [refused] = await asyncio.gather(ask_tls(server.port, stranger), return_exceptions=True)
    assert refused == b"" or isinstance(refused, ssl.SSLError | ConnectionError)


async def test_can_a_server_have_a_certificate_for_each_name_and_change_it_while_it_runs(
    start: Start, files: Files, tmp_path: Path
) -> None:
    cert, key = tmp_path / "a.crt", tmp_path / "a.key"
    cert.write_bytes(Path(files.cert).read_bytes())
    key.write_bytes(Path(files.key).read_bytes())
    context = tls.server_context(str(cert), str(key), sni={"other.test": (files.other_cert, files.other_key)})
    server = await start(certificate_user, tls=context)
    trust = tls.client_context(files.ca)
    assert await ask_tls(server.port, trust, "other.test") == b"anonymous"
    assert await ask_tls(server.port, trust, "localhost") == b"anonymous"
    cert.write_bytes(Path(files.other_cert).read_bytes())
    key.write_bytes(Path(files.other_key).read_bytes())
    with pytest.raises(ssl.SSLCertVerificationError):
        await ask_tls(server.port, trust, "localhost")


async def test_does_curl_get_along_with_it(start: Start, files: Files) -> None:
    server = await start(echo, tls=tls.server_context(files.cert, files.key, files.ca))
    arguments = [
        "-sS",
        "--max-time",
        "20",
        "--cacert",
        files.ca,
        "--cert",
        files.client_cert,
        "--key",
        files.client_key,
    ]
    arguments += ["-H", "Expect: 100-continue", "-d", "abc", f"https://localhost:{server.port}/x?y"]
    try:
        process = await asyncio.create_subprocess_exec(
            "curl", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
    except FileNotFoundError:
        pytest.skip("no curl")
    out, err = await process.communicate()
    assert out == b"POST|/x|y|3|False", err


async def test_are_thousands_of_refused_upgrades_in_one_read_no_trouble(start: Start) -> None:
    server = await start(echo)
    ask = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
    answer = await send(server, ask * 3000 + b"GET /last HTTP/1.1\r\n" + CLOSE)
    assert answer.count(b"GET|/||0|False") == 3000
    assert answer.endswith(b"GET|/last||0|False")


async def test_does_a_client_that_takes_nothing_lose_its_connection(start: Start) -> None:
    server = await start(lambda _: Response(200, b"x" * 8_000_000), limits=Limits(write_seconds=0.05))
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1000)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 2)
    await asyncio.wait_for(reader.readline(), 5)
    for _ in range(200):
        if not server.connections:
            break
        await asyncio.sleep(0.01)
    assert not server.connections
    writer.close()
    await asyncio.gather(writer.wait_closed(), return_exceptions=True)


async def test_are_dead_clients_found_by_the_kernel(start: Start) -> None:
    server = await start(echo)
    assert all(each.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) for each in server.sockets)
