"""HTTP/1.1 from the client's side: what wget, curl, load generators and proxies send and read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from urllib.parse import urlsplit

from msgspec import Struct

from minikube_edu.cni.contract import Connection

Headers = Sequence[tuple[str, str]]


class EmptyReply(Exception):
    """The server closed without an answer."""


class NotHttp(Exception):
    """What came is no HTTP answer."""

    def __init__(self, data: bytes) -> None:
        self.data = data


class Url(Struct):
    scheme: str
    host: str
    port: int
    target: str  # path and query
    user: str = ""
    password: str = ""
    written: str = ""  # host and port as they were written

    @property
    def authority(self) -> str:
        """As the Host header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.scheme == "https" else 80) else f"{host}:{self.port}"


def parse_url(text: str, default_scheme: str = "http") -> Url:
    """ValueError when it is no URL."""
    if "://" not in text:
        text = f"{default_scheme}://{text}"
    parts = urlsplit(text)
    port = parts.port
    if port is None:
        port = {"https": 443, "ftp": 21, "telnet": 23, "dict": 2628}.get(parts.scheme.lower(), 80)
    if not parts.hostname:
        raise ValueError("no host in the URL")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    # hostname is in lower case; names are written into messages as the user typed them
    typed = parts.netloc.rpartition("@")[2]
    host = parts.hostname if typed.startswith("[") else typed.partition(":")[0]
    return Url(parts.scheme.lower(), host, port, target, parts.username or "", parts.password or "", typed)


class Answer(Struct):
    version: str
    status: int
    reason: str
    headers: list[tuple[str, str]]
    raw: bytes  # the head as it came

    def get(self, name: str, default: str = "") -> str:
        return next((value for key, value in self.headers if key.lower() == name.lower()), default)

    @property
    def line(self) -> str:
        return f"{self.version} {self.status} {self.reason}".rstrip()


class Exchange:
    """Requests and answers over one connection."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._buffer = b""
        self.reusable = False  # after the body was read to its end

    async def send(self, method: str, target: str, headers: Headers, body: bytes = b"") -> bytes:
        head = "".join(f"{name}: {value}\r\n" for name, value in headers)
        sent = f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode("utf-8", "surrogateescape")
        await self.connection.write(sent + body)
        return sent

    async def answer(self) -> Answer:
        """The next answer's head; interim answers (100) are passed over."""
        while True:
            answer = await self._head()
            if answer.status >= 200 or answer.status == 101:
                return answer

    async def _head(self) -> Answer:
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if self._buffer and not b"HTTP/".startswith(self._buffer[:5]):
                raise NotHttp(self._buffer)
            data = await self.connection.read()
            if not data:
                raise NotHttp(self._buffer) if self._buffer else EmptyReply
            self._buffer += data
            if len(self._buffer) > 1 << 18:
                raise NotHttp(self._buffer)
        raw, self._buffer = self._buffer[: end + 4], self._buffer[end + 4 :]
        lines = raw.decode("latin-1").split("\r\n")
        version, _, rest = lines[0].partition(" ")
        code, _, words = rest.partition(" ")
        if not version.startswith("HTTP/") or not code.isdigit():
            raise NotHttp(raw)
        pairs = [
            (name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in lines[1:] if line)
        ]
        return Answer(version, int(code), words, pairs, raw)

    async def body(self, answer: Answer, method: str = "GET") -> AsyncIterator[bytes]:
        """The pieces of the body. EOFError when the connection ends before it does."""
        self.reusable = False
        if method == "HEAD" or answer.status in (204, 304) or answer.status < 200:
            self.reusable = True
            return
        if "chunked" in answer.get("transfer-encoding").lower():
            async for piece in self._chunks():
                yield piece
        elif (length := answer.get("content-length")).isdigit():
            left = int(length)
            while left:
                piece = await self._some(left)
                left -= len(piece)
                yield piece
        else:
            while self._buffer or (data := await self.connection.read()):
                piece, self._buffer = (self._buffer, b"") if self._buffer else (data, b"")
                yield piece
            return
        self.reusable = answer.version == "HTTP/1.1" and "close" not in answer.get("connection").lower()

    async def _some(self, most: int) -> bytes:
        if not self._buffer:
            self._buffer = await self.connection.read()
            if not self._buffer:
                raise EOFError
        piece, self._buffer = self._buffer[:most], self._buffer[most:]
        return piece

    async def _chunks(self) -> AsyncIterator[bytes]:
        while True:
            while b"\r\n" not in self._buffer:
                data = await self.connection.read()
                if not data:
                    raise EOFError
                self._buffer += data
            line, _, self._buffer = self._buffer.partition(b"\r\n")
            try:
                left = int(line.split(b";")[0], 16)
            except ValueError:
                raise EOFError from None
            last = left == 0
            while left:
                piece = await self._some(left)
                left -= len(piece)
                yield piece
            for _ in b"\r\n":
                await self._some(1)
            if last:
                return

    async def whole(self, answer: Answer, method: str = "GET") -> bytes:
        return b"".join([piece async for piece in self.body(answer, method)])
