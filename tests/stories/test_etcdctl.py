"""What is in the store, as the course shows it: `etcdctl get /registry --prefix --keys-only`."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.etcd.certificates import certificates
from tests.programs import ApiServerProgram, Program, free_port

ETCDCTL = os.environ.get("ETCDCTL") or shutil.which("etcdctl")
pytestmark = pytest.mark.skipif(not ETCDCTL, reason="no etcdctl here: install etcd-client, or name it in ETCDCTL")


def test_the_keys_are_those_of_the_course(tmp_path: Path) -> None:
    """An API server whose state is in our etcd, over gRPC and TLS with client certificates, as kubeadm sets it up."""
    certificates(tmp_path)
    url = f"https://127.0.0.1:{free_port()}"
    pki = {name: f"{tmp_path}/{name}" for name in ("ca.crt", "server.crt", "server.key", "client.crt", "client.key")}
    etcd = Program(
        tmp_path, "minikube_edu.etcd", f"--data-dir={tmp_path}/etcd", f"--listen-client-urls={url}",
        "--client-cert-auth",
        f"--advertise-client-urls={url}", f"--trusted-ca-file={pki['ca.crt']}", f"--cert-file={pki['server.crt']}",
        f"--key-file={pki['server.key']}", "--unsafe-no-fsync",
    )  # fmt: skip
    server = ApiServerProgram(
        tmp_path, f"--etcd-servers={url}", f"--etcd-cafile={pki['ca.crt']}", f"--etcd-certfile={pki['client.crt']}",
        f"--etcd-keyfile={pki['client.key']}",
    )  # fmt: skip
    try:
        etcd.start()
        server.start(ready_fd=True)
        words = ["get", "/registry", "--prefix", "--keys-only"]
        flags = [f"--endpoints={url}", f"--cacert={pki['ca.crt']}", f"--cert={pki['client.crt']}"]
        done = subprocess.run(
            [str(ETCDCTL), *flags, f"--key={pki['client.key']}", *words],
            capture_output=True, text=True, timeout=20, env={**os.environ, "ETCDCTL_API": "3"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    finally:
        server.end()
        etcd.end()
    keys = [line for line in done.stdout.splitlines() if line]
    assert keys == sorted(keys)
    for key in (
        "/registry/namespaces/default",
        "/registry/namespaces/kube-system",
        "/registry/services/specs/default/kubernetes",
        "/registry/clusterroles/cluster-admin",
        "/registry/clusterrolebindings/cluster-admin",
        "/registry/priorityclasses/system-node-critical",
        "/registry/flowschemas/exempt",
        "/registry/prioritylevelconfigurations/system",
        "/registry/apiregistration.k8s.io/apiservices/v1.apps",
        "/registry/configmaps/kube-system/extension-apiserver-authentication",
        "/registry/ipaddresses/10.96.0.1",
        "/registry/servicecidrs/kubernetes",
    ):
        assert key in keys, key
    assert any(key.startswith("/registry/leases/kube-system/apiserver-") for key in keys)
