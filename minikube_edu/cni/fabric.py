"""One node's part of the cluster's network: it gives sandboxes their addresses, and carries what they send.

    fabric = NodeFabric(root=NODE, node_ip="127.16.0.2", wire=Wire(directory), nodes=node_addresses)
    await fabric.open()
    fabric.set_pod_cidr("10.244.1.0/24")
    namespace = await fabric.add(Attachment(sandbox_id, "default", "web"))

A connection goes: the service's address is replaced (`set_translate`; it may raise ECONNREFUSED for a service without
endpoints), policies are asked (`set_permit`; what they forbid is dropped without a word), then it finds its way: a
namespace of this node, the node itself, a seat behind it (`outside`), another node (`wire`). Protocols are named TCP,
UDP and ICMP in both hooks. Nothing else exists: an address of a private range swallows packets, any other one has no
route.

The file is long because the way of a connection is one story, told in its order.

The real thing is the kernel's network stack, a bridge with veth pairs, and the plugins that wire them.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
from collections.abc import Awaitable, Collection, Sequence
from pathlib import Path
from typing import TypeVar, cast

from msgspec import Struct

from minikube_edu.cni.addresses import AddressPool
from minikube_edu.cni.configuration import NOT_INITIALIZED, Network, configured
from minikube_edu.cni.contract import (
    Address,
    Attachment,
    Connection,
    Masqueraded,
    Namespace,
    NetworkAdmin,
    Permit,
    Sender,
    Translate,
)
from minikube_edu.cni.doorway import Doorway
from minikube_edu.cni.namespace import SandboxNamespace, is_loopback
from minikube_edu.cni.outside import SEAT_PORTS, Outside
from minikube_edu.cni.tcp import End, TcpListener, failure
from minikube_edu.cni.udp import UdpSocket
from minikube_edu.cni.wire import Wire
from minikube_edu.lib import clock, ids

CONNECT_TIMEOUT = 127.0  # six SYNs in vain
FLOW_SECONDS = 120.0  # without a datagram
NODE_TIMEOUT = 30.0  # for real processes, which have their own idea of patience
ARP_TIMEOUT = 3.06  # then the kernel says that nobody has this address
STATE = "var/lib/cni/networks"
T = TypeVar("T")


class HostNamespace(SandboxNamespace):
    """The node's own network. Its localhost has the seats as well, which are real processes."""

    __slots__ = ("fabric",)
    fabric: NodeFabric

    @property
    def admin(self) -> NetworkAdmin:
        """For programs with the privilege."""
        return self.fabric

    async def connect(self, ip: str, port: int, timeout: float | None = None) -> Connection:
        if self.fabric.translated(self, Address(ip, port), "TCP") is not None:  # node ports, on localhost too
            return await self.fabric.dial(self, Address(ip, port), timeout)
        try:
            return await super().connect(ip, port, timeout)
        except ConnectionRefusedError:
            if is_loopback(ip) or ip in self.ips:
                return await self.fabric.dial_seat(self, Address(ip, port))
            raise


class Stranger(Struct, frozen=True):
    """Who came over the wire, or through a door."""

    ips: Sequence[str]


class RulesChanged(Exception):
    """What had no way may have one now."""


class NodeFabric:
    def __init__(
        self,
        root: Path,
        *,
        node_ip: str = "",
        local_ip: str = "",
        pod_cidr: str = "",
        wire: Wire | None = None,
        nodes: Collection[str] = (),
        seat_ports: Collection[int] = SEAT_PORTS,
        expose: bool = False,
        doors: bool = False,
    ) -> None:
        """`local_ip` is where seats listen that were told 127.0.0.1 (lib.localhost); `nodes` are the addresses of the
        cluster's nodes, a live collection; with `expose`, ports of the node's own network are real ones; with `doors`,
        those that kube-proxy opens for services are."""
        self.root = root
        self.node_ip = node_ip
        self.local_ip = local_ip or node_ip
        self.pod_cidr = pod_cidr
        self.wire = wire or Wire()
        self.expose = expose and bool(node_ip)
        self.pool: AddressPool | None = None
        self.doors = doors and bool(node_ip)
        self._translate: Translate | None = None
        self._flows: dict[tuple[Address, Address], UdpSocket] = {}  # (client, node port)
        self._change: asyncio.Future[None] | None = None  # somebody waits for other rules
        self._permit: Permit | None = None
        self._by_ip: dict[str, SandboxNamespace] = {}
        self._by_sandbox: dict[str, SandboxNamespace] = {}
        self._outside = Outside(nodes, seat_ports)
        self._doorway = Doorway(self, self.wire, self._outside)
        self.host = HostNamespace("", [node_ip] if node_ip else [], "", 32, self, ids.integer(32768, 60000))
        self.host.fabric = self
        if node_ip:
            self.wire.join(node_ip, self)

    # -- CNI ---------------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Be reachable for other nodes; needed only where they are other processes."""
        if self.node_ip:
            await self._doorway.open(self.node_ip)

    def set_pod_cidr(self, pod_cidr: str) -> None:
        """The kubelet's word (UpdateRuntimeConfig); sandboxes that exist keep their addresses."""
        if pod_cidr and pod_cidr != self.pod_cidr:
            self.pod_cidr = pod_cidr
            self.pool = None

    def ready(self) -> str:
        return "" if configured(self.root) is not None else NOT_INITIALIZED

    async def add(self, attachment: Attachment) -> Namespace:
        if attachment.host_network:
            return self.host
        if existing := self._by_sandbox.get(attachment.sandbox_id):
            return existing
        pool = self.pool or await self._make_pool()
        ip = pool.reserve(attachment.sandbox_id)
        namespace = SandboxNamespace(
            attachment.sandbox_id, [ip], pool.gateway, pool.subnet.prefixlen, self, ids.integer(32768, 60000)
        )
        self._by_ip[ip] = self._by_sandbox[attachment.sandbox_id] = namespace
        return namespace

    async def _make_pool(self) -> AddressPool:
        network = configured(self.root)
        if network is None:
            raise OSError(errno.ENETDOWN, NOT_INITIALIZED)
        subnet = network.subnet or self.pod_cidr
        if not subnet:
            raise OSError(errno.ENETDOWN, _no_range(network))
        self.pool = AddressPool(network.name, subnet, self.root / STATE / (network.name or "cni0"))
        self.wire.join(str(self.pool.subnet), self)
        await self._doorway.open(str(self.pool.subnet))
        return self.pool

    async def delete(self, sandbox_id: str) -> None:
        namespace = self._by_sandbox.pop(sandbox_id, None)
        if namespace is not None:
            namespace.close()
            for ip in namespace.ips:
                self._by_ip.pop(ip, None)
        if self.pool is None and configured(self.root) is not None:
            with contextlib.suppress(OSError):  # an earlier life's sandbox, whose reservation is a file
                await self._make_pool()
        if self.pool is not None:
            self.pool.release(sandbox_id)

    def namespace_of(self, sandbox_id: str) -> Namespace | None:
        return self._by_sandbox.get(sandbox_id)

    def at(self, ip: str) -> Namespace | None:
        """Whose address this is, on this node."""
        return self._namespace(ip)

    def set_translate(self, translate: Translate | None) -> None:
        self._translate = translate
        self.rules_changed()

    def rules_changed(self) -> None:
        if self._change is not None and not self._change.done():
            self._change.set_result(None)
        self._change = None

    def translated(self, sender: Sender, to: Address, protocol: str) -> Address | None:
        return None if self._translate is None else self._translate(sender, to, protocol)

    @property
    def addresses(self) -> Sequence[str]:
        own = [self.node_ip] if self.node_ip else []
        return own if self.pool is None else [*own, self.pool.gateway]

    def set_permit(self, permit: Permit | None) -> None:
        self._permit = permit

    async def close(self) -> None:
        for namespace in [*self._by_sandbox.values(), self.host]:
            namespace.close()
        self.wire.leave(self)
        self._doorway.close()
        await self._outside.close()

    # -- TCP ---------------------------------------------------------------------------------------------------------

    async def connect_from_host(self, ip: str, port: int) -> Connection:
        return await self.host.connect(ip, port)

    async def dial(self, caller: SandboxNamespace, to: Address, timeout: float | None) -> Connection:
        deadline = clock.monotonic() + min(timeout if timeout is not None else CONNECT_TIMEOUT, CONNECT_TIMEOUT)
        pause = 1.0
        while True:
            try:
                return await _until(deadline, self._dial_once(caller, to, deadline))
            except RulesChanged:
                continue
            except TimeoutError:
                # A full backlog, a rule or a policy: SYNs are sent again, further and further apart.
                if clock.monotonic() + pause >= deadline:
                    await _silence(deadline)
                await asyncio.sleep(pause)
                pause *= 2

    async def _dial_once(self, caller: SandboxNamespace, to: Address, deadline: float) -> End:
        found = self.translated(caller, to, "TCP")
        real = Address(found.ip, found.port) if found else to
        masqueraded = isinstance(found, Masqueraded) and bool(self.node_ip)
        source = self.node_ip if masqueraded else caller.source_for(real.ip)
        client = Address(source, caller.free_port())
        if not self._permitted(caller, client.ip, real, "TCP"):
            await _silence(deadline)
        return await self._reach(caller, client, real, to, deadline)

    async def _reach(
        self, caller: SandboxNamespace, client: Address, to: Address, dialled: Address, deadline: float
    ) -> End:
        if namespace := self._namespace(to.ip):
            try:
                return namespace.enter(client, to, dialled, caller.traffic)
            except ConnectionRefusedError:
                if namespace is not self.host:
                    raise
                return await self.dial_seat(caller, dialled, to, client)
        if self.pool is not None and to.ip in self.pool:
            await _nobody(deadline)
        if node := self.wire.neighbour(to.ip):
            try:
                near = await node.admit(client, to, dialled)
            except ConnectionRefusedError:
                if not self._outside.may_dial(to):
                    raise
                return await self.dial_seat(caller, dialled, to, client)
            near.traffic = caller.traffic
            return near
        if path := self.wire.socket_of(to.ip):
            try:
                near, _ = await self._doorway.dial(path, client, to, dialled)
                near.traffic = caller.traffic
                return near
            except (ConnectionRefusedError, OSError) as error:
                if not self._outside.may_dial(to) or error.errno == errno.ETIMEDOUT:
                    if error.errno == errno.EHOSTUNREACH:
                        await _nobody(deadline)
                    raise
        if self._outside.may_dial(to):
            return await self.dial_seat(caller, dialled, to, client)
        return await self._nowhere(to.ip, deadline)

    async def dial_seat(
        self, caller: SandboxNamespace, dialled: Address, to: Address | None = None, client: Address | None = None
    ) -> End:
        """A real process of this cluster. On this node it may listen at the node's address or at its localhost."""
        to = to or Address(self.node_ip, dialled.port)
        client = client or Address(caller.source_for(dialled.ip), caller.free_port())
        own = to.ip == self.node_ip or self._namespace(to.ip) is self.host
        candidates = [self.node_ip, self.local_ip] if own and caller is self.host else [self.node_ip if own else to.ip]
        for ip in dict.fromkeys(candidates):
            if self._outside.may_dial(Address(ip, to.port)):
                with contextlib.suppress(ConnectionRefusedError):
                    near, _ = await self._outside.dial(Address(ip, to.port), client, dialled)
                    near.traffic = caller.traffic
                    return near
        raise failure(errno.ECONNREFUSED)

    async def _nowhere(self, ip: str, deadline: float) -> End:
        if not ipaddress.ip_address(ip).is_private:
            raise failure(errno.ENETUNREACH)
        change = self._change = self._change or asyncio.get_running_loop().create_future()
        await asyncio.wait([change], timeout=max(0.0, deadline - clock.monotonic()))
        raise RulesChanged if change.done() else failure(errno.ETIMEDOUT)

    def _namespace(self, ip: str) -> SandboxNamespace | None:
        if found := self._by_ip.get(ip):
            return found
        if ip == self.node_ip or (self.pool is not None and ip == self.pool.gateway):
            return self.host
        return None

    def _permitted(self, caller: SandboxNamespace | None, source: str, to: Address, protocol: str) -> bool:
        """Policies never stand between a node and its own pods: the kubelet must be able to probe."""
        if self._permit is None or (caller is self.host and self._namespace(to.ip) is not None):
            return True
        return self._permit(source, to, protocol)

    # -- what other nodes send ---------------------------------------------------------------------------------------

    async def admit(self, source: Address, to: Address, dialled: Address) -> End:
        """Packets for the node itself meet the rules here; on the sender's node they were for somebody else."""
        if self._namespace(to.ip) is self.host and (real := self.translated(Stranger((source.ip,)), to, "TCP")):
            if isinstance(real, Masqueraded):
                source = Address(self.node_ip, self.host.free_port())
            deadline = clock.monotonic() + CONNECT_TIMEOUT
            return await self._reach(self.host, source, Address(real.ip, real.port), dialled, deadline)
        return self.enter(source, to, dialled)

    async def dial_as_node(self, to: Address) -> End:
        return cast(End, await self.host.connect(to.ip, to.port, NODE_TIMEOUT))

    def enter(self, source: Address, to: Address, dialled: Address) -> End:
        namespace = self._namespace(to.ip)
        if namespace is None:
            raise failure(errno.EHOSTUNREACH)
        if not self._permitted(None, source.ip, to, "TCP"):
            raise failure(errno.ETIMEDOUT)
        return namespace.enter(source, to, dialled, None)

    def arrive(self, data: bytes, source: Address, to: Address) -> None:
        namespace = self._namespace(to.ip)
        if namespace is self.host and self._forwarded(data, source, to):
            return
        receiver = namespace.find("udp", to) if namespace else None
        if namespace and isinstance(receiver, UdpSocket) and self._permitted(None, source.ip, to, "UDP"):
            namespace.traffic.rx_bytes += len(data) + 42
            namespace.traffic.rx_packets += 1
            receiver.arrive(data, source)

    def answers(self, source: str, ip: str) -> None:
        if self._namespace(ip) is None:
            raise failure(errno.EHOSTUNREACH)
        if not self._permitted(None, source, Address(ip, 0), "ICMP"):
            raise failure(errno.ETIMEDOUT)

    # -- UDP and ping ------------------------------------------------------------------------------------------------

    def carry(self, caller: SandboxNamespace, socket: UdpSocket, data: bytes, to: Address) -> None:
        try:
            found = self.translated(caller, to, "UDP")
            real = Address(found.ip, found.port) if found else to
            source = Address(caller.source_for(real.ip), socket.address.port)
        except OSError:
            return
        if not self._permitted(caller, source.ip, real, "UDP"):
            return
        if real != to:
            socket.translated[real] = to
        caller.traffic.tx_bytes += len(data) + 42
        caller.traffic.tx_packets += 1
        self._pass(data, source, real)

    def _pass(self, data: bytes, source: Address, to: Address) -> None:
        if self._namespace(to.ip) is not None:
            self.arrive(data, source, to)
        elif node := self.wire.neighbour(to.ip):
            node.arrive(data, source, to)
        elif path := self.wire.socket_of(to.ip):
            self._doorway.carry(path, data, source, to)

    def _forwarded(self, data: bytes, source: Address, to: Address) -> bool:
        """A node port: a socket of the node's own stands between client and endpoint, so that answers find back. It is
        what connection tracking remembers, and for as long."""
        try:
            real = self.translated(Stranger((source.ip,)), to, "UDP")
        except OSError:
            return True
        if real is None:
            return False
        now = clock.monotonic()
        flow = self._flows.get((source, to))
        if flow is None:
            for key, old in list(self._flows.items()):
                if now - old.used_at > FLOW_SECONDS:
                    self._flows.pop(key).close()
            flow = self._flows[source, to] = self.host.datagrams(0, self.node_ip)
            flow.taken = lambda answer: self._pass(answer, to, source)
        flow.used_at = now
        flow.send(data, Address(real.ip, real.port))
        return True

    async def echo(self, caller: SandboxNamespace, ip: str, timeout: float) -> float:
        deadline = clock.monotonic() + timeout
        source = caller.source_for(ip)
        caller.traffic.tx_bytes += 98
        caller.traffic.tx_packets += 1
        if not self._permitted(caller, source, Address(ip, 0), "ICMP"):
            await _silence(deadline)
        seconds = ids.uniform(0.00005, 0.00012)
        if namespace := self._namespace(ip):
            namespace.traffic.rx_bytes += 98
            namespace.traffic.rx_packets += 1
        elif self.pool is not None and ip in self.pool:
            await _nobody(deadline)
        else:
            seconds = ids.uniform(0.0003, 0.0006)
            await self._echo_far(source, ip, deadline)
        caller.traffic.rx_bytes += 98
        caller.traffic.rx_packets += 1
        return seconds

    async def _echo_far(self, source: str, ip: str, deadline: float) -> None:
        try:
            if node := self.wire.neighbour(ip):
                node.answers(source, ip)
            elif path := self.wire.socket_of(ip):
                await self._doorway.ping(path, source, ip)
            elif ip not in self._outside.nodes:
                await self._nowhere(ip, deadline)
        except (TimeoutError, RulesChanged):
            await _silence(deadline)
        except OSError as error:
            if error.errno == errno.EHOSTUNREACH:
                await _nobody(deadline)
            raise

    # -- real ports of the node --------------------------------------------------------------------------------------

    def opened(self, namespace: SandboxNamespace, listener: TcpListener) -> None:
        if self.expose and namespace is self.host and not is_loopback(listener.address.ip):
            self._outside.expose(self.node_ip, listener)

    def closed(self, namespace: SandboxNamespace, listener: TcpListener) -> None:
        if namespace is self.host:
            self._outside.withdraw(listener)

    def door_addresses(self) -> Sequence[str]:
        """The node's own; and this host's localhost for the cluster's first node, so that `curl localhost:30080` is
        what it is for a cluster of one machine."""
        if not self.doors:
            return []
        first = min([self.node_ip, *self._outside.nodes], key=ipaddress.ip_address)
        return [self.node_ip, "127.0.0.1"] if first == self.node_ip else [self.node_ip]

    def open_door(self, ip: str, port: int) -> None:
        self._outside.open_door(Address(ip, port), self._through)

    def close_door(self, ip: str, port: int) -> None:
        self._outside.close_door(Address(ip, port))

    def open_doors(self) -> Sequence[tuple[str, int]]:
        return [(at.ip, at.port) for at in self._outside.open_doors()]

    async def _through(self, source: Address, to: Address) -> End:
        """Whoever dials this host's localhost is at home; at any other address, a stranger."""
        if is_loopback(to.ip) and self.translated(self.host, to, "TCP") is None:
            raise failure(errno.ECONNREFUSED)
        if is_loopback(to.ip):
            return cast(End, await self.dial(self.host, to, NODE_TIMEOUT))
        real = self.translated(Stranger((source.ip,)), to, "TCP")
        if real is None:
            raise failure(errno.ECONNREFUSED)
        client = Address(self.node_ip, self.host.free_port())  # this host has no other address that pods could answer
        deadline = clock.monotonic() + NODE_TIMEOUT
        return await _until(deadline, self._reach(self.host, client, Address(real.ip, real.port), to, deadline))


def _no_range(network: Network) -> str:
    if network.type == "flannel":
        return (
            'plugin type="flannel" failed (add): loadFlannelSubnetEnv failed: '
            "open /run/flannel/subnet.env: no such file or directory"
        )
    return f'plugin type="{network.type}" failed (add): no IP ranges specified'


async def _silence(deadline: float) -> End:
    """Nothing comes back: the caller waits for as long as it has patience."""
    await asyncio.sleep(max(0.0, deadline - clock.monotonic()))
    raise failure(errno.ETIMEDOUT)


async def _nobody(deadline: float) -> None:
    """Nobody has the address: the kernel gives up asking."""
    left = deadline - clock.monotonic()
    await asyncio.sleep(max(0.0, min(left, ARP_TIMEOUT)))
    raise failure(errno.EHOSTUNREACH if left >= 0.9 else errno.ETIMEDOUT)


async def _until(deadline: float, work: Awaitable[T]) -> T:
    async with asyncio.timeout(max(0.001, deadline - clock.monotonic())):
        return await work
