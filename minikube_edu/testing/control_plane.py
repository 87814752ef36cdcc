"""The control plane of a cluster in one loop: API server over a store in memory, controllers, scheduler.

Everything is real but the wire: whoever calls the API server calls its handler. `caller` decides who they are, as
certificates do elsewhere. As programs, the three are `minikube_edu.kube_apiserver` and its neighbours.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from contextlib import AsyncExitStack
from typing import Any

from minikube_edu.client.rest import Client
from minikube_edu.client.sending import Sender
from minikube_edu.etcd.memory import MemoryStore
from minikube_edu.kube_apiserver.context import User
from minikube_edu.kube_apiserver.flags import parser
from minikube_edu.kube_apiserver.running import assemble, begin
from minikube_edu.kube_apiserver.server import ApiServer
from minikube_edu.kube_apiserver.upkeep import Upkeep
from minikube_edu.kube_controller_manager.controller import Settings
from minikube_edu.kube_controller_manager.manager import Manager
from minikube_edu.kube_scheduler.scheduler import Scheduler
from minikube_edu.lib import pki
from minikube_edu.lib.web.inprocess import InProcess
from minikube_edu.lib.web.messages import Peer

ADMIN = User("kubernetes-admin", groups=("system:masters", "system:authenticated"))
POD_CIDR, SERVICE_CIDR = "10.244.0.0/16", "10.96.0.0/12"
FLAGS = (
    "--authorization-mode=Node,RBAC",
    "--enable-admission-plugins=NodeRestriction",
    f"--service-cluster-ip-range={SERVICE_CIDR}",
    "--service-account-issuer=https://kubernetes.default.svc",
)


class ControlPlane:
    """`start`, and `stop` when the nodes have gone."""

    server: ApiServer

    def __init__(self) -> None:
        self._callers: list[InProcess] = []
        self._closing = AsyncExitStack()

    async def start(self) -> None:
        store = MemoryStore()
        self._closing.push_async_callback(store.close)
        directory = self._closing.enter_context(tempfile.TemporaryDirectory(prefix="minikube-edu-"))
        self.server = assemble(parser().parse_args(list(FLAGS)), store, directory)
        self._closing.push_async_callback(self._close_callers)
        self._keep(await begin(self.server.registry))
        upkeep = Upkeep(self.server.registry, port=6443, advertise="192.0.2.1", client_ca=None)
        await upkeep.prepare()
        self._keep(asyncio.create_task(upkeep.run(), name="upkeep"))
        settings = Settings(
            root_ca=pki.make_ca("kubernetes").certificate.decode(),
            cluster_cidr=POD_CIDR,
            service_cidr=SERVICE_CIDR,
            allocate_node_cidrs=True,
        )
        manager = Manager(lambda name: self.client(field_manager=name), settings)
        self._keep(asyncio.create_task(manager.run(), name="kube-controller-manager"))
        scheduler = Scheduler(self.client(field_manager="kube-scheduler"))
        self._keep(asyncio.create_task(scheduler.run(), name="kube-scheduler"))
        self._closing.push_async_callback(self.server.backends.close)
        self._closing.push_async_callback(self.server.drain)

    async def stop(self) -> None:
        """Also after a start that failed half way. Raises what a part has died of."""
        await self._closing.aclose()

    def client(self, user: User = ADMIN, field_manager: str = "") -> Client:
        peer = Peer("", "", None)
        peer.memo["user"] = user
        caller = InProcess(self.server.handle, peer)
        self._callers.append(caller)
        return Client(Sender(caller, user_agent=field_manager or "minikube-edu"), field_manager)

    def _keep(self, task: asyncio.Task[Any]) -> None:
        """Until the end, the last one first."""

        async def end() -> None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

        self._closing.push_async_callback(end)

    async def _close_callers(self) -> None:
        for caller in self._callers:
            await caller.close()
