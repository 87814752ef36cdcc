"""An open file whose writes go to a function: how a container's output reaches its log, without a task for each.

`on_data(data)` is called in the writer's turn; what it returns is awaited when it is awaitable (a client that reads
slowly holds the program up). When the last holder is gone, `on_close` is called.
"""

from __future__ import annotations

import inspect
import stat
from collections.abc import Awaitable, Callable

from minikube_edu.container_runtime.simulated.contract import Stat
from minikube_edu.container_runtime.simulated.filesystem.open_description import OpenDescription
from minikube_edu.container_runtime.simulated.filesystem.pace import pace


class Sink(OpenDescription):
    __slots__ = ("_on_close", "_on_data")

    def __init__(
        self,
        on_data: Callable[[bytes], Awaitable[None] | None],
        on_close: Callable[[], None] | None = None,
        name: str = "pipe:[9]",
    ) -> None:
        super().__init__(name, False, True)
        self._on_data = on_data
        self._on_close = on_close

    async def write(self, data: bytes) -> None:
        await pace()
        waiting = self._on_data(data)
        if waiting is not None and inspect.isawaitable(waiting):
            await waiting

    def stat(self) -> Stat:
        return Stat(9, 13, stat.S_IFIFO | 0o600, 1, 0, 0, 0, 0.0, 0.0, 0.0)

    def close(self) -> None:
        if self._on_close is not None:
            self._on_close()
