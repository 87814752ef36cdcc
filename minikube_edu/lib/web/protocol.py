"""One connection of the HTTP server.

A connection is a small machine: bytes come in (`data_received`), the parser turns them into requests, one request at
a time is with the handler (`busy`), and what it answers goes out. Later requests of the same connection wait in
`waiting`, and reading is paused: a client that pipelines cannot make us remember more than one read's worth.

The fast path. Clients of a cluster send the same header lines again and again over one connection. The block of
header lines of a request without a body, once the parser has found it good, is remembered; when the very same bytes
come again behind a plain request line, the parser is not asked a second time, and the handler gets the same tuple of
headers (so that it may remember what it made of them, see `Peer.memo`).

Deadlines. One timer per connection; what moves is `deadline`, an attribute. A timer that fires too early goes to
sleep again, so that a busy connection pays nothing for its time-outs.

The real server (Go's net/http) speaks HTTP/2 as well; clients agree to HTTP/1.1 in ALPN. This file is longer than
others because a connection's states cannot be understood apart.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import deque
from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, cast

from minikube_edu.lib.heap import keep_memory
from minikube_edu.lib.web import encode, head
from minikube_edu.lib.web.body import ChunkedBody
from minikube_edu.lib.web.messages import Answer, Handler, Headers, Peer, Request, Response, Streaming, Upgrade
from minikube_edu.lib.web.request_parser import HTTP_1_0, KEEP_ALIVE, SWITCHABLE, RequestParser

if TYPE_CHECKING:
    from minikube_edu.lib.web.server import Server

LARGE = 256 * 1024  # bytes of a body that is written in pieces

log = logging.getLogger(__name__)

PLAIN = re.compile(rb'(GET|HEAD|DELETE) (/[!-"$->@-~]*)(?:\?([!-"$-~]*))? HTTP/1\.1\r\n')
REMEMBERED = 8  # header blocks per connection
NEVER = float("inf")
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
NO_BODY_YET = frozenset({b"content-length", b"transfer-encoding", b"expect", b"upgrade"})

HEAD, BODY = 1, 2


class Connection(asyncio.Protocol):
    __slots__ = (
        "_loop",
        "blocks",
        "busy",
        "close_after",
        "closing",
        "continue_owed",
        "current",
        "deadline",
        "flags",
        "handler",
        "limits",
        "parser",
        "paused",
        "peer",
        "pending",
        "server",
        "stream",
        "task",
        "timed",
        "timer",
        "transport",
        "waiting",
        "writable",
        "write_paused",
    )

    def __init__(self, server: Server, handler: Handler, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.server = server
        self.handler = handler
        self.limits = server.limits
        self.blocks: dict[bytes, Headers] = {}
        self.waiting: deque[tuple[Request, int]] = deque()
        self.pending = b""  # bytes that came while the connection could not take them
        self.busy = False  # a request is with the handler, or its answer is still being written
        self.closing = False  # nothing that comes in counts any more
        self.close_after = False  # the answer in work is the last one
        self.paused = False  # reading
        self.write_paused = False
        self.writable: list[asyncio.Future[None]] = []
        self.task: asyncio.Task[None] | None = None
        self.stream: ChunkedBody | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.deadline = NEVER
        self.flags = 0  # of the request with the handler
        self.current: Request | None = None
        self.timed = 0  # the phase (HEAD, BODY) of the message that comes in whose deadline is set
        self.continue_owed = False

    # -- the transport's calls ---------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's are not derived from asyncio's
        secure = transport.get_extra_info("ssl_object")
        certificate = secure.getpeercert(binary_form=True) if secure is not None else None
        self.peer = Peer(
            _address(transport.get_extra_info("peername")), _address(transport.get_extra_info("sockname")), certificate
        )
        self.parser = RequestParser(self, self.limits, self.peer)
        self.server.connections.add(self)
        self._expire_in(self.limits.idle_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closing = True
        self.server.forget(self)
        if self.timer is not None:
            self.timer.cancel()
        if self.task is not None:
            self.task.cancel()
        if self.stream is not None:
            self.stream.lost()
        self.waiting.clear()
        self.pending = b""
        self._wake_writers()
        self.parser.detach()

    def pause_writing(self) -> None:
        self.write_paused = True
        if self.stream is None:  # a Streaming answer's owner decides itself how long it waits
            self._expire_in(self.limits.write_seconds)

    def resume_writing(self) -> None:
        self.write_paused = False
        self._wake_writers()
        if self.stream is None and not self.busy:
            self._rest()

    def data_received(self, data: bytes) -> None:
        if self.closing:
            return
        in_message = self.parser.in_message
        if not (self.busy or in_message or self.waiting or self.pending or self.write_paused):
            match = PLAIN.match(data)
            if match is not None:
                block = data[match.end() :]
                headers = self.blocks.get(block)
                if headers is not None:
                    method, path, query = match.groups(b"")
                    request = Request(method.decode(), path.decode(), query.decode(), headers, b"", self.peer)
                    self._dispatch(request, KEEP_ALIVE)
                    return
                self.current = None
                self._feed(data)
                self._remember(block)
                return
        elif not in_message or self.pending:
            self._hold(data)
            return
        self._feed(data)

    # -- what comes in -----------------------------------------------------------------------------------------------

    def _hold(self, data: bytes) -> None:
        """Keep what came too early, and let the client wait."""
        self.pending += data
        self._pause()

    def _pause(self) -> None:
        if not self.paused:
            self.paused = True
            self.transport.pause_reading()

    def _feed(self, data: bytes) -> None:
        status = self.parser.feed(data)
        if self.closing:
            return
        if status:
            if not self.close_after:
                self._refuse(status)
            return
        if rest := self.parser.rest:
            self.parser.rest = b""
            self._hold(rest)
        if self.waiting and not self.busy:
            self._loop.call_soon(self._proceed)
        if not self.parser.in_message:
            self.timed = 0
        elif not (self.busy or self.close_after) and self.timed != (phase := HEAD if self.parser.in_head else BODY):
            self.timed = phase
            self._expire_in(self.limits.head_seconds if phase == HEAD else self.limits.body_seconds)

    def _remember(self, block: bytes) -> None:
        """`block` was just parsed as a request's header lines; keep it when nothing in it needs the parser."""
        request = self.current
        if request is None or self.parser.in_message or self.waiting or self.pending or self.closing:
            return
        if self.flags != KEEP_ALIVE or request.body or not NO_BODY_YET.isdisjoint([key for key, _ in request.headers]):
            return
        if block.find(b"\r\n\r\n") != len(block) - 4:
            return
        if len(self.blocks) >= REMEMBERED:
            self.blocks.clear()
        self.blocks[block] = request.headers

    def request_came(self, request: Request, flags: int) -> None:
        if self.closing or self.close_after:
            return
        if self.busy or self.waiting or self.write_paused:
            self.waiting.append((request, flags))
            self._pause()
        elif flags & SWITCHABLE:  # waits until the parser has given back what came behind it
            self.waiting.append((request, flags))
        else:
            self._dispatch(request, flags)

    def body_wanted(self) -> None:
        if self.busy or self.waiting:
            self.continue_owed = True
        elif not self.closing:
            self.transport.write(CONTINUE)

    def body_discarded(self) -> None:
        if not self.busy:
            self._close()

    def _refuse(self, status: int) -> None:
        """The bare answer to what is no request; Go's server words it like this."""
        if self.busy or self.waiting:  # the client will see it after the answers that it is owed
            self.close_after = True
            return
        self.current = None
        self.flags = 0
        reason = b"%d %b" % (status, head.REASONS[status])
        self._respond(Response(status, reason, b"text/plain; charset=utf-8", close=True))

    # -- answering ---------------------------------------------------------------------------------------------------

    def _dispatch(self, request: Request, flags: int) -> None:
        """The only place that calls the handler."""
        self.busy = True
        self.current = request
        self.flags = flags
        self.deadline = NEVER
        try:
            answer = self.handler(request)
        except Exception:
            answer = self._failed(request)
        if type(answer) is Response:
            self._respond(answer)
        elif isinstance(answer, Streaming | Upgrade | Response):
            self._answer(answer)
        else:
            self.task = self._loop.create_task(self._wait_for(request, answer))
            self.server.tasks.add(self.task)
            self.task.add_done_callback(self.server.tasks.discard)

    async def _wait_for(self, request: Request, coming: Awaitable[Answer]) -> None:
        try:
            answer = await coming
        except asyncio.CancelledError:
            self.transport.abort()
            raise
        except Exception:
            answer = self._failed(request)
        self.task = None
        if not self.closing:
            self._answer(answer)

    def _failed(self, request: Request) -> Response:
        self.server.failures += 1
        log.exception("%s: the handler failed on %s %s", self.server.name, request.method, request.path)
        return Response(500, b"", b"", close=True)

    def _answer(self, answer: Answer) -> None:
        if isinstance(answer, Response):
            self._respond(answer)
        elif isinstance(answer, Streaming):
            self._stream(answer)
        elif self.flags & SWITCHABLE:
            self._switch(answer)
        else:
            log.error("%s: an Upgrade was answered to a request that asked for none", self.server.name)
            self._respond(Response(500, b"", b"", close=True))

    def _respond(self, response: Response) -> None:
        body = response.body
        status = response.status
        request = self.current
        extra = head.lines(response.headers) if response.headers else b""
        if not isinstance(body, bytes):
            if len(body) > 3 and self._in_pieces(response, body, extra):
                return
            body = body[0] if len(body) == 1 else b"".join(body)
        if len(body) > encode.THRESHOLD and request is not None and encode.gzip_worthy(request, response, len(body)):
            body = encode.gzip((body,))
            extra += b"Content-Encoding: gzip\r\nVary: Accept-Encoding\r\n"
        flags = self.flags
        if response.close or not flags & KEEP_ALIVE or self.close_after or self.parser.discarding:
            self.close_after = True
            extra += b"Connection: close\r\n"
        elif flags & HTTP_1_0:
            extra += b"Connection: keep-alive\r\n"
        start = head.start(status, response.content_type)
        if status in head.BODILESS:
            self.transport.write(b"%b%b\r\n" % (start, extra))
        elif request is not None and request.method == "HEAD":
            self.transport.write(b"%b%bContent-Length: %d\r\n\r\n" % (start, extra, len(body)))
        else:
            self.transport.write(b"%b%bContent-Length: %d\r\n\r\n%b" % (start, extra, len(body), body))
        self._release()

    def _in_pieces(self, response: Response, body: Sequence[bytes], extra: bytes) -> bool:
        """A large body is written as it came, piece by piece: it is never in memory as a whole, and what encrypts it
        works in the processor's cache. False when it is not large, or is to be compressed."""
        request = self.current
        size = sum(map(len, body))
        if size < LARGE or request is None or request.method == "HEAD" or self.flags & HTTP_1_0:
            return False
        if self.flags & KEEP_ALIVE == 0 or response.close or self.close_after or self.parser.discarding:
            return False
        if size > encode.THRESHOLD and encode.gzip_worthy(request, response, size):
            return False
        keep_memory()
        start = head.start(response.status, response.content_type)
        self.transport.write(b"%b%bContent-Length: %d\r\n\r\n" % (start, extra, size))
        for piece in body:
            self.transport.write(piece)
        self._release()
        return True

    def _stream(self, answer: Streaming) -> None:
        request = self.current
        assert request is not None
        chunked = not self.flags & HTTP_1_0
        extra = head.lines(answer.headers)
        if not chunked or not self.flags & KEEP_ALIVE or self.close_after:
            self.close_after = True
            extra += b"Connection: close\r\n"
        if chunked:
            extra += b"Transfer-Encoding: chunked\r\n"
        beginning = b"%b%b\r\n" % (head.start(answer.status, answer.content_type), extra)
        if request.method == "HEAD":
            self.transport.write(beginning)
            self._release()
            return
        body = self.stream = ChunkedBody(self, beginning, chunked)
        try:
            coming = answer.start(body)
        except Exception:
            self._failed(request)
            body.abort()
            return
        if coming is not None:
            self.task = self._loop.create_task(self._run_stream(request, body, coming))
            self.server.tasks.add(self.task)
            self.task.add_done_callback(self.server.tasks.discard)

    async def _run_stream(self, request: Request, body: ChunkedBody, coming: Awaitable[None]) -> None:
        try:
            await coming
        except Exception:
            self._failed(request)
            body.abort()
        finally:
            if self.stream is body:
                self.task = None

    def stream_ended(self) -> None:
        """Called by the body, after its last chunk is written."""
        self.stream = None
        self.task = None
        self._release()

    def _switch(self, answer: Upgrade) -> None:
        extra = head.lines(answer.headers)
        if not any(name.lower() == b"connection" for name, _ in answer.headers):
            extra += b"Connection: Upgrade\r\n"
        self.transport.write(b"%b%b\r\n" % (head.STATUS_LINES[101], extra))
        early, self.pending = self.pending, b""
        if self.timer is not None:
            self.timer.cancel()
        self.closing = True  # this protocol hears no more
        self.server.switched(self)
        try:
            successor = answer.take(self.transport, early)
        except Exception:
            log.exception("%s: the upgrade failed", self.server.name)
            self.transport.abort()
            return
        self.transport.set_protocol(successor)
        if self.paused and not self.transport.is_closing():
            self.transport.resume_reading()

    # -- between requests --------------------------------------------------------------------------------------------

    def _release(self) -> None:
        """The answer is written: the connection is free for its next request."""
        self.busy = False
        if self.current is not None and self.current.body:
            self.current = None
        if self.close_after:
            if (
                self.parser.discarding
            ):  # closing now would reset the connection, and the client might never see the answer
                self._expire_in(self.limits.linger_seconds)
            else:
                self._close()
        elif self.write_paused:
            self._expire_in(self.limits.write_seconds)
        else:
            self._rest()

    def _rest(self) -> None:
        if self.waiting or self.paused:
            self._loop.call_soon(self._proceed)
        if self.continue_owed:
            self.continue_owed = False
            self.transport.write(CONTINUE)
        if self.parser.in_message:
            self._expire_in(self.limits.body_seconds)
        else:
            self.deadline = self._loop.time() + self.limits.idle_seconds
            if self.timer is None:
                self._expire_in(self.limits.idle_seconds)

    def _proceed(self) -> None:
        """Take up what waited: first whole requests, then bytes, then the socket."""
        while self.waiting and not self.busy and not self.closing and not self.write_paused:
            self._dispatch(*self.waiting.popleft())
        if self.busy or self.waiting or self.closing or self.write_paused:
            return
        if self.pending:
            data, self.pending = self.pending, b""
            self._feed(data)
        if self.paused and not (self.pending or self.waiting or self.closing):
            self.paused = False
            self.transport.resume_reading()

    def _close(self) -> None:
        self.closing = True
        self._expire_in(self.limits.write_seconds)  # for a client that does not take the rest
        self.transport.close()

    def cut(self) -> None:
        """End the connection so that the client sees it: without the last chunk, after what was written so far."""
        self._close()

    def finish(self) -> None:
        """The server stops: close now when idle, else after the answer in work."""
        self.close_after = True
        if not self.busy and not self.closing:
            self._close()

    def _expire_in(self, seconds: float) -> None:
        self.deadline = when = self._loop.time() + seconds
        if seconds == NEVER:
            return
        if self.timer is not None:
            if self.timer.when() <= when:
                return
            self.timer.cancel()
        self.timer = self._loop.call_later(seconds, self._expired)

    def _expired(self) -> None:
        self.timer = None
        left = self.deadline - self._loop.time()
        if left == NEVER:
            return
        if left > 0.001:
            self.timer = self._loop.call_later(left, self._expired)
        elif self.closing or self.write_paused or self.parser.discarding:
            self.transport.abort()
        elif self.parser.in_message and not self.parser.in_head:
            self._refuse(408)
        else:
            self._close()

    def _wake_writers(self) -> None:
        writers, self.writable = self.writable, []
        for future in writers:
            if not future.done():
                future.set_result(None)


def _address(name: object) -> str:
    if isinstance(name, tuple) and len(name) >= 2:
        host, port = name[0], name[1]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return ""
