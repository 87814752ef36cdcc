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


def picked(items: list[T], what: Callable[[T], Any]) -> Generator[None, None, list[Any]]:
    """[what(item) for item in items]"""
    result: list[Any] = []
    for start in range(0, len(items), RUN):
        result += [what(item) for item in items[start : start + RUN]]
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


def in_order(
    items: Iterable[T], value: Callable[[T], Any], backwards: bool = False
) -> Generator[None, None, list[tuple[Any, T]]]:
    """(value, item) sorted by the values; items of the same value stay as they were."""
    step = -1 if backwards else 1  # of two equal values the earlier item comes first, either way
    keyed: list[tuple[Any, int, T]] = []
    for number, item in enumerate(items):
        keyed.append((value(item), number * step, item))
        if number % STEP == 0:
            yield
    if len(keyed) <= RUN:
        keyed.sort(reverse=backwards)
        return [(found, item) for found, _, item in keyed]
    runs = []
    for start in range(0, len(keyed), RUN):
        runs.append(keyed[start : start + RUN])
        yield
    del keyed
    for run in runs:
        run.sort(reverse=backwards)
        yield
    merged: list[tuple[Any, T]] = []
    for number, (found, _, item) in enumerate(heapq.merge(*runs, reverse=backwards)):
        merged.append((found, item))
        if number % STEP == 0:
            yield
    return merged
