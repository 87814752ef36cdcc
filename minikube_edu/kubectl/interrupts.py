"""What Ctrl-C and its like do while a command waits or follows: what is open is closed, and the command ends with 1.

    with Interrupts():
        await follow()

Outside of it such a signal ends the process, as it does any other program. A second one within ends it at once.
"""

from __future__ import annotations

import asyncio
import signal
from types import TracebackType

from minikube_edu.kubectl.failures import Exit

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT") if hasattr(signal, name))


class Interrupts:
    _open = False  # the outermost one decides

    def __init__(self, code: int = 1, signals: tuple[signal.Signals, ...] = SIGNALS) -> None:
        self._code = code
        self._signals = signals
        self._taken: list[signal.Signals] = []
        self._outermost = False
        self.seen = False

    def __enter__(self) -> Interrupts:
        if Interrupts._open:
            return self
        Interrupts._open = self._outermost = True
        self._task = asyncio.current_task()
        loop = asyncio.get_running_loop()
        for one in self._signals:
            try:
                loop.add_signal_handler(one, self._signalled)
                self._taken.append(one)
            except (ValueError, RuntimeError, NotImplementedError):  # not the main thread, or not such a system
                break
        return self

    def _signalled(self) -> None:
        self._release()  # the next one is not waited with
        self.seen = True
        if self._task is not None:
            self._task.cancel()

    def _release(self) -> None:
        loop = asyncio.get_running_loop()
        for one in self._taken:
            loop.remove_signal_handler(one)
        self._taken = []

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._outermost:
            return
        Interrupts._open = False
        self._release()
        if self.seen:
            raise Exit(self._code) from None
