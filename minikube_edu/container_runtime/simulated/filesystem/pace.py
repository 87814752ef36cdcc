"""The one hook of the file system into the kernel: reading and writing are steps of work, which take turns.

Files that never make their reader wait would let `cat /dev/zero >/dev/null` hold the loop for ever. The kernel's
scheduler installs its `breathe` here; without a kernel (the file system's own tests) nobody takes turns.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager


async def _nobody() -> None:
    return None


_breathe: Callable[[], Awaitable[None]] = _nobody


def install(breathe: Callable[[], Awaitable[None]]) -> None:
    global _breathe
    _breathe = breathe


@contextmanager
def without_turns() -> Iterator[None]:
    """For the kernel's own work, which is done at once: no turn of the loop may pass inside."""
    global _breathe
    before, _breathe = _breathe, _nobody
    try:
        yield
    finally:
        _breathe = before


async def pace() -> None:
    """A step of work was done."""
    await _breathe()
