"""Background loops: are they seen when they die, and gone when they should be?"""

from __future__ import annotations

import asyncio
import logging

import pytest

from minikube_edu.lib.loops import Loops


async def forever() -> None:
    await asyncio.Event().wait()


async def broken() -> None:
    await asyncio.sleep(0)
    raise ValueError("boom")


async def test_does_stop_leave_no_task_behind() -> None:
    loops = Loops("seat")
    before = asyncio.all_tasks()
    tasks = [loops.spawn("a", forever()), loops.spawn("b", forever())]
    assert loops.names == ["a", "b"]
    assert tasks[0].get_name() == "seat/a"
    await loops.stop()
    assert asyncio.all_tasks() == before
    assert loops.names == []
    assert loops.deaths == 0
    await loops.stop()


async def test_is_a_dead_loop_logged_counted_and_the_end_of_its_owner(caplog: pytest.LogCaptureFixture) -> None:
    deaths: list[tuple[str, str]] = []
    loops = Loops("kubelet", on_death=lambda name, error: deaths.append((name, str(error))))
    other = loops.spawn("other", forever())
    with caplog.at_level(logging.ERROR):
        loops.spawn("sync", broken(), on_death=lambda name, error: deaths.append(("mine", name)))
        with pytest.raises(ValueError, match="boom"):
            await loops.finished()
    assert other.cancelled()
    assert deaths == [("mine", "sync"), ("sync", "boom")]
    assert loops.deaths == 1
    assert "loop sync of kubelet died" in caplog.text
    assert "ValueError: boom" in caplog.text
    with pytest.raises(RuntimeError, match="is stopping"):
        loops.spawn("late", forever())


async def test_is_a_loop_that_returns_just_finished() -> None:
    loops = Loops("seat")
    loops.spawn("short", asyncio.sleep(0))
    await loops.finished()
    loops.spawn("again", asyncio.sleep(0))
    await loops.finished()
    assert loops.deaths == 0


async def test_can_a_loop_stop_its_owner_and_is_slow_cleaning_waited_for() -> None:
    loops = Loops("seat")
    cleaned: list[str] = []

    async def tidy() -> None:
        try:
            await forever()
        finally:
            await asyncio.sleep(0.005)
            cleaned.append("tidy")

    async def stopper() -> None:
        await asyncio.sleep(0)
        await loops.stop()
        cleaned.append("stopper")

    loops.spawn("tidy", tidy())
    loops.spawn("stopper", stopper())
    await loops.finished()
    assert cleaned == ["tidy", "stopper"]


async def test_does_what_follows_a_death_not_fail_the_rest(caplog: pytest.LogCaptureFixture) -> None:
    def fails(name: str, error: BaseException) -> None:
        raise RuntimeError("worse")

    loops = Loops("seat", on_death=fails)
    other = loops.spawn("other", forever())
    with caplog.at_level(logging.ERROR):
        loops.spawn("a", broken())
        with pytest.raises(ValueError, match="boom"):
            await loops.finished()
    assert other.cancelled()
    assert "worse" in caplog.text


async def test_is_a_loop_cancelled_before_its_first_step_no_warning() -> None:
    loops = Loops("seat")
    loops.spawn("never", forever())
    await loops.stop()
