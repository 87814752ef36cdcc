"""Into a pod: exec, attach and port-forward, over WebSockets (`v5.channel.k8s.io`).

    async with await execute(client, "default", "web", ["date"]) as process:
        code, out, err = await process.run()

A process has its streams as channels of one connection: 0 stdin, 1 stdout, 2 stderr, 3 how it ended, 4 the terminal's
size. What it ends with is a Status: Success, or NonZeroExitCode with the code among its causes. A refusal of the server
(no such pod, forbidden, container not running) is an ApiError before anything else happens.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from urllib.parse import urlencode

import orjson

from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import Client, Resource
from minikube_edu.lib.streams import websocket
from minikube_edu.lib.streams.byte_stream import ByteStream
from minikube_edu.lib.streams.channels import V4, V5, ChannelSession, serve_channels

T = TypeVar("T")
PODS = Resource("", "v1", "pods", kind="Pod")
STDIN, STDOUT, STDERR, ERROR, RESIZE = range(5)


class Process:
    """A command that runs in a container, or one that was there before and is now listened to."""

    def __init__(self, session: ChannelSession) -> None:
        self.session = session
        self.stdin: ByteStream = session.channel(STDIN)
        self.stdout: ByteStream = session.channel(STDOUT)
        self.stderr: ByteStream = session.channel(STDERR)
        self._error = session.channel(ERROR)
        self._resize = session.channel(RESIZE)

    def resize(self, columns: int, rows: int) -> None:
        """The terminal has this size now."""
        self._resize.write(orjson.dumps({"Width": columns, "Height": rows}))

    async def status(self) -> dict[str, Any]:
        """The Status that it ends with. StreamReset when the connection breaks off before."""
        text = await self._error.read_all()
        if not text:
            return {"status": "Success"}
        try:
            status = orjson.loads(text)
        except orjson.JSONDecodeError:  # older servers send words
            return {"status": "Failure", "message": text.decode("utf-8", "replace")}
        return status if isinstance(status, dict) else {"status": "Failure", "message": str(status)}

    async def wait(self) -> int:
        """The exit code; ApiError when the command could not be run at all."""
        status = await self.status()
        if status.get("status") == "Success":
            return 0
        if status.get("reason") == "NonZeroExitCode":
            for cause in (status.get("details") or {}).get("causes") or ():
                if cause.get("reason") == "ExitCode":
                    return int(cause["message"])
        raise ApiError(status)

    async def run(self, data: bytes = b"") -> tuple[int, bytes, bytes]:
        """Give it all its input, take all its output: exit code, stdout, stderr."""
        if data:
            self.stdin.write(data)
        self.stdin.end()
        code, out, err = await asyncio.gather(self.wait(), self.stdout.read_all(), self.stderr.read_all())
        return code, out, err

    def close(self) -> None:
        self.session.close()

    async def __aenter__(self) -> Process:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()


async def execute(
    client: Client,
    namespace: str,
    pod: str,
    command: Sequence[str],
    *,
    container: str = "",
    stdin: bool = False,
    stdout: bool = True,
    stderr: bool = True,
    tty: bool = False,
) -> Process:
    """Run a command in a container. With a terminal there is no stderr of its own."""
    query = _streams(container, stdin, stdout, stderr and not tty, tty) + [("command", word) for word in command]
    return await _open(client, PODS.path(namespace, pod, "exec"), query, Process)


async def attach(
    client: Client,
    namespace: str,
    pod: str,
    *,
    container: str = "",
    stdin: bool = False,
    stdout: bool = True,
    stderr: bool = True,
    tty: bool = False,
) -> Process:
    """To the container's own process."""
    query = _streams(container, stdin, stdout, stderr and not tty, tty)
    return await _open(client, PODS.path(namespace, pod, "attach"), query, Process)


class PortForward:
    """One connection to a port of a pod. (WebSockets carry one connection each: open one a client.)"""

    def __init__(self, session: ChannelSession) -> None:
        self.session = session
        self.data = session.channel(0)
        self.errors = session.channel(1)

    def close(self) -> None:
        self.session.close()


@asynccontextmanager
async def forward(client: Client, namespace: str, pod: str, port: int) -> AsyncIterator[PortForward]:
    """Bytes written to `data` go to the port; what comes on `errors` is why it failed."""
    query = [("ports", str(port))]
    opened = await _open(client, PODS.path(namespace, pod, "portforward"), query, PortForward, (V4,))
    try:
        for stream in (opened.data, opened.errors):
            await _skip_port(stream)
        yield opened
    finally:
        opened.close()


async def _skip_port(stream: ByteStream) -> None:
    """Each channel begins with the number of its port, two bytes."""
    seen = b""
    while len(seen) < 2:
        piece = await stream.read()
        if not piece:
            raise ConnectionError("the port-forward ended before it began")
        seen += piece
    if len(seen) > 2:
        stream.feed(seen[2:])


def _streams(container: str, stdin: bool, stdout: bool, stderr: bool, tty: bool) -> list[tuple[str, str]]:
    named = {"stdin": stdin, "stdout": stdout, "stderr": stderr, "tty": tty}
    found = [("container", container)] if container else []
    return found + [(name, "true") for name, wanted in named.items() if wanted]


async def _open(
    client: Client,
    path: str,
    query: list[tuple[str, str]],
    begin: Callable[[ChannelSession], T],
    protocols: Sequence[str] = (V5, V4),
) -> T:
    """What `begin` makes of the session. It takes its streams before the first byte is looked at: a short command's
    output, its end and the connection's may all come together with the answer."""
    headers, key = websocket.offer(protocols)
    upgraded = await client.sender.upgrade("GET", f"{path}?{urlencode(query)}", headers)
    try:
        protocol = websocket.check_answer(upgraded.response.headers, key, protocols)
    except websocket.Refused as error:
        upgraded.transport.abort()
        raise ConnectionError(str(error)) from error
    begun: list[T] = []
    upgraded.switch(serve_channels(protocol, lambda session: begun.append(begin(session)), client=True))
    return begun[0]
