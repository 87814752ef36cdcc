"""A client that calls the server's handler directly: all seats on one loop, no sockets, no encoding, no TLS.

The handler sees the same Request as behind a socket, and a Peer that the caller of this class makes up: who they are is
then for the handler to find in `peer.memo`, `peer.certificate` or the headers. Each call gives the loop one turn, as a
socket would: a task that makes a thousand calls does not keep the others waiting.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from minikube_edu.lib.web.incoming import ClientResponse, Disconnected, IncomingBody, Upgraded
from minikube_edu.lib.web.memory_transport import transport_pair
from minikube_edu.lib.web.messages import Answer, Handler, Headers, Peer, Request, Response, Streaming, Upgrade

log = logging.getLogger(__name__)


class InProcess:
    """A Caller over a Handler."""

    def __init__(self, handler: Handler, peer: Peer | None = None) -> None:
        self._handler = handler
        self._peer = peer or Peer("", "", None)
        self._bodies: set[MemoryBody] = set()
        self._transports: list[asyncio.Transport] = []
        self._seen: tuple[Headers | None, Headers] = (None, ())  # headers as given, and as the handler gets them
        self._closed = False

    async def request(
        self, method: str, target: str, headers: Headers = (), body: bytes = b"", timeout: float | None = None
    ) -> ClientResponse:
        answer = await self._ask(method, target, headers, body, timeout)
        if isinstance(answer, Response):
            return _whole(answer, method)
        if isinstance(answer, Streaming):
            async with asyncio.timeout(timeout), self._open(answer) as incoming:
                return ClientResponse(incoming.status, incoming.headers, await incoming.read())
        raise Disconnected("the server changed the protocol unasked")

    async def stream(
        self, method: str, target: str, headers: Headers = (), body: bytes = b"", timeout: float | None = None
    ) -> IncomingBody:
        answer = await self._ask(method, target, headers, body, timeout)
        if isinstance(answer, Streaming):
            return self._open(answer)
        if isinstance(answer, Response):
            whole = _whole(answer, method)
            incoming = IncomingBody(whole.status, whole.headers, lambda wait: None, lambda: None)
            if whole.body:
                incoming.feed(whole.body)
            incoming.finish()
            return incoming
        raise Disconnected("the server changed the protocol unasked")

    async def upgrade(
        self, method: str, target: str, headers: Headers = (), body: bytes = b"", timeout: float | None = None
    ) -> Upgraded | ClientResponse:
        answer = await self._ask(method, target, headers, body, timeout)
        if isinstance(answer, Response):
            return _whole(answer, method)
        if isinstance(answer, Streaming):
            async with asyncio.timeout(timeout), self._open(answer) as incoming:
                return ClientResponse(incoming.status, incoming.headers, await incoming.read())
        near, far = transport_pair()
        self._transports = [each for each in self._transports if not each.is_closing()]
        self._transports.append(near)
        far.set_protocol(answer.take(far, b""))
        far.resume_reading()
        return Upgraded(ClientResponse(101, _lower(answer.headers)), near, b"")

    async def close(self) -> None:
        self._closed = True
        for body in list(self._bodies):
            body.lost(Disconnected("this client is closed"))
        for transport in self._transports:
            transport.abort()
        tasks = [body.task for body in self._bodies if body.task is not None]
        if tasks:
            await asyncio.wait(tasks)

    async def _ask(self, method: str, target: str, headers: Headers, body: bytes, timeout: float | None) -> Answer:
        await asyncio.sleep(0)
        if self._closed:
            raise Disconnected("this client is closed")
        if self._seen[0] is not headers or not isinstance(headers, tuple):
            self._seen = (headers, (*_lower(headers), (b"host", b"in-process")))
        path, _, query = target.partition("?")
        request = Request(method, path, query, self._seen[1], body, self._peer)
        async with asyncio.timeout(timeout):
            try:
                answer = self._handler(request)
                return answer if isinstance(answer, Response | Streaming | Upgrade) else await answer
            except Exception:
                log.exception("the handler failed on %s %s", method, path)
                return Response(500, b"", b"")

    def _open(self, answer: Streaming) -> IncomingBody:
        body = MemoryBody(answer)
        self._bodies.add(body)
        body.on_close(lambda: self._ended(body))
        body.begin(answer.start)
        return body.incoming

    def _ended(self, body: MemoryBody) -> None:
        if body.task is None:
            self._bodies.discard(body)
        else:
            body.task.add_done_callback(lambda _: self._bodies.discard(body))


class MemoryBody:
    """A BodyWriter whose other end is an IncomingBody in the same process."""

    def __init__(self, answer: Streaming) -> None:
        headers = (*_lower(answer.headers), (b"content-type", answer.content_type))
        self.incoming = IncomingBody(answer.status, headers, self._throttle, self.lost)
        self.closed = False
        self.task: asyncio.Task[None] | None = None
        self._callbacks: list[Callable[[], None]] = []
        self._writers: list[asyncio.Future[None]] = []
        self._throttled = False

    def begin(self, start: Callable[[MemoryBody], Awaitable[None] | None]) -> None:
        try:
            coming = start(self)
        except Exception:
            log.exception("a streaming answer failed")
            self.abort()
            return
        if coming is not None:
            self.task = asyncio.get_running_loop().create_task(self._run(coming))

    async def _run(self, coming: Awaitable[None]) -> None:
        try:
            await coming
        except Exception:
            log.exception("a streaming answer failed")
            self.abort()

    @property
    def unsent(self) -> int:
        return self.incoming.buffered

    def write(self, data: bytes) -> None:
        if not self.closed and data:
            self.incoming.feed(data)

    async def drained(self) -> None:
        while self._throttled and not self.closed:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._writers.append(future)
            await future

    def end(self) -> None:
        if not self.closed:
            self.incoming.finish()
            self._finish()

    def abort(self) -> None:
        if not self.closed:
            self.incoming.finish(Disconnected("the answer was cut off"))
            self._finish()

    def on_close(self, callback: Callable[[], None]) -> None:
        if self.closed:
            callback()
        else:
            self._callbacks.append(callback)

    def lost(self, error: Exception | None = None) -> None:
        """The reader has gone."""
        if not self.closed:
            if error is not None:
                self.incoming.finish(error)
            self._finish()
            if self.task is not None:
                self.task.cancel()

    def _throttle(self, wait: bool) -> None:
        self._throttled = wait
        if not wait:
            self._wake()

    def _finish(self) -> None:
        self.closed = True
        self._wake()
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            try:
                callback()
            except Exception:
                log.exception("a callback of a closed body failed")

    def _wake(self) -> None:
        writers, self._writers = self._writers, []
        for future in writers:
            if not future.done():
                future.set_result(None)


def _lower(headers: Headers) -> Headers:
    return tuple([(name.lower(), value) for name, value in headers])


def _whole(answer: Response, method: str) -> ClientResponse:
    body = answer.body if isinstance(answer.body, bytes) else b"".join(answer.body)
    headers: Headers = ((b"content-type", answer.content_type),) if answer.content_type else ()
    if answer.headers:
        headers = (*headers, *_lower(answer.headers))
    return ClientResponse(answer.status, headers, b"" if method == "HEAD" else body)
