"""Pods for tests: worlds that share a network, with a small name server.

async with pods() as cluster:
    web = await cluster.pod("web", {"nginx": nginx.main}, files=…)
    web.spawn(["nginx", "-g", "daemon off;"])
    client = await cluster.pod("client")
    result = await client.run(["wget", "-qO-", "http://web"])
"""

from __future__ import annotations

import asyncio
import socket
import struct
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from minikube_edu.cni.contract import Address, Attachment, Datagrams, Namespace
from minikube_edu.cni.fabric import NodeFabric
from minikube_edu.container_runtime.simulated.contract import Process, Program
from tests.cni.conftest import configure
from tests.container_runtime.world import World, world

SERVICE = "10.96.0.10"


class Cluster:
    def __init__(self, fabric: NodeFabric, stack: AsyncExitStack) -> None:
        self.fabric = fabric
        self.stack = stack
        self.names: dict[str, str] = {"kubernetes.default.svc.cluster.local": "10.96.0.1"}
        self.namespaces: dict[str, Namespace] = {}

    async def pod(
        self,
        name: str,
        programs: Mapping[str, Program] | None = None,
        files: Mapping[str, Any] | None = None,
        busybox: bool = True,
        **options: Any,
    ) -> World:
        namespace = await self.fabric.add(Attachment(f"id-{name}", "default", name))
        self.namespaces[name] = namespace
        self.names[f"{name}.default.svc.cluster.local"] = namespace.ips[0]
        search = "default.svc.cluster.local svc.cluster.local cluster.local"
        resolv = f"search {search}\nnameserver {SERVICE}\noptions ndots:5 timeout:1\n"
        marker = "/bin/busybox" if busybox else "/etc/debian_version"
        own = {"/etc/resolv.conf": resolv, marker: "x", **(files or {})}
        return await self.stack.enter_async_context(
            world(own, programs, network=namespace, hostname=name, bash=not busybox, **options)
        )

    def ip(self, name: str) -> str:
        return self.namespaces[name].ips[0]

    async def answer(self, server: Datagrams) -> None:
        while True:
            data, source = await server.receive()
            server.send(self.reply(data), source)

    def reply(self, data: bytes) -> bytes:
        labels, at = [], 12
        while size := data[at]:
            labels.append(data[at + 1 : at + 1 + size].decode())
            at += 1 + size
        question = data[12 : at + 5]
        (kind,) = struct.unpack_from(">H", data, at + 1)
        name = ".".join(labels)
        ip = self.names.get(name)
        answer = b""
        if ip and kind == 1:
            answer = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 30, 4) + socket.inet_aton(ip)
        flags = 0x8580 if ip else 0x8583
        return data[:2] + struct.pack(">HHHHH", flags, 1, bool(answer), 0, 0) + question + answer


@asynccontextmanager
async def pods() -> AsyncIterator[Cluster]:
    with tempfile.TemporaryDirectory() as folder:
        configure(Path(folder))
        fabric = NodeFabric(Path(folder), pod_cidr="10.244.0.0/24", node_ip="127.16.9.1")
        async with AsyncExitStack() as stack:
            cluster = Cluster(fabric, stack)
            dns = await fabric.add(Attachment("id-dns", "kube-system", "coredns"))
            fabric.set_translate(lambda _, to, protocol: Address(dns.ips[0], to.port) if to.ip == SERVICE else None)
            task = asyncio.ensure_future(cluster.answer(dns.datagrams(53)))
            try:
                yield cluster
            finally:
                task.cancel()
        await fabric.close()


async def until(condition: Any, seconds: float = 5) -> None:
    """Turns of the loop until something holds."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  # there is nothing that tells
            await asyncio.sleep(0)


__all__ = ["Cluster", "Process", "pods", "until"]
