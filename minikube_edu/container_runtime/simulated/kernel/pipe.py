"""A pipe: 64 KiB between those who write and those who read.

Each end is an open file description of its own. A writer waits while the pipe is full; when the last reader is gone it
gets SIGPIPE, and EPIPE if it survives that. Readers get b"" when the last writer is gone. `feed` and `feed_end` are the
runtime's way in: they never wait, and `drained` says when it may go on.
"""

from __future__ import annotations

import asyncio
import errno
import stat
from collections import deque
from itertools import count

from minikube_edu.container_runtime.simulated.contract import Stat, failure
from minikube_edu.container_runtime.simulated.filesystem.open_description import OpenDescription
from minikube_edu.container_runtime.simulated.kernel import scheduler

CAPACITY = 65536
_numbers = count(16001)


class Pipe:
    __slots__ = ("_pieces", "_readers_wait", "_size", "_writers_wait", "number", "readers", "writers")

    def __init__(self) -> None:
        self.number = next(_numbers)
        self.readers = 0
        self.writers = 0
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._readers_wait: list[asyncio.Future[None]] = []
        self._writers_wait: list[asyncio.Future[None]] = []

    def ends(self) -> tuple[PipeEnd, PipeEnd]:
        return PipeEnd(self, True, False), PipeEnd(self, False, True)

    def wake(self) -> None:
        """Something has changed: everyone looks again."""
        for waiting in (self._readers_wait, self._writers_wait):
            for future in waiting:
                if not future.done():
                    future.set_result(None)
            waiting.clear()

    async def _wait(self, waiting: list[asyncio.Future[None]]) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting.append(future)
        try:
            await future
        finally:
            if future in waiting:
                waiting.remove(future)

    async def take(self, size: int) -> bytes:
        if self._pieces:
            await scheduler.breathe()
        while not self._pieces:
            if not self.writers:
                return b""
            await self._wait(self._readers_wait)
        data = self._pieces.popleft()
        if len(data) > size:
            self._pieces.appendleft(data[size:])
            data = data[:size]
        self._size -= len(data)
        if self._writers_wait:
            self.wake()
        return data

    async def put(self, data: bytes) -> None:
        await scheduler.breathe()
        view = memoryview(data)
        while True:
            if not self.readers:
                process = scheduler.current
                if process is not None:
                    process.broken_pipe()
                raise failure(errno.EPIPE)
            room = CAPACITY - self._size
            if room > 0 and view:
                self._append(bytes(view[:room]))
                view = view[room:]
            if not view:
                return
            await self._wait(self._writers_wait)

    def _append(self, data: bytes) -> None:
        if self._pieces and len(self._pieces[-1]) + len(data) <= 4096:
            self._pieces[-1] += data
        else:
            self._pieces.append(data)
        self._size += len(data)
        if self._readers_wait:
            self.wake()

    def feed(self, data: bytes) -> None:
        """From outside: goes in at once, whatever the size."""
        if data and self.readers:
            self._append(data)

    async def drained(self) -> None:
        """Until there is room again, or nobody reads any more."""
        while self._size >= CAPACITY and self.readers:
            await self._wait(self._writers_wait)

    def holds(self) -> bool:
        return bool(self._pieces)

    async def wait_for_writer(self) -> None:
        await self._wait(self._readers_wait)

    async def wait_for_reader(self) -> None:
        await self._wait(self._writers_wait)

    def stat(self) -> Stat:
        return Stat(self.number, 13, stat.S_IFIFO | 0o600, 1, 0, 0, self._size, 0.0, 0.0, 0.0)


class PipeEnd(OpenDescription):
    __slots__ = ("pipe",)

    def __init__(self, pipe: Pipe, readable: bool, writable: bool, name: str = "") -> None:
        super().__init__(name or f"pipe:[{pipe.number}]", readable, writable)
        self.pipe = pipe
        pipe.readers += readable
        pipe.writers += writable

    async def read(self, size: int = 65536) -> bytes:
        if not self.readable:
            raise failure(errno.EBADF)
        return await self.pipe.take(size)

    async def write(self, data: bytes) -> None:
        if not self.writable:
            raise failure(errno.EBADF)
        await self.pipe.put(data)

    def stat(self) -> Stat:
        return self.pipe.stat()

    def close(self) -> None:
        self.pipe.readers -= self.readable
        self.pipe.writers -= self.writable
        self.pipe.wake()
