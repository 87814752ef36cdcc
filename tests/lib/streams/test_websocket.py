"""WebSockets and the channels in them."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minikube_edu.lib.streams import channels
from minikube_edu.lib.streams import websocket as ws
from minikube_edu.lib.streams.byte_stream import ByteStream, StreamReset
from minikube_edu.lib.streams.channels import ChannelSession, serve_channels
from minikube_edu.lib.streams.websocket import WebSocket, frame
from minikube_edu.lib.web.memory_transport import MemoryTransport, transport_pair

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
ASK = (
    (b"connection", b"keep-alive, Upgrade"),
    (b"upgrade", b"WebSocket"),
    (b"sec-websocket-version", b"13"),
    (b"sec-websocket-key", KEY),
)


def test_is_the_key_answered_as_in_the_rfc() -> None:
    headers, chosen = ws.accept(ASK)
    assert (b"Sec-WebSocket-Accept", b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") in headers
    assert chosen == ""
    assert ws.check_answer([(name.lower(), value) for name, value in headers], KEY) == ""


def test_is_the_clients_first_choice_taken() -> None:
    ask = (
        *ASK,
        (b"sec-websocket-protocol", b"x, v4.channel.k8s.io"),
        (b"sec-websocket-protocol", b"v5.channel.k8s.io"),
    )
    headers, chosen = ws.accept(ask, channels.SUPPORTED)
    assert chosen == "v4.channel.k8s.io"
    assert ws.check_answer(headers, KEY, ["v4.channel.k8s.io"]) == chosen
    with pytest.raises(ws.Refused):
        ws.check_answer(headers, KEY, ["other"])
    with pytest.raises(ws.Refused):
        ws.check_answer(headers, b"other key", ["v4.channel.k8s.io"])
    with pytest.raises(ws.Refused):
        ws.accept((*ASK, (b"sec-websocket-protocol", b"x")), ["y"])


@pytest.mark.parametrize("missing", range(4))
def test_is_a_handshake_without_one_of_its_parts_refused(missing: int) -> None:
    with pytest.raises(ws.Refused):
        ws.accept(ASK[:missing] + ASK[missing + 1 :])


class Log:
    """What one end was told."""

    def __init__(self) -> None:
        self.messages: list[tuple[bytes, bool]] = []
        self.closes: list[tuple[int, str]] = []

    def message(self, data: bytes, is_text: bool) -> None:
        self.messages.append((data, is_text))

    def close(self, code: int, reason: str) -> None:
        self.closes.append((code, reason))


async def settle(condition: Callable[[], object]) -> None:
    for _ in range(2000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came true")


def socket_on(transport: MemoryTransport, log: Log, *, client: bool) -> WebSocket:
    websocket = WebSocket(transport, client=client, on_message=log.message, on_close=log.close, max_message=200_000)
    transport.set_protocol(websocket)
    transport.resume_reading()
    return websocket


def pair() -> tuple[WebSocket, Log, WebSocket, Log]:
    one, other = transport_pair()
    client_log, server_log = Log(), Log()
    return socket_on(one, client_log, client=True), client_log, socket_on(other, server_log, client=False), server_log


async def test_do_messages_of_all_sizes_arrive_both_ways() -> None:
    client, client_log, server, server_log = pair()
    messages = [b"", b"a" * 125, b"b" * 126, b"c" * 65535, b"d" * 65536]
    for message in messages:
        client.send(message)
        server.send(message, text=True)
    await settle(lambda: len(client_log.messages) == len(server_log.messages) == len(messages))
    assert server_log.messages == [(message, False) for message in messages]
    assert client_log.messages == [(message, True) for message in messages]


async def test_is_a_close_answered_and_told_once_with_its_code() -> None:
    client, client_log, server, server_log = pair()
    client.close(ws.GOING_AWAY, "see you")
    client.send(b"too late")
    await settle(lambda: client_log.closes and server_log.closes)
    assert client_log.closes == server_log.closes == [(ws.GOING_AWAY, "see you")]
    assert server_log.messages == []
    await settle(lambda: client.transport.is_closing() and server.transport.is_closing())


async def test_is_a_lost_connection_an_abnormal_close() -> None:
    client, client_log, _, server_log = pair()
    client.transport.abort()
    await settle(lambda: client_log.closes and server_log.closes)
    assert server_log.closes == [(ws.ABNORMAL, "")]


class Raw(asyncio.Protocol):
    def __init__(self) -> None:
        self.data = b""
        self.lost = False

    def data_received(self, data: bytes) -> None:
        self.data += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True


def raw_client() -> tuple[MemoryTransport, Raw, WebSocket, Log]:
    one, other = transport_pair()
    raw, log = Raw(), Log()
    one.set_protocol(raw)
    one.resume_reading()
    return one, raw, socket_on(other, log, client=False), log


async def test_are_fragments_put_together_with_pings_between_them() -> None:
    transport, raw, _, log = raw_client()
    transport.write(frame(ws.TEXT, "grü".encode()[:-1], masked=True, final=False))
    transport.write(frame(ws.PING, b"?", masked=True))
    transport.write(frame(ws.CONTINUATION, "grü".encode()[-1:] + b"n", masked=True))
    await settle(lambda: log.messages and raw.data)
    assert log.messages == [("grün".encode(), True)]
    assert raw.data == frame(ws.PONG, b"?", masked=False)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(ws.BINARY, b"a", masked=False), ws.PROTOCOL_ERROR),
        (frame(3, b"a", masked=True), ws.PROTOCOL_ERROR),
        (frame(ws.CONTINUATION, b"a", masked=True), ws.PROTOCOL_ERROR),
        (frame(ws.PING, b"a", masked=True, final=False), ws.PROTOCOL_ERROR),
        (frame(ws.PING, b"a" * 126, masked=True), ws.PROTOCOL_ERROR),
        (b"\xc2\x80\0\0\0\0", ws.PROTOCOL_ERROR),
        (frame(ws.TEXT, b"\xff", masked=True), ws.BAD_DATA),
        (frame(ws.CLOSE, b"\x03", masked=True), ws.PROTOCOL_ERROR),
        (frame(ws.CLOSE, struct.pack("!H", 1005), masked=True), ws.PROTOCOL_ERROR),
        (frame(ws.BINARY, b"a" * 200_001, masked=True)[:20], ws.TOO_BIG),
    ],
    ids=[f"rule {number}" for number in range(10)],  # the masks are random, names of tests must not be
)
async def test_does_a_broken_rule_end_the_connection_with_its_code(data: bytes, code: int) -> None:
    transport, raw, _, log = raw_client()
    transport.write(data)
    await settle(lambda: raw.lost and log.closes)
    assert raw.data[0] == 0x80 | ws.CLOSE
    assert int.from_bytes(raw.data[2:4], "big") == code
    assert log.closes[0][0] == code
    assert log.messages == []


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.binary(max_size=300), max_size=8), st.binary(max_size=40), st.lists(st.integers(0, 3000), max_size=8)
)
def test_is_nothing_lost_however_bytes_are_cut_and_is_garbage_survived(
    messages: list[bytes], garbage: bytes, places: list[int]
) -> None:
    async def run() -> None:
        transport, _, websocket, log = raw_client()
        data = b"".join(frame(ws.BINARY, message, masked=True) for message in messages)
        bounds = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
        for start, stop in zip(bounds, bounds[1:], strict=False):  # noqa: RUF007
            websocket.data_received(data[start:stop])
        assert log.messages == [(message, False) for message in messages]
        websocket.data_received(garbage)
        transport.abort()
        await settle(lambda: log.closes)
        assert len(log.closes) == 1

    asyncio.run(run())


def sessions(protocol: str) -> tuple[ChannelSession, ChannelSession]:
    one, other = transport_pair()
    made: list[ChannelSession] = []
    one.set_protocol(serve_channels(protocol, made.append, client=True)(one, b""))
    other.set_protocol(serve_channels(protocol, made.append)(other, b""))
    one.resume_reading()
    other.resume_reading()
    return made[0], made[1]


@pytest.mark.parametrize("protocol", channels.SUPPORTED)
async def test_do_channels_carry_bytes_of_any_kind_apart(protocol: str) -> None:
    client, server = sessions(protocol)
    client.channel(0).write(bytes(range(256)))
    server.channel(1).write(b"out")
    server.channel(2).write(b"err")
    assert await server.channel(0).read() == bytes(range(256))
    assert await client.channel(1).read() == b"out"
    assert await client.channel(2).read() == b"err"
    server.close()
    assert await client.channel(1).read() == b""
    await client.wait_closed()
    await server.wait_closed()
    client.channel(0).write(b"nobody hears this")
    with pytest.raises(StreamReset):
        await client.channel(0).drained()


async def test_can_a_channel_end_alone_in_v5_but_not_in_v4() -> None:
    client, server = sessions(channels.V5)
    client.channel(0).write(b"last")
    stdin = server.channel(0)
    client.channel(0).end()
    assert await stdin.read_all() == b"last"
    server.channel(1).write(b"still here")
    assert await client.channel(1).read() == b"still here"
    client.close()
    client, server = sessions(channels.V4)
    client.channel(0).end()
    client.channel(0).write(b"not sent")
    client.channel(1).write(b"x")
    await server.channel(1).read()
    assert not server.channel(0).far_ended
    client.close()


async def test_is_an_unclean_end_an_error_for_readers() -> None:
    client, server = sessions(channels.V5)
    reading = asyncio.create_task(client.channel(1).read())
    await asyncio.sleep(0)
    server.close(ws.FAILED, "it broke")
    with pytest.raises(StreamReset, match="1011 it broke"):
        await reading


async def test_does_an_unread_channel_stop_the_writer() -> None:
    client, server = sessions(channels.V5)
    seen: list[ByteStream] = []
    server.on_stream = seen.append
    stdin = client.channel(0)
    sent = 0
    while sent < 10_000_000:
        stdin.write(b"x" * 100_000)
        sent += 100_000
        try:
            await asyncio.wait_for(stdin.drained(), 0.05)
        except TimeoutError:
            break
        await asyncio.sleep(0)
    assert sent < 3_000_000
    read = 0
    while read < sent:
        read += len(await seen[0].read())
    stdin.write(b"on")
    assert await seen[0].read() == b"on"
    client.close()


async def test_does_a_base64_message_that_is_none_end_the_connection() -> None:
    one, other = transport_pair()
    log = Log()
    socket = socket_on(one, log, client=True)
    made: list[ChannelSession] = []
    other.set_protocol(serve_channels(channels.V4_BASE64, made.append)(other, b""))
    other.resume_reading()
    socket.send(b"0***", text=True)
    await settle(lambda: log.closes)
    assert log.closes[0][0] == ws.PROTOCOL_ERROR
