"""RESP, the protocol of Redis, from both sides; and how redis-cli shows an answer."""

from __future__ import annotations

from collections.abc import Sequence

from minikube_edu.cni.contract import Connection
from minikube_edu.container_runtime.simulated.kernel.baton import give_way
from minikube_edu.container_runtime.simulated.kernel.scheduler import breathe


class Failure:
    """An error answer: `-ERR words`."""

    def __init__(self, words: str) -> None:
        self.words = words


class Status(str):
    """`+OK`"""

    __slots__ = ()


def packed(words: Sequence[str | bytes]) -> bytes:
    """A command."""
    encoded = [word.encode("utf-8", "surrogateescape") if isinstance(word, str) else word for word in words]
    return b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded)


def pack(value: object) -> bytes:
    """An answer."""
    if isinstance(value, Failure):
        return f"-{value.words}\r\n".encode("utf-8", "surrogateescape")
    if isinstance(value, Status):
        return f"+{value}\r\n".encode()
    if value is None:
        return b"$-1\r\n"
    if isinstance(value, int):
        return b":%d\r\n" % value
    if isinstance(value, str):
        value = value.encode("utf-8", "surrogateescape")
    if isinstance(value, bytes):
        return b"$%d\r\n%s\r\n" % (len(value), value)
    if isinstance(value, (list, tuple)):
        return b"*%d\r\n" % len(value) + b"".join(pack(one) for one in value)
    raise TypeError(type(value))


class ResponseReader:
    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.buffer = b""

    async def _line(self) -> bytes:
        while b"\n" not in self.buffer:
            data = await self.connection.read()
            if not data or len(self.buffer) > 1 << 20:
                raise EOFError
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line.rstrip(b"\r")

    async def _exactly(self, size: int) -> bytes:
        if not 0 <= size <= 64 << 20:
            raise ValueError("Protocol error: invalid bulk length")
        while len(self.buffer) < size + 2:
            data = await self.connection.read()
            if not data:
                raise EOFError
            self.buffer += data
        result, self.buffer = self.buffer[:size], self.buffer[size + 2 :]
        return result

    async def command(self) -> list[bytes] | None:
        """What a client sends: an array, or a line as one types it into nc. None at the end."""
        try:
            line = await self._line()
            if not line.startswith(b"*"):
                return line.split()
            words = []
            for _ in range(int(line[1:])):
                head = await self._line()
                if not head.startswith(b"$"):
                    raise ValueError("Protocol error: expected '$'")
                words.append(await self._exactly(int(head[1:])))
            return words
        except EOFError:
            return None

    async def _several(self, count: int) -> list[object]:
        answers: list[object] = []
        for _ in range(count):
            answers.append(await self.response())
            await breathe()
        return answers

    async def response(self) -> object:
        line = await self._line()
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return Status(rest.decode("utf-8", "surrogateescape"))
        if kind == b"-":
            return Failure(rest.decode("utf-8", "surrogateescape"))
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else await self._exactly(int(rest))
        if kind == b"*":
            return None if rest == b"-1" else await self._several(int(rest))
        raise EOFError


def shown(value: object, raw: bool, indent: str = "") -> str:
    """As redis-cli prints it: `"text"`, `(integer) 1`, numbered lists; or the bare value (`raw`)."""
    if isinstance(value, Failure):
        return value.words if raw else f"(error) {value.words}"
    if isinstance(value, Status):
        return str(value)
    if value is None:
        return "" if raw else "(nil)"
    if isinstance(value, int):
        return str(value) if raw else f"(integer) {value}"
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape") if raw or _verbatim(value) else _quoted(value)
    assert isinstance(value, list)
    if raw:
        words = []
        for one in value:
            give_way()
            words.append(shown(one, raw))
        return "\n".join(words)
    if not value:
        return "(empty array)"
    width = len(str(len(value)))
    lines = []
    for number, one in enumerate(value, 1):
        give_way()
        head = f"{number:>{width}}) "
        lines.append(("" if number == 1 else indent) + head + shown(one, raw, indent + " " * len(head)))
    return "\n".join(lines)


def _verbatim(value: bytes) -> bool:
    """INFO and its like are printed as they are."""
    return value.startswith((b"# Server", b"# ", b"id=")) and b"\n" in value


def _quoted(value: bytes) -> str:
    escapes = {34: '\\"', 92: "\\\\", 10: "\\n", 13: "\\r", 9: "\\t", 7: "\\a", 8: "\\b"}
    return '"' + "".join(escapes.get(b, chr(b) if 32 <= b < 127 else f"\\x{b:02x}") for b in value) + '"'
