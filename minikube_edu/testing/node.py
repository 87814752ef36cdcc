"""A node of a cluster in one loop: a directory, the simulated runtime, the network's part of it, and a kubelet.

The kubelet's port is not open: the API server calls its handler (`Backends.nodes`), so that nothing of the node needs a
socket. On a machine, kubelet and runtime are processes of their own.
"""

from __future__ import annotations

import json
from pathlib import Path

from minikube_edu.cni.fabric import NodeFabric
from minikube_edu.cni.wire import Wire
from minikube_edu.container_runtime.simulated.runtime import SimulatedRuntime
from minikube_edu.container_runtime.simulated.settings import Settings
from minikube_edu.kube_apiserver.context import User
from minikube_edu.kubelet import configuration
from minikube_edu.kubelet.contract import NodeIdentity
from minikube_edu.kubelet.node.described_machine import described_machine
from minikube_edu.kubelet.node.node_object import NodeShape
from minikube_edu.kubelet.ports import server_of
from minikube_edu.kubelet.running import Place, Seat
from minikube_edu.kubelet.server.identity import Who
from minikube_edu.lib.web.inprocess import InProcess
from minikube_edu.lib.web.messages import Peer
from minikube_edu.testing.control_plane import ControlPlane

BRIDGE = {"cniVersion": "1.0.0", "name": "net", "plugins": [{"type": "bridge", "ipam": {"type": "host-local"}}]}
SIZE = {"cpu": "4", "memory": "8Gi", "ephemeral-storage": "100Gi"}


class Node:
    """`open` and `close` are the machine's; `start_kubelet` and `stop_kubelet` may come and go between them."""

    fabric: NodeFabric
    runtime: SimulatedRuntime

    def __init__(self, name: str, address: str, root: Path, control_plane: ControlPlane, wire: Wire) -> None:
        self.name, self.address, self.root = name, address, root
        self._control_plane, self._wire = control_plane, wire
        self._seat: Seat | None = None
        self._door: InProcess | None = None

    async def open(self) -> None:
        for folder in ("etc/cni/net.d", "etc/kubernetes/manifests"):
            (self.root / folder).mkdir(parents=True)
        (self.root / "etc/cni/net.d/10-net.conflist").write_text(json.dumps(BRIDGE))
        self.fabric = NodeFabric(self.root, node_ip=self.address, wire=self._wire, seat_ports=())
        self.runtime = await SimulatedRuntime.open(Settings(self.root, self.name), self.fabric)

    async def start_kubelet(self) -> None:
        if self._seat is not None:
            raise RuntimeError(f"the kubelet of {self.name} runs already")
        told = configuration.with_defaults({"clusterDomain": "cluster.local", "healthzPort": 0})
        shape = NodeShape(self.name, [self.address], described_machine(self.root, self.name, SIZE), told)
        place = Place(NodeIdentity(self.name, self.root, self.address), shape, told, self.root / "var/lib/kubelet/pki")
        user = User(f"system:node:{self.name}", groups=("system:nodes", "system:authenticated"))
        self._seat = seat = Seat(place, self.runtime, self._control_plane.client(user, "kubelet"))
        await seat.start()
        api_server = Peer("", "", b"")
        api_server.memo["who"] = Who("kube-apiserver", ("system:masters",))
        self._door = self._control_plane.server.backends.nodes[self.name] = InProcess(
            server_of(seat).handle, api_server
        )

    async def stop_kubelet(self) -> None:
        """Its containers run on, as when the real one is stopped; the API server hears nothing of the node."""
        seat, door, self._seat, self._door = self._seat, self._door, None, None
        if door is not None:
            self._control_plane.server.backends.nodes.pop(self.name, None)
            await door.close()
        if seat is not None:
            await seat.stop()

    async def close(self) -> None:
        await self.stop_kubelet()
        await self.runtime.close()
        await self.fabric.close()
