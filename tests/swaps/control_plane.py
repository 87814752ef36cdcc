"""A control plane of processes in which each seat is either ours or the real program.

Which: a path in the environment (`MINIKUBE_EDU_REAL_KUBE_SCHEDULER`, …) is the real one. All are given the real ones'
flags, so that nothing here knows which is which: certificates of one CA, a kubeconfig of an administrator, no secure
port and no election where it is not what is asked about. The API server stands on a real etcd if one is installed
(`MINIKUBE_EDU_REAL_ETCD`, or `etcd` on the path), which the real one needs; ours can do with its own store.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import orjson

from minikube_edu.client.kubeconfig import connect, default_client_config
from minikube_edu.client.rest import Client
from minikube_edu.lib import pki
from tests.programs import PATIENCE, ROOT, free_port

MODULES = {
    "kube-apiserver": "minikube_edu.kube_apiserver",
    "kube-scheduler": "minikube_edu.kube_scheduler",
    "kube-controller-manager": "minikube_edu.kube_controller_manager",
    "kubelet": "minikube_edu.kubelet",  # light nodes: there is no real program of this sort
}


def real(name: str) -> str:
    """Where the real program is; empty: nobody has said."""
    return os.environ.get(f"MINIKUBE_EDU_REAL_{name.upper().replace('-', '_')}", "")


def etcd_path() -> str:
    return real("etcd") or shutil.which("etcd") or ""


class ControlPlane:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self.kubeconfig = directory / "kubeconfig"
        self._processes: list[subprocess.Popen[bytes]] = []
        ca = pki.make_ca("swaps")
        addresses = ("127.0.0.1", "10.96.0.1")
        server = pki.make_certificate(ca, "kube-apiserver", usages=("server",), dns=("localhost",), ips=addresses)
        account_key = pki.make_key("rsa2048")
        admin = pki.make_certificate(ca, "admin", ("system:masters",))
        for name, content in {
            "ca.crt": ca.certificate, "ca.key": ca.key, "server.crt": server.certificate, "server.key": server.key,
            "sa.key": account_key, "sa.pub": pki.public_key(account_key), "admin.crt": admin.certificate,
            "admin.key": admin.key,
        }.items():  # fmt: skip
            (directory / name).write_bytes(content)
        self.kubeconfig.write_bytes(orjson.dumps(self._kubeconfig()))

    def path(self, name: str) -> str:
        return str(self.directory / name)

    def _kubeconfig(self) -> dict[str, object]:
        cluster = {"server": f"https://127.0.0.1:{self.port}", "certificate-authority": self.path("ca.crt")}
        user = {"client-certificate": self.path("admin.crt"), "client-key": self.path("admin.key")}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "swaps", "cluster": cluster}],
            "users": [{"name": "admin", "user": user}],
            "contexts": [{"name": "swaps", "context": {"cluster": "swaps", "user": "admin"}}],
            "current-context": "swaps",
        }

    def client(self) -> Client:
        return connect(default_client_config(str(self.kubeconfig)))

    # ------------------------------------------------------------ seats

    def etcd(self) -> str:
        """A real one; returns its URL."""
        client, peer = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        self._run("etcd", [
            etcd_path(), f"--data-dir={self.path('etcd')}", f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}", f"--listen-peer-urls={peer}", "--log-level=warn",
            f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=default={peer}",
        ])  # fmt: skip
        wait_for_port(int(client.rpartition(":")[2]))
        return client

    def api_server(self, *, is_real: bool, etcd: str) -> None:
        store = [f"--etcd-servers={etcd}"] if etcd else [f"--data-file={self.path('state.db')}", "--unsafe-no-fsync"]
        self._seat("kube-apiserver", is_real, [
            *store, f"--secure-port={self.port}", "--bind-address=127.0.0.1", "--advertise-address=127.0.0.1",
            f"--cert-dir={self.path('apiserver')}", f"--client-ca-file={self.path('ca.crt')}",
            f"--tls-cert-file={self.path('server.crt')}", f"--tls-private-key-file={self.path('server.key')}",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            f"--service-account-key-file={self.path('sa.pub')}", "--service-cluster-ip-range=10.96.0.0/12",
            f"--service-account-signing-key-file={self.path('sa.key')}", "--authorization-mode=Node,RBAC",
        ])  # fmt: skip
        wait_for_port(self.port)
        self._wait_until_ready()

    def scheduler(self, *, is_real: bool) -> None:
        flags = [f"--kubeconfig={self.kubeconfig}", "--leader-elect=false", "--secure-port=0"]
        self._seat("kube-scheduler", is_real, flags)

    def controller_manager(self, *, is_real: bool, secure_port: int = 0) -> None:
        self._seat("kube-controller-manager", is_real, [
            f"--kubeconfig={self.kubeconfig}", "--leader-elect=false", f"--secure-port={secure_port}",
            f"--cert-dir={self.path('manager')}", f"--root-ca-file={self.path('ca.crt')}",
            f"--service-account-private-key-file={self.path('sa.key')}", "--use-service-account-credentials=true",
        ])  # fmt: skip

    def light_nodes(self, count: int) -> None:
        self._seat("kubelet", False, [f"--light-nodes={count}", f"--kubeconfig={self.kubeconfig}"])

    # ------------------------------------------------------------ processes

    def _seat(self, name: str, is_real: bool, flags: list[str]) -> None:
        command = [real(name)] if is_real else [sys.executable, "-m", MODULES[name]]
        self._run(name, [*command, *flags])

    def _run(self, name: str, command: list[str]) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with open(self.path(f"{name}.log"), "ab") as log:
            self._processes.append(subprocess.Popen(command, stdout=log, stderr=log, env=environment))

    def _wait_until_ready(self) -> None:
        context = ssl.create_default_context(cafile=self.path("ca.crt"))
        context.load_cert_chain(self.path("admin.crt"), self.path("admin.key"))
        give_up = time.monotonic() + PATIENCE
        while True:
            plain = socket.create_connection(("127.0.0.1", self.port), 5)
            with context.wrap_socket(plain, server_hostname="localhost") as secure:
                secure.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                if b" 200 " in secure.recv(64):
                    return
            if time.monotonic() > give_up:
                raise TimeoutError("the API server does not become ready")
            time.sleep(0.1)

    def end(self) -> None:
        for process in reversed(self._processes):
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(PATIENCE)


def wait_for_port(port: int) -> None:
    give_up = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > give_up:
                raise
        time.sleep(0.05)


@contextlib.contextmanager
def control_plane(directory: Path, *, swapped: str = "", nodes: int = 2) -> Iterator[ControlPlane]:
    """All seats, `swapped` being the real program."""
    directory.mkdir(parents=True, exist_ok=True)
    made = ControlPlane(directory)
    try:
        etcd = made.etcd() if swapped == "kube-apiserver" else ""
        made.api_server(is_real=swapped == "kube-apiserver", etcd=etcd)
        made.controller_manager(is_real=swapped == "kube-controller-manager")
        made.scheduler(is_real=swapped == "kube-scheduler")
        made.light_nodes(nodes)
        yield made
    finally:
        made.end()
