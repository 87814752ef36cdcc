"""node-ipam-controller: every node gets its own part of the pods' addresses.

Only with `--allocate-node-cidrs`: `--cluster-cidr` (one or one of each family) is cut into parts of
`--node-cidr-mask-size`, and each node's `spec.podCIDRs` names the first that nobody has. A node that goes gives its
part back.
"""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Network, IPv6Network, ip_network

from minikube_edu.client.informer import last_state
from minikube_edu.kube_controller_manager.controller import Controller, Environment, Object
from minikube_edu.kube_controller_manager.kinds import NODES

Network = IPv4Network | IPv6Network
IPV6_MASK = 64
FAILED = "failed to allocate cidr from cluster cidr"
EXHAUSTED = "CIDR allocation failed; there are no remaining CIDRs left to allocate in the accepted range"


class Pool:
    """One CIDR, cut into equal parts."""

    def __init__(self, network: Network, mask: int) -> None:
        if mask < network.prefixlen:
            raise ValueError(f"node CIDR mask size {mask} does not fit into cluster CIDR {network}")
        self.network, self.mask = network, mask
        self.step = 1 << (network.max_prefixlen - mask)
        self.parts = 1 << (mask - network.prefixlen)
        self.taken: set[int] = set()
        self.next = 0

    def _index(self, text: str) -> int | None:
        part = ip_network(text, strict=False)
        if part.version != self.network.version or part.network_address not in self.network:
            return None
        return (int(part.network_address) - int(self.network.network_address)) // self.step

    def take(self, text: str) -> None:
        if (index := self._index(text)) is not None:
            self.taken.add(index)

    def give_back(self, text: str) -> None:
        if (index := self._index(text)) is not None:
            self.taken.discard(index)

    def allocate(self) -> str | None:
        """Round and round, so that a part rests before somebody else gets it."""
        if len(self.taken) >= self.parts:
            return None
        while self.next in self.taken:
            self.next = (self.next + 1) % self.parts
        index, self.next = self.next, (self.next + 1) % self.parts
        self.taken.add(index)
        start = self.network.network_address + index * self.step
        return f"{start}/{self.mask}"


class NodeIpamController(Controller):
    name = "node-ipam-controller"

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.pools: list[Pool] = []
        self.deciding = asyncio.Lock()
        self.recorder = environment.recorder("cidrAllocator")
        if not self.settings.allocate_node_cidrs:
            return
        for text in filter(None, self.settings.cluster_cidr.split(",")):
            network = ip_network(text.strip())
            self.pools.append(Pool(network, self.settings.node_cidr_mask_size if network.version == 4 else IPV6_MASK))
        self.nodes = self.informer(NODES)
        self.nodes.add_handler(
            added=self.seen, updated=lambda _, node: self.seen(node), deleted=lambda g: self.gone(last_state(g))
        )

    def seen(self, node: Object) -> None:
        cidrs = node["spec"].get("podCIDRs", [])
        for pool, cidr in zip(self.pools, cidrs, strict=False):
            pool.take(cidr)
        if not cidrs:
            self.enqueue(node)

    def gone(self, node: Object) -> None:
        for pool, cidr in zip(self.pools, node["spec"].get("podCIDRs", []), strict=False):
            pool.give_back(cidr)

    async def reconcile(self, key: str) -> None:
        node = self.nodes.index.get(key)
        if node is None or node["spec"].get("podCIDRs"):
            return
        async with self.deciding:
            parts: list[str] = []
            for pool in self.pools:
                part = pool.allocate()
                if part is None:
                    self.recorder.event(
                        node, "Normal", "CIDRNotAvailable", f"Node {key} status is now: CIDRNotAvailable"
                    )
                    for other, taken in zip(self.pools, parts, strict=False):
                        other.give_back(taken)
                    raise ValueError(f"{FAILED}: {EXHAUSTED}")
                parts.append(part)
        try:
            await self.client.patch(NODES, key, {"spec": {"podCIDR": parts[0], "podCIDRs": parts}})
        except Exception:
            for pool, part in zip(self.pools, parts, strict=True):
                pool.give_back(part)
            raise


CONTROLLER = NodeIpamController
