"""The head of an answer."""

from __future__ import annotations

from email.utils import formatdate

from hypothesis import given
from hypothesis import strategies as st

from minikube_edu.lib import clock
from minikube_edu.lib.web import encode, head


@given(st.integers(0, 4_000_000_000))
def test_is_the_date_as_http_writes_it(seconds: int) -> None:
    assert head.http_date(seconds).decode() == formatdate(seconds, usegmt=True)


def test_does_the_date_move_with_the_clock() -> None:
    manual = clock.ManualClock(0)
    before = clock.install(manual)
    try:
        assert b"Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n" in head.start(200, b"a/b")
        manual.advance(0.9)
        assert b"00:00:00" in head.start(200, b"a/b")
        manual.advance(0.1)
        assert b"00:00:01" in head.start(200, b"a/b")
    finally:
        clock.install(before)


def test_has_every_status_a_line() -> None:
    assert head.start(422, b"").startswith(b"HTTP/1.1 422 Unprocessable Entity\r\n")
    assert head.start(799, b"").startswith(b"HTTP/1.1 799 status code 799\r\n")
    assert b"Content-Type" not in head.start(200, b"")


def test_is_a_peer_on_this_machine_known_as_one() -> None:
    for address in ("", "127.0.0.1:1", "127.9.9.9:1", "[::1]:1"):
        assert encode.is_local(address)
    for address in ("10.0.0.1:1", "[fe80::1]:1", "128.0.0.1:1"):
        assert not encode.is_local(address)
