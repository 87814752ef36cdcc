"""Two streams without a connection between them."""

from __future__ import annotations

import asyncio

import pytest

from minikube_edu.lib.streams.byte_stream import HIGH, StreamReset
from minikube_edu.lib.streams.pipe import pipe


async def test_does_each_direction_end_on_its_own() -> None:
    near, far = pipe()
    near.write(b"one")
    near.write(b"two")
    near.end()
    assert await far.read_all() == b"onetwo"
    far.write(b"three")
    far.end()
    assert await near.read_all() == b"three"
    assert near.session.closed
    assert far.session.closed


async def test_does_a_reset_break_both() -> None:
    near, far = pipe()
    near.write(b"lost")
    near.reset()
    assert await far.read() == b"lost"
    with pytest.raises(StreamReset):
        await far.read()
    with pytest.raises(StreamReset):
        await near.read()


async def test_does_a_writer_wait_for_a_slow_reader() -> None:
    near, far = pipe()
    near.write(b"x" * (HIGH + 1))
    waiting = asyncio.ensure_future(near.drained())
    await asyncio.sleep(0)
    assert not waiting.done()
    assert len(await far.read()) == HIGH + 1
    await waiting
