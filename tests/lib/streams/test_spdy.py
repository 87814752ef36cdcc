"""SPDY/3.1: frames, sessions, tunnels and relays."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minikube_edu.lib.streams import spdy_frames as frames
from minikube_edu.lib.streams.byte_stream import ByteStream, StreamReset
from minikube_edu.lib.streams.relay import RelayEnd, forward_to
from minikube_edu.lib.streams.spdy import SpdySession, serve_spdy
from minikube_edu.lib.streams.tunnel import through_websocket
from minikube_edu.lib.web.incoming import ClientResponse, Upgraded
from minikube_edu.lib.web.memory_transport import transport_pair


def test_is_the_dictionary_the_one_of_the_protocol() -> None:
    assert len(frames.DICTIONARY) == 1423
    assert zlib.adler32(frames.DICTIONARY) == 0xE3C6A7C2


def test_is_a_frame_laid_out_as_the_draft_has_it() -> None:
    writer = frames.Writer()
    assert writer.ping(1) == bytes.fromhex("80030006 00000004 00000001")
    assert writer.rst_stream(3, 5) == bytes.fromhex("80030003 00000008 00000003 00000005")
    assert writer.data(1, b"hi", frames.FIN) == bytes.fromhex("00000001 01000002") + b"hi"
    opening = writer.syn_stream(1, {"StreamType": "stdin"})
    assert opening[:4] == bytes.fromhex("80030001")
    assert opening[8:18] == bytes.fromhex("00000001 00000000 0000")
    assert opening[18:24] == bytes.fromhex("38eae3c6a7c2") or opening[20:24] == bytes.fromhex("e3c6a7c2")


Text = st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=30)
HeaderMaps = st.dictionaries(Text.map(str.lower), Text, max_size=6)
FrameSpecs = st.one_of(
    st.tuples(st.just("data"), st.integers(1, 1000), st.binary(max_size=200), st.sampled_from([0, 1])),
    st.tuples(st.sampled_from(["syn_stream", "syn_reply", "headers"]), st.integers(1, 1000), HeaderMaps),
    st.tuples(st.sampled_from(["rst_stream", "goaway", "window_update"]), st.integers(0, 1000), st.integers(0, 1000)),
    st.tuples(st.just("settings"), st.dictionaries(st.integers(1, 8), st.integers(0, 1000), max_size=4)),
    st.tuples(st.just("ping"), st.integers(0, 1 << 31)),
)


@settings(deadline=None, max_examples=150)
@given(st.lists(FrameSpecs, max_size=8), st.lists(st.integers(0, 3000), max_size=8))
def test_does_every_frame_survive_the_wire_however_it_is_cut(specs: list[tuple[Any, ...]], places: list[int]) -> None:
    writer, reader = frames.Writer(), frames.Reader()
    data = b"".join(getattr(writer, spec[0])(*spec[1:]) for spec in specs)
    bounds = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    found = [each for start, stop in zip(bounds, bounds[1:], strict=False) for each in reader.feed(data[start:stop])]  # noqa: RUF007
    assert len(found) == len(specs)
    for spec, each in zip(specs, found, strict=True):
        kind = spec[0]
        if kind == "data":
            assert (each.kind, each.stream, each.data, each.flags) == (0, *spec[1:])
        elif kind in ("syn_stream", "syn_reply", "headers"):
            assert (each.stream, each.headers) == spec[1:]
        elif kind == "settings":
            assert each.settings == spec[1]
        elif kind == "ping":
            assert each.stream == spec[1]
        else:
            assert (each.stream, each.status) == spec[1:]


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=200), st.sampled_from([b"", bytes.fromhex("80030001"), bytes.fromhex("8003000200000010")]))
def test_is_garbage_refused_in_one_way_alone(garbage: bytes, before: bytes) -> None:
    try:
        frames.Reader().feed(before + garbage)
    except frames.Malformed:
        pass


Pair = tuple[SpdySession, SpdySession]


def bare() -> Pair:
    one, other = transport_pair()
    made: list[SpdySession] = []
    one.set_protocol(serve_spdy(made.append, client=True)(one, b""))
    other.set_protocol(serve_spdy(made.append)(other, b""))
    one.resume_reading()
    other.resume_reading()
    return made[0], made[1]


def tunnelled() -> Pair:
    one, other = transport_pair()
    made: list[SpdySession] = []
    one.set_protocol(through_websocket(serve_spdy(made.append, client=True), client=True)(one, b""))
    other.set_protocol(through_websocket(serve_spdy(made.append))(other, b""))
    one.resume_reading()
    other.resume_reading()
    return made[0], made[1]


def relayed() -> Pair:
    """Client, relay, server: as kubectl, API server and kubelet."""
    client_end, near = transport_pair()
    far, server_end = transport_pair()
    made: list[SpdySession] = []
    client_end.set_protocol(serve_spdy(made.append, client=True)(client_end, b""))
    server_end.set_protocol(serve_spdy(made.append)(server_end, b""))
    relay: RelayEnd = forward_to(Upgraded(ClientResponse(101, ()), far, b""))(near, b"")
    near.set_protocol(relay)
    for transport in (client_end, near, server_end):
        transport.resume_reading()
    return made[0], made[1]


@pytest.fixture(params=[bare, tunnelled, relayed])
def way(request: pytest.FixtureRequest) -> Callable[[], Pair]:
    chosen: Callable[[], Pair] = request.param
    return chosen


def accept_into(session: SpdySession) -> list[ByteStream]:
    accepted: list[ByteStream] = []
    session.on_stream = accepted.append
    return accepted


async def test_do_streams_carry_headers_and_bytes_and_end_each_way_alone(way: Callable[[], Pair]) -> None:
    client, server = way()
    accepted = accept_into(server)
    stdin = await client.open({"StreamType": "stdin"})
    data = await client.open({"streamtype": "data", "port": "80"})
    assert [stream.headers for stream in accepted] == [
        {"streamtype": "stdin"},
        {"streamtype": "data", "port": "80"},
    ]
    stdin.write(b"abc")
    stdin.end()
    assert await accepted[0].read_all() == b"abc"
    accepted[0].write(b"answer")
    accepted[0].end()
    assert await stdin.read_all() == b"answer"
    assert len(client.streams) == len(server.streams) == 1
    big = bytes(range(256)) * 20_000
    data.write(big)
    data.end()
    assert await accepted[1].read_all() == big
    await client.ping()
    await server.ping()
    client.close()
    with pytest.raises(StreamReset):
        await data.read()
    await server.wait_closed()
    await client.wait_closed()
    with pytest.raises(StreamReset):
        client.start({})


async def test_can_a_stream_be_refused_and_reset(way: Callable[[], Pair]) -> None:
    client, server = way()
    with pytest.raises(StreamReset):
        await client.open({"a": "b"})
    server.on_stream = lambda stream: stream.reset()
    with pytest.raises(StreamReset):
        await client.open({"a": "b"})
    accepted = accept_into(server)
    stream = await client.open({})
    accepted[0].reset()
    with pytest.raises(StreamReset):
        await stream.read()
    assert not client.streams
    assert not server.streams
    client.close()
    await server.wait_closed()


async def test_can_a_listener_take_the_bytes(way: Callable[[], Pair]) -> None:
    client, server = way()
    accepted = accept_into(server)
    stream = await client.open({})
    stream.write(b"one")
    await client.ping()
    heard: list[bytes] = []
    accepted[0].listen(heard.append)
    stream.write(b"two")
    stream.end()
    await client.ping()
    assert b"".join(heard) == b"onetwo"
    assert heard[-1] == b""
    client.close()
    await server.wait_closed()


async def test_does_an_unread_stream_stop_the_writer(way: Callable[[], Pair]) -> None:
    client, server = way()
    accepted = accept_into(server)
    stream = await client.open({})
    sent = 0
    while sent < 20_000_000:
        stream.write(b"x" * 100_000)
        sent += 100_000
        try:
            await asyncio.wait_for(stream.drained(), 0.05)
        except TimeoutError:
            break
        await asyncio.sleep(0)
    assert sent < 5_000_000
    read = 0
    while read < sent:
        read += len(await accepted[0].read())
    stream.write(b"on")
    assert await accepted[0].read() == b"on"
    client.close()
    await server.wait_closed()


async def test_does_broken_protocol_end_the_session_with_a_goaway() -> None:
    one, other = transport_pair()
    received = bytearray()

    class Raw(asyncio.Protocol):
        def data_received(self, data: bytes) -> None:
            received.extend(data)

    one.set_protocol(Raw())
    made: list[SpdySession] = []
    other.set_protocol(serve_spdy(made.append)(other, b""))
    one.resume_reading()
    other.resume_reading()
    one.write(bytes.fromhex("80020001 00000004 00000001"))
    await asyncio.wait_for(made[0].wait_closed(), 5)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert bytes(received) == frames.Writer().goaway(0, frames.PROTOCOL_ERROR)
