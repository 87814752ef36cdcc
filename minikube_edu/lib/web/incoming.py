"""What a client gets back, over a socket or from a handler in the same process.

`Caller` is the interface that both kinds of client have; code that talks to a server takes one and does not know which.
`IncomingBody` is a body that is still arriving: chunks, or lines (a watch), with back-pressure towards the sender.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Protocol

from minikube_edu.lib.web.messages import Headers

HIGH = 1 << 20  # bytes of a body that nobody has read yet: the sender must wait until they are read


class Disconnected(ConnectionError):
    """The connection ended before the answer was whole."""


class ClientResponse:
    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: Headers, body: bytes = b"") -> None:
        self.status = status
        self.headers = headers  # names in lower case
        self.body = body

    def header(self, name: bytes) -> bytes | None:
        """The first value of a header; `name` in lower case."""
        for key, value in self.headers:
            if key == name:
                return value
        return None

    def __repr__(self) -> str:
        return f"<{self.status}, {len(self.body)} bytes>"


class IncomingBody:
    """Use it as a context manager, or call `close`; a body that was read to its end closes itself."""

    def __init__(
        self, status: int, headers: Headers, throttle: Callable[[bool], None], stop: Callable[[], None]
    ) -> None:
        self.status = status
        self.headers = headers
        self.buffered = 0
        self._throttle = throttle  # True: the sender must wait
        self._stop = stop  # nobody wants the rest
        self._pieces: deque[bytes] = deque()
        self._throttled = False
        self._ended = False
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None

    def header(self, name: bytes) -> bytes | None:
        return ClientResponse(self.status, self.headers).header(name)

    # -- for the reader ----------------------------------------------------------------------------------------------

    async def next(self) -> bytes:
        """All that has arrived since the last call; b"" at the end. Disconnected when the body is cut off."""
        while not self._pieces:
            if self._error is not None:
                raise self._error
            if self._ended:
                return b""
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self.buffered = 0
        if self._throttled:
            self._throttled = False
            self._throttle(False)
        return data

    async def chunks(self) -> AsyncIterator[bytes]:
        while data := await self.next():
            yield data

    async def batches(self) -> AsyncIterator[list[bytes]]:
        """Whole lines, as many as have arrived, without their ends: the cheapest way to follow a watch."""
        rest = b""
        while data := await self.next():
            lines = (rest + data if rest else data).split(b"\n")
            rest = lines.pop()
            if lines:
                yield lines
        if rest:
            yield [rest]

    async def lines(self) -> AsyncIterator[bytes]:
        async for batch in self.batches():
            for line in batch:
                yield line

    async def read(self) -> bytes:
        """The whole rest."""
        pieces = []
        while data := await self.next():
            pieces.append(data)
        return b"".join(pieces)

    def close(self) -> None:
        """Nobody wants the rest: the sender sees that the client has gone."""
        if not self._ended:
            self._ended = True
            self._pieces.clear()
            self._wake()
            self._stop()

    async def __aenter__(self) -> IncomingBody:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    # -- for the side that receives ----------------------------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        if self._ended:
            return
        self._pieces.append(data)
        self.buffered += len(data)
        if self.buffered > HIGH and not self._throttled:
            self._throttled = True
            self._throttle(True)
        self._wake()

    def finish(self, error: Exception | None = None) -> None:
        if not self._ended:
            self._ended = True
            self._error = error
            if self._throttled:
                self._throttled = False
                self._throttle(False)
            self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Upgraded:
    """A connection that has left HTTP. Nothing is read from it until `switch` says who listens."""

    def __init__(self, response: ClientResponse, transport: asyncio.Transport, early: bytes) -> None:
        self.response = response
        self.transport = transport
        self.early = early  # what came right behind the answer's head

    def switch(self, take: Callable[[asyncio.Transport, bytes], asyncio.BaseProtocol]) -> None:
        """`take` is what a server's Upgrade has: it gets the transport and the early bytes, and returns a protocol."""
        protocol = take(self.transport, self.early)
        self.transport.set_protocol(protocol)
        if self.transport.is_closing():
            asyncio.get_running_loop().call_soon(protocol.connection_lost, None)
        else:
            self.transport.resume_reading()


class Caller(Protocol):
    """A client of one server. `target` is path and query, percent-encoded; header names may have any case."""

    async def request(
        self, method: str, target: str, headers: Headers = (), body: bytes = b"", timeout: float | None = None
    ) -> ClientResponse:
        """One request and its whole answer. TimeoutError, Disconnected and other OSErrors when there is none."""
        ...

    async def stream(
        self, method: str, target: str, headers: Headers = (), body: bytes = b"", timeout: float | None = None
    ) -> IncomingBody:
        """Returns when the answer's head is there; the timeout ends with it."""
        ...

    async def upgrade(
        self, method: str, target: str, headers: Headers = (), body: bytes = b"", timeout: float | None = None
    ) -> Upgraded | ClientResponse:
        """`headers` name the protocol. A server that does not want to gives an ordinary answer."""
        ...

    async def close(self) -> None: ...
