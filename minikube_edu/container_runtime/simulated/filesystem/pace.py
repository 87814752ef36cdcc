"""The one hook of the file system into the kernel: reading and writing are steps of work, which take turns.

Files that never make their reader wait would let `cat /dev/zero >/dev/null` hold the loop for ever. The kernel's
scheduler installs its `breathe` here; without a kernel (the file system's own tests) nobody takes turns.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable


async def _nobody() -> None:
    return None


_breathe: Callable[[], Awaitable[None]] = _nobody


def install(breathe: Callable[[], Awaitable[None]]) -> None:
    global _breathe
    _breathe = breathe


async def pace() -> None:
    """A step of work was done."""
    await _breathe()
