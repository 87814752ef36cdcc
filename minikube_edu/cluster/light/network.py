"""The wire between light nodes, and from the cluster's other nodes to them.

Inside the process a node is found by its address in two look-ups, however many there are. For fabrics in other
processes all light nodes stand behind one socket (`light.sock` in the wire's directory), to which each range of pod
addresses has a link under its own name; so thousands of nodes listen once.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
from pathlib import Path

from minikube_edu.cni.contract import Address
from minikube_edu.cni.doorway import Doorway
from minikube_edu.cni.outside import Outside
from minikube_edu.cni.tcp import End, failure
from minikube_edu.cni.wire import Node, Wire

SOCKET = "light.sock"


class LightWire(Wire):
    def __init__(self, directory: Path | None = None) -> None:
        super().__init__(directory)
        self._by_length: dict[tuple[int, int], dict[int, Node]] = {}  # (version, prefix) -> first address -> node

    def join(self, network: str, node: Node) -> None:
        found = ipaddress.ip_network(network, strict=False)
        nodes = self._by_length.setdefault((found.version, found.prefixlen), {})
        nodes[int(found.network_address)] = node
        if self.directory is not None and (link := super().path_for(network)) is not None:
            with contextlib.suppress(FileNotFoundError):
                link.unlink()
            link.symlink_to(SOCKET)

    def leave(self, node: Node) -> None:
        for (version, length), nodes in self._by_length.items():
            for number in [number for number, other in nodes.items() if other is node]:
                del nodes[number]
                make = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address
                if (link := super().path_for(f"{make(number)}/{length}")) is not None:
                    link.unlink(missing_ok=True)

    def path_for(self, network: str) -> Path | None:
        """No node has a socket of its own."""
        return None

    def neighbour(self, ip: str) -> Node | None:
        address = ipaddress.ip_address(ip)
        for (version, length), nodes in self._by_length.items():
            if version == address.version:
                shift = address.max_prefixlen - length
                found = nodes.get(int(address) >> shift << shift)
                if found is not None:
                    return found
        return None


class _OneSocket(Wire):
    def path_for(self, network: str) -> Path | None:
        return None if self.directory is None else self.directory / SOCKET


class LightDoor:
    """Who knocks at the socket is led to the node that has the address; it is a `wire.Node` for all of them."""

    def __init__(self, wire: LightWire) -> None:
        self._wire = wire
        self._outside = Outside((), ())
        self._doorway = Doorway(self, _OneSocket(wire.directory), self._outside)

    async def open(self) -> None:
        """Links of an earlier process lead nowhere, and go."""
        directory = self._wire.directory
        if directory is None:
            return
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in os.listdir(directory):
            with contextlib.suppress(OSError):
                if os.readlink(directory / name) == SOCKET:
                    os.unlink(directory / name)
        await self._doorway.open("")

    async def close(self) -> None:
        self._doorway.close()
        await self._outside.close()

    def _node(self, ip: str) -> Node:
        found = self._wire.neighbour(ip)
        if found is None:
            raise failure(errno.EHOSTUNREACH)
        return found

    async def admit(self, source: Address, to: Address, dialled: Address) -> End:
        return await self._node(to.ip).admit(source, to, dialled)

    async def dial_as_node(self, to: Address) -> End:
        """Light nodes have no real processes that could ask."""
        raise failure(errno.EHOSTUNREACH)

    def arrive(self, data: bytes, source: Address, to: Address) -> None:
        with contextlib.suppress(OSError):
            self._node(to.ip).arrive(data, source, to)

    def answers(self, source: str, ip: str) -> None:
        self._node(ip).answers(source, ip)
