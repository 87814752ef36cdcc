"""Does the server stay whole, whatever bytes come, and however they are cut up?

These tests drive the protocol without a socket: thousands of connections in a second.
"""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from minikube_edu.lib.web.limits import Limits
from minikube_edu.lib.web.protocol import Connection
from minikube_edu.lib.web.server import Server
from tests.lib.web.talk import echo


class Wire(asyncio.Transport):
    """A transport that remembers what was written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.closed = False
        self.reading = True

    def write(self, data: Any) -> None:
        assert not self.closed
        self.sent += data

    def close(self) -> None:
        self.closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


def converse(pieces: list[bytes]) -> tuple[bytes, bool]:
    """What the server says to these pieces, and whether it then has closed."""

    async def run() -> tuple[bytes, bool]:
        loop = asyncio.get_running_loop()
        troubles: list[dict[str, Any]] = []
        loop.set_exception_handler(lambda _, context: troubles.append(context))
        server = Server("fuzz", Limits(head=2000, headers=20, body=500))
        connection = Connection(server, echo, loop)
        wire = Wire()
        connection.connection_made(wire)
        for piece in pieces:
            for _ in range(50):
                if wire.reading:
                    break
                await asyncio.sleep(0)
            if wire.closed:
                break
            connection.data_received(piece)
        for _ in range(50):  # a request that asks for an upgrade waits for the next turn
            await asyncio.sleep(0)
        connection.connection_lost(None)
        assert not troubles
        assert not server.connections
        assert server.failures == 0
        return wire.sent, wire.closed

    return asyncio.run(run())


def cut(data: bytes, places: list[int]) -> list[bytes]:
    bounds = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(bounds) if b > a]


def without_dates(answer: bytes) -> list[bytes]:
    return [line for line in answer.split(b"\r\n") if not line.startswith(b"Date: ")]


REQUESTS = [
    b"GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /c HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /d HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
    b"POST /e HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    b"GET /f HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
    b"HEAD /g HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /h HTTP/1.1\r\nHost: x\r\nContent-Length: 501\r\n\r\n" + b"x" * 501,
]
Places = st.lists(st.integers(0, 2000), max_size=12)


@settings(deadline=None, max_examples=150)
@given(st.lists(st.sampled_from(REQUESTS), min_size=1, max_size=6), Places)
def test_is_the_answer_the_same_however_requests_are_cut_up(requests: list[bytes], places: list[int]) -> None:
    data = b"".join(requests)
    alone, _ = converse(requests)
    whole, _ = converse([data])
    pieces, _ = converse(cut(data, places))
    assert without_dates(alone) == without_dates(whole) == without_dates(pieces)
    expected = requests.index(REQUESTS[6]) + 1 if REQUESTS[6] in requests else len(requests)
    assert alone.count(b"HTTP/1.1 200 OK") == expected


@settings(deadline=None, max_examples=150)
@given(st.binary(max_size=300), st.sampled_from([b"", *REQUESTS]), Places)
def test_is_garbage_answered_or_ignored_and_never_a_failure(garbage: bytes, before: bytes, places: list[int]) -> None:
    answer, _ = converse(cut(before + garbage, places))
    for line in answer.split(b"\r\n"):
        assert not line.startswith(b"HTTP/1.1 5")


@settings(deadline=None, max_examples=200)
@given(st.sampled_from(REQUESTS), st.integers(0, 100), st.binary(min_size=1, max_size=3), Places)
def test_is_a_request_with_a_few_wrong_bytes_survived(
    request_bytes: bytes, at: int, wrong: bytes, places: list[int]
) -> None:
    at %= len(request_bytes)
    bent = request_bytes[:at] + wrong + request_bytes[at + len(wrong) :]
    answer, closed = converse(cut(bent + REQUESTS[0], places))
    if b"HTTP/1.1 4" in answer:
        assert closed
