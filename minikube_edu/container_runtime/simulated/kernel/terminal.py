"""A terminal: the line between a client's keyboard and the programs of a session."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from minikube_edu.container_runtime.simulated.contract import Stat
from minikube_edu.container_runtime.simulated.filesystem.open_description import OpenDescription
from minikube_edu.container_runtime.simulated.kernel import scheduler, signals

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.kernel.process import KernelProcess
    from minikube_edu.container_runtime.simulated.kernel.process_table import ProcessTable


class KernelTerminal(OpenDescription):
    __slots__ = (
        "_eof",
        "_line",
        "_on_output",
        "_ready",
        "_waiting",
        "columns",
        "foreground",
        "raw",
        "rows",
        "session",
        "table",
    )

    def __init__(
        self,
        on_output: Callable[[bytes], Awaitable[None] | None],
        columns: int = 80,
        rows: int = 24,
        name: str = "/dev/pts/0",
    ) -> None:
        super().__init__(name, True, True)
        self._on_output = on_output
        self.columns = columns
        self.rows = rows
        self.raw = False
        self.foreground = 0
        self.session = 0
        self.table: ProcessTable | None = None
        self._line = bytearray()
        self._ready = bytearray()
        self._eof = 0
        self._waiting: list[asyncio.Future[None]] = []

    # -- the client's side -------------------------------------------------------------------------------------------

    def type(self, data: bytes) -> None:
        """Keys that the client has pressed."""
        for byte in data:
            self._key(byte)
        self._wake()

    def _key(self, byte: int) -> None:
        if self.raw:
            self._ready.append(byte)
            return
        if byte in (3, 28):
            self._echo(b"^C" if byte == 3 else b"^\\")
            self._line.clear()
            self._signal(signals.SIGINT if byte == 3 else signals.SIGQUIT)
        elif byte == 4:
            if self._line:
                self._ready += self._line
                self._line.clear()
            else:
                self._eof += 1
        elif byte in (8, 127):
            if self._line:
                self._line.pop()
                self._echo(b"\b \b")
        else:
            byte = 10 if byte == 13 else byte
            self._line.append(byte)
            self._echo(b"\r\n" if byte == 10 else bytes([byte]))
            if byte == 10:
                self._ready += self._line
                self._line.clear()

    def resize(self, columns: int, rows: int) -> None:
        if (columns, rows) != (self.columns, self.rows):
            self.columns, self.rows = columns, rows
            self._signal(signals.SIGWINCH)

    def hang_up(self) -> None:
        """The client is gone."""
        self._eof += 1 << 30
        self._wake()
        self._signal(signals.SIGHUP)

    def _signal(self, number: int) -> None:
        if self.table is not None:
            for process in self.table.group(self.foreground):
                process.deliver(number)

    def _echo(self, data: bytes) -> None:
        self._on_output(data)

    def _wake(self) -> None:
        if self._ready or self._eof:
            for future in self._waiting:
                if not future.done():
                    future.set_result(None)
            self._waiting.clear()

    # -- the programs' side ------------------------------------------------------------------------------------------

    def become_controlling(self, leader: KernelProcess) -> None:
        leader.terminal = self
        self.table = leader.table
        self.session = leader.pid
        self.foreground = leader.group

    def leader_ended(self, leader: KernelProcess) -> None:
        self._signal(signals.SIGHUP)

    def set_raw(self, raw: bool) -> None:
        self.raw = raw

    async def read(self, size: int = 65536) -> bytes:
        await scheduler.breathe()
        while not self._ready:
            if self._eof:
                self._eof -= 1
                return b""
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            try:
                await future
            finally:
                if future in self._waiting:
                    self._waiting.remove(future)
        line = bytes(self._ready)
        if not self.raw and b"\n" in line:
            line = line[: line.index(b"\n") + 1]
        line = line[:size]
        del self._ready[: len(line)]
        return line

    async def write(self, data: bytes) -> None:
        await scheduler.breathe()
        waiting = self._on_output(data if self.raw else data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
        if waiting is not None:
            await waiting

    def is_terminal(self) -> bool:
        return True

    def stat(self) -> Stat:
        return Stat(3, 137, stat.S_IFCHR | 0o620, 1, 0, 5, 0, 0.0, 0.0, 0.0, 0x8800)
