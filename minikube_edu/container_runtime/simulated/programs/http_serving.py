"""A small HTTP/1.1 server for the programs of images.

    server = HttpServer(process, handler, server_header="nginx/1.29.3")
    return await server.run([80], on_signals={signal.SIGTERM: 0})

The handler gets a `Request` with its whole body and answers with a `Response`; keep-alive, HEAD, chunked requests,
`Expect: 100-continue` and malformed requests are handled here. One waiting task a listener, one task a connection that
is open: an idle server costs next to nothing. All of them end with the server.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import parse_qsl, unquote

from msgspec import Struct, field

from minikube_edu.cni.contract import Address, Connection, Listener
from minikube_edu.container_runtime.simulated.contract import Exited, Killed, Process
from minikube_edu.lib import clock

REASONS = {
    100: "Continue", 101: "Switching Protocols", 200: "OK", 201: "Created", 202: "Accepted", 204: "No Content",
    206: "Partial Content", 301: "Moved Permanently", 302: "Found", 303: "See Other", 304: "Not Modified",
    307: "Temporary Redirect", 308: "Permanent Redirect",
    400: "Bad Request", 401: "Unauthorized", 402: "Payment Required",
    403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable", 408: "Request Timeout",
    409: "Conflict", 410: "Gone", 411: "Length Required", 413: "Payload Too Large", 414: "URI Too Long",
    415: "Unsupported Media Type", 416: "Range Not Satisfiable", 418: "I'm a teapot", 422: "Unprocessable Entity",
    429: "Too Many Requests", 431: "Request Header Fields Too Large", 500: "Internal Server Error",
    501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout",
}  # fmt: skip
LARGEST_HEAD = 32 << 10
LARGEST_BODY = 16 << 20


class Request(Struct):
    method: str
    target: str  # as it was sent: path and query
    version: str
    headers: dict[str, str]  # names in lower case; the last of equals wins
    raw_headers: list[tuple[str, str]]
    body: bytes
    peer: Address
    local: Address
    path: str = ""  # decoded, without the query
    query_string: str = ""

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.query_string, keep_blank_values=True))

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    @property
    def host(self) -> str:
        return self.headers.get("host", str(self.local))


class Response(Struct):
    body: bytes = b""
    status: int = 200
    content_type: str = "text/plain; charset=utf-8"
    headers: list[tuple[str, str]] = field(default_factory=list)
    reason: str = ""
    pieces: AsyncIterator[bytes] | None = None  # sent chunked, in place of the body
    close: bool = False
    hang_up: bool = False  # nginx's 444: close without a word


def text(words: str, status: int = 200, content_type: str = "text/plain; charset=utf-8") -> Response:
    return Response(words.encode("utf-8", "surrogateescape"), status, content_type)


def html(words: str, status: int = 200) -> Response:
    return text(words, status, "text/html; charset=utf-8")


Handler = Callable[[Request], Awaitable[Response]]
Done = Callable[[Request, Response, int], Awaitable[None]]


class BadRequest(Exception):
    def __init__(self, status: int) -> None:
        self.status = status


class Reading:
    """The requests of one connection."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.buffer = b""

    async def _more(self) -> bool:
        data = await self.connection.read()
        self.buffer += data
        return bool(data)

    async def request(self) -> Request | None:
        """None: the client is done."""
        while b"\r\n\r\n" not in self.buffer and b"\n\n" not in self.buffer:
            if self.buffer and not self.buffer.lstrip(b"\r\n")[:1].isalpha() and self.buffer.strip(b"\r\n"):
                raise BadRequest(400)  # TLS, perhaps
            if len(self.buffer) > LARGEST_HEAD:
                raise BadRequest(431)
            if not await self._more():
                return None
        ends = [(at, size) for mark, size in ((b"\r\n\r\n", 4), (b"\n\n", 2)) if (at := self.buffer.find(mark)) >= 0]
        at, size = min(ends)
        head, self.buffer = self.buffer[:at].lstrip(b"\r\n"), self.buffer[at + size :]
        lines = head.decode("latin-1").splitlines()
        words = lines[0].split(" ") if lines else []
        if len(words) != 3 or not words[2].startswith("HTTP/") or not words[0].isalpha():
            raise BadRequest(400)
        pairs = []
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon or not name or name != name.strip():
                raise BadRequest(400)
            pairs.append((name, value.strip()))
        headers = {name.lower(): value for name, value in pairs}
        target = words[1]
        if "://" in target.split("?")[0]:  # absolute form, as to a proxy
            target = "/" + target.split("://", 1)[1].partition("/")[2]
        path, _, query = target.partition("?")
        request = Request(
            words[0], target, words[2], headers, pairs, b"", self.connection.peer, self.connection.local,
            unquote(path, errors="surrogateescape"), query,
        )  # fmt: skip
        if headers.get("expect", "").lower() == "100-continue":
            await self.connection.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.body = await self._body(headers)
        return request

    async def _body(self, headers: Mapping[str, str]) -> bytes:
        if "chunked" in headers.get("transfer-encoding", "").lower():
            return await self._chunks()
        length = headers.get("content-length", "0")
        if not length.isdigit():
            raise BadRequest(400)
        if int(length) > LARGEST_BODY:
            raise BadRequest(413)
        return await self._exactly(int(length))

    async def _exactly(self, size: int) -> bytes:
        while len(self.buffer) < size:
            if not await self._more():
                raise BadRequest(400)
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    async def _chunks(self) -> bytes:
        body = b""
        while True:
            while b"\r\n" not in self.buffer:
                if len(self.buffer) > 1024 or not await self._more():
                    raise BadRequest(400)
            line, _, self.buffer = self.buffer.partition(b"\r\n")
            try:
                size = int(line.split(b";")[0], 16)
            except ValueError:
                raise BadRequest(400) from None
            if len(body) + size > LARGEST_BODY or size < 0:
                raise BadRequest(413)
            data = await self._exactly(size + 2)
            if size == 0:
                return body
            body += data[:-2]


class HttpServer:
    def __init__(
        self,
        process: Process,
        handler: Handler,
        *,
        server_header: str = "",
        done: Done | None = None,
        idle: float = 75.0,
        secure: Callable[[Connection], Awaitable[Connection]] | None = None,
        failed: Callable[[int], Response] | None = None,
    ) -> None:
        """`done` is told of each answer (an access log); `failed` words the answer to a malformed request."""
        self.process = process
        self.handler = handler
        self.server_header = server_header
        self.done = done
        self.idle = idle
        self.secure = secure  # the TLS handshake, where a port has one
        self.failed = failed or (lambda status: text(f"{status} {REASONS[status]}", status))
        self.code = 0
        self.active = 0  # open connections
        self.busy = 0  # requests that are being answered
        self.accepted = 0
        self.requests = 0
        self._listeners: list[Listener] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._fatal: BaseException | None = None
        self._drained: asyncio.Future[None] | None = None
        self.graceful = 0.0  # seconds that requests may take after `stop`

    async def run(self, ports: Sequence[int], on_signals: Mapping[int, int] | None = None, ip: str = "0.0.0.0") -> int:
        """Listen, serve until a signal comes; returns the exit code that belongs to it."""
        for number, code in (on_signals or {}).items():
            self.process.on_signal(number, lambda _, code=code: self.stop(code))  # type: ignore[misc]  # a default argument
        return await self.serve([self.process.network.listen(port, ip) for port in ports])

    async def serve(self, listeners: Sequence[Listener]) -> int:
        self._listeners = list(listeners)
        others = [self.process.thread(self._accept(one)) for one in self._listeners[1:]]
        try:
            await self._accept(self._listeners[0])
            await self._drain()
            return self.code
        finally:
            self.stop(self.code)
            for task in [*others, *self._tasks]:
                task.cancel()

    def stop(self, code: int = 0) -> None:
        self.code = code
        for listener in self._listeners:
            listener.close()

    async def _accept(self, listener: Listener) -> None:
        while True:
            try:
                connection = await listener.accept()
            except OSError as error:
                if error.errno in (errno.EINVAL, errno.EBADF):
                    if self._fatal is not None:
                        raise self._fatal from None
                    return
                raise
            self.accepted += 1
            task = self.process.thread(self._guarded(connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _guarded(self, connection: Connection) -> None:
        self.active += 1
        try:
            await self._talk(connection if self.secure is None else await self.secure(connection))
        except (OSError, TimeoutError):
            pass  # the client went
        except (Exited, Killed) as end:
            # The program's end, met in a connection's task: it happens where the program itself waits.
            self._fatal = end
            self.stop(self.code)
        finally:
            self.active -= 1
            connection.close()

    async def _talk(self, connection: Connection) -> None:
        reading = Reading(connection)
        while True:
            try:
                async with asyncio.timeout(self.idle):
                    request = await reading.request()
            except BadRequest as bad:
                await self._send(connection, None, self.failed(bad.status))
                return
            if request is None:
                return
            self.requests += 1
            await self.process.breathe()
            self.busy += 1
            try:
                if not await self._answer(connection, request):
                    return
            finally:
                self.busy -= 1
                if self._drained is not None and not self.busy and not self._drained.done():
                    self._drained.set_result(None)

    async def _answer(self, connection: Connection, request: Request) -> bool:
        """Whether the connection goes on."""
        try:
            response = await self.handler(request)
        except OSError:
            response = self.failed(500)
        if response.hang_up:
            return False
        sent = await self._send(connection, request, response)
        if self.done is not None:
            await self.done(request, response, sent)
        return not response.close and keeps_alive(request)

    async def _drain(self) -> None:
        """What is being answered may be finished, for a while."""
        if self.busy and self.graceful:
            self._drained = asyncio.get_running_loop().create_future()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.graceful):
                    await self._drained

    async def _send(self, connection: Connection, request: Request | None, response: Response) -> int:
        named = {name.lower() for name, _ in response.headers}
        bodiless = response.status < 200 or response.status in (204, 304)
        lines = [f"HTTP/1.1 {response.status} {response.reason or REASONS.get(response.status, '')}"]
        if self.server_header:
            lines.append(f"Server: {self.server_header}")
        if "date" not in named:
            lines.append(f"Date: {http_date()}")
        if response.content_type and not bodiless and "content-type" not in named:
            lines.append(f"Content-Type: {response.content_type}")
        chunked = response.pieces is not None
        if chunked:
            lines.append("Transfer-Encoding: chunked")
        elif not bodiless and "content-length" not in named:
            lines.append(f"Content-Length: {len(response.body)}")
        alive = request is not None and not response.close and keeps_alive(request)
        if self.server_header or not alive:
            lines.append(f"Connection: {'keep-alive' if alive else 'close'}")
        lines += [f"{name}: {value}" for name, value in response.headers]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
        if bodiless or (request is not None and request.method == "HEAD"):
            await connection.write(head)
            return 0
        if response.pieces is None:
            await connection.write(head + response.body)
            return len(response.body)
        await connection.write(head)
        sent = 0
        async for piece in response.pieces:
            if piece:
                sent += len(piece)
                await connection.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        await connection.write(b"0\r\n\r\n")
        return sent


def keeps_alive(request: Request) -> bool:
    wanted = request.headers.get("connection", "").lower()
    return "close" not in wanted and (request.version == "HTTP/1.1" or "keep-alive" in wanted)


def http_date(seconds: float | None = None) -> str:
    moment = datetime.fromtimestamp(clock.now() if seconds is None else seconds, UTC)
    return moment.strftime("%a, %d %b %Y %H:%M:%S GMT")


async def idle(process: Process, on_signals: Mapping[int, int]) -> int:
    """Do nothing until one of these signals comes; returns its exit code."""
    codes: list[int] = []
    for number, code in on_signals.items():
        process.on_signal(number, lambda _, code=code: codes.append(code))  # type: ignore[misc]  # a default argument
    while not codes:
        with contextlib.suppress(InterruptedError):
            await process.sleep(1e9)
    return codes[0]


async def port_taken(process: Process, port: int, words: str, error: OSError, code: int = 1) -> int:
    """A server that cannot bind: `words` with {port} and {reason}, on stderr."""
    reason = "address already in use" if error.errno == errno.EADDRINUSE else str(error.strerror).lower()
    await process.stderr.write((words.format(port=port, reason=reason) + "\n").encode())
    return code
