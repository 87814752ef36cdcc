"""A sandbox's network: `lo`, `eth0`, and the table of its sockets.

Ports are looked up as the kernel does it: the socket that is bound to the very address first, then the one that is
bound to all addresses. A namespace knows nothing of the rest of the world: what is not its own goes to the fabric.
"""

from __future__ import annotations

import errno
import ipaddress
from collections.abc import Sequence
from typing import Protocol

from minikube_edu.cni.contract import Address, Connection, Sender, Traffic
from minikube_edu.cni.tcp import End, TcpListener, failure, pair
from minikube_edu.cni.udp import UdpSocket

EVERYWHERE = ("0.0.0.0", "::", "")
LOCALHOST = ("127.0.0.1", "::1")
EPHEMERAL = range(32768, 61000)


NODES = ipaddress.ip_network("127.16.0.0/12")  # of this host's loopback addresses, those that are nodes


def is_loopback(ip: str) -> bool:
    """A namespace's own localhost. Nodes' addresses look like it, and are not."""
    return ip == "::1" or (ip.startswith("127.") and ipaddress.ip_address(ip) not in NODES)


def mac_of(ip: str) -> str:
    """The hardware address that the bridge plugin makes of an IPv4 address."""
    packed = ipaddress.ip_address(ip).packed[-4:]
    return "0a:58:" + ":".join(f"{byte:02x}" for byte in packed)


class Beyond(Protocol):
    """What a namespace asks of its fabric."""

    async def dial(self, caller: SandboxNamespace, to: Address, timeout: float | None) -> Connection: ...

    def translated(self, sender: Sender, to: Address, protocol: str) -> Address | None: ...

    def carry(self, caller: SandboxNamespace, socket: UdpSocket, data: bytes, to: Address) -> None: ...

    async def echo(self, caller: SandboxNamespace, ip: str, timeout: float) -> float: ...

    def opened(self, namespace: SandboxNamespace, listener: TcpListener) -> None: ...

    def closed(self, namespace: SandboxNamespace, listener: TcpListener) -> None: ...


class SandboxNamespace:
    __slots__ = ("_next_port", "beyond", "gateway", "ips", "mac", "prefix_length", "sandbox_id", "sockets", "traffic")

    def __init__(
        self, sandbox_id: str, ips: Sequence[str], gateway: str, prefix_length: int, beyond: Beyond, first_port: int
    ) -> None:
        self.sandbox_id = sandbox_id
        self.ips = ips
        self.gateway = gateway
        self.prefix_length = prefix_length
        self.mac = mac_of(ips[0]) if ips else "00:00:00:00:00:00"
        self.traffic = Traffic()
        self.beyond = beyond
        self.sockets: dict[tuple[str, int], list[TcpListener | UdpSocket]] = {}
        self._next_port = first_port

    # -- what is mine ------------------------------------------------------------------------------------------------

    def owns(self, ip: str) -> bool:
        return is_loopback(ip) or ip in self.ips or ip in EVERYWHERE

    def source_for(self, ip: str) -> str:
        """The address that a connection to `ip` comes from."""
        if is_loopback(ip):
            return "::1" if ":" in ip else "127.0.0.1"
        family = ":" in ip
        for own in self.ips:
            if (":" in own) == family:
                return own
        raise failure(errno.ENETUNREACH)

    def find(self, protocol: str, to: Address) -> TcpListener | UdpSocket | None:
        general = None
        for socket in self.sockets.get((protocol, to.port), ()):
            if socket.address.ip == to.ip:
                return socket
            if socket.address.ip in EVERYWHERE:
                general = socket
        return general

    def free_port(self) -> int:
        for _ in EPHEMERAL:
            self._next_port += 1
            if self._next_port not in EPHEMERAL:
                self._next_port = EPHEMERAL.start
            if ("tcp", self._next_port) not in self.sockets and ("udp", self._next_port) not in self.sockets:
                return self._next_port
        raise failure(errno.EADDRNOTAVAIL)

    # -- the contract ------------------------------------------------------------------------------------------------

    async def connect(self, ip: str, port: int, timeout: float | None = None) -> Connection:
        if ip in EVERYWHERE:
            ip = "::1" if ":" in ip else "127.0.0.1"
        to = Address(ip, port)
        if is_loopback(ip) and ip not in LOCALHOST and self.beyond.translated(self, to, "TCP") is not None:
            return await self.beyond.dial(self, to, timeout)  # a load balancer's address out of 127/8
        if is_loopback(ip) or ip in self.ips:
            return self.enter(Address(self.source_for(ip), self.free_port()), to, to, None)
        return await self.beyond.dial(self, to, timeout)

    def enter(self, client: Address, to: Address, dialled: Address, caller: Traffic | None) -> End:
        """A connection arrives at one of my addresses; returns the caller's end."""
        listener = self.find("tcp", to)
        if not isinstance(listener, TcpListener):
            raise failure(errno.ECONNREFUSED)
        if listener.full:
            raise failure(errno.ETIMEDOUT)
        local = client.ip in self.ips or is_loopback(client.ip)
        near, far = pair(client, to, dialled, (caller, None if local else self.traffic))
        listener.deliver(far)
        return near

    def listen(self, port: int, ip: str = "0.0.0.0") -> TcpListener:
        listener = TcpListener(self._claim("tcp", port, ip), forget=self._unlisten)
        self.sockets.setdefault(("tcp", listener.address.port), []).append(listener)
        try:
            self.beyond.opened(self, listener)
        except OSError:
            listener.close()
            raise
        return listener

    def _unlisten(self, listener: TcpListener) -> None:
        self._forget("tcp", listener)
        self.beyond.closed(self, listener)

    def datagrams(self, port: int = 0, ip: str = "0.0.0.0") -> UdpSocket:
        address = self._claim("udp", port, ip)
        socket = UdpSocket(address, self._send, lambda gone: self._forget("udp", gone))
        self.sockets.setdefault(("udp", address.port), []).append(socket)
        return socket

    def _claim(self, protocol: str, port: int, ip: str) -> Address:
        if not self.owns(ip):
            raise failure(errno.EADDRNOTAVAIL)
        if not 0 <= port <= 65535:
            raise failure(errno.EINVAL)
        if port == 0:
            return Address(ip, self.free_port())
        for socket in self.sockets.get((protocol, port), ()):
            held = socket.address.ip
            if held == ip or (_everywhere(held) and _overlaps(held, ip)) or (_everywhere(ip) and _overlaps(ip, held)):
                raise failure(errno.EADDRINUSE)
        return Address(ip, port)

    def _forget(self, protocol: str, socket: TcpListener | UdpSocket) -> None:
        key = (protocol, socket.address.port)
        left = [other for other in self.sockets.get(key, ()) if other is not socket]
        if left:
            self.sockets[key] = left
        else:
            self.sockets.pop(key, None)

    def _send(self, socket: UdpSocket, data: bytes, to: Address) -> None:
        if to.ip in EVERYWHERE:
            to = Address("127.0.0.1", to.port)
        if is_loopback(to.ip) or to.ip in self.ips:
            receiver = self.find("udp", to)
            if isinstance(receiver, UdpSocket):
                receiver.arrive(data, Address(self.source_for(to.ip), socket.address.port))
            return
        self.beyond.carry(self, socket, data, to)

    async def ping(self, ip: str, timeout: float = 1.0) -> float:
        if self.owns(ip):
            return 0.000045
        return await self.beyond.echo(self, ip, timeout)

    def listening(self) -> Sequence[tuple[str, Address]]:
        return [(protocol, s.address) for (protocol, _), sockets in self.sockets.items() for s in sockets]

    def close(self) -> None:
        """CNI DEL: whatever is still bound goes."""
        for sockets in list(self.sockets.values()):
            for socket in list(sockets):
                socket.close()


def _everywhere(ip: str) -> bool:
    return ip in EVERYWHERE


def _overlaps(general: str, ip: str) -> bool:
    """Two families may share a port: nginx listens on 0.0.0.0:80 and on [::]:80, v6 only."""
    return (":" in general) == (":" in ip)
