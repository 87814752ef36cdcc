"""Does "Upgrading kubeadm clusters" work as it is typed, and does everything say its version, before and after?"""

from __future__ import annotations

import json

import pytest

from tests.cluster.booted import Booted, booted, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
NETWORK = """{"cniVersion": "1.0.0", "name": "own", "plugins": [{"type": "bridge", "ipam": {"type": "host-local"}}]}"""
METRICS = ("/metrics", "/api/v1/nodes/control-plane/proxy/metrics")


def versions(cluster: Booted) -> set[str]:
    """What the API server and the kubelet say of themselves, in all places."""
    node = cluster.get("/api/v1/nodes/control-plane")["status"]["nodeInfo"]["kubeletVersion"]
    found = {json.loads(cluster.run("kubectl", "get", "--raw", "/version"))["gitVersion"], str(node)}
    for path in METRICS:
        lines = cluster.run("kubectl", "get", "--raw", path).splitlines()
        [line] = [line for line in lines if line.startswith("kubernetes_build_info{")]
        found.add(line.partition('git_version="')[2].partition('"')[0])
    return found


def test_a_cluster_is_upgraded_as_the_tutorial_types_it() -> None:
    with booted(up=False) as cluster:
        cluster.run(
            "init", f"--apiserver-bind-port={cluster.port}", "--pod-network-cidr=10.244.0.0/16",
            "--kubernetes-version=v1.35.6",
        )  # fmt: skip
        cluster.type(f"echo '{NETWORK}' > /etc/cni/net.d/10-own.conflist")
        until("it is Ready", lambda: cluster.ready("node", "control-plane") == "True")
        assert versions(cluster) == {"v1.35.6"}
        cluster.type("sudo apt-mark hold kubelet kubectl")
        assert "kubeadm upgrade apply v1.36.3" in cluster.type("kubeadm upgrade plan")
        assert 'upgraded to "v1.36.3"' in cluster.type("sudo kubeadm upgrade apply -y v1.36.3")
        assert versions(cluster) == {"v1.35.6", "v1.36.3"}, "the kubelet is the package manager's business"
        cluster.type("kubectl drain control-plane --ignore-daemonsets")
        refused = cluster.typed("sudo apt-get install -y kubelet=1.36.3-1.1")
        assert refused.code == 100
        assert "Held packages were changed" in refused.err
        cluster.type(
            "sudo apt-mark unhold kubelet kubectl && sudo apt-get update && "
            "sudo apt-get install -y kubelet='1.36.3-*' kubectl='1.36.3-*' && sudo apt-mark hold kubelet kubectl"
        )
        assert versions(cluster) == {"v1.35.6", "v1.36.3"}, "the old one still runs"
        cluster.type("sudo systemctl daemon-reload && sudo systemctl restart kubelet")
        until("all are new", lambda: cluster.say("get", "nodes").out.count("v1.36.3") == 1)
        cluster.type("kubectl uncordon control-plane")
        until("they say so", lambda: versions(cluster) == {"v1.36.3"})
