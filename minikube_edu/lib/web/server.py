"""The HTTP/1.1 server that every seat with a port uses: kube-apiserver, kubelet, metrics, health.

    server = await serve(handler, "127.0.0.1", 0, tls=tls.server_context(cert, key, client_ca))
    ... server.port ...
    await server.close(grace=5)

Rules for handlers: answer at once when you can (no task is made then); never block; never raise. Set no Date,
Content-Length, Transfer-Encoding or Connection header: the server does. When the client goes, the task of its request
is cancelled: shield what must be finished.

Runs on uvloop and on plain asyncio alike.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Sequence

from minikube_edu.lib.web.limits import Limits
from minikube_edu.lib.web.messages import Handler
from minikube_edu.lib.web.protocol import Connection

__all__ = ["Limits", "Server", "serve"]

BACKLOG = 1024
GOODBYE = 0.05  # seconds
KEEP_ALIVE_SECONDS = 30


class Server:
    def __init__(self, name: str, limits: Limits) -> None:
        self.name = name
        self.limits = limits
        self.failures = 0  # how often a handler raised
        self.connections: set[Connection] = set()
        self.upgraded: list[asyncio.Transport] = []
        self.tasks: set[asyncio.Task[None]] = set()
        self._empty: asyncio.Future[None] | None = None
        self._listener: asyncio.Server | None = None
        self._path: str | None = None

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        """The listening sockets; none after close."""
        return () if self._listener is None else tuple(self._listener.sockets)

    @property
    def port(self) -> int:
        """The port that was bound; 0 for a Unix socket."""
        return self._port

    _port = 0

    def forget(self, connection: Connection) -> None:
        self.connections.discard(connection)
        if not self.connections and self._empty is not None and not self._empty.done():
            self._empty.set_result(None)

    def switched(self, connection: Connection) -> None:
        """The connection speaks another protocol now; all that is left to us is to cut it in the end."""
        self.upgraded = [transport for transport in self.upgraded if not transport.is_closing()]
        self.upgraded.append(connection.transport)
        self.forget(connection)

    async def close(self, grace: float = 0.0) -> None:
        """Stop accepting, let requests in work finish for `grace` seconds (open streams and upgraded connections count
        as such, streams do not end by themselves), then cut."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()
        for connection in list(self.connections):
            connection.finish()
        # Idle connections are as good as gone; their clients may be slow to say goodbye in TLS.
        deadline = asyncio.get_running_loop().time() + grace
        while self.connections and (left := deadline - asyncio.get_running_loop().time()) > 0:
            self._empty = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._empty], timeout=min(left, GOODBYE))
            if not any(connection.busy for connection in self.connections):
                break
        for connection in list(self.connections):
            connection.transport.abort()
        for transport in self.upgraded:
            transport.abort()
        self.upgraded.clear()
        while self.connections:
            self._empty = asyncio.get_running_loop().create_future()
            await self._empty
        if self.tasks:
            await asyncio.wait(list(self.tasks))
        if listener is not None:
            await listener.wait_closed()
        if self._path is not None and os.path.exists(self._path):
            os.unlink(self._path)


async def serve(
    handler: Handler,
    host: str | Sequence[str],
    port: int,
    *,
    tls: ssl.SSLContext | None = None,
    limits: Limits | None = None,
    unix: str | None = None,
    sock: socket.socket | None = None,
    name: str = "http",
) -> Server:
    """Listen on `host` (or several) and `port` (0: any), or on the path `unix`, or on the listening socket `sock`."""
    loop = asyncio.get_running_loop()
    server = Server(name, limits or Limits())

    def connect() -> Connection:
        return Connection(server, handler, loop)

    handshake = server.limits.handshake_seconds if tls is not None else None
    if unix is not None:
        server._listener = await loop.create_unix_server(
            connect, unix, ssl=tls, backlog=BACKLOG, ssl_handshake_timeout=handshake
        )
        server._path = unix
    elif sock is not None:
        server._listener = await loop.create_server(
            connect, sock=sock, ssl=tls, backlog=BACKLOG, ssl_handshake_timeout=handshake
        )
    else:
        server._listener = await loop.create_server(
            connect, host, port, ssl=tls, backlog=BACKLOG, ssl_handshake_timeout=handshake
        )
    for listening in server._listener.sockets:
        _keep_alive(listening)
    names = [listening.getsockname() for listening in server._listener.sockets]
    server._port = next((name[1] for name in names if isinstance(name, tuple)), 0)
    return server


def _keep_alive(listening: socket.socket) -> None:
    """Let the kernel find out about clients that are gone without a word (a laptop that sleeps): accepted connections
    inherit it."""
    if listening.family == socket.AF_UNIX:
        return
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option in ("TCP_KEEPIDLE", "TCP_KEEPINTVL"):  # not everywhere
        if hasattr(socket, option):
            listening.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), KEEP_ALIVE_SECONDS)
