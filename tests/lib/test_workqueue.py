"""Does the work queue keep client-go's promises?"""

from __future__ import annotations

import asyncio

import pytest

from minikube_edu.lib import clock
from minikube_edu.lib.ratelimit import ExponentialBackoff, TokenBucket
from minikube_edu.lib.workqueue import ShutDown, WorkQueue


async def test_is_an_item_queued_once_however_often_it_is_added() -> None:
    queue: WorkQueue[str] = WorkQueue()
    for item in ("a", "b", "a"):
        queue.add(item)
    assert len(queue) == 2
    assert [await queue.get(), await queue.get()] == ["a", "b"]
    assert queue.adds == 2


async def test_does_an_item_added_while_a_worker_has_it_come_again_after_done() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a")
    assert await queue.get() == "a"
    queue.add("a")
    queue.add("a")
    assert len(queue) == 0
    queue.done("a")
    assert len(queue) == 1
    assert await queue.get() == "a"
    queue.done("a")
    assert len(queue) == 0


async def test_is_one_item_never_with_two_workers() -> None:
    queue: WorkQueue[int] = WorkQueue()
    held: set[int] = set()
    seen: list[int] = []

    async def worker() -> None:
        while True:
            try:
                item = await queue.get()
            except ShutDown:
                return
            assert item not in held
            held.add(item)
            await asyncio.sleep(0)
            if len(seen) < 200:
                queue.add(item)
                queue.add((item + 1) % 5)
            await asyncio.sleep(0)
            held.remove(item)
            seen.append(item)
            queue.done(item)

    workers = [asyncio.create_task(worker()) for _ in range(4)]
    queue.add(0)
    while len(seen) < 200:  # noqa: ASYNC110 - one turn of the loop at a time
        await asyncio.sleep(0)
    await queue.drain()
    await asyncio.gather(*workers)
    assert queue.in_progress == 0
    assert len(queue) == 0


async def test_do_higher_priorities_come_first_and_equals_in_order() -> None:
    queue: WorkQueue[str] = WorkQueue()
    for item, priority in (("a", 0), ("b", 0), ("c", 5), ("d", -1)):
        queue.add(item, priority)
    queue.add("b", 5)  # raised: behind c, which was there before
    queue.add("c", 1)  # not lowered
    assert [await queue.get() for _ in range(4)] == ["c", "b", "a", "d"]


async def test_does_a_delayed_item_come_at_its_earliest_time() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add_after("a", 60)
    queue.add_after("a", 0.005)
    queue.add_after("a", 60)
    queue.add_after("now", 0)
    assert queue.waiting == 1
    assert await queue.get() == "now"
    assert await asyncio.wait_for(queue.get(), 5) == "a"
    queue.shut_down()


async def test_does_a_failing_item_wait_longer_each_time_until_it_is_forgotten() -> None:
    limiter = ExponentialBackoff(base=0.001, cap=0.004)
    assert [limiter.when("a") for _ in range(4)] == [0.001, 0.002, 0.004, 0.004]
    assert limiter.when("b") == 0.001
    queue: WorkQueue[str] = WorkQueue(limiter=limiter)
    assert queue.requeues("a") == 4
    queue.forget("a")
    queue.add_rate_limited("a")
    assert queue.requeues("a") == 1
    assert await asyncio.wait_for(queue.get(), 5) == "a"
    assert queue.retries == 1


async def test_does_a_closed_queue_hand_out_what_it_has_and_take_no_more() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a")
    queue.add_after("late", 0.01)
    queue.shut_down()
    queue.add("b")
    assert queue.shutting_down
    assert await queue.get() == "a"
    with pytest.raises(ShutDown):
        await queue.get()
    assert queue.waiting == 0


async def test_do_idle_workers_learn_of_the_end() -> None:
    queue: WorkQueue[str] = WorkQueue()
    workers = [asyncio.create_task(queue.get()) for _ in range(3)]
    await asyncio.sleep(0)
    queue.shut_down()
    results = await asyncio.gather(*workers, return_exceptions=True)
    assert all(isinstance(result, ShutDown) for result in results)


async def test_does_draining_wait_for_the_workers() -> None:
    queue: WorkQueue[str] = WorkQueue()
    queue.add("a")
    item = await queue.get()
    queue.add("a")  # dirty again: it is still to be worked on
    drain = asyncio.create_task(queue.drain())
    await asyncio.sleep(0)
    queue.done(item)
    await asyncio.sleep(0)
    assert not drain.done()
    queue.done(await queue.get())
    await asyncio.wait_for(drain, 5)


async def test_is_no_item_lost_when_a_called_worker_is_cancelled() -> None:
    queue: WorkQueue[str] = WorkQueue()
    first = asyncio.create_task(queue.get())
    second = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.add("a")  # wakes the first ...
    first.cancel()  # ... who leaves before it runs
    assert await asyncio.wait_for(second, 5) == "a"
    with pytest.raises(asyncio.CancelledError):
        await first


def test_does_a_bucket_give_bursts_and_then_its_rate() -> None:
    time = clock.ManualClock()
    before = clock.install(time)
    try:
        bucket = TokenBucket(qps=10, burst=2)
        assert [round(bucket.reserve(), 3) for _ in range(4)] == [0, 0, 0.1, 0.2]
        time.advance(0.35)
        assert bucket.try_take()
        assert not bucket.try_take()
        time.advance(100)
        assert [round(bucket.reserve(), 3) for _ in range(3)] == [0, 0, 0.1]
    finally:
        clock.install(before)
