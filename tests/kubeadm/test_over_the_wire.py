"""What `init` made, put to work: a real API server process with these certificates, over TLS, with RBAC.

The kubelet is played by the test: when it is started it reads the API server's manifest and runs the program with the
flags that stand there, but for etcd, in whose place an embedded store does.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from minikube_edu.client import kubeconfig as kubeconfigs
from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import Client
from minikube_edu.kubeadm import discovery, files
from minikube_edu.kubeadm.api_access import RESOURCES, Live
from minikube_edu.kubeadm.host import PlainHost
from minikube_edu.kubeadm.phases.show_join_command import certificate_hash
from tests.kubeadm.fake_host import FakeHost, kubeadm
from tests.programs import Program, free_port

NODE = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "control-plane",
        "labels": {"kubernetes.io/hostname": "control-plane"}}}  # fmt: skip


class WiredHost(FakeHost):
    """With connections of its own; the managers' health is taken for granted."""

    connect = PlainHost.connect
    connect_text = PlainHost.connect_text

    def __init__(self, root: Path) -> None:
        super().__init__(root, address="127.0.0.1")
        self.program: Program | None = None
        self.when_kubelet_starts = self.boot

    async def boot(self) -> None:
        pod = files.parse_yaml(self.path("/etc/kubernetes/manifests/kube-apiserver.yaml").read_text())
        flags = [
            word.replace("=/etc/", f"={self.root}/etc/")
            for word in pod["spec"]["containers"][0]["command"][1:]
            if not word.startswith("--etcd-")
        ]
        store = (f"--data-file={self.root}/state.db", "--unsafe-no-fsync", "--bind-address=127.0.0.1")
        self.program = Program(self.root, "minikube_edu.kube_apiserver", *flags, *store)
        self.program.start()
        self.registering = asyncio.create_task(self.register())

    async def register(self) -> None:
        """As the kubelet, with the certificate that kubeadm gave it."""
        client = self.connect("/etc/kubernetes/kubelet.conf")
        try:
            for _ in range(400):
                try:
                    await client.create(RESOURCES["Node"], NODE)
                    return
                except (OSError, ApiError):
                    await asyncio.sleep(0.05)
        finally:
            await client.close()


@pytest.fixture
def host(tmp_path: Path) -> Iterator[WiredHost]:
    made = WiredHost(tmp_path)
    yield made
    if made.program is not None:
        made.program.end()


async def refused(client: Client, namespace: str, name: str, kind: str = "Secret") -> int:
    try:
        await client.get(RESOURCES[kind], name, namespace)
    except ApiError as error:
        return error.code
    finally:
        await client.close()
    return 0


async def test_does_the_control_plane_that_init_describes_work(host: WiredHost) -> None:
    port = free_port()
    code, out, err = await kubeadm(host, "init", "--apiserver-bind-port", str(port))
    assert code == 0, out + err + (host.root / "kube_apiserver.log").read_text()[-2000:]
    await host.registering

    admin = Live(host.connect("/etc/kubernetes/admin.conf"))
    node = await admin.get("Node", "control-plane")
    assert "node-role.kubernetes.io/control-plane" in node["metadata"]["labels"]
    info = await admin.get("ConfigMap", "cluster-info", "kube-public")
    await admin.close()

    # Anybody may read where the cluster is; nobody but the bearer of a token may read its configuration.
    token = re.findall(r"--token (\S+)", out)[0]
    server = {"server": f"https://127.0.0.1:{port}", "insecure-skip-tls-verify": True}
    stranger = discovery._anonymous(server)
    assert await refused(host.connect_text(stranger), "kube-public", "cluster-info", "ConfigMap") == 0
    assert await refused(host.connect_text(stranger), "kube-system", "kubeadm-config", "ConfigMap") in (401, 403)
    bearer = files.parse_yaml(stranger)
    bearer["users"] = [{"name": "t", "user": {"token": token}}]
    bearer["contexts"][0]["context"]["user"] = "t"
    text = files.yaml(bearer)
    assert await refused(host.connect_text(text), "kube-system", "kubeadm-config", "ConfigMap") == 0
    assert await refused(host.connect_text(text), "kube-system", "kubelet-config", "ConfigMap") == 0
    assert await refused(host.connect_text(text), "kube-system", "coredns", "ConfigMap") == 403

    # The printed hash is that of the CA that cluster-info tells of.
    given = files.parse_yaml(info["data"]["kubeconfig"])
    _, ca = discovery._cluster_of(given)
    assert certificate_hash(ca) in out
    path = host.root / "trusting.conf"
    path.write_text(files.yaml({**given, "current-context": "", "contexts": []}))
    assert kubeconfigs.merge([str(path)]).clusters[""]["server"] == f"https://127.0.0.1:{port}"
