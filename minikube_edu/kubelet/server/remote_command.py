"""/exec and /attach: a client's streams, joined with a command or with a container's main process.

Over a WebSocket the streams are numbered channels (0 stdin, 1 stdout, 2 stderr, 3 error, 4 resize); over SPDY the
client opens a stream for each, named by its header `streamtype`. The exit code goes over the error stream, as a Status
(protocols v4 and v5; older ones send the bare text, and nothing for success). Then the connection is closed.

The real kubelet hands the connection on to the runtime's own streaming server; here the runtime gets the streams.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import orjson
from msgspec import Struct

from minikube_edu.container_runtime.cri import RuntimeFailure, Streams
from minikube_edu.lib.streams import channels, websocket
from minikube_edu.lib.streams.byte_stream import ByteStream, Session, StreamReset
from minikube_edu.lib.streams.channels import ChannelSession, serve_channels
from minikube_edu.lib.streams.spdy import PROTOCOL, SpdySession, serve_spdy
from minikube_edu.lib.web.messages import Answer, Request, Response, Upgrade

log = logging.getLogger(__name__)

Object = dict[str, Any]
Query = Mapping[str, Sequence[str]]

STDIN, STDOUT, STDERR, ERROR, RESIZE = range(5)
NAMES = ("stdin", "stdout", "stderr", "error", "resize")
SPDY_PROTOCOLS = ("v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io")
STREAM_PROTOCOL = b"x-stream-protocol-version"
CREATION_SECONDS = 30.0  # for the client to open its streams
GOODBYE_SECONDS = 5.0
TEXT = b"text/plain; charset=us-ascii"

Work = Callable[[Streams], Awaitable[Object]]  # returns the Status to send


class Wishes(Struct, frozen=True):
    """Which streams the client wants."""

    stdin: bool
    stdout: bool
    stderr: bool
    tty: bool

    @classmethod
    def of(cls, query: Query) -> Wishes:
        """ValueError when it wants none."""
        asked = {name: query.get(name, ("",))[0] == "1" for name in ("input", "output", "error", "tty")}
        made = cls(asked["input"], asked["output"], asked["error"] and not asked["tty"], asked["tty"])
        if not (made.stdin or made.stdout or made.stderr):
            raise ValueError("you must specify at least 1 of stdin, stdout, stderr")
        return made

    def numbers(self) -> list[int]:
        chosen = ((self.stdin, STDIN), (self.stdout, STDOUT), (self.stderr, STDERR), (True, ERROR), (self.tty, RESIZE))
        return [number for wanted, number in chosen if wanted]


class RemoteCommands:
    """Keeps the connections that are open, so that a kubelet that ends can end them."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def answer(self, request: Request, wishes: Wishes, work: Work) -> Answer:
        if websocket.is_handshake(request.headers):
            try:
                headers, protocol = websocket.accept(request.headers, channels.SUPPORTED)
            except websocket.Refused as refused:
                return Response(400, str(refused).encode(), TEXT)
            return Upgrade(serve_channels(protocol, lambda session: self._channels(session, wishes, work)), headers)
        if (request.header(b"upgrade") or b"").lower() != PROTOCOL.lower().encode():
            return Response(400, b"Upgrade request required\n", b"text/plain; charset=utf-8")
        offered = offered_protocols(request)
        chosen = next((one for one in offered if one in SPDY_PROTOCOLS), "") if offered else "channel.k8s.io"
        if not chosen:
            why = f"unable to upgrade: unable to negotiate protocol: client supports [{' '.join(offered)}], "
            return Response(403, (why + f"server accepts [{' '.join(SPDY_PROTOCOLS)}]").encode(), TEXT)
        upgraded = [(b"Upgrade", PROTOCOL.encode()), (b"X-Stream-Protocol-Version", chosen.encode())]
        return Upgrade(serve_spdy(lambda session: self._spdy(session, chosen, wishes, work)), upgraded)

    def _spawn(self, coroutine: Any) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _channels(self, session: ChannelSession, wishes: Wishes, work: Work) -> None:
        found = {number: session.channel(number) for number in wishes.numbers()}
        first = STDOUT if wishes.stdout else STDERR if wishes.stderr else ERROR
        found[first].write(b"")  # tells the client that the connection stands
        as_status = session.protocol in (channels.V5, channels.V4, channels.V4_BASE64)
        self._spawn(serve(session, found, wishes, work, as_status))

    def _spdy(self, session: SpdySession, protocol: str, wishes: Wishes, work: Work) -> None:
        wanted = set(wishes.numbers())
        if protocol in ("channel.k8s.io", "v2.channel.k8s.io"):
            wanted.discard(RESIZE)
        found: dict[int, ByteStream] = {}
        complete = asyncio.Event()

        def opened(stream: ByteStream) -> None:
            kind = stream.headers.get("streamtype", "")
            if kind in NAMES:
                found[NAMES.index(kind)] = stream
                if wanted <= set(found):
                    complete.set()
            else:
                stream.reset()

        session.on_stream = opened

        async def run() -> None:
            waiting = [asyncio.ensure_future(complete.wait()), asyncio.ensure_future(session.wait_closed())]
            try:
                await asyncio.wait(waiting, timeout=CREATION_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for one in waiting:
                    one.cancel()
            if complete.is_set():
                await serve(session, found, wishes, work, protocol == "v4.channel.k8s.io")
            else:
                session.close()

        self._spawn(run())


def offered_protocols(request: Request) -> list[str]:
    values = [value for name, value in request.headers if name == STREAM_PROTOCOL]
    return [one.strip().decode("latin-1") for value in values for one in value.split(b",") if one.strip()]


async def serve(session: Session, found: Mapping[int, ByteStream], wishes: Wishes, work: Work, as_status: bool) -> None:
    """Run the work with the client's streams, tell how it ended, close. A client that goes ends the work."""
    resize = found.get(RESIZE)
    streams = Streams(
        found.get(STDIN),
        found.get(STDOUT),
        found.get(STDERR),
        wishes.tty,
        sizes(resize) if resize is not None else None,
    )
    working = asyncio.ensure_future(work(streams))
    gone = asyncio.ensure_future(session.wait_closed())
    try:
        await asyncio.wait([working, gone], return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            return
        status = working.result()
        text = orjson.dumps(status) if as_status else status.get("message", "").encode()
        if text:
            found[ERROR].write(text)
        for number in (STDOUT, STDERR, ERROR):
            if number in found:
                found[number].end()
        await found[ERROR].drained()
    except StreamReset:
        pass
    except Exception:
        log.exception("a remote command failed")
    finally:
        for one in (working, gone):
            one.cancel()
        await asyncio.gather(working, gone, return_exceptions=True)
        session.close()


async def sizes(stream: ByteStream) -> AsyncIterator[tuple[int, int]]:
    """Documents `{"Width":80,"Height":24}`, one after the other."""
    rest = b""
    try:
        while data := await stream.read():
            rest += data
            while (end := rest.find(b"}")) >= 0:
                document, rest = rest[: end + 1], rest[end + 1 :]
                try:
                    size = orjson.loads(document)
                    yield int(size["Width"]), int(size["Height"])
                except (ValueError, KeyError, TypeError):
                    continue
    except StreamReset:
        return


SUCCESS: Object = {"metadata": {}, "status": "Success"}


def exited(command: Sequence[str], code: int) -> Object:
    """The Status of a command that has ended."""
    if code == 0:
        return SUCCESS
    words = f"error executing command [{' '.join(command)}], exit code {code}"
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: {words}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


def failed(doing: str, message: str) -> Object:
    """The Status of work that could not be done: `doing` is "executing command in" or "attaching to"."""
    why = f"error {doing} container: {message}"
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"Internal error occurred: {why}",
        "reason": "InternalError",
        "details": {"causes": [{"message": why}]},
        "code": 500,
    }


async def told(doing: str, work: Awaitable[Object]) -> Object:
    try:
        return await work
    except RuntimeFailure as failure:
        return failed(doing, failure.message)  # the runtime's own server speaks here, not its gRPC
    except StreamReset as error:
        return failed(doing, str(error))
