"""The node's rules, as data: what iptables mode would put into the kernel's nat and filter tables.

A packet for (address, port, protocol) meets at most one `Rule`. Where it came from and which address it was sent to
decide about the rule's endpoints:

  a cluster IP                          internalTrafficPolicy: all endpoints, or only this node's
  an external IP, a balancer's address, externalTrafficPolicy, for strangers; who is inside (a pod of the cluster, the
  a node port of this node              node itself) takes the short way: all endpoints

Of the endpoints one is drawn by lot, or the client's last one is taken again (sessionAffinity). Nobody there: REJECT;
or DROP, when there is somebody, but not on this node and the policy is Local.

`translate` is the hook of the fabric (cni.contract.Translate). Nothing in here watches, waits or opens anything.
"""

from __future__ import annotations

import errno
import ipaddress
import os
from collections.abc import Collection, Iterable, Sequence

from msgspec import Struct, field

from minikube_edu.cni.contract import Address, Masqueraded, Sender
from minikube_edu.kube_proxy.endpoints import Choice, Endpoint
from minikube_edu.kube_proxy.services import ServicePort
from minikube_edu.lib import clock, ids

CLUSTER_IP, EXTERNAL_IP, LOAD_BALANCER, NODE_PORT = "cluster IP", "external IP", "loadbalancer IP", "nodePort"
LOCALHOST = "127.0.0.1"
MOST_CLIENTS = 4096  # remembered for one service port


class Affinity(Struct):
    """Which endpoint a client had last: the `recent` module's lists."""

    seconds: int
    clients: dict[str, tuple[Endpoint, float]] = field(default_factory=dict)

    def last(self, client: str, among: Collection[Endpoint]) -> Endpoint | None:
        found = self.clients.get(client)
        if found is None or clock.monotonic() - found[1] > self.seconds:
            return None
        wanted = (found[0].ip, found[0].port)
        return next((one for one in among if (one.ip, one.port) == wanted), None)

    def remember(self, client: str, endpoint: Endpoint) -> None:
        now = clock.monotonic()
        if len(self.clients) >= MOST_CLIENTS:
            self.clients = {ip: kept for ip, kept in self.clients.items() if now - kept[1] <= self.seconds}
        self.clients[client] = (endpoint, now)


class Rule(Struct):
    """Of one service port."""

    port: ServicePort
    choice: Choice
    affinity: Affinity | None = None

    @property
    def internal(self) -> Sequence[Endpoint]:
        return self.choice.local if self.port.internal_local else self.choice.cluster

    @property
    def external(self) -> Sequence[Endpoint]:
        return self.choice.local if self.port.external_local else self.choice.cluster

    def pick(self, endpoints: Sequence[Endpoint], client: str) -> Endpoint:
        if not endpoints:
            number = errno.ETIMEDOUT if self.choice.any else errno.ECONNREFUSED
            raise OSError(number, os.strerror(number))
        if self.affinity is not None:
            chosen = self.affinity.last(client, endpoints) or _by_lot(endpoints)
            self.affinity.remember(client, chosen)
            return chosen
        return _by_lot(endpoints)


def _by_lot(endpoints: Sequence[Endpoint]) -> Endpoint:
    return endpoints[0] if len(endpoints) == 1 else endpoints[ids.integer(0, len(endpoints) - 1)]


Key = tuple[str, int, str]  # address, port, protocol


class Rules:
    """All rules of one node, by what packets are sent to."""

    def __init__(self, cluster_cidrs: Iterable[str] = ()) -> None:
        self.cluster_cidrs = [ipaddress.ip_network(one, strict=False) for one in cluster_cidrs if one]
        self.own: Sequence[str] = ()  # the node's addresses
        self.by_service: dict[str, list[Rule]] = {}  # namespace/name
        self.by_address: dict[Key, tuple[Rule, str]] = {}  # and what kind of address it is
        self.by_node_port: dict[tuple[int, str], Rule] = {}

    def set_service(self, key: str, rules: list[Rule]) -> None:
        """In place of what the service had; affinities are kept. No rules: it is gone."""
        before = {(rule.port.name, rule.port.protocol): rule for rule in self.by_service.pop(key, ())}
        for rule in before.values():
            for place, _ in self._addresses(rule):
                self.by_address.pop(place, None)
            self.by_node_port.pop((rule.port.node_port, rule.port.protocol), None)
        for rule in rules:
            old = before.get((rule.port.name, rule.port.protocol))
            if rule.port.affinity:
                rule.affinity = Affinity(rule.port.affinity, old.affinity.clients if old and old.affinity else {})
            for place, kind in self._addresses(rule):
                self.by_address[place] = (rule, kind)
            if rule.port.node_port:
                self.by_node_port[rule.port.node_port, rule.port.protocol] = rule
        if rules:
            self.by_service[key] = rules

    @staticmethod
    def _addresses(rule: Rule) -> Iterable[tuple[Key, str]]:
        port = rule.port
        kinds = ((port.cluster_ips, CLUSTER_IP), (port.external_ips, EXTERNAL_IP), (port.ingress_ips, LOAD_BALANCER))
        for ips, kind in kinds:
            for ip in ips:
                yield (ip, port.port, port.protocol), kind

    def translate(self, sender: Sender, to: Address, protocol: str) -> Address | None:
        found = self.by_address.get((to.ip, to.port, protocol))
        if found is not None:
            rule, kind = found
        else:
            node_port = self.by_node_port.get((to.port, protocol))
            if node_port is None or not self.is_own(to.ip):
                return None
            rule, kind = node_port, NODE_PORT
        client = sender.ips[0] if sender.ips else ""
        if kind == CLUSTER_IP:
            chosen = rule.pick(rule.internal, client)
            masquerade = chosen.ip == client or not self.is_inside(client)
        else:
            if kind == LOAD_BALANCER and not _allowed(rule.port, client):
                raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
            inside = self.is_inside(client)
            chosen = rule.pick(rule.choice.cluster if inside else rule.external, client)
            masquerade = not rule.port.external_local or client in self.own
        return (Masqueraded if masquerade and client not in self.own else Address)(chosen.ip, chosen.port)

    def is_own(self, ip: str) -> bool:
        return ip in self.own or ip == LOCALHOST

    def is_inside(self, client: str) -> bool:
        """A pod of the cluster, or the node itself."""
        if client in self.own or not client:
            return True
        address = ipaddress.ip_address(client)
        return any(address in network for network in self.cluster_cidrs)


def _allowed(port: ServicePort, client: str) -> bool:
    return not port.sources or any(ipaddress.ip_address(client) in network for network in port.sources)
