"""Does anything that a client sends crash a server, or anything that a server sends a client?"""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from minikube_edu.cni.contract import Address
from minikube_edu.cni.tcp import pair
from minikube_edu.container_runtime.simulated.programs.http_serving import BadRequest, Reading
from minikube_edu.container_runtime.simulated.programs.mongo_documents import Unsupported, literal, shown
from minikube_edu.container_runtime.simulated.programs.nginx_config import ConfigurationError, _parse, sites
from minikube_edu.container_runtime.simulated.programs.sql_core import statements
from minikube_edu.container_runtime.simulated.tools.network.dns_messages import BadMessage, parse, query

HERE, THERE = Address("10.0.0.1", 1), Address("10.0.0.2", 80)
PIECES = st.sampled_from(
    [
        b"GET / HTTP/1.1\r\n",
        b"Host: a\r\n",
        b"\r\n",
        b"Content-Length: 5\r\n",
        b"hello",
        b": x\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"5\r\nhello\r\n",
        b"0\r\n\r\n",
        b"-1\r\n",
        b"\x16\x03\x01",
        b"\0",
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES, max_size=12))
def test_requests_are_read_or_refused(pieces: list[bytes]) -> None:
    async def talk() -> None:
        near, far = pair(HERE, THERE, THERE, (None, None))
        await near.write(b"".join(pieces))
        near.end()
        reading = Reading(far)
        try:
            for _ in range(20):
                if await reading.request() is None:
                    return
        except BadRequest:
            return

    asyncio.run(talk())


@given(st.binary(max_size=80))
def test_dns_answers_are_read_or_refused(data: bytes) -> None:
    try:
        parse(data)
    except BadMessage:
        pass


@given(st.lists(st.text("abcdefghijklmnop-0123456789", min_size=1, max_size=63), min_size=1, max_size=4))
def test_names_survive_a_question(labels: list[str]) -> None:
    name = ".".join(labels)
    assert parse(query(name, "A", 7)).question == (f"{name}.", "A")


@given(
    st.lists(
        st.sampled_from(["server", "{", "}", ";", "listen 80;", '"', "'", "location", "/", "#x\n", "$a", "\\"]),
        max_size=12,
    )
)
def test_configurations_are_read_or_refused(words: list[str]) -> None:
    try:
        sites(_parse(" ".join(words), "/etc/nginx/nginx.conf").block or [])
    except ConfigurationError:
        pass


@given(st.text("ab;'\"`-#/*\\G \n", max_size=40))
def test_statements_are_split(text: str) -> None:
    whole, rest = statements(text)
    assert all(one.strip() for one in whole)
    assert len("".join(whole)) + len(rest) <= len(text) + 2 * len(whole) + 2


LEAVES = st.none() | st.booleans() | st.integers() | st.text("ab' \"", max_size=5)
KEYS = st.text("abc", min_size=1, max_size=3)


@given(st.recursive(LEAVES, lambda one: st.lists(one, max_size=3) | st.dictionaries(KEYS, one, max_size=3)))
def test_documents_are_read_back(value: object) -> None:
    import json

    try:
        assert literal(json.dumps(value)) == value
    except Unsupported:
        raise AssertionError(f"not read: {value!r}") from None
    shown(value)
