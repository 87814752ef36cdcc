"""Containers' logs, as CRI has them: one line a line, `2026-01-02T03:04:05.000000006Z stdout F text`.

A line ends with its newline (F), or after 16 KiB, or with its stream (P: more of the line may follow). What is written
in one turn of the event loop goes out in one write. Files are only appended to; after the kubelet has moved one away,
`reopen` goes on in a new one.

Only so many files are open at a time: ten thousand idle containers hold none.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import OrderedDict

from minikube_edu.lib import clock

log = logging.getLogger(__name__)

MAX_LINE = 16 * 1024
OPEN_FILES = 128
MODE = 0o640


class LogFiles:
    """All logs of a runtime: who has something to write this turn, and which files are open."""

    def __init__(self, keep_open: int = OPEN_FILES) -> None:
        self._keep_open = keep_open
        self._open: OrderedDict[str, int] = OrderedDict()  # path -> descriptor, the least used first
        self._waiting: dict[ContainerLog, None] = {}
        self.failures = 0  # lines that a full disk or a missing directory has cost

    def log(self, path: str) -> ContainerLog:
        """The log at `path`: the file is there from now on. OSError when it cannot be."""
        os.close(self._create(path))
        return ContainerLog(self, path)

    def nowhere(self) -> ContainerLog:
        """For a container without a log."""
        return ContainerLog(self, "")

    def _create(self, path: str) -> int:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        try:
            return os.open(path, flags, MODE)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
            return os.open(path, flags, MODE)

    def wait(self, one: ContainerLog) -> None:
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self.flush)
        self._waiting[one] = None

    def flush(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for one in waiting:
            one.flush()

    def append(self, path: str, data: bytes) -> None:
        descriptor = self._open.get(path)
        try:
            if descriptor is None:
                descriptor = self._open[path] = self._create(path)
                while len(self._open) > self._keep_open:
                    os.close(self._open.popitem(last=False)[1])
            else:
                self._open.move_to_end(path)
            written = os.write(descriptor, data)
            while written < len(data):
                written += os.write(descriptor, data[written:])
        except OSError as error:
            self.failures += 1
            log.warning("log %s: %s", path, error)

    def release(self, path: str) -> None:
        descriptor = self._open.pop(path, None)
        if descriptor is not None:
            os.close(descriptor)

    def close(self) -> None:
        self.flush()
        for path in list(self._open):
            self.release(path)


class ContainerLog:
    """One container's log: bytes of its two streams in, lines out."""

    __slots__ = ("_files", "_last", "_lines", "_second", "_tails", "path")

    def __init__(self, files: LogFiles, path: str) -> None:
        self.path = path
        self._files = files
        self._lines: list[bytes] = []
        self._tails: dict[bytes, bytes] = {}  # stream -> the line that has no end yet
        self._last = 0
        self._second: tuple[int, bytes] = (-1, b"")

    def write(self, stream: str, data: bytes) -> None:
        name = stream.encode()
        if not data:
            return
        if tail := self._tails.pop(name, b""):
            data = tail + data
        *lines, rest = data.split(b"\n")
        for line in lines:
            self._line(name, line, b" F ")
        if len(rest) > MAX_LINE:
            whole = len(rest) - len(rest) % MAX_LINE
            self._pieces(name, rest[:whole])
            rest = rest[whole:]
        if rest:
            self._tails[name] = rest
        if self._lines:
            self._files.wait(self)

    def _line(self, name: bytes, line: bytes, tag: bytes) -> None:
        if len(line) > MAX_LINE:
            last = (len(line) - 1) // MAX_LINE * MAX_LINE
            self._pieces(name, line[:last])
            line = line[last:]
        self._lines.append(self._stamp() + name + tag + line + b"\n")

    def _pieces(self, name: bytes, data: bytes) -> None:
        for at in range(0, len(data), MAX_LINE):
            self._lines.append(self._stamp() + name + b" P " + data[at : at + MAX_LINE] + b"\n")

    def _stamp(self) -> bytes:
        """Now; never twice the same, so that lines keep their order when they are sorted."""
        moment = self._last = max(int(clock.now() * 1e9), self._last + 1)
        second, fraction = divmod(moment, 1_000_000_000)
        if self._second[0] != second:
            self._second = (second, time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(second)).encode())
        return self._second[1] + b"%09dZ " % fraction

    def flush(self) -> None:
        if self._lines:
            data, self._lines = b"".join(self._lines), []
            if self.path:
                self._files.append(self.path, data)

    def reopen(self) -> None:
        """Go on in a new file of the same name; OSError when it cannot be made."""
        self.flush()
        self._files.release(self.path)
        os.close(self._files._create(self.path))

    def close(self) -> None:
        """The streams have ended: what has no newline is written as it is."""
        for name, rest in self._tails.items():
            self._line(name, rest, b" P ")
        self._tails.clear()
        self.flush()
        self._files.release(self.path)
