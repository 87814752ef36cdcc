"""A fabric's Unix sockets: where other nodes' fabrics knock, and how this one knocks at theirs.

The words that pass are `wire`'s.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import struct
from pathlib import Path

import orjson

from minikube_edu.cni.contract import Address
from minikube_edu.cni.outside import Outside
from minikube_edu.cni.tcp import End, failure, pair
from minikube_edu.cni.wire import Node, Wire, address_of, line, relay

QUEUE = 1024  # datagrams that wait for a neighbour; more are lost


class Doorway:
    def __init__(self, node: Node, wire: Wire, outside: Outside) -> None:
        self.node = node
        self.wire = wire
        self.outside = outside
        self._servers: dict[Path, asyncio.Server] = {}
        self._senders: dict[Path, asyncio.Queue[bytes]] = {}

    # -- others knock here -------------------------------------------------------------------------------------------

    async def open(self, network: str) -> None:
        """Take connections for this range; a socket that a dead process left is replaced."""
        path = self.wire.path_for(network)
        if path is None or path in self._servers:
            return
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        before = os.umask(0o177)
        try:
            self._servers[path] = await asyncio.start_unix_server(self._knocked, str(path))
        finally:
            os.umask(before)

    def _knocked(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.outside.spawn(self._answer(reader, writer), writer)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = orjson.loads(await reader.readline())
            kind = request["kind"]
            if kind in ("tcp", "node"):
                await self._answer_tcp(request, kind == "node", reader, writer)
            elif kind == "ping":
                writer.write(self._answer_ping(request))
                await writer.drain()
            elif kind == "datagrams":
                await self._take_datagrams(reader)
        except (OSError, ValueError, KeyError, asyncio.IncompleteReadError):
            pass  # a neighbour that speaks nonsense, or went
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _answer_tcp(
        self,
        request: dict[str, list[object]],
        from_node: bool,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        to = address_of(request["to"])
        try:
            if from_node:
                end = await self.node.dial_as_node(to)
            else:
                end = await self.node.admit(address_of(request["from"]), to, to)
        except OSError as error:
            writer.write(line(errno=error.errno))
            await writer.drain()
            return
        writer.write(line(errno=0))
        await relay(end, reader, writer)

    def _answer_ping(self, request: dict[str, list[object]]) -> bytes:
        try:
            self.node.answers(str(request["from"][0]), str(request["to"][0]))
        except OSError as error:
            return line(errno=error.errno)
        return line(errno=0)

    async def _take_datagrams(self, reader: asyncio.StreamReader) -> None:
        while True:
            (size,) = struct.unpack(">I", await reader.readexactly(4))
            head, _, data = (await reader.readexactly(size)).partition(b"\n")
            addresses = orjson.loads(head)
            self.node.arrive(data, address_of(addresses["from"]), address_of(addresses["to"]))

    # -- this one knocks at others' ----------------------------------------------------------------------------------

    async def dial(self, path: Path, client: Address, to: Address, dialled: Address) -> tuple[End, End]:
        try:
            reader, writer = await asyncio.open_unix_connection(str(path))
        except OSError:
            raise failure(errno.EHOSTUNREACH) from None
        try:
            writer.write(line(kind="tcp", **{"from": [client.ip, client.port], "to": [to.ip, to.port]}))
            refused = orjson.loads(await reader.readline() or b'{"errno":113}')["errno"]
        except BaseException:
            writer.close()
            raise
        if refused:
            writer.close()
            raise failure(refused)
        near, far = pair(client, to, dialled, (None, None))
        self.outside.spawn(relay(far, reader, writer), writer)
        return near, far

    async def ping(self, path: Path, source: str, ip: str) -> None:
        try:
            reader, writer = await asyncio.open_unix_connection(str(path))
        except OSError:
            raise failure(errno.EHOSTUNREACH) from None
        try:
            writer.write(line(kind="ping", **{"from": [source, 0], "to": [ip, 0]}))
            refused = orjson.loads(await reader.readline() or b'{"errno":113}')["errno"]
        finally:
            writer.close()
        if refused:
            raise failure(refused)

    def carry(self, path: Path, data: bytes, source: Address, to: Address) -> None:
        queue = self._senders.get(path)
        if queue is None:
            queue = self._senders[path] = asyncio.Queue(QUEUE)
            self.outside.spawn(self._send(path, queue))
        frame = line(**{"from": [source.ip, source.port], "to": [to.ip, to.port]}) + data
        with contextlib.suppress(asyncio.QueueFull):
            queue.put_nowait(struct.pack(">I", len(frame)) + frame)

    async def _send(self, path: Path, queue: asyncio.Queue[bytes]) -> None:
        try:
            _, writer = await asyncio.open_unix_connection(str(path))
            try:
                writer.write(line(kind="datagrams"))
                while True:
                    writer.write(await queue.get())
                    await writer.drain()
            finally:
                writer.close()
        except OSError:
            pass  # what waits is lost; the next datagram dials anew
        finally:
            self._senders.pop(path, None)

    def close(self) -> None:
        for path, server in self._servers.items():
            server.close()
            path.unlink(missing_ok=True)
        self._servers.clear()
