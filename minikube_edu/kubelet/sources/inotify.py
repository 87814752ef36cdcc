"""Told by the kernel when a directory changes: Linux's inotify, read by the event loop; nothing is asked meanwhile.

Where there is none (another system, no watches left, a file system that does not tell), `Watch` raises OSError and the
caller looks for itself now and then.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
from collections.abc import Callable

IN_MODIFY, IN_ATTRIB, IN_CLOSE_WRITE = 0x2, 0x4, 0x8
IN_MOVED_FROM, IN_MOVED_TO, IN_CREATE, IN_DELETE = 0x40, 0x80, 0x100, 0x200
IN_DELETE_SELF, IN_MOVE_SELF, IN_ONLYDIR = 0x400, 0x800, 0x1000000
CHANGES = IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_MODIFY | IN_ATTRIB
ITSELF = IN_DELETE_SELF | IN_MOVE_SELF


class Watch:
    """Calls `changed` soon after something in the directory has changed, or the directory itself has gone."""

    def __init__(self, directory: str, changed: Callable[[], None]) -> None:
        library = ctypes.CDLL(None, use_errno=True)
        if not hasattr(library, "inotify_init1"):
            raise OSError("no inotify here")
        self._changed = changed
        self._descriptor: int = library.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._descriptor < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        flags = CHANGES | ITSELF | IN_ONLYDIR
        if library.inotify_add_watch(self._descriptor, os.fsencode(directory), flags) < 0:
            error = ctypes.get_errno()
            os.close(self._descriptor)
            raise OSError(error, os.strerror(error), directory)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._descriptor, self._readable)

    def close(self) -> None:
        if self._descriptor >= 0:
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1

    def _readable(self) -> None:
        try:
            while os.read(self._descriptor, 65536):
                pass
        except BlockingIOError:
            pass
        except OSError:
            self.close()
        self._changed()
