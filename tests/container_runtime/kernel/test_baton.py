"""Work that cannot pause by itself: does it run in turns, and does it go with its process?"""

from __future__ import annotations

import asyncio
import threading
from time import perf_counter

import pytest

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.kernel.baton import Baton, give_way, in_turns
from tests.container_runtime.world import world


def counted(seconds: float) -> int:
    end, count = perf_counter() + seconds, 0
    while perf_counter() < end:
        count += 1
        give_way()
    return count


async def test_others_have_their_turn_while_it_works() -> None:
    turns = 0
    results: list[int] = []

    async def work(process: Process) -> int:
        results.append(await in_turns(lambda: counted(0.2)))
        return 7

    async with world(programs={"work": work}) as w:
        process = w.spawn(["work"])
        while process.status is None:
            await asyncio.sleep(0)
            turns += 1
    assert process.status.code == 7
    assert results[0] > 0
    assert turns > 10
    assert process.cpu_used > 0.1


async def test_a_killed_process_takes_its_thread_with_it() -> None:
    async def work(process: Process) -> int:
        return await in_turns(lambda: counted(60))

    async with world(programs={"work": work}) as w:
        before = threading.active_count()
        process = w.spawn(["work"])
        while threading.active_count() == before:  # noqa: ASYNC110
            await asyncio.sleep(0)
        process.deliver(9)
        async with asyncio.timeout(10):
            await w.machine.ended_of(process)
        assert threading.active_count() == before


async def test_its_errors_are_those_of_the_work() -> None:
    def fail() -> int:
        give_way()
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await in_turns(fail)
    assert await in_turns(lambda: 3) == 3


async def test_dropped_work_is_cancelled_for_who_waits() -> None:
    baton = Baton(lambda: counted(60))
    waiting = asyncio.ensure_future(baton.finished())
    await asyncio.sleep(0)
    baton.drop()
    with pytest.raises(asyncio.CancelledError):
        await waiting
