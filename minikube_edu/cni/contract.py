"""What simulated programs see of the network: a namespace with an address, connections as byte streams.

A `Fabric` is one cluster's network as one process sees it. A sandbox gets a `Namespace` from it (CNI ADD) and gives it
back (CNI DEL). Connections between namespaces of one process are in-process pipes; those to other nodes' pods, and from
the host, go over sockets that the fabric keeps. Programs never touch a socket of the host themselves, and reach nothing
outside the cluster.

Failures are OSErrors with the errno that the real call has: ECONNREFUSED (nobody listens), EHOSTUNREACH (no such
address), ETIMEDOUT (dropped by policy), EADDRINUSE, ENETUNREACH. A name that does not resolve is `NameNotFound`.

In the real system this is the kernel's network stack, veth pairs, and a CNI plugin that wires them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from msgspec import Struct


class NameNotFound(OSError):
    """NXDOMAIN, or no server that answers: `kind` is NXDOMAIN, SERVFAIL, TIMEOUT."""

    def __init__(self, name: str, kind: str = "NXDOMAIN") -> None:
        super().__init__(f"{name}: {kind}")
        self.name = name
        self.kind = kind


class Address(Struct, frozen=True):
    ip: str
    port: int

    def __str__(self) -> str:
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"


class Connection(Protocol):
    """One end of a TCP connection."""

    local: Address
    peer: Address

    async def read(self, size: int = 65536) -> bytes:
        """b'' at the end of the stream; ECONNRESET when the other side was cut."""

    async def write(self, data: bytes) -> None:
        """Waits while the other side does not read; EPIPE when it is gone."""

    def end(self) -> None:
        """No more from here; the other side may go on (shutdown SHUT_WR)."""

    def close(self) -> None: ...


class Listener(Protocol):
    address: Address

    async def accept(self) -> Connection: ...

    def close(self) -> None: ...


class Datagrams(Protocol):
    """A UDP socket."""

    address: Address

    async def receive(self) -> tuple[bytes, Address]: ...

    def send(self, data: bytes, to: Address) -> None:
        """Lost without a word when nobody is there, as in life."""

    def close(self) -> None: ...


class Traffic(Struct):
    """Counted by the fabric, read by statistics and `ip -s link`."""

    rx_bytes: int = 0
    tx_bytes: int = 0
    rx_packets: int = 0
    tx_packets: int = 0


class Namespace(Protocol):
    """A sandbox's network: `lo`, and `eth0` with its addresses. With the host's network it is the node's own."""

    ips: Sequence[str]  # of eth0; none until the plugin has given one
    gateway: str
    prefix_length: int
    mac: str
    traffic: Traffic

    async def connect(self, ip: str, port: int, timeout: float | None = None) -> Connection:
        """127.0.0.1 and ::1 are this namespace's own."""

    def listen(self, port: int, ip: str = "0.0.0.0") -> Listener:
        """Port 0: any free one."""

    def datagrams(self, port: int = 0, ip: str = "0.0.0.0") -> Datagrams: ...

    async def ping(self, ip: str, timeout: float = 1.0) -> float:
        """Seconds to there and back; EHOSTUNREACH or ETIMEDOUT."""

    def listening(self) -> Sequence[tuple[str, Address]]:
        """(tcp|udp, address), for ss and netstat."""


class Attachment(Struct, frozen=True):
    """Who asks for a namespace: what a CNI plugin is told (CNI_ARGS, labels for policy)."""

    sandbox_id: str
    pod_namespace: str
    pod_name: str
    pod_uid: str = ""
    host_network: bool = False


class Masqueraded(Address, frozen=True):
    """A translation whose other half is the source: the node's own address stands there."""


class Sender(Protocol):
    """Whoever sends: a namespace of this node, or a stranger that came over the wire."""

    @property
    def ips(self) -> Sequence[str]: ...


# Where a connection really goes: kube-proxy's rules. (who sends, what was dialled, protocol) -> another address, or
# None. It may raise ECONNREFUSED (REJECT) and ETIMEDOUT (DROP).
Translate = Callable[[Sender, Address, str], Address | None]
# May it pass: network policies. (from ip, to address, protocol) -> bool
Permit = Callable[[str, Address, str], bool]


class NetworkAdmin(Protocol):
    """What a privileged program on the node's own network may do to it (CAP_NET_ADMIN): the kernel's tables."""

    @property
    def addresses(self) -> Sequence[str]:
        """The node's own, the bridge's among them."""

    def set_translate(self, translate: Translate | None) -> None: ...

    def rules_changed(self) -> None:
        """The rules say something new: who waits for a way tries again at once."""

    def door_addresses(self) -> Sequence[str]:
        """Addresses of this host at which the node's ports can be real; none where nothing is to be opened."""

    def open_door(self, ip: str, port: int) -> None:
        """A real TCP port of this host, which leads to whatever the rules say of it. OSError when it is taken."""

    def close_door(self, ip: str, port: int) -> None: ...

    def open_doors(self) -> Sequence[tuple[str, int]]: ...


class Fabric(Protocol):
    def ready(self) -> str:
        """Empty when the network can take sandboxes; else why not (`cni plugin not initialized`)."""

    async def add(self, attachment: Attachment) -> Namespace:
        """CNI ADD. Raises OSError with the plugin's message when there is no address left."""

    async def delete(self, sandbox_id: str) -> None:
        """CNI DEL; may be repeated."""

    def set_translate(self, translate: Translate | None) -> None: ...

    def set_permit(self, permit: Permit | None) -> None: ...

    async def connect_from_host(self, ip: str, port: int) -> Connection:
        """For node ports, probes of the kubelet and the API server's proxy: a caller on the node itself."""

    async def close(self) -> None: ...


Served = Callable[[Connection], Awaitable[None]]
