"""`kubeadm init` against an API server in this process."""

from __future__ import annotations

import re
from pathlib import Path

from tests.in_process import Api, api_server
from tests.kubeadm.fake_host import FakeHost, kubeadm

RECORDED = Path(__file__).parent / "data"


async def registered(api: Api, name: str = "control-plane") -> None:
    """What the kubelet does when it starts."""
    await api.post(
        "/api/v1/nodes",
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}}},
    )


def likened(text: str) -> list[str]:
    """Without what differs from run to run: tokens, hashes, keys, times, temporary directories."""
    text = re.sub(r"dryrun[0-9a-z_]+", "dryrunX", text)
    text = re.sub(r"\b[a-z0-9]{6}\.[a-z0-9]{16}\b", "TOKEN", text)
    text = re.sub(r"bootstrap-token-[a-z0-9]{6}", "bootstrap-token-ID", text)
    text = re.sub(r"sha256:[0-9a-f]{64} $", "sha256:HASH ", text, flags=re.M)
    text = re.sub(r"(certificate-authority-data|token-id|token-secret|expiration): \S+", r"\1: X", text)
    text = re.sub(r"is healthy after \S+", "is healthy after X", text)
    return re.sub(r"^([WI])[0-9]{4} [0-9:.]+ +[0-9]+ ", r"\1 ", text, flags=re.M).splitlines()


async def test_does_a_whole_init_end_with_the_join_command(tmp_path: Path) -> None:
    async with api_server("--authorization-mode=Node,RBAC") as api:
        host = FakeHost(tmp_path, api)
        host.when_kubelet_starts = lambda: registered(api)
        code, out, err = await kubeadm(host, "init", "--pod-network-cidr", "10.244.0.0/16")
        assert code == 0, out + err
        assert likened(out) == (RECORDED / "init.txt").read_text().splitlines()
        assert host.calls == ["stop kubelet", "start kubelet"]
        node = (await api.get("/api/v1/nodes/control-plane")).json
        assert {"effect": "NoSchedule", "key": "node-role.kubernetes.io/control-plane"} in node["spec"]["taints"]
        assert "node-role.kubernetes.io/control-plane" in node["metadata"]["labels"]
        made = await api.get("/apis/apps/v1/namespaces/kube-system/deployments/coredns")
        assert made.json["spec"]["replicas"] == 2
        service = await api.get("/api/v1/namespaces/kube-system/services/kube-dns")
        assert service.json["spec"]["clusterIP"] == "10.96.0.10"
        again, _, complaints = await kubeadm(host, "init")
        assert again == 1
        assert "[ERROR FileAvailable--etc-kubernetes-manifests-etcd.yaml]" in complaints
