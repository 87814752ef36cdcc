"""Long work in steps: pure functions that yield to give way, and the one who runs them.

A tool whose work is long and knows nothing of processes (a parser, a sort, an interpreter of a small language) is
written as a generator that yields after every few hundred microseconds of work and returns its result. `taken` runs it
for a process: others have their turn in between, the container pays for it, a kill ends it at the next yield. Work
whose steps may be of any length asks whether a pause is `due`.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Generator, Iterable
from typing import Any, TypeVar

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.kernel.scheduler import due as due

T = TypeVar("T")
RUN = 4096  # items that are sorted without a pause
STEP = 256  # that are looked at one by one without one


def mapped(items: Iterable[T], what: Callable[[T], Any]) -> Generator[None, None, list[Any]]:
    """[what(item) for item in items]"""
    result: list[Any] = []
    for number, item in enumerate(items):
        result.append(what(item))
        if number % STEP == 0:
            yield
    return result


async def taken(process: Process, work: Generator[None, None, T]) -> T:
    """The result of the work."""
    try:
        while True:
            next(work)
            await process.breathe()
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


def in_order(keys: list[Any], backwards: bool = False) -> Generator[None, None, list[int]]:
    """The places of the keys when they are sorted; equal keys stay as they were, either way.

    Numbers of places and no pairs are sorted: half a million pairs would keep the garbage collector busy.
    """
    of = keys.__getitem__
    runs = []
    for start in range(0, len(keys), RUN):
        runs.append(sorted(range(start, min(start + RUN, len(keys))), key=of, reverse=backwards))
        yield
    if len(runs) < 2:
        return runs[0] if runs else []
    merged: list[int] = []
    for number, place in enumerate(heapq.merge(*runs, key=of, reverse=backwards)):
        merged.append(place)
        if number % STEP == 0:
            yield
    return merged
