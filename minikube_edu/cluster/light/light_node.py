"""One light node: a kubelet's seat, the runtime of its own that it drives, and its part of the network.

    node = LightNode(7, common)
    await node.start()      # the kubelet registers it, and runs its pods from then on

Below `common.root` it has a directory like any node: logs, volumes, the network's configuration. What is the same for
all of them is in `Common`, and made once.
"""

from __future__ import annotations

import functools
import json
import ssl
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from msgspec import Struct, field

from minikube_edu.client.events import Correlator
from minikube_edu.client.informer import Informer
from minikube_edu.client.rest import Client
from minikube_edu.cluster.light.endpoint import Endpoint
from minikube_edu.cluster.light.network import LightWire
from minikube_edu.cluster.light.place import PREFIX as PREFIX
from minikube_edu.cluster.light.sharing import Dealer, Object, PodDealer, SharedObjects
from minikube_edu.cni.contract import Translate
from minikube_edu.cni.fabric import NodeFabric
from minikube_edu.cni.outside import SEAT_PORTS
from minikube_edu.container_runtime.simulated.images.catalogue import Catalogue
from minikube_edu.container_runtime.simulated.images.entry import Definition, Entry
from minikube_edu.container_runtime.simulated.images.image_store import ImageStore
from minikube_edu.container_runtime.simulated.images.reference import Reference
from minikube_edu.container_runtime.simulated.images.registry import Registry
from minikube_edu.container_runtime.simulated.recovery import recover
from minikube_edu.container_runtime.simulated.runtime import SimulatedRuntime
from minikube_edu.container_runtime.simulated.settings import Settings
from minikube_edu.kubelet.api_objects import KubeletObjects
from minikube_edu.kubelet.contract import NodeIdentity
from minikube_edu.kubelet.node.described_machine import DescribedMachine, described_machine
from minikube_edu.kubelet.node.node_object import NodeShape
from minikube_edu.kubelet.running import Place, Seat
from minikube_edu.kubelet.server.server import PORT

LABEL = "minikube-edu.dev/light"
CAPACITY: Mapping[str, str] = {"cpu": "4", "memory": "8Gi", "ephemeral-storage": "100Gi"}
NETWORK = {
    "cniVersion": "1.0.0",
    "name": "minikube-edu",
    "plugins": [{"type": "bridge", "ipam": {"type": "host-local"}}],
}
LEISURE = 6.0  # eviction looks every minute; the network plugin is asked for every half minute
BEAT = 0.25  # seconds between two groups of leases
# Nobody's files are in these places on a light node, or somebody else does it.
NOT_HERE: Mapping[str, object] = {
    "staticPodPath": "",
    "healthzPort": 0,
    "rotateCertificates": False,
    "serverTLSBootstrap": False,
    "containerLogMonitorInterval": "1m0s",
    "nodeStatusUpdateFrequency": "1m0s",  # what has happened is reported at once, as ever
}


class SharedCatalogue(Catalogue):
    """What an image is, is made once for all nodes that have it."""

    def __init__(self) -> None:
        super().__init__()
        self._defined: dict[tuple[str, str], Definition] = {}

    def define(self, entry: Entry, reference: Reference, tag: str = "") -> Definition:
        key = (str(reference), tag)
        found = self._defined.get(key)
        if found is None:
            found = self._defined[key] = super().define(entry, reference, tag)
        return found


class Common(Struct, dict=True):
    root: Path  # each node has a directory in it
    told: Object  # the kubelets' configuration
    client: Client  # the process's own
    client_of: Callable[[str], Client]  # a node's: it acts as this node
    address_of: Callable[[int], str]
    wire: LightWire
    pods: PodDealer
    nodes: Dealer
    services: Informer
    objects: KubeletObjects  # config maps and secrets
    translate: Translate | None = None
    neighbours: Collection[str] = ()  # addresses of the cluster's nodes that are machines
    seat_ports: Collection[int] = SEAT_PORTS
    tls: ssl.SSLContext | None = None
    port: int = PORT
    volumes: Path | None = None  # that all nodes of the cluster see
    correlator: Correlator = field(default_factory=Correlator)
    registry: Registry = field(default_factory=lambda: Registry(SharedCatalogue(), "run"))

    @functools.cached_property
    def configuration(self) -> Object:
        """One for all: nobody changes it."""
        return {**self.told, **NOT_HERE, "port": self.port}

    @functools.cached_property
    def machine(self) -> DescribedMachine:
        """What all have: so much, and this host's kernel."""
        return described_machine(self.root, "light", CAPACITY)


class LightNode:
    def __init__(self, number: int, common: Common) -> None:
        self.number = number
        self.name = f"{PREFIX}{number}"
        self.address = common.address_of(number)
        self._common = common
        self._root = common.root / self.name
        self._endpoint: Endpoint | None = None

    async def start(self) -> None:
        common = self._common
        self._lay_out()
        self.fabric = NodeFabric(
            self._root,
            node_ip=self.address,
            wire=common.wire,
            nodes=common.neighbours,
            seat_ports=common.seat_ports,
        )
        self.fabric.set_translate(common.translate)
        machine = self._machine()
        settings = Settings(
            self._root,
            self.name,
            cpus=machine.cpus,
            memory=machine.memory,
            disk=machine.disk,
            shared_volumes=common.volumes,
        )
        self.runtime = SimulatedRuntime(settings, self.fabric)
        self.runtime.images = ImageStore(common.registry, settings.state / "images", [settings.pause])
        await recover(self.runtime)
        self.seat = self._seat(machine)
        await self.seat.start()
        self._endpoint = Endpoint(self.seat)
        await self._endpoint.open(self.address, common.tls, common.port)
        if self._endpoint.port != common.port and self.seat.agent is not None:
            self.seat.agent.listens_on(self._endpoint.port)

    def _lay_out(self) -> None:
        file = self._root / "etc/cni/net.d/10-minikube-edu.conflist"
        if not file.exists():
            for folder in (file.parent, self._root / "var/log/pods", self._root / "var/lib/kubelet/pods"):
                folder.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(NETWORK) + "\n")

    def _machine(self) -> DescribedMachine:
        """The common one, with ids that are this node's."""
        import uuid

        from msgspec.structs import replace

        own = uuid.uuid5(uuid.NAMESPACE_URL, str(self._root))
        return replace(self._common.machine, machine_id=own.hex, system_uuid=str(own))

    def _seat(self, machine: DescribedMachine) -> Seat:
        common, told = self._common, self._common.configuration
        labels = {LABEL: ""}
        shape = NodeShape(self.name, [self.address], machine, told, labels=labels)
        identity = NodeIdentity(
            self.name,
            self._root,
            self.address,
            labels,
            tuple(told.get("clusterDNS") or ()),
            str(told.get("clusterDomain") or "cluster.local"),
            int(told.get("maxPods") or 110),
        )
        client = common.client_of(self.name)
        objects = SharedObjects(client, self.name, common.objects, common.services, common.nodes.hand(self.name))
        return Seat(
            Place(
                identity, shape, told, self._root / "var/lib/kubelet/pki", common.volumes, leisure=LEISURE, beat=BEAT
            ),
            self.runtime,
            client,
            pods=common.pods.hand(self.name),
            objects=objects,
            correlator=common.correlator,
        )

    async def stop(self) -> None:
        if self._endpoint is not None:
            await self._endpoint.close()
            await self.seat.stop()
            await self.runtime.close()
            await self.fabric.close()
