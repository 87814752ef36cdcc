"""A pseudo-terminal with a program in it: what a person types goes in, what is seen comes out; and its modes."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any

PATIENCE = 15.0
CTRL_C, CTRL_D = b"\x03", b"\x04"


class Screen:
    def __init__(
        self, words: Sequence[str], environment: dict[str, str], rows: int = 24, columns: int = 80, term: str = "xterm"
    ) -> None:
        self._here, self._there = pty.openpty()
        self.resize(rows, columns)
        self.modes: list[Any] = termios.tcgetattr(self._there)
        self.seen = ""  # all of it
        self._at = 0  # up to where it was expected
        self.process = subprocess.Popen(
            list(words),
            stdin=self._there,
            stdout=self._there,
            stderr=self._there,
            env={**environment, "TERM": term},
            start_new_session=True,
            preexec_fn=_take_terminal,  # nothing else runs in this process
        )

    def __enter__(self) -> Screen:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE)
        os.close(self._here)
        os.close(self._there)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._there, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys: str | bytes) -> None:
        os.write(self._here, keys.encode() if isinstance(keys, str) else keys)

    def expect(self, pattern: str, seconds: float = PATIENCE) -> re.Match[str]:
        """The next place where the pattern is seen, after the last one."""
        deadline = time.monotonic() + seconds
        while True:
            found = re.compile(pattern, re.MULTILINE).search(self.seen, self._at)
            if found:
                self._at = found.end()
                return found
            left = deadline - time.monotonic()
            assert left > 0, f"{pattern!r} is not seen in {self.seen[self._at :]!r}, all: {self.seen!r}"
            self._look(left)

    def _look(self, seconds: float) -> bool:
        if not select.select([self._here], [], [], min(seconds, 0.1))[0]:
            return False
        try:
            piece = os.read(self._here, 65536)
        except OSError:  # Linux says so when the last one has closed it
            return False
        self.seen += piece.decode("utf-8", "replace")
        return bool(piece)

    def ends(self, seconds: float = PATIENCE) -> int:
        """Its exit code; a signal's as a shell shows it."""
        deadline = time.monotonic() + seconds
        while self.process.poll() is None:
            assert time.monotonic() < deadline, f"still running: {self.seen!r}"
            self._look(0.1)
        while self._look(0.05):
            pass
        code = self.process.returncode
        return code if code >= 0 else 128 - code

    @property
    def visible(self) -> str:
        """What stays on the terminal, of which only these are known: lines, back to the margin, erase to the end."""
        lines, column = [""], 0
        for piece in re.split("(\r|\n|\x1b\\[K)", self.seen):
            if piece == "\n":
                lines.append("")
                column = 0
            elif piece == "\r":
                column = 0
            elif piece == "\x1b[K":
                lines[-1] = lines[-1][:column]
            else:
                lines[-1] = lines[-1][:column] + piece + lines[-1][column + len(piece) :]
                column += len(piece)
        return "\n".join(lines)

    @property
    def restored(self) -> bool:
        """Whether the terminal is again as it was."""
        return termios.tcgetattr(self._there) == self.modes

    @property
    def raw(self) -> bool:
        return not termios.tcgetattr(self._there)[3] & termios.ICANON

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
