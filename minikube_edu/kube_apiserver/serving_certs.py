"""The certificates that the server starts with: those of the flags, or some of its own making.

Like the real one, it makes a certificate for itself when none is given. Ours is signed by a CA in the same directory,
so that an administrator's kubeconfig can be made too (`--admin-kubeconfig`): enough to run this seat alone.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from base64 import b64encode
from pathlib import Path
from typing import NamedTuple


class Serving(NamedTuple):
    """Paths of PEM files."""

    certificate: str
    key: str
    client_ca: str | None
    ca: str | None  # what clients verify us with, where we know it


def prepare(options: argparse.Namespace) -> Serving:
    if options.tls_cert_file:
        return Serving(
            options.tls_cert_file, options.tls_private_key_file, options.client_ca_file or None,
            options.client_ca_file or None,
        )  # fmt: skip
    directory = Path(options.cert_dir or tempfile.mkdtemp(prefix="kube-apiserver-"))
    directory.mkdir(parents=True, exist_ok=True)
    serving = Serving(
        str(directory / "apiserver.crt"), str(directory / "apiserver.key"),
        options.client_ca_file or str(directory / "ca.crt"), str(directory / "ca.crt"),
    )  # fmt: skip
    if not os.path.exists(serving.certificate):
        _make(directory, options)
    if options.admin_kubeconfig:
        _write_kubeconfig(directory, options)
    return serving


def _write(path: Path, data: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(data)


def _make(directory: Path, options: argparse.Namespace) -> None:
    from minikube_edu.lib import pki

    ca = pki.make_ca("kubernetes")
    names = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")
    addresses = {"127.0.0.1", "::1", options.bind_address, options.advertise_address} - {"", "0.0.0.0", "::"}
    serving = pki.make_certificate(
        ca, "kube-apiserver", dns=(*names, "localhost"), ips=sorted(addresses), usages=("server",)
    )
    admin = pki.make_certificate(ca, "kubernetes-admin", ("system:masters",), usages=("client",))
    for name, pair in (("ca", ca), ("apiserver", serving), ("admin", admin)):
        _write(directory / f"{name}.crt", pair.certificate)
        _write(directory / f"{name}.key", pair.key)


def _write_kubeconfig(directory: Path, options: argparse.Namespace) -> None:
    data = {name: b64encode((directory / name).read_bytes()).decode() for name in ("ca.crt", "admin.crt", "admin.key")}
    host = options.bind_address if options.bind_address not in ("", "0.0.0.0", "::") else "127.0.0.1"
    text = f"""apiVersion: v1
kind: Config
clusters:
- name: kubernetes
  cluster:
    server: https://{host}:{options.secure_port}
    certificate-authority-data: {data["ca.crt"]}
users:
- name: kubernetes-admin
  user:
    client-certificate-data: {data["admin.crt"]}
    client-key-data: {data["admin.key"]}
contexts:
- name: kubernetes-admin@kubernetes
  context:
    cluster: kubernetes
    user: kubernetes-admin
current-context: kubernetes-admin@kubernetes
preferences: {{}}
"""
    _write(Path(options.admin_kubeconfig), text.encode())
