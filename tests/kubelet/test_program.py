"""`python -m minikube_edu.kubelet` as a process of its own, on a node's directory, with no API server anywhere."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from minikube_edu.container_runtime.socket_face import SocketFace
from minikube_edu.lib.node_root import VARIABLE
from tests.in_process import until
from tests.kubelet.fake_runtime import FakeRuntime

CONFIGURATION = """
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
staticPodPath: /etc/kubernetes/manifests
containerRuntimeEndpoint: unix:///var/run/containerd/containerd.sock
enableServer: false
healthzPort: 0
"""
MANIFEST = """
apiVersion: v1
kind: Pod
metadata: {name: kube-apiserver, namespace: kube-system}
spec:
  hostNetwork: true
  containers:
  - name: kube-apiserver
    image: registry.k8s.io/kube-apiserver:v1.36.3
    resources: {requests: {cpu: 250m}}
    volumeMounts: [{name: certs, mountPath: /etc/kubernetes/pki, readOnly: true}]
  volumes: [{name: certs, hostPath: {path: /etc/kubernetes/pki, type: DirectoryOrCreate}}]
"""
BOOTSTRAP = """
apiVersion: v1
kind: Config
clusters: [{name: local, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: token, user: {token: abcdef.0123456789abcdef}}]
contexts: [{name: local, context: {cluster: local, user: token}}]
current-context: local
"""
KUBECONFIGS = [
    "--kubeconfig=/etc/kubernetes/kubelet.conf",
    "--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf",
]


@pytest.mark.parametrize("more", [[], KUBECONFIGS], ids=["without an API", "without a certificate yet"])
async def test_static_pods_start_and_outlive_their_kubelet(tmp_path: Path, more: list[str]) -> None:
    """A second control plane's kubelet asks for its certificate at an API server that is one of its static pods."""
    for name in ("etc/kubernetes/manifests", "var/lib/kubelet", "run/containerd"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "etc/kubernetes/manifests/kube-apiserver.yaml").write_text(MANIFEST)
    (tmp_path / "var/lib/kubelet/config.yaml").write_text(CONFIGURATION)
    (tmp_path / "etc/kubernetes/bootstrap-kubelet.conf").write_text(BOOTSTRAP)
    runtime = FakeRuntime()
    face = SocketFace(runtime, str(tmp_path / "run/containerd/containerd.sock"))
    await face.start()
    reading, writing = os.pipe()
    words = ["--config=/var/lib/kubelet/config.yaml", "--hostname-override=control-plane", f"--ready-fd={writing}"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "minikube_edu.kubelet", *words, *more,
        env={**os.environ, VARIABLE: str(tmp_path)}, stderr=asyncio.subprocess.PIPE, pass_fds=[writing],
    )  # fmt: skip
    os.close(writing)
    try:
        await until(lambda: [one for one in runtime.containers.values() if one.started_at], 20)
        container = runtime.find("kube-apiserver")
        sandbox = runtime.sandboxes[container.sandbox_id]
        assert sandbox.config.name == "kube-apiserver-control-plane"
        assert sandbox.config.log_directory.startswith(f"{tmp_path}/var/log/pods/kube-system_kube-apiserver-control")
        mounts = {mount.container_path: mount.host_path for mount in container.config.mounts}
        assert mounts["/etc/kubernetes/pki"] == f"{tmp_path}/etc/kubernetes/pki"
        assert await asyncio.to_thread(os.read, reading, 1) == b""  # it has said that it is ready
    finally:
        process.send_signal(signal.SIGTERM)
        _, said = await process.communicate()
        os.close(reading)
        await face.close()
    assert process.returncode == 0, said.decode()
    assert runtime.find("kube-apiserver").state.name == "RUNNING"


async def test_a_configuration_that_makes_no_sense_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIGURATION + "maxPods: -1\n")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "minikube_edu.kubelet", f"--config={tmp_path}/config.yaml", stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    assert process.returncode == 1
    assert "maxPods (--max-pods) -1 must not be a negative number" in said.decode()
    assert "Traceback" not in said.decode()
