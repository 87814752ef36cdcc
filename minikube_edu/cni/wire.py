"""What joins the nodes of one cluster: which node has an address, and how to get there.

Each node's fabric opens a Unix socket in a directory of the cluster's, named after its range of pod addresses
(`10.244.1.0_24.sock`) and another after its own address (`172.16.0.2_32.sock`), both private to the user (0600). To
reach an address is to dial the socket whose name contains it. Fabrics of one process meet without a socket.

The wire's words: one line of JSON, `{"kind": "tcp", "from": [ip, port], "to": [ip, port]}`, answered by another one,
`{"errno": 0}`; then the connection's bytes, raw, both ways, each direction ending on its own. For `datagrams` frames
follow instead: four bytes of length, a line of JSON with the addresses, the payload. `ping` ends with its answer. Kind
`node` is for real processes of the node, which have no other way to pods and services: the node itself dials `to`.

In the real world this is the part of a CNI plugin that is hard: VXLAN of flannel, BGP of calico.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
from pathlib import Path
from typing import Protocol

import orjson

from minikube_edu.cni.contract import Address
from minikube_edu.cni.tcp import WINDOW, End

Range = ipaddress.IPv4Network | ipaddress.IPv6Network


class Node(Protocol):
    """A fabric, as its neighbours see it."""

    async def admit(self, source: Address, to: Address, dialled: Address) -> End:
        """A connection comes in. The node's own ports may lead on, to a pod here or elsewhere."""

    async def dial_as_node(self, to: Address) -> End:
        """A process of the node itself wants to go there."""

    def arrive(self, data: bytes, source: Address, to: Address) -> None: ...

    def answers(self, source: str, ip: str) -> None:
        """Ping: raises what the caller should see."""


class Wire:
    def __init__(self, directory: Path | None = None) -> None:
        self.directory = directory
        self.local: dict[Range, Node] = {}
        self._sockets: dict[Range, Path] = {}
        self._seen = -1  # the directory's time of change, when its names were read

    def join(self, network: str, node: Node) -> None:
        self.local[ipaddress.ip_network(network, strict=False)] = node

    def leave(self, node: Node) -> None:
        self.local = {network: other for network, other in self.local.items() if other is not node}

    def path_for(self, network: str) -> Path | None:
        if self.directory is None:
            return None
        return self.directory / (str(ipaddress.ip_network(network, strict=False)).replace("/", "_") + ".sock")

    def neighbour(self, ip: str) -> Node | None:
        """The node of this process that has the address."""
        address = ipaddress.ip_address(ip)
        return next((node for network, node in self.local.items() if address in network), None)

    def socket_of(self, ip: str) -> Path | None:
        """The socket of the node, in another process, that has the address."""
        if self.directory is None:
            return None
        try:
            changed = os.stat(self.directory).st_mtime_ns
        except OSError:
            return None
        if changed != self._seen:
            self._seen = changed
            self._sockets = dict(self._read_names(self.directory))
        address = ipaddress.ip_address(ip)
        return next((path for network, path in self._sockets.items() if address in network), None)

    @staticmethod
    def _read_names(directory: Path) -> list[tuple[Range, Path]]:
        found: list[tuple[Range, Path]] = []
        for name in os.listdir(directory):
            if name.endswith(".sock"):
                try:
                    found.append((ipaddress.ip_network(name.removesuffix(".sock").replace("_", "/")), directory / name))
                except ValueError:
                    continue
        return found


def line(**fields: object) -> bytes:
    return orjson.dumps(fields) + b"\n"


def address_of(pair: list[object]) -> Address:
    return Address(str(pair[0]), int(str(pair[1])))


async def relay(end: End, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry one connection's bytes between an end in this process and a socket, until both directions have ended."""
    upward = asyncio.ensure_future(_to_socket(end, writer))
    try:
        await _from_socket(reader, end)
        await upward
    finally:
        upward.cancel()
        await asyncio.gather(upward, return_exceptions=True)
        end.close()
        writer.close()
        try:
            await writer.wait_closed()
        except (OSError, asyncio.CancelledError):
            pass


async def _to_socket(end: End, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await end.read(WINDOW):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except OSError:
        writer.transport.abort()


async def _from_socket(reader: asyncio.StreamReader, end: End) -> None:
    try:
        while data := await reader.read(WINDOW):
            await end.write(data)
        end.end()
    except OSError:
        end.reset()
