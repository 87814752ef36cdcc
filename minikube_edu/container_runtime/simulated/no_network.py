"""The network of a sandbox that has lost its own: the runtime that made it has ended. Nobody can be reached."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from typing import NoReturn

from minikube_edu.cni.contract import Address, Traffic
from minikube_edu.container_runtime.simulated.contract import failure


class NoNetwork:
    ips: Sequence[str] = ()
    gateway = ""
    prefix_length = 0
    mac = ""

    def __init__(self) -> None:
        self.traffic = Traffic()

    async def connect(self, ip: str, port: int, timeout: float | None = None) -> NoReturn:
        raise failure(errno.ENETUNREACH)

    def listen(self, port: int, ip: str = "0.0.0.0") -> NoReturn:
        raise failure(errno.EADDRNOTAVAIL)

    def datagrams(self, port: int = 0, ip: str = "0.0.0.0") -> NoReturn:
        raise failure(errno.ENETUNREACH)

    async def ping(self, ip: str, timeout: float = 1.0) -> NoReturn:
        raise failure(errno.ENETUNREACH)

    def listening(self) -> Sequence[tuple[str, Address]]:
        return ()
