"""Container logs as the runtime writes them, and as a reader wants them.

A line of the file is `2026-01-02T03:04:05.123456789Z stdout F text`: a time, a stream, F for a full line or P for a
part of one that goes on in the next. Readers want the text, perhaps with the time, from some moment or some number of
lines before the end, up to some number of bytes, and perhaps what is still to come.

Following looks every 100 ms whether the file has grown, and only while somebody follows; a file that was rotated away
is read to its end, then the new one from its beginning.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from minikube_edu.lib import clock

PIECE = 64 * 1024
LOOK_SECONDS = 0.1


class LogOptions(Struct, frozen=True):
    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    since: float | None = None  # seconds since the epoch
    tail: int | None = None
    limit: int | None = None  # bytes
    stream: str = "All"  # Stdout, Stderr


class LogReader:
    """`running` says whether the container may still write."""

    def __init__(self, path: Path, options: LogOptions, running: Callable[[], bool]) -> None:
        self.path, self.options, self.running = path, options, running
        self._left = options.limit
        self._rest = b""
        self._wanted = b"" if options.stream == "All" else options.stream.lower().encode()

    async def pieces(self) -> AsyncIterator[bytes]:
        """What to send, piece by piece. FileNotFoundError when there is no log."""
        file: BinaryIO = open(self.path, "rb")  # noqa: ASYNC230, SIM115 - a local file; closed below, after changes of the name
        try:
            file.seek(tail_position(file, self.options.tail))
            while True:
                alive = self.running()  # before reading: what comes after the end is read as well
                while data := file.read(PIECE):
                    if made := self._made(data):
                        yield made
                    if self._left == 0:
                        return
                if not self.options.follow:
                    break
                fresh = self._rotated(file)
                if fresh is not None:
                    file.close()
                    file = fresh
                elif alive:
                    await asyncio.sleep(LOOK_SECONDS)
                else:
                    break
            if self._rest and (made := b"".join(self._parts([self._rest]))):
                yield made
        finally:
            file.close()

    def _rotated(self, file: BinaryIO) -> BinaryIO | None:
        """The file that has the name now, when it is another; one that was cut short is read from its beginning."""
        try:
            now = os.stat(self.path)
        except FileNotFoundError:
            return None  # between two names
        mine = os.fstat(file.fileno())
        if (now.st_ino, now.st_dev) != (mine.st_ino, mine.st_dev):
            return open(self.path, "rb")
        if now.st_size < file.tell():
            file.seek(0)
        return None

    def _made(self, data: bytes) -> bytes:
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        return b"".join(self._parts(lines))

    def _parts(self, lines: list[bytes]) -> Iterator[bytes]:
        for line in lines:
            stamp, _, rest = line.partition(b" ")
            stream, _, rest = rest.partition(b" ")
            tag, _, text = rest.partition(b" ")
            if not stream or (self._wanted and stream != self._wanted) or self._too_old(stamp):
                continue
            part = text if tag.startswith(b"P") else text + b"\n"
            if self.options.timestamps:
                part = stamp + b" " + part
            if self._left is not None:
                part = part[: self._left]
                self._left -= len(part)
            yield part

    def _too_old(self, stamp: bytes) -> bool:
        if self.options.since is None:
            return False
        try:
            return clock.parse_rfc3339(_microseconds(stamp.decode())) < self.options.since
        except ValueError:
            return False


def _microseconds(stamp: str) -> str:
    """Python reads six digits behind the point."""
    whole, point, fraction = stamp.partition(".")
    digits = fraction.rstrip("Z")
    if not point or not digits.isdigit():
        return stamp
    return f"{whole}.{digits[:6].ljust(6, '0')}Z"


def tail_position(file: BinaryIO, lines: int | None) -> int:
    """Where the last `lines` lines begin."""
    if lines is None:
        return 0
    end = file.seek(0, os.SEEK_END)
    if lines == 0:
        return end
    left, at = lines + 1, end  # the last line's own end counts too
    file.seek(max(0, end - 1))
    if file.read(1) not in (b"\n", b""):
        left -= 1
    while at > 0:
        size = min(PIECE, at)
        at -= size
        file.seek(at)
        block = file.read(size)
        while (found := block.rfind(b"\n")) >= 0:
            left -= 1
            if left == 0:
                return at + found + 1
            block = block[:found]
    return 0
