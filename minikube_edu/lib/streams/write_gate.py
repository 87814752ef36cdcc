"""Waiting until a transport takes more: the pause_writing half of asyncio's flow control, as something to await."""

from __future__ import annotations

import asyncio


class WriteGate:
    def __init__(self) -> None:
        self._shut = False
        self._waiters: list[asyncio.Future[None]] = []

    def pause_writing(self) -> None:
        self._shut = True

    def resume_writing(self) -> None:
        self._shut = False
        waiters, self._waiters = self._waiters, []
        for future in waiters:
            if not future.done():
                future.set_result(None)

    async def passed(self) -> None:
        while self._shut:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(future)
            await future
