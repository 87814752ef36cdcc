"""The cluster's PKI and kubeconfigs: a CA, what the seats show each other, and who the administrator is.

ECDSA keys: an RSA key takes longer to make than the whole control plane takes to start.
"""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING

from minikube_edu.cluster.layout import Layout, Request

if TYPE_CHECKING:
    from minikube_edu.lib.pki import Pair

SERVICE_NAMES = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")
# file -> (common name, organisations): client certificates, as kubeadm names them
CLIENTS = {
    "admin": ("kubernetes-admin", ("system:masters",)),
    "controller-manager": ("system:kube-controller-manager", ()),
    "scheduler": ("system:kube-scheduler", ()),
    "apiserver-kubelet-client": ("kube-apiserver-kubelet-client", ("kubeadm:cluster-admins",)),
}


def make(layout: Layout, request: Request) -> None:
    """Make what is missing; what is there stays."""
    from minikube_edu.lib import pki

    layout.pki.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not (layout.pki / "ca.crt").exists():
        _write(layout.pki, "ca", pki.make_ca("kubernetes"))
    ca = pki.Pair((layout.pki / "ca.crt").read_bytes(), (layout.pki / "ca.key").read_bytes())
    if not (layout.pki / "apiserver.crt").exists():
        _write(
            layout.pki,
            "apiserver",
            pki.make_certificate(
                ca, "kube-apiserver", dns=(*SERVICE_NAMES, "localhost"), ips=("10.96.0.1", "127.0.0.1", "::1"),
                usages=("server",),
            ),
        )  # fmt: skip
    for name, (common_name, organizations) in CLIENTS.items():
        if not (layout.pki / f"{name}.crt").exists():
            _write(layout.pki, name, pki.make_certificate(ca, common_name, organizations, usages=("client",)))
    if not (layout.pki / "sa.key").exists():
        key = pki.make_key()
        _secret(layout.pki / "sa.key", key)
        _secret(layout.pki / "sa.pub", pki.public_key(key))
    _secret(layout.kubeconfig, kubeconfig(layout, request, "admin").encode())
    for seat in ("controller-manager", "scheduler"):
        _secret(layout.pki / f"{seat}.kubeconfig", kubeconfig(layout, request, seat).encode())


def _write(directory: Path, name: str, pair: Pair) -> None:
    _secret(directory / f"{name}.crt", pair.certificate)
    _secret(directory / f"{name}.key", pair.key)


def _secret(path: Path, data: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(data)


def kubeconfig(layout: Layout, request: Request, client: str) -> str:
    """A kubeconfig with everything inline, so that it can be carried anywhere."""
    user = CLIENTS[client][0]
    ca, certificate, key = (
        b64encode((layout.pki / name).read_bytes()).decode() for name in ("ca.crt", f"{client}.crt", f"{client}.key")
    )
    return f"""apiVersion: v1
kind: Config
clusters:
- name: kubernetes
  cluster:
    certificate-authority-data: {ca}
    server: https://127.0.0.1:{request.port}
contexts:
- name: {user}@kubernetes
  context:
    cluster: kubernetes
    user: {user}
current-context: {user}@kubernetes
preferences: {{}}
users:
- name: {user}
  user:
    client-certificate-data: {certificate}
    client-key-data: {key}
"""
