"""All light nodes of a cluster: what they share is set up, then they start, a few at a time.

    fleet = Fleet(root, told, client, client_of, address_of, …)
    await fleet.start()
    await fleet.grow(1000)     # so many there are from now on
    await fleet.shed({7})      # and these no longer
    ...
    await fleet.stop()

The kubelets' own rhythm does the rest. Leases are spread over their period because the nodes begin one after the other.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import ssl
from collections.abc import Callable, Collection
from pathlib import Path

from minikube_edu.client.informer import Informer, without_managed_fields
from minikube_edu.client.rest import Client
from minikube_edu.cluster.light.light_node import PREFIX, Common, LightNode
from minikube_edu.cluster.light.network import LightDoor, LightWire
from minikube_edu.cluster.light.sharing import Dealer, Object, PodDealer
from minikube_edu.cni.outside import SEAT_PORTS
from minikube_edu.kube_proxy.proxier import Proxier
from minikube_edu.kube_proxy.rules import Rules
from minikube_edu.kubelet.api_objects import NODES, SERVICES, KubeletObjects
from minikube_edu.kubelet.server.server import PORT
from minikube_edu.lib.loops import Loops

log = logging.getLogger(__name__)

ASIDE = 0.002  # between two nodes that start: others have their turn


class Fleet:
    def __init__(
        self,
        root: Path,
        told: Object,
        client: Client,
        client_of: Callable[[str], Client],
        address_of: Callable[[int], str],
        *,
        network: Path | None = None,
        neighbours: Collection[str] = (),
        seat_ports: Collection[int] = SEAT_PORTS,
        tls: ssl.SSLContext | None = None,
        port: int = PORT,
        busy: Callable[[], bool] | None = None,
        volumes: Path | None = None,
    ) -> None:
        """`network`: where the cluster's fabrics find each other; `neighbours`: the addresses of its other nodes;
        `busy`: whether there is more to ask the API server than it answers."""
        self.nodes: list[LightNode] = []
        self.ready: set[str] = set()  # names of those that the API says are Ready
        self.on_ready: list[Callable[[], None]] = []
        self._loops = Loops("light nodes")
        self._has_pods = False
        self._highest = 0  # number of a node
        self._gone: set[str] = set()  # names of those that were taken away
        self._wire = LightWire(network)
        self._door = LightDoor(self._wire)
        self._rules = Rules()
        self._proxier = Proxier(client, "", self._rules, self._rules_changed)
        self._common = Common(
            root,
            told,
            client,
            client_of,
            address_of,
            self._wire,
            PodDealer(client, lambda name: name.startswith(PREFIX)),
            Dealer(client, NODES, _name_of),
            Informer(client, SERVICES, transform=without_managed_fields),
            KubeletObjects(client, ""),
            self._rules.translate,
            neighbours,
            seat_ports,
            tls,
            port,
            volumes,
        )
        self._common.nodes.told.append(self._seen)
        if busy is not None:
            self._common.pods.busy = busy

    async def start(self) -> None:
        """Returns when the API server has answered: before, a thousand kubelets would only get into its way."""
        common = self._common
        await self._door.open()
        self._loops.spawn("nodes", common.nodes.run())
        self._loops.spawn("services", common.services.run())
        await common.services.wait_synced()
        await common.nodes.hand("").wait_synced()
        await self._proxier.start()

    async def grow(self, count: int, without: Collection[int] = ()) -> None:
        first, self._highest = self._highest + 1, max(self._highest, count)
        for number in range(first, count + 1):
            if number in without:
                continue
            node = LightNode(number, self._common)
            self.nodes.append(node)
            await node.start()
            await asyncio.sleep(ASIDE)
        if not self._has_pods:  # they come when all nodes are there: a process that begins again has to show that its
            self._has_pods = True  # nodes live before it starts thousands of containers anew
            self._loops.spawn("pods", self._common.pods.run())

    async def shed(self, gone: Collection[int]) -> None:
        """Stop these, if they are here; their directories go last, which tells that all is over."""
        for node in [node for node in self.nodes if node.number in gone]:
            self.nodes.remove(node)
            self._gone.add(node.name)
            self._note(node.name, ready=False)
            await node.stop()
            await asyncio.to_thread(shutil.rmtree, self._common.root / node.name, ignore_errors=True)

    async def stop(self) -> None:
        for node in self.nodes:
            await node.stop()
        await self._proxier.stop()
        await self._loops.stop()
        self._common.pods.close()
        await self._common.objects.close()
        await self._door.close()

    async def leave(self) -> None:
        """The process ends, and everything in it: only what lies outside needs an end."""
        await self._door.close()

    async def finished(self) -> None:
        """Only when something that all need has died."""
        await self._loops.finished()

    def _rules_changed(self, _services: set[str]) -> None:
        for node in self.nodes:
            node.fabric.rules_changed()

    def _seen(self, node: Object) -> None:
        name = node["metadata"]["name"]
        if not name.startswith(PREFIX):
            return
        conditions = (node.get("status") or {}).get("conditions") or ()
        good = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
        self._note(name, ready=good and name not in self._gone)

    def _note(self, name: str, *, ready: bool) -> None:
        if ready != (name in self.ready):
            (self.ready.add if ready else self.ready.discard)(name)
            for told in self.on_ready:
                told()


def _name_of(node: Object) -> str:
    return str(node["metadata"]["name"])
