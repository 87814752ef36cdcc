"""A machine for kubeadm's tests: a directory, a runtime that has every image, services that start, an API server in
this very process.

    async with fake_host(tmp_path, api) as host: ...
    code, out, err = await kubeadm(host, "init", "--dry-run")
"""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any, cast

from msgspec.structs import replace

from minikube_edu.client.rest import Client
from minikube_edu.container_runtime.cri import ContainerRuntime, Image, RuntimeFailure
from minikube_edu.kube_apiserver.context import User
from minikube_edu.kubeadm import app, files
from minikube_edu.kubeadm.host import PlainHost
from minikube_edu.kubeadm.machine import Machine
from tests.in_process import Api


class Runtime:
    """Pulls whatever it is asked for."""

    def __init__(self) -> None:
        self.pulled: list[str] = []
        self.refuse = ""

    async def list_sandboxes(self, labels: Any = None) -> list[Any]:
        return []

    async def image_status(self, image: str) -> Image | None:
        return None

    async def pull_image(self, image: str, credentials: Any = ()) -> str:
        if self.refuse and self.refuse in image:
            raise RuntimeFailure(f"failed to resolve image: {image}: not found", "NotFound")
        self.pulled.append(image)
        return "sha256:0"


class FakeHost(PlainHost):
    def __init__(self, root: Path, api: Api | None = None, **machine: Any) -> None:
        super().__init__(root, replace(Machine(address="192.0.2.2"), **machine))
        self.api = api
        self.runtime = cast(ContainerRuntime, Runtime())
        self.calls: list[str] = []  # what was asked of systemctl
        self.ports: dict[int, int] = {}
        self.unhealthy: set[str] = set()  # URLs that answer 500
        self.users: list[str] = []  # who talked to the API server
        self.when_kubelet_starts: Any = None

    def port_holder(self, port: int) -> int | None:
        return self.ports.get(port)

    async def start_service(self, name: str) -> None:
        self.calls.append(f"start {name}")
        if self.when_kubelet_starts is not None:
            await self.when_kubelet_starts()

    async def stop_service(self, name: str) -> None:
        self.calls.append(f"stop {name}")

    async def restart_service(self, name: str) -> None:
        self.calls.append(f"restart {name}")

    def connect(self, kubeconfig: str) -> Client:
        return self.connect_text(files.read(self, kubeconfig).decode())

    def connect_text(self, kubeconfig: str) -> Client:
        assert self.api is not None
        document = files.parse_yaml(kubeconfig)
        users = document.get("users") or [{"name": "", "user": {}}]
        user = self._identity(users[0]["user"])
        self.users.append(user.name if user else "")
        return self.api.client(user)

    def _identity(self, credentials: dict[str, Any]) -> User | None:
        """Who a certificate or a token is, as the API server's authenticators see it."""
        from base64 import b64decode

        from minikube_edu.lib.pki import subject_of_pem

        if credentials.get("token"):
            return User(
                f"system:bootstrap:{credentials['token'].partition('.')[0]}",
                groups=(
                    "system:bootstrappers",
                    "system:bootstrappers:kubeadm:default-node-token",
                    "system:authenticated",
                ),
            )
        data = credentials.get("client-certificate-data")
        if not data:
            return None
        subject = subject_of_pem(b64decode(data))
        return User(subject.common_name, groups=(*subject.organizations, "system:authenticated"))

    async def status_of(self, url: str) -> int:
        await asyncio.sleep(0)
        return 500 if url in self.unhealthy else 200


async def kubeadm(host: FakeHost, *words: str, stdin: str = "") -> tuple[int, str, str]:
    """Exit code, what it printed, what it complained of."""
    out, err = io.StringIO(), io.StringIO()
    code = await app.run(words, host, out=out, err=err, stdin=io.StringIO(stdin), environment={})
    return code, out.getvalue(), err.getvalue()
