"""What passes between the HTTP server and its handler.

A handler is one function: Request in, Answer out. It may answer at once (then no task is made: that is the hot path)
or return an awaitable. It never raises: an exception that escapes is logged and becomes a bare 500.

There are three answers. `Response` is whole. `Streaming` is a chunked body written over time (watches, logs -f).
`Upgrade` hands the raw transport to another protocol (WebSocket, SPDY).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

Headers = Sequence[tuple[bytes, bytes]]


class Peer:
    """The other end of one connection; lives as long as the connection does."""

    __slots__ = ("address", "certificate", "local_address", "memo")

    def __init__(self, address: str, local_address: str, certificate: bytes | None) -> None:
        self.address = address  # "127.0.0.1:40000"; "" for a Unix socket or an in-process call
        self.local_address = local_address
        self.certificate = certificate  # DER, verified against the client CA; None without one
        self.memo: dict[str, Any] = {}  # for the handler: what it found out about this peer


class Request:
    __slots__ = ("body", "headers", "memo", "method", "path", "peer", "query", "too_large")

    def __init__(
        self, method: str, path: str, query: str, headers: Headers, body: bytes, peer: Peer, too_large: bool = False
    ) -> None:
        self.method = method
        self.path = path  # raw, still percent-encoded, without the query
        self.query = query  # raw, after the "?"
        self.headers = headers  # names in lower case, in order, repeats kept
        self.body = body
        self.peer = peer
        self.memo: Any = None  # for the handler: what it found out about this request
        self.too_large = too_large  # the body was over the limit and was thrown away

    def header(self, name: bytes) -> bytes | None:
        """The first value of a header; `name` in lower case."""
        for key, value in self.headers:
            if key == name:
                return value
        return None


class Response:
    __slots__ = ("body", "close", "content_type", "headers", "status")

    def __init__(
        self,
        status: int,
        body: bytes | Sequence[bytes] = b"",
        content_type: bytes = b"application/json",
        headers: Headers = (),
        close: bool = False,
    ) -> None:
        self.status = status
        self.body = body  # several pieces are written without being joined
        self.content_type = content_type  # b"" for none
        self.headers = headers
        self.close = close


class BodyWriter(Protocol):
    """The open body of a Streaming answer."""

    @property
    def closed(self) -> bool:
        """True when the client has gone or the body was ended."""
        ...

    @property
    def unsent(self) -> int:
        """Bytes written but not yet taken by the socket: the caller decides when a client is too slow."""
        ...

    def write(self, data: bytes) -> None:
        """One chunk. Chunks of one loop turn may be sent together; each stays a chunk of its own."""
        ...

    async def drained(self) -> None:
        """Returns when `unsent` is low again, or the body is closed."""
        ...

    def end(self) -> None:
        """The last chunk; the connection can be used again."""
        ...

    def abort(self) -> None:
        """Cut the connection: the client sees that the body is not whole."""
        ...

    def on_close(self, callback: Callable[[], None]) -> None:
        """Called once, when the client has gone or the body was ended."""
        ...


class Streaming:
    """`start` is called with the writer once the head is sent; it may return an awaitable, which is run as a task and
    cancelled when the client goes. The body stays open until `writer.end()`."""

    __slots__ = ("content_type", "headers", "start", "status")

    def __init__(
        self,
        start: Callable[[BodyWriter], Awaitable[None] | None],
        content_type: bytes = b"application/json",
        status: int = 200,
        headers: Headers = (),
    ) -> None:
        self.start = start
        self.content_type = content_type
        self.status = status
        self.headers = headers


class Upgrade:
    """`101 Switching Protocols`; `take` gets the transport and the bytes that came after the request, and returns the
    protocol that serves the connection from now on. It is not called with connection_made: `take` is that call.
    `headers` must name the protocol (`Upgrade: ...`); `Connection: Upgrade` is added when it is missing."""

    __slots__ = ("headers", "take")

    def __init__(self, take: Callable[[asyncio.Transport, bytes], asyncio.BaseProtocol], headers: Headers = ()) -> None:
        self.take = take
        self.headers = headers


Answer = Response | Streaming | Upgrade
Handler = Callable[[Request], Answer | Awaitable[Answer]]
