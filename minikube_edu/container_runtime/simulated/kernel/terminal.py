"""A terminal: the line between a client's keyboard and the programs of a session.

Cooked by default: keys are echoed and collected into lines; erase (DEL, ^H), word erase (^W) and kill (^U) edit the
line, ^V takes the next key as it is, ^D ends the input, ^C ^\\ ^Z send their signals to the foreground group and throw
the line away. CR comes in as NL, NL goes out as CR NL. Raw (`set_raw`): bytes as typed, no echo, no signals; NL still
goes out as CR NL, unless a CR stands before it, so that a full-screen program need not know better.

The client's side is `type`, `resize`, `hang_up` and `on_output`, a plain function that takes output and never waits;
`drained`, if set, is awaited by programs that write. `on_output` may be exchanged: somebody attaches.
"""

from __future__ import annotations

import asyncio
import errno
import stat
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from minikube_edu.container_runtime.simulated.contract import Ignore, Stat, failure
from minikube_edu.container_runtime.simulated.filesystem.open_description import OpenDescription
from minikube_edu.container_runtime.simulated.kernel import scheduler, signals
from minikube_edu.lib import clock

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.kernel.process import KernelProcess
    from minikube_edu.container_runtime.simulated.kernel.process_table import ProcessTable

SIGNALS = {3: signals.SIGINT, 28: signals.SIGQUIT, 26: signals.SIGTSTP}
LONGEST_LINE = 4096
MOST_INPUT = 1 << 16  # typed ahead; more is thrown away, as by the real line discipline
END, RETURN, NEWLINE, WORD_ERASE, LINE_KILL, LITERAL = 4, 13, 10, 23, 21, 22
ERASE = (8, 127)


class KernelTerminal(OpenDescription):
    __slots__ = (
        "_ends",
        "_hung_up",
        "_line",
        "_literal",
        "_on_close",
        "_ready",
        "_waiting",
        "columns",
        "drained",
        "foreground",
        "on_output",
        "raw",
        "rows",
        "session",
        "table",
        "uid",
    )

    def __init__(
        self,
        on_output: Callable[[bytes], None],
        columns: int = 80,
        rows: int = 24,
    ) -> None:
        super().__init__("/dev/pts/0", True, True)
        self.on_output = on_output
        self.drained: Callable[[], Awaitable[None]] | None = None
        self.columns = columns
        self.rows = rows
        self.raw = False
        self.uid = 0
        self.foreground = 0
        self.session = 0
        self.table: ProcessTable | None = None
        self._on_close: Callable[[], object] | None = None
        self._line = bytearray()  # being typed
        self._ready = bytearray()  # whole lines, for whoever reads
        self._ends: list[int] = []  # places in `_ready` at which ^D was typed
        self._literal = False
        self._hung_up = False
        self._waiting: list[asyncio.Future[None]] = []

    # -- the client's side -------------------------------------------------------------------------------------------

    def type(self, data: bytes) -> None:
        """Keys that the client has pressed."""
        if self._hung_up:
            return
        for byte in data:
            if self.raw:
                if len(self._ready) < MOST_INPUT:
                    self._ready.append(byte)
            else:
                self._key(byte)
        self._wake()

    def _key(self, byte: int) -> None:
        if self._literal:
            self._literal = False
            self._add(byte)
        elif byte in SIGNALS:
            self._echo(b"^" + bytes([byte + 64]))
            self._line.clear()
            self._ready.clear()
            self._ends.clear()
            self._signal(SIGNALS[byte])
        elif byte in (NEWLINE, RETURN):
            self._echo(b"\r\n")
            self._line.append(NEWLINE)
            self._commit()
        elif byte == END:
            if self._line:
                self._commit()
            else:
                self._ends.append(len(self._ready))
        elif byte in ERASE:
            self._erase()
        elif byte == LINE_KILL:
            while self._line:
                self._erase()
        elif byte == WORD_ERASE:
            while self._line and self._line[-1:].isspace():
                self._erase()
            while self._line and not self._line[-1:].isspace():
                self._erase()
        elif byte == LITERAL:
            self._literal = True
        else:
            self._add(byte)

    def _add(self, byte: int) -> None:
        if len(self._line) < LONGEST_LINE - 1:
            self._line.append(byte)
            self._echo(b"^" + bytes([byte ^ 64]) if byte < 32 and byte != 9 else bytes([byte]))

    def _erase(self) -> None:
        """The last character: all bytes of it, and two columns of a control character."""
        if not self._line:
            return
        last = self._line.pop()
        while last & 0xC0 == 0x80 and self._line:
            last = self._line.pop()
        self._echo(b"\b \b" * (2 if last < 32 and last != 9 else 1))

    def _commit(self) -> None:
        if len(self._ready) < MOST_INPUT:
            self._ready += self._line
        self._line.clear()

    def resize(self, columns: int, rows: int) -> None:
        if (columns, rows) != (self.columns, self.rows):
            self.columns, self.rows = columns, rows
            self._signal(signals.SIGWINCH)

    def hang_up(self) -> None:
        """The client is gone: SIGHUP to the session's leader and the foreground, and no more input."""
        if self._hung_up:
            return
        self._hung_up = True
        self._wake()
        leader = self.table.processes.get(self.session) if self.table is not None else None
        if leader is not None and leader.status is None:
            leader.deliver(signals.SIGHUP, forced=True)
            leader.deliver(signals.SIGCONT, forced=True)
        self._signal(signals.SIGHUP, but=leader)

    def _signal(self, number: int, but: KernelProcess | None = None) -> None:
        if self.table is not None:
            for process in self.table.group(self.foreground):
                if process is not but:
                    process.deliver(number)

    def _echo(self, data: bytes) -> None:
        self.on_output(data)

    def _wake(self) -> None:
        if self._ready or self._ends or self._hung_up:
            for future in self._waiting:
                if not future.done():
                    future.set_result(None)
            self._waiting.clear()

    def named(self, name: str, on_close: Callable[[], object]) -> None:
        """Its device in the container that it belongs to."""
        self.name = name
        self._on_close = on_close

    # -- the programs' side ------------------------------------------------------------------------------------------

    def become_controlling(self, leader: KernelProcess) -> None:
        leader.terminal = self
        self.uid = leader.user.uid
        self.table = leader.table
        self.session = leader.pid
        self.foreground = leader.group

    def leader_ended(self) -> None:
        """The session's leader has ended: its foreground loses the terminal."""
        self._signal(signals.SIGHUP)

    def set_raw(self, raw: bool) -> None:
        self.raw = raw
        if raw and self._line:  # what was being typed is input now
            self._commit()
            self._wake()

    async def read(self, size: int = 65536) -> bytes:
        await scheduler.breathe()
        while not self._ready and not self._ends:
            if self._hung_up:
                return b""
            await self._wait()
        self._in_foreground()
        return self._take(size)

    async def _wait(self) -> None:
        self._in_foreground()
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        try:
            await future
        finally:
            if future in self._waiting:
                self._waiting.remove(future)

    def _in_foreground(self) -> None:
        """Who reads from the background is stopped, or refused if it does not care."""
        process = scheduler.current
        if process is None or process.terminal is not self or process.group == self.foreground:
            return
        if process.action(signals.SIGTTIN) is Ignore:
            raise failure(errno.EIO)
        process.deliver(signals.SIGTTIN)

    def _take(self, size: int) -> bytes:
        if self._ends and self._ends[0] == 0:
            del self._ends[0]
            return b""
        count = min(size, len(self._ready), *self._ends[:1])
        if not self.raw:
            newline = self._ready.find(b"\n", 0, count)
            count = newline + 1 if newline >= 0 else count
        data = bytes(self._ready[:count])
        del self._ready[:count]
        self._ends = [at - count for at in self._ends]
        return data

    async def write(self, data: bytes) -> None:
        await scheduler.breathe()
        if self._hung_up:
            raise failure(errno.EIO)
        if self.raw:
            data = data.replace(b"\r\n", b"\n")
        self.on_output(data.replace(b"\n", b"\r\n"))
        if self.drained is not None:
            await self.drained()

    def is_terminal(self) -> bool:
        return True

    def stat(self) -> Stat:
        number = int(self.name.rpartition("/")[2]) if self.name[-1:].isdigit() else 0
        now = clock.now()
        return Stat(number + 3, 53, stat.S_IFCHR | 0o620, 1, self.uid, 5, 0, now, now, now, 136 << 8 | number)

    def close(self) -> None:
        if self._on_close is not None:
            self._on_close()
