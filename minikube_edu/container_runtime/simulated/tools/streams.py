"""Reading inputs and writing outputs, as every filter does it.

A filter reads a batch of whole lines, answers with one write, and goes on: output is never held back while the input
waits, and a long file costs one write per block. `inputs` opens the named files (or stdin) one after the other,
complains about those that cannot be opened and remembers that.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from typing import NamedTuple

from minikube_edu.container_runtime.simulated.contract import OpenFile, Process, reason
from minikube_edu.container_runtime.simulated.tools.arguments import is_busybox

BLOCK = 65536
FREE = 4 << 20
MOST = 64 << 20
LONGEST_LINE = 16 << 20


def decode(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def held(process: Process, size: int, most: int = MOST) -> None:
    """A program holds `size` bytes of input: beyond some MiB that is memory of its container, and it has an end."""
    if size > FREE:
        process.use_memory(size)
        if size > most:
            raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))


class Words(NamedTuple):
    """How a command says that it cannot read a file: GNU's words, busybox's words."""

    gnu: str = "{}"
    busybox: str = "{}"


OPEN = Words(busybox="can't open '{}'")  # cat, tail, uniq, md5sum
PLAIN = Words()


def unopened(process: Process, path: str, error: OSError, words: Words = PLAIN) -> str:
    """The line to complain with; SIGPIPE and signals are not for us."""
    if isinstance(error, BrokenPipeError | InterruptedError):
        raise error
    if error.errno == errno.EISDIR:
        return f"{path}: {reason(error)}"
    return f"{words.busybox.format(path) if is_busybox(process) else words.gnu.format(path)}: {reason(error)}"


class Inputs:
    """The files that a filter was given, one after the other: `async for name, file in Inputs(process, names)`.

    Iterators here are objects and not generators, so that a killed program leaves nothing to be closed behind.
    """

    def __init__(self, process: Process, names: Sequence[str], words: Words = PLAIN) -> None:
        self.process = process
        self.words = words
        self.names = list(names) or ["-"]
        self.failed = False
        self.waiting = list(reversed(self.names))
        self.current: OpenFile | None = None

    def __aiter__(self) -> Inputs:
        return self

    async def __anext__(self) -> tuple[str, OpenFile]:
        self.close()
        while self.waiting:
            name = self.waiting.pop()
            if name == "-":
                return name, self.process.stdin
            try:
                file = self.process.open(name)
                if (file.stat().mode & 0o170000) == 0o040000:
                    file.release()
                    raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
            except OSError as error:
                self.failed = True
                line = unopened(self.process, name, error, self.words)
                if error.errno == errno.EISDIR and is_busybox(self.process) and self.words is OPEN:
                    line = f"read error: {reason(error)}"
                await self.process.complain(line)
                continue
            self.current = file
            return name, file
        raise StopAsyncIteration

    def contents(self) -> Contents:
        """`async for name, data in inputs.contents()`: each file as a whole."""
        return Contents(self)

    def close(self) -> None:
        if self.current is not None:
            self.current.release()
            self.current = None


class Contents:
    def __init__(self, inputs: Inputs) -> None:
        self.inputs = inputs

    def __aiter__(self) -> Contents:
        return self

    async def __anext__(self) -> tuple[str, bytes]:
        name, file = await self.inputs.__anext__()
        return name, await everything(self.inputs.process, file)


async def everything(process: Process, file: OpenFile) -> bytes:
    parts = []
    size = 0
    while block := await file.read(BLOCK):
        parts.append(block)
        size += len(block)
        held(process, size)
        await process.breathe()
    return b"".join(parts)


class Batches:
    """Lines with their ends, as many at a time as have arrived; the last may have no end."""

    def __init__(self, process: Process, file: OpenFile, separator: bytes = b"\n") -> None:
        self.process, self.file, self.separator = process, file, separator
        self.rest = b""

    def __aiter__(self) -> Batches:
        return self

    async def __anext__(self) -> list[bytes]:
        while block := await self.file.read(BLOCK):
            await self.process.breathe()
            head, found, tail = block.rpartition(self.separator)
            if not found:
                self.rest += block
                held(self.process, len(self.rest), LONGEST_LINE)
                continue
            lines = (self.rest + head).split(self.separator)
            self.rest = tail
            return [line + self.separator for line in lines]
        if not self.rest:
            raise StopAsyncIteration
        rest, self.rest = self.rest, b""
        return [rest]


class LineReader:
    """One line at a time, for sed, awk and whoever may stop in the middle; `give_back` returns what was not used."""

    def __init__(self, process: Process, file: OpenFile, separator: bytes = b"\n") -> None:
        self.process, self.file, self.separator = process, file, separator
        self.buffer: list[bytes] = []  # complete lines, the next one last
        self.rest = b""
        self.ended = False

    async def line(self) -> bytes | None:
        """With its end; None when there is nothing more."""
        while not self.buffer:
            if self.ended:
                rest, self.rest = self.rest, b""
                return rest or None
            block = await self.file.read(BLOCK)
            await self.process.breathe()
            if not block:
                self.ended = True
                continue
            head, found, tail = block.rpartition(self.separator)
            if found:
                lines = (self.rest + head).split(self.separator)
                self.buffer = [line + self.separator for line in reversed(lines)]
                self.rest = tail
            else:
                self.rest += block
                held(self.process, len(self.rest), LONGEST_LINE)
        return self.buffer.pop()

    def waits(self) -> bool:
        """Whether the next line would have to be read first: the moment to flush."""
        return not self.buffer and not self.ended

    def give_back(self) -> None:
        """Put the file's position behind the last line that was used, for whoever reads the file next."""
        unread = sum(map(len, self.buffer)) + len(self.rest)
        if unread:
            try:
                self.file.seek(-unread, 1)
            except OSError:
                pass  # a pipe: what was read is gone, as in life


class Output:
    """Collects what is written and passes it on in blocks; `flush` before waiting for something."""

    def __init__(self, file: OpenFile) -> None:
        self.file = file
        self.parts: list[bytes] = []
        self.size = 0

    async def write(self, data: bytes) -> None:
        self.parts.append(data)
        self.size += len(data)
        if self.size >= BLOCK:
            await self.flush()

    async def flush(self) -> None:
        if self.parts:
            data = b"".join(self.parts)
            self.parts, self.size = [], 0
            await self.file.write(data)


async def confirmed(process: Process, question: str) -> bool:
    """Ask on stderr, read a line of stdin: does it begin with a y?"""
    await process.stderr.write(encode(question))
    answer = b""
    while not answer.endswith(b"\n"):
        byte = await process.stdin.read(1)
        if not byte:
            break
        answer += byte
    return answer[:1] in (b"y", b"Y")
