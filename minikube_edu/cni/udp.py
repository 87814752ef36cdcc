"""UDP: datagrams that may be lost, and the memory of where translated ones went.

Who sends to a service's address gets the answer from that address: what connection tracking does in the kernel.
"""

from __future__ import annotations

import asyncio
import errno
from collections import deque
from collections.abc import Callable

from minikube_edu.cni.contract import Address
from minikube_edu.cni.tcp import failure

QUEUE = 212  # datagrams that wait for a receiver; the kernel's buffer of 208 KiB holds about as many
LARGEST = 65507

Carry = Callable[["UdpSocket", bytes, Address], None]


class UdpSocket:
    __slots__ = ("_carry", "_closed", "_forget", "_queue", "_waiter", "address", "taken", "translated", "used_at")

    def __init__(self, address: Address, carry: Carry, forget: Callable[[UdpSocket], None]) -> None:
        self.address = address
        self.translated: dict[Address, Address] = {}  # where it really went -> what the program asked for
        self.taken: Callable[[bytes], None] | None = None  # gets what arrives, in place of the queue
        self.used_at = 0.0
        self._carry = carry
        self._forget = forget
        self._queue: deque[tuple[bytes, Address]] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._closed = False

    async def receive(self) -> tuple[bytes, Address]:
        while not self._queue:
            if self._closed:
                raise failure(errno.EBADF)
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self._queue.popleft()

    def send(self, data: bytes, to: Address) -> None:
        if self._closed:
            raise failure(errno.EBADF)
        if len(data) > LARGEST:
            raise failure(errno.EMSGSIZE)
        self._carry(self, data, to)

    def arrive(self, data: bytes, source: Address) -> None:
        """The fabric delivers; a full queue drops."""
        if self.taken is not None and not self._closed:
            self.taken(data)
            return
        if self._closed or len(self._queue) >= QUEUE:
            return
        self._queue.append((data, self.translated.get(source, source)))
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._forget(self)
        self._wake()
