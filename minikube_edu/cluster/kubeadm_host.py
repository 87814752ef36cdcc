"""kubeadm's host, as it is here: a node's directory, its machine's services, its runtime's socket."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from msgspec.structs import replace

from minikube_edu.client import kubeconfig as kubeconfigs
from minikube_edu.client.rest import Client
from minikube_edu.cluster import early_key, ports
from minikube_edu.cluster.nodes import Node
from minikube_edu.container_runtime.cri import RuntimeFailure
from minikube_edu.kubeadm.contract import HostFailure
from minikube_edu.kubeadm.host import PlainHost
from minikube_edu.kubeadm.machine import AUTO, Machine
from minikube_edu.lib import localhost, node_root, packages
from minikube_edu.lib.machine.calls import Calls, NoMachine, Refused
from minikube_edu.lib.machine.socket_path import reachable

FILES = ("certificate-authority", "client-certificate", "client-key", "tokenFile")
RUNTIME_SOCKET = "run/containerd/containerd.sock"


class NodeHost(PlainHost):
    """`socket` is the machine's; each call opens it anew: a machine may be restarted while kubeadm runs. `hurry`: what
    changes nothing is left out."""

    def __init__(self, node: Node, socket: Path, *, hurry: bool = False) -> None:
        installed = packages.kubelet(node.path(packages.FILE)) or AUTO
        machine = replace(Machine(), hostname=node.name, address=node.address, kubelet_version=installed)
        super().__init__(node.root, machine)
        self.node = node
        self._socket = socket
        self._hurry = hurry

    def path(self, path: str) -> Path:
        """What a node has of its own lies below its root; all else (`--config ~/kubeadm.yaml`) is the host's."""
        return Path(node_root.below(path, {node_root.VARIABLE: str(self.root)}))

    async def attach_runtime(self, patience: float = 10.0) -> None:
        """Wait until the runtime answers, one try at least; without it, preflight will say so."""
        from minikube_edu.container_runtime.socket_driver import SocketRuntime

        loop = asyncio.get_running_loop()
        give_up = loop.time() + patience
        path = reachable(str(self.node.root / RUNTIME_SOCKET))
        while self.runtime is None:
            with suppress(OSError, RuntimeFailure):
                self.runtime = await SocketRuntime.connect(path)
                return
            if loop.time() >= give_up:
                return
            await asyncio.sleep(0.005)

    async def close(self) -> None:
        if self.runtime is not None:
            await self.runtime.close()  # type: ignore[attr-defined]  # the socket's driver

    def connect(self, kubeconfig: str) -> Client:
        """A kubeconfig of the node names files of the node."""
        found = kubeconfigs.merge([str(self.path(kubeconfig))])
        if not found.paths:
            raise FileNotFoundError(2, "no such file or directory", kubeconfig)
        for entry in (*found.clusters.values(), *found.users.values()):
            for key in FILES:
                if entry.get(key):
                    entry[key] = node_root.below(entry[key], {node_root.VARIABLE: str(self.root)})
        return kubeconfigs.connect(found.client_config(), user_agent="kubeadm", refused_retries=0)

    def port_holder(self, port: int) -> int | None:
        for address in dict.fromkeys((self.node.address, self.node.local)):
            if not ports.is_free(port, address):
                return ports.listening(address).get(port, 0)
        return None

    async def make_key(self, kind: str) -> bytes:
        return await early_key.take(kind) or await super().make_key(kind)

    async def start_service(self, name: str) -> None:
        await self._unit("start", name)

    async def stop_service(self, name: str) -> None:
        await self._unit("stop", name)

    async def restart_service(self, name: str) -> None:
        if self._hurry:
            return  # the kubelet that runs has read the same certificate, and renews it just so
        await self._unit("reload")
        await self._unit("restart", name)

    async def service_active(self, name: str) -> bool:
        try:
            return bool((await self._unit("status", name))["unit"]["pid"])
        except HostFailure:
            return False

    async def _unit(self, verb: str, name: str = "") -> dict[str, Any]:
        def ask() -> dict[str, Any]:
            with Calls.open(reachable(str(self._socket))) as machine:
                return machine.ask("unit", verb=verb, name=name)

        try:
            return await asyncio.to_thread(ask)
        except (NoMachine, Refused) as error:
            raise HostFailure(str(error)) from None

    async def status_of(self, url: str) -> int:
        """What a URL says of localhost is the node's own."""
        where = urlsplit(url)
        host = localhost.dialing(where.hostname or "", {localhost.LOCALHOST: self.node.local})
        return await super().status_of(where._replace(netloc=f"{host}:{where.port}" if where.port else host).geturl())
