"""This terminal, while it belongs to a process in a container: keys go as they are typed, its size is told."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from types import TracebackType
from typing import Any

from minikube_edu.kubectl.detaching import Watch
from minikube_edu.kubectl.interrupts import Interrupts


class Terminal:
    """Raw while open, if there is a terminal and `tty` is wanted."""

    def __init__(self, process: Any, tty: bool) -> None:
        self._process = process
        self._wanted = tty and sys.stdin is not None and sys.stdin.isatty()
        self._before: list[Any] | None = None
        self._interrupts = Interrupts()  # not Ctrl-C, which is a key here; a signal from elsewhere

    def __enter__(self) -> Terminal:
        if self._wanted:
            import termios
            import tty

            self._before = termios.tcgetattr(0)
            tty.setraw(0, termios.TCSANOW)  # what has been typed already is not thrown away
            self._resize()
            asyncio.get_running_loop().add_signal_handler(signal.SIGWINCH, self._resize)
            self._interrupts.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            import termios

            termios.tcsetattr(0, termios.TCSADRAIN, self._before)
            asyncio.get_running_loop().remove_signal_handler(signal.SIGWINCH)
            self._interrupts.__exit__(kind, error, trace)

    def _resize(self) -> None:
        size = os.get_terminal_size(0)
        self._process.resize(size.columns, size.lines)


async def piped(sink: Any, watch: Watch | None = None) -> None:
    """All of stdin into a byte stream, then its end; or up to the keys that `watch` looks for."""
    while data := await _typed():
        sink.write(watch.passed(data) if watch else data)
        await sink.drained()
        if watch and watch.seen:
            return
    sink.end()


async def _typed() -> bytes:
    """What stdin has next. Read at the moment when the loop says that there is something: later, somebody else who has
    the same terminal may have taken it, and reading would stop all of this process."""
    loop = asyncio.get_running_loop()
    come: asyncio.Future[bytes] = loop.create_future()

    def take() -> None:
        loop.remove_reader(0)
        try:
            data = os.read(0, 65536)
        except OSError:  # a terminal that has hung up
            data = b""
        if not come.done():
            come.set_result(data)

    try:
        loop.add_reader(0, take)
    except (PermissionError, OSError, NotImplementedError):  # a file is always ready, and no loop will watch it
        return os.read(0, 65536)
    try:
        return await come
    finally:
        loop.remove_reader(0)
