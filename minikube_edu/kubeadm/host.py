"""A host with nothing around it: kubeadm as a plain process, and what real hosts begin with.

It has no init system, no runtime and no described machine's luck: preflight says so. `cluster/` and tests derive
theirs from it.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Awaitable
from pathlib import Path
from urllib.parse import urlsplit

from msgspec.structs import replace

from minikube_edu.client import kubeconfig as kubeconfigs
from minikube_edu.client.rest import Client
from minikube_edu.container_runtime.cri import ContainerRuntime
from minikube_edu.kubeadm.contract import RUNTIME_ENDPOINT, HostFailure
from minikube_edu.kubeadm.machine import Machine
from minikube_edu.lib import localhost

_PATHS = {"certificate-authority", "client-certificate", "client-key", "tokenFile"}


class PlainHost:
    def __init__(self, root: Path | str = "/", machine: Machine | None = None) -> None:
        self.root = Path(root)
        self.machine = machine or _bare()
        self.runtime_endpoint = RUNTIME_ENDPOINT
        self.runtime: ContainerRuntime | None = None
        self.switching_on: Awaitable[None] | None = None

    def path(self, path: str) -> Path:
        return self.root / path.lstrip("/") if path.startswith("/") else Path(path)

    def port_holder(self, port: int) -> int | None:
        return None

    async def start_service(self, name: str) -> None:
        raise HostFailure("exit status 1")  # as systemctl, where there is none

    async def stop_service(self, name: str) -> None:
        await self.start_service(name)

    async def restart_service(self, name: str) -> None:
        await self.start_service(name)

    async def service_active(self, name: str) -> bool:
        return False

    def connect(self, kubeconfig: str) -> Client:
        found = kubeconfigs.merge([str(self.path(kubeconfig))])
        if not found.paths:
            raise FileNotFoundError(2, "no such file or directory", kubeconfig)
        for entry in (*found.clusters.values(), *found.users.values()):
            for key in _PATHS & entry.keys():  # the machine's paths, unless they were relative to the file
                if not entry[key].startswith(f"{self.root}/".replace("//", "/")):
                    entry[key] = str(self.path(entry[key]))
        return kubeconfigs.connect(found.client_config(), user_agent="kubeadm", refused_retries=0)

    def connect_text(self, kubeconfig: str) -> Client:
        import tempfile

        with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
            file.write(kubeconfig)
            file.flush()
            config = kubeconfigs.merge([file.name]).client_config()
        return kubeconfigs.connect(config, user_agent="kubeadm", refused_retries=0)

    async def make_key(self, kind: str) -> bytes:
        import asyncio

        from minikube_edu.lib import pki

        return await asyncio.to_thread(pki.make_key, kind)  # type: ignore[arg-type]  # a KeyKind

    async def status_of(self, url: str) -> int:
        from minikube_edu.lib.web.client import Client as WebClient
        from minikube_edu.lib.web.tls import client_context

        where = urlsplit(url)
        host, port = localhost.dialing(where.hostname or ""), where.port or (443 if where.scheme == "https" else 80)
        socket.create_connection((host, port), 2.0).close()  # it is here, and refuses at once while nobody listens
        tls = client_context(verify=False) if where.scheme == "https" else None
        client = WebClient(host, port, tls=tls)
        try:
            return (await client.request("GET", where.path, timeout=2.0)).status
        finally:
            await client.close()


def _bare() -> Machine:
    """This host's name, and no Kubernetes on it."""
    name = socket.gethostname().lower()
    nothing = {"kubelet_version": "", "runtime": "absent", "init_system": ""}
    return replace(Machine(), hostname=name, cpus=os.cpu_count() or 1, **nothing)
