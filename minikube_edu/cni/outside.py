"""The only door between the fabric and real sockets of this host.

Outwards: a simulated program may dial a seat of its own cluster (the API server, a kubelet), which is a real process
that listens at a node's loopback address. The door opens only for an address out of 127.16.0.0/12 that is on the
cluster's list of nodes, and for a port on the list of the seats' ports; a program of the host that listens on all
addresses (an ssh daemon, a database) stays out of reach.

Inwards: kube-proxy opens doors for services (node ports, addresses of load balancers): real ports whose connections go
where the rules say. Where the fabric is told to `expose`, a port that a container binds in the node's own network is a
real one at the node's address. Ports that this user may not bind (below 1024) stay in the fabric.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Collection, Coroutine
from typing import Any

from minikube_edu.cni.contract import Address
from minikube_edu.cni.namespace import NODES
from minikube_edu.cni.tcp import End, TcpListener, failure, pair
from minikube_edu.cni.wire import relay

SEAT_PORTS = frozenset({2379, 2380, 2381, 6443, 10248, 10249, 10250, 10256, 10257, 10258, 10259})

Way = Callable[[Address, Address], Awaitable[End]]  # (who comes, to which door) -> the end that is carried


class Outside:
    def __init__(self, nodes: Collection[str], ports: Collection[int]) -> None:
        self.nodes = nodes  # may grow: who made the fabric holds the same collection
        self.ports = ports
        self._tasks: set[asyncio.Task[None]] = set()
        self._sockets: dict[TcpListener, socket.socket] = {}
        self._servers: dict[TcpListener, asyncio.Server] = {}
        self._doors: dict[Address, socket.socket | asyncio.Server] = {}

    def may_dial(self, to: Address) -> bool:
        try:
            inside = ipaddress.ip_address(to.ip) in NODES
        except ValueError:
            return False
        return inside and to.ip in self.nodes and to.port in self.ports

    async def dial(self, to: Address, client: Address, dialled: Address) -> tuple[End, End]:
        """A connection to a seat: the program's end, and the one that is carried (for its traffic)."""
        if not self.may_dial(to):
            raise failure(errno.ECONNREFUSED)
        reader, writer = await asyncio.open_connection(to.ip, to.port)
        near, far = pair(client, to, dialled, (None, None))
        self.spawn(relay(far, reader, writer), writer)
        return near, far

    def spawn(self, work: Coroutine[Any, Any, None], writer: asyncio.StreamWriter | None = None) -> None:
        """`writer` is closed at the end, even when the work was cancelled before it began."""
        task = asyncio.get_running_loop().create_task(work)
        if writer is not None:
            task.add_done_callback(lambda _: writer.close())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def expose(self, ip: str, listener: TcpListener) -> None:
        """Raises EADDRINUSE when a program of the host has the port."""
        family = socket.AF_INET6 if ":" in ip else socket.AF_INET
        real = socket.socket(family, socket.SOCK_STREAM)
        try:
            real.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            real.bind((ip, listener.address.port))
            real.listen(128)
            real.setblocking(False)
        except PermissionError:
            real.close()
            return
        except OSError:
            real.close()
            raise
        self._sockets[listener] = real
        self.spawn(self._serve(listener, real))

    async def _serve(self, listener: TcpListener, real: socket.socket) -> None:
        async def arrived(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            peer, here = writer.get_extra_info("peername"), writer.get_extra_info("sockname")
            to = Address(here[0], here[1])
            near, far = pair(Address(peer[0], peer[1]), to, to, (None, None))
            listener.deliver(far)
            await relay(near, reader, writer)

        def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.spawn(arrived(reader, writer), writer)

        server = await asyncio.start_server(begin, sock=real)
        if listener not in self._sockets:
            server.close()
            return
        self._servers[listener] = server

    def open_door(self, at: Address, way: Way) -> None:
        """A real port; each connection goes where `way` says. A second call for the same port changes nothing."""
        if at in self._doors:
            return
        family = socket.AF_INET6 if ":" in at.ip else socket.AF_INET
        real = socket.socket(family, socket.SOCK_STREAM)
        try:
            real.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            real.bind((at.ip, at.port))
            real.listen(128)
            real.setblocking(False)
        except OSError:
            real.close()
            raise
        self._doors[at] = real
        self.spawn(self._keep_door(at, real, way))

    async def _keep_door(self, at: Address, real: socket.socket, way: Way) -> None:
        async def arrived(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            peer = writer.get_extra_info("peername")
            try:
                end = await way(Address(peer[0], peer[1]), at)
            except OSError:
                writer.transport.abort()  # this host has said yes already; now it says no
                return
            await relay(end, reader, writer)

        def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.spawn(arrived(reader, writer), writer)

        if self._doors.get(at) is not real:
            return
        server = await asyncio.start_server(begin, sock=real)
        if self._doors.get(at) is real:
            self._doors[at] = server
        else:
            server.close()

    def open_doors(self) -> list[Address]:
        return list(self._doors)

    def close_door(self, at: Address) -> None:
        door = self._doors.pop(at, None)
        if door is not None:
            door.close()

    def withdraw(self, listener: TcpListener) -> None:
        if server := self._servers.pop(listener, None):
            server.close()
            self._sockets.pop(listener, None)
        elif real := self._sockets.pop(listener, None):
            real.close()

    async def close(self) -> None:
        for listener in list(self._sockets):
            self.withdraw(listener)
        for at in list(self._doors):
            self.close_door(at)
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
