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


async def test_is_a_phase_that_is_skipped_left_out(tmp_path: Path) -> None:
    async with api_server("--authorization-mode=Node,RBAC") as api:
        host = FakeHost(tmp_path, api)
        host.when_kubelet_starts = lambda: registered(api)
        code, out, err = await kubeadm(host, "init", "--skip-phases", "addon/kube-proxy,mark-control-plane")
        assert code == 0, out + err
        assert "Applied essential addon: CoreDNS" in out
        assert "kube-proxy" not in out
        assert "[mark-control-plane]" not in out
        assert (await api.get("/apis/apps/v1/namespaces/kube-system/daemonsets/kube-proxy")).code == 404


async def test_does_a_kubelet_that_does_not_answer_end_init_with_advice(tmp_path: Path) -> None:
    config = tmp_path / "init.yaml"
    config.write_text(
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\ntimeouts: {kubeletHealthCheck: 30ms}\n"
    )
    host = FakeHost(tmp_path / "root")
    host.unhealthy = {"http://127.0.0.1:10248/healthz"}
    code, out, err = await kubeadm(host, "init", "--config", str(config))
    assert code == 1
    assert "can take up to 30ms" in out
    assert "[kubelet-check] The kubelet is not healthy after" in out
    assert "\t- 'journalctl -xeu kubelet'" in out
    assert "error: error execution phase wait-control-plane: failed while waiting for the kubelet to start" in err


async def test_does_a_component_that_does_not_answer_end_init_with_the_way_to_its_log(tmp_path: Path) -> None:
    config = tmp_path / "init.yaml"
    config.write_text(
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\n"
        "timeouts: {controlPlaneComponentHealthCheck: 200ms, kubeletHealthCheck: 1s}\n"
    )
    async with api_server("--authorization-mode=Node,RBAC") as api:
        host = FakeHost(tmp_path / "root", api)
        host.unhealthy = {"https://127.0.0.1:10259/livez"}
        code, out, err = await kubeadm(host, "init", "--config", str(config))
    assert code == 1
    assert "[control-plane-check] kube-scheduler is not healthy after 2" in out
    assert "crictl --runtime-endpoint unix:///var/run/containerd/containerd.sock ps -a | grep kube" in out
    assert "kube-scheduler check failed at https://127.0.0.1:10259/livez with status: 500" in err


async def test_is_init_understood_from_an_old_configuration(tmp_path: Path) -> None:
    config = tmp_path / "old.yaml"
    config.write_text(
        "apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\n"
        "apiServer: {extraArgs: {profiling: 'false'}, timeoutForControlPlane: 4m0s}\n"
    )
    host = FakeHost(tmp_path / "root")
    code, _, err = await kubeadm(host, "init", "phase", "control-plane", "apiserver", "--config", str(config))
    assert code == 0
    assert 'uses a deprecated API spec: "kubeadm.k8s.io/v1beta3"' in err
    assert "--profiling=false" in host.path("/etc/kubernetes/manifests/kube-apiserver.yaml").read_text()
