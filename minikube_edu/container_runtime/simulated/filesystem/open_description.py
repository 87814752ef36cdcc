"""An open file description: what processes that inherited a file share, counted by its holders.

The base of all kinds of open files. `retain` and `release` count; the last release calls `close`, once. So does the
collection of one that was never released: what a killed program alone knew of is closed, as life has it.
"""

from __future__ import annotations

import contextlib
import errno

from minikube_edu.container_runtime.simulated.contract import OpenFile, Stat, failure


class OpenDescription:
    __slots__ = ("holders", "name", "readable", "writable")

    def __init__(self, name: str, readable: bool, writable: bool) -> None:
        self.name = name
        self.readable = readable
        self.writable = writable
        self.holders = 1

    async def read(self, size: int = 65536) -> bytes:
        raise failure(errno.EBADF)

    async def write(self, data: bytes) -> None:
        raise failure(errno.EBADF)

    def seek(self, offset: int, whence: int = 0) -> int:
        raise failure(errno.ESPIPE)

    def truncate(self, size: int) -> None:
        raise failure(errno.EINVAL)

    def stat(self) -> Stat:
        raise NotImplementedError

    def is_terminal(self) -> bool:
        return False

    def retain(self) -> OpenFile:
        self.holders += 1
        return self

    def release(self) -> None:
        self.holders -= 1
        if self.holders == 0:
            self.close()

    def close(self) -> None:
        """Nobody holds it any more."""

    def __del__(self) -> None:
        """A program was killed before it could hand on or release what it had opened: nobody knows it any more."""
        if getattr(self, "holders", 0) > 0:
            self.holders = 0
            with contextlib.suppress(Exception):
                self.close()
