"""The HTTP/1.1 client that our own seats use: one server, a pool of kept-alive connections.

    client = Client("127.0.0.1", 6443, tls=tls.client_context(ca, cert, key))
    answer = await client.request("GET", "/api/v1/pods", timeout=10)
    async with await client.stream("GET", "/api/v1/pods?watch=true") as body:
        async for line in body.lines(): ...

A request on a kept-alive connection that the server closes at the same moment is sent once more, if it only reads.
There are no redirects, no proxies, no cookies: the servers of a cluster use none.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Awaitable, Callable
from typing import cast

import httptools

from minikube_edu.lib.web import carried
from minikube_edu.lib.web.incoming import ClientResponse, Disconnected, IncomingBody, Upgraded
from minikube_edu.lib.web.messages import Headers
from minikube_edu.lib.web.tls import keep_session

REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS"})
IDLE_SECONDS = 60.0  # shorter than any server's
KEPT = 32
HEAD_LIMIT = 1 << 20
MOST_HEADERS = 1000
WHOLE, STREAM, UPGRADE = range(3)

Result = ClientResponse | IncomingBody | Upgraded
Dial = Callable[[str, int], Awaitable["socket.socket | carried.Carrier"]]  # how else to reach host and port


class Client:
    """A Caller over TCP, TLS or a Unix socket; or over whatever `dial` connects."""

    def __init__(
        self,
        host: str = "localhost",
        port: int = 0,
        *,
        tls: ssl.SSLContext | None = None,
        server_hostname: str | None = None,
        unix: str | None = None,
        connect_timeout: float = 10.0,
        dial: Dial | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self._tls = tls
        self._server_hostname = (server_hostname or host) if tls is not None else None
        self._unix = unix
        self._dial = dial
        self._connect_timeout = connect_timeout
        self._idle: list[_Connection] = []
        self._all: set[_Connection] = set()
        self._dialling = 0  # connections under way for requests with whole answers
        self._waiting: deque[asyncio.Future[bool]] = deque()  # those who may do without one of their own
        self._closed = False
        shown = f"[{host}]" if ":" in host else host
        self._host_line = b"Host: %b\r\n" % (f"{shown}:{port}" if port else shown).encode()

    async def request(
        self, method: str, target: str, headers: Headers = (), body: bytes = b"", timeout: float | None = None
    ) -> ClientResponse:
        result = await self._exchange(method, target, headers, body, timeout, WHOLE)
        return cast(ClientResponse, result)

    async def stream(
        self, method: str, target: str, headers: Headers = (), body: bytes = b"", timeout: float | None = None
    ) -> IncomingBody:
        result = await self._exchange(method, target, headers, body, timeout, STREAM)
        return cast(IncomingBody, result)

    async def upgrade(
        self, method: str, target: str, headers: Headers = (), body: bytes = b"", timeout: float | None = None
    ) -> Upgraded | ClientResponse:
        if not any(name.lower() == b"connection" for name, _ in headers):
            headers = (*headers, (b"Connection", b"Upgrade"))
        result = await self._exchange(method, target, headers, body, timeout, UPGRADE)
        return cast(Upgraded | ClientResponse, result)

    async def close(self) -> None:
        """Cut everything; who still waits for an answer gets Disconnected."""
        self._closed = True
        self._idle.clear()
        everything = list(self._all)
        for connection in everything:
            connection.transport.abort()
        for connection in everything:
            await connection.gone

    async def _exchange(
        self, method: str, target: str, headers: Headers, body: bytes, timeout: float | None, mode: int
    ) -> Result:
        length = b"Content-Length: %d\r\n" % len(body) if body or method not in REPEATABLE else b""
        lines = b"".join([b"%b: %b\r\n" % pair for pair in headers]) if headers else b""
        start = b"%b %b HTTP/1.1\r\n%b" % (method.encode(), target.encode(), self._host_line)
        message = b"".join((start, lines, length, b"\r\n", body))
        loop = asyncio.get_running_loop()
        deadline = None if timeout is None else loop.time() + timeout
        connection = self._kept(loop)
        if connection is None and mode == WHOLE and self._dialling:
            connection = await self._handed_on(loop, deadline)
        if connection is not None:
            try:
                return await connection.exchange(method, message, mode, deadline)
            except Disconnected:
                if connection.heard or method not in REPEATABLE or self._closed:
                    raise
        connection = await (self._connect_for_all if mode == WHOLE else self._connect)(loop, deadline)
        return await connection.exchange(method, message, mode, deadline)

    async def _handed_on(self, loop: asyncio.AbstractEventLoop, deadline: float | None) -> _Connection | None:
        """A connection that another request is done with, while a third one connects: handshakes take longer than most
        answers. So a burst makes one connection after the other, and no more than it needs."""
        while self._dialling and not self._closed:
            waiter = loop.create_future()
            self._waiting.append(waiter)
            async with asyncio.timeout_at(deadline):
                reachable = await waiter
            connection = self._kept(loop)
            if connection is not None or not reachable:
                return connection
        return None

    async def _connect_for_all(self, loop: asyncio.AbstractEventLoop, deadline: float | None) -> _Connection:
        """Whoever waits looks again afterwards; if it failed, each tries for itself."""
        self._dialling += 1
        reachable = False
        try:
            connection = await self._connect(loop, deadline)
            reachable = True
            return connection
        finally:
            self._dialling -= 1
            waiting, self._waiting = self._waiting, deque()
            for waiter in waiting:
                if not waiter.done():
                    waiter.set_result(reachable)

    def _kept(self, loop: asyncio.AbstractEventLoop) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.transport.is_closing():
                continue
            if loop.time() - connection.idle_since > IDLE_SECONDS:
                connection.transport.close()
                continue
            return connection
        return None

    async def _connect(self, loop: asyncio.AbstractEventLoop, deadline: float | None) -> _Connection:
        if self._closed:
            raise Disconnected("this client is closed")
        patience = self._connect_timeout
        if deadline is not None:
            patience = min(patience, deadline - loop.time())
        async with asyncio.timeout(patience):
            if self._dial is not None:
                connection = await self._dialled(loop, await self._dial(self.host, self.port))
            elif self._unix is not None:
                _, connection = await loop.create_unix_connection(
                    lambda: _Connection(self, loop), self._unix, ssl=self._tls, server_hostname=self._server_hostname
                )
            else:
                _, connection = await loop.create_connection(
                    lambda: _Connection(self, loop),
                    self.host,
                    self.port,
                    ssl=self._tls,
                    server_hostname=self._server_hostname,
                )
        if self._closed:
            connection.transport.abort()
            raise Disconnected("this client is closed")
        return connection

    async def _dialled(self, loop: asyncio.AbstractEventLoop, found: socket.socket | carried.Carrier) -> _Connection:
        if isinstance(found, socket.socket):
            try:
                _, connection = await loop.create_connection(
                    lambda: _Connection(self, loop), sock=found, ssl=self._tls, server_hostname=self._server_hostname
                )
            except BaseException:
                found.close()
                raise
            return connection
        _, connection = await carried.connect(found, lambda: _Connection(self, loop), self._tls, self._server_hostname)
        return connection

    def _back(self, connection: _Connection) -> None:
        if self._closed or len(self._idle) >= KEPT:
            connection.transport.close()
        else:
            self._idle.append(connection)
            while self._waiting:
                waiter = self._waiting.popleft()
                if not waiter.done():
                    waiter.set_result(True)
                    break

    def _lost(self, connection: _Connection) -> None:
        self._all.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)


def discard(result: Result) -> None:
    """Nobody takes this result any more."""
    if isinstance(result, IncomingBody):
        result.close()
    elif isinstance(result, Upgraded):
        result.transport.abort()


class _Connection(asyncio.Protocol):
    """One connection, one exchange at a time."""

    def __init__(self, client: Client, loop: asyncio.AbstractEventLoop) -> None:
        self._client = client
        self._loop = loop
        self.gone: asyncio.Future[None] = loop.create_future()
        self.idle_since = 0.0
        self.heard = False  # a byte of the answer has come
        self._future: asyncio.Future[Result] | None = None
        self._stream: IncomingBody | None = None
        self._method = ""
        self._mode = WHOLE
        self._until_close = False
        self._switched: Upgraded | None = None
        self._known = False  # the TLS session is kept for the next connection
        self._fresh()

    def _fresh(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._head_size = 0
        self._in_head = True

    async def exchange(self, method: str, message: bytes, mode: int, deadline: float | None) -> Result:
        loop = self._loop
        self.heard = False
        self._method = method
        self._mode = mode
        future = self._future = loop.create_future()
        self.transport.write(message)
        timer = None if deadline is None else loop.call_at(deadline, self._late)
        try:
            result: Result = await future
            return result
        except asyncio.CancelledError:
            if self._future is future:
                self.transport.abort()  # the answer would meet the next request
            elif future.done() and not future.cancelled() and future.exception() is None:
                discard(future.result())
            raise
        finally:
            if self._future is future:  # else the connection may be with another request by now
                self._future = None
            if timer is not None:
                timer.cancel()

    def _late(self) -> None:
        self._fail(TimeoutError(f"no answer to {self._method} in time"))
        self.transport.abort()

    # -- the transport's calls ---------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._client._all.add(self)

    def data_received(self, data: bytes) -> None:
        if self._switched is not None:
            self._switched.early += data
            return
        if self._future is None and self._stream is None:
            self.transport.abort()  # an answer that nobody asked for
            return
        self.heard = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as rest:
            self._upgraded(data[rest.args[0] :])
        except httptools.HttpParserError as error:
            if self._future is not None or self._stream is not None:
                self._fail(Disconnected(f"malformed answer: {error}"))
                self.transport.abort()
        else:
            if self._method == "HEAD" and not self._in_head:  # the parser waits for the body that the head announces
                self.on_message_complete()
                self._fresh()
            elif self._in_head and (self._head_size > HEAD_LIMIT or len(self._headers) > MOST_HEADERS):
                self._fail(Disconnected("the answer's head is too long"))
                self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._client._lost(self)
        if not self.gone.done():
            self.gone.set_result(None)
        if self._until_close and exc is None and not self._in_head:
            self._until_close = False
            self.on_message_complete()
        self._fail(Disconnected(f"the server closed the connection{f': {exc}' if exc else ''}"))
        del self._parser

    # -- the parser's calls ------------------------------------------------------------------------------------------

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_head:
            return
        self._head_size += len(name) + len(value)
        if self._head_size <= HEAD_LIMIT:
            self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200 and status != 101:
            return
        self._in_head = False
        if not self._known:
            self._known = True
            keep_session(self.transport.get_extra_info("ssl_object"))
        names = dict(self._headers)
        self._until_close = not (
            self._method == "HEAD"
            or status in (101, 204, 304)
            or b"content-length" in names
            or b"transfer-encoding" in names
        )
        if self._mode == STREAM and self._future is not None and not self._future.done():
            self._stream = IncomingBody(status, tuple(self._headers), self._throttle, self.transport.abort)
            self._future.set_result(self._stream)

    def on_body(self, data: bytes) -> None:
        if self._stream is not None:
            self._stream.feed(data)
        else:
            self._body.append(data)

    def on_message_complete(self) -> None:
        if self._in_head:  # 100 Continue and the like
            self._headers = []
            return
        status = self._parser.get_status_code()
        if status == 101:
            return  # _upgraded follows
        future, stream = self._future, self._stream
        self._future = None
        headers, body = tuple(self._headers), self._body
        self._headers, self._body, self._in_head, self._head_size = [], [], True, 0
        keep = self._parser.should_keep_alive() and not self._client._closed
        self._stream = None
        if stream is not None:
            stream.finish()
        elif future is not None and not future.done():
            future.set_result(ClientResponse(status, headers, body[0] if len(body) == 1 else b"".join(body)))
        else:
            keep = False
        if keep and not self.transport.is_closing():
            self.idle_since = self._loop.time()
            self._client._back(self)
        else:
            self.transport.close()

    # -- ends of an exchange -----------------------------------------------------------------------------------------

    def _upgraded(self, early: bytes) -> None:
        future = self._future
        if future is None or future.done() or self._mode != UPGRADE:
            self._fail(Disconnected("the server changed the protocol unasked"))
            self.transport.abort()
            return
        self.transport.pause_reading()
        self._client._all.discard(self)
        response = ClientResponse(101, tuple(self._headers))
        self._switched = Upgraded(response, self.transport, early)
        future.set_result(self._switched)
        self._future = None

    def _throttle(self, wait: bool) -> None:
        if not self.transport.is_closing():
            if wait:
                self.transport.pause_reading()
            else:
                self.transport.resume_reading()

    def _fail(self, error: Exception) -> None:
        if self._stream is not None:
            self._stream.finish(error)
            self._stream = None
        if self._future is not None and not self._future.done():
            self._future.set_exception(error)
