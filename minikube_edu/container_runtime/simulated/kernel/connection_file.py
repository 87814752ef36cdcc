"""A network connection in the clothes of a file: for nc, `exec 3<>/dev/tcp/…`."""

from __future__ import annotations

import stat
from itertools import count

from minikube_edu.cni.contract import Connection
from minikube_edu.container_runtime.simulated.contract import Stat
from minikube_edu.container_runtime.simulated.filesystem.open_description import OpenDescription
from minikube_edu.container_runtime.simulated.kernel import scheduler

_numbers = count(27001)


class ConnectionFile(OpenDescription):
    __slots__ = ("connection", "number")

    def __init__(self, connection: Connection) -> None:
        self.number = next(_numbers)
        super().__init__(f"socket:[{self.number}]", True, True)
        self.connection = connection

    async def read(self, size: int = 65536) -> bytes:
        await scheduler.breathe()
        return await self.connection.read(size)

    async def write(self, data: bytes) -> None:
        await scheduler.breathe()
        try:
            await self.connection.write(data)
        except BrokenPipeError:
            process = scheduler.current
            if process is not None:
                process.broken_pipe()
            raise

    def stat(self) -> Stat:
        return Stat(self.number, 8, stat.S_IFSOCK | 0o777, 1, 0, 0, 0, 0.0, 0.0, 0.0)

    def close(self) -> None:
        self.connection.close()
