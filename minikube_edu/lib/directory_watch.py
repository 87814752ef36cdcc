"""Told by the kernel when something in a directory changes: Linux's inotify, read by the event loop.

Where there is none (another system, no watches left, a file system that does not tell) the directory is looked at now
and then instead; whoever is told looks for himself what has changed.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

IN_MODIFY, IN_CLOSE_WRITE, IN_MOVED_TO, IN_CREATE, IN_DELETE = 0x2, 0x8, 0x80, 0x100, 0x200
CHANGES = IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE
INTERVAL = 0.2  # seconds between two looks, without inotify


class DirectoryWatch:
    """Calls `changed` soon after a file in the directory has changed, until it is closed."""

    def __init__(self, directory: str, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._descriptor = _inotify(directory)
        if self._descriptor >= 0:
            self._loop.add_reader(self._descriptor, self._readable)
        else:
            self._look()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._descriptor >= 0:
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1

    def _look(self) -> None:
        self._timer = self._loop.call_later(INTERVAL, self._look)
        self._changed()

    def _readable(self) -> None:
        try:
            while os.read(self._descriptor, 65536):
                pass
        except BlockingIOError:
            pass
        self._changed()


def _inotify(directory: str) -> int:
    """A descriptor that tells; -1 when there can be none."""
    import ctypes

    library = ctypes.CDLL(None)
    if not hasattr(library, "inotify_init1"):
        return -1
    descriptor: int = library.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if descriptor >= 0 and library.inotify_add_watch(descriptor, os.fsencode(directory), CHANGES) < 0:
        os.close(descriptor)
        return -1
    return descriptor
