"""Does "Upgrading kubeadm clusters" work as it is typed, and does everything say its version, before and after?

One cluster with two control planes and a worker is upgraded node by node, in the tutorial's order.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from minikube_edu.lib import node_addresses
from tests.cluster.booted import Booted, booted, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
OLD, NEW = "v1.35.6", "v1.36.3"
NETWORK = """{"cniVersion": "1.0.0", "name": "own", "plugins": [{"type": "bridge", "ipam": {"type": "host-local"}}]}"""
FIRST, SECOND, WORKER = "control-plane", "worker-1", "worker-2"
METRICS = ("/metrics", f"/api/v1/nodes/{FIRST}/proxy/metrics")


@contextmanager
def old_cluster() -> Iterator[Booted]:
    """Its nodes have the old packages, kubeadm and kubectl too."""
    with booted(up=False) as made:
        endpoint = f"{node_addresses.address(made.port, 0)}:{made.port}"
        said = made.run(
            "init", f"--apiserver-bind-port={made.port}", "--pod-network-cidr=10.244.0.0/16", "--upload-certs",
            f"--control-plane-endpoint={endpoint}", f"--kubernetes-version={OLD}",
        )  # fmt: skip
        words = said.partition("--certificate-key ")[2].split()
        join = made.run("kubeadm", "token", "create", "--print-join-command").split()
        made.run(*join, "--control-plane", "--certificate-key", words[0], f"--apiserver-bind-port={made.port}")
        made.run(*join)
        for name in (FIRST, SECOND, WORKER):
            made.type(
                f"echo '{NETWORK}' > /etc/cni/net.d/10-own.conflist && sudo apt-get install -y --allow-downgrades "
                "kubeadm='1.35.6-*' kubectl='1.35.6-*' && sudo apt-mark hold kubelet kubeadm kubectl",
                name,
            )
        for name in (FIRST, SECOND, WORKER):
            until(f"{name} is Ready", lambda name=name: made.ready("node", name) == "True")  # type: ignore[misc]
        yield made


def test_a_cluster_is_upgraded_as_the_tutorial_types_it() -> None:
    with old_cluster() as cluster:
        first_kubeadm_is_upgraded(cluster)
        then_the_first_control_plane(cluster)
        then_the_second_one(cluster)
        then_the_worker(cluster)
        and_the_kubelets_last(cluster)


def versions(cluster: Booted) -> set[str]:
    """What the API server and the kubelet of the first node say of themselves, in all places."""
    node = cluster.get(f"/api/v1/nodes/{FIRST}")["status"]["nodeInfo"]["kubeletVersion"]
    found = {json.loads(cluster.run("kubectl", "get", "--raw", "/version"))["gitVersion"], str(node)}
    for path in METRICS:
        lines = cluster.run("kubectl", "get", "--raw", path).splitlines()
        [line] = [line for line in lines if line.startswith("kubernetes_build_info{")]
        found.add(line.partition('git_version="')[2].partition('"')[0])
    return found


def kubelets(cluster: Booted) -> dict[str, str]:
    nodes = cluster.get("/api/v1/nodes")["items"]
    return {node["metadata"]["name"]: node["status"]["nodeInfo"]["kubeletVersion"] for node in nodes}


def images(cluster: Booted, node: str) -> set[str]:
    """The versions of a node's control plane, by what its kubelet says that it runs."""
    pods = cluster.get("/api/v1/namespaces/kube-system/pods?labelSelector=tier%3Dcontrol-plane")["items"]
    here = [pod for pod in pods if pod["spec"]["nodeName"] == node and not pod["metadata"]["name"].startswith("etcd")]
    return {pod["spec"]["containers"][0]["image"].rpartition(":")[2] for pod in here}


def first_kubeadm_is_upgraded(cluster: Booted) -> None:
    assert versions(cluster) == {OLD}
    said = cluster.type("kubeadm version -o short && kubectl version && dpkg -l kubeadm | tail -1")
    assert said.split()[:14] == [
        OLD, "Client", "Version:", OLD, "Kustomize", "Version:", "v5.8.1", "Server", "Version:", OLD,
        "hi", "kubeadm", "1.35.6-1.1", "amd64",
    ]  # fmt: skip
    assert "kubeadm upgrade apply" not in cluster.run("kubeadm", "upgrade", "plan"), "it knows nothing newer"
    refused = cluster.say("kubeadm", "upgrade", "apply", "-y", NEW)
    assert refused.code == 1
    assert "is at least one minor release higher than the kubeadm minor release (36 > 35)" in refused.err
    told = cluster.type(
        "sudo apt-mark unhold kubeadm && sudo apt-get update && sudo apt-get install -y kubeadm='1.36.3-*' && "
        "sudo apt-mark hold kubeadm && kubeadm version"
    )
    assert f'GitVersion:"{NEW}"' in told


def then_the_first_control_plane(cluster: Booted) -> None:
    assert f"kubeadm upgrade apply {NEW}" in cluster.run("kubeadm", "upgrade", "plan")
    assert f'upgraded to "{NEW}"' in cluster.type(f"sudo kubeadm upgrade apply -y {NEW}")
    assert versions(cluster) == {OLD, NEW}, "the kubelet is the package manager's business"
    assert images(cluster, FIRST) == {NEW}
    assert images(cluster, SECOND) == {OLD}


def then_the_second_one(cluster: Booted) -> None:
    said = cluster.type(
        "sudo apt-get install -y --allow-change-held-packages kubeadm='1.36.3-*' && sudo kubeadm upgrade node && "
        "kubectl --kubeconfig=/etc/kubernetes/controller-manager.conf version",
        SECOND,
    )
    assert f'Upgrading your Static Pod-hosted control plane instance to version "{NEW}"...' in said
    assert '[upgrade/staticpods] Component "kube-scheduler" upgraded successfully!' in said
    assert "[upgrade] The configuration for this node was successfully updated!" in said
    assert images(cluster, SECOND) == {NEW}
    assert f"Client Version: {OLD}\n" in said, "it is a package of its own"
    assert f"Server Version: {NEW}\n" in said, "its own API server answers"


def then_the_worker(cluster: Booted) -> None:
    said = cluster.type(
        "sudo apt-get install -y --allow-change-held-packages kubeadm='1.36.3-*' && sudo kubeadm upgrade node", WORKER
    )
    assert "[upgrade/control-plane] Skipping phase. Not a control plane node." in said
    assert "[upgrade/kubelet-config] The kubelet configuration for this node was successfully upgraded!" in said
    assert set(kubelets(cluster).values()) == {OLD}


def and_the_kubelets_last(cluster: Booted) -> None:
    install = (
        "sudo apt-mark unhold kubelet kubectl && sudo apt-get update && "
        "sudo apt-get install -y kubelet='1.36.3-*' kubectl='1.36.3-*' && sudo apt-mark hold kubelet kubectl"
    )
    restart = "sudo systemctl daemon-reload && sudo systemctl restart kubelet"
    cluster.run("kubectl", "drain", WORKER, "--ignore-daemonsets")
    refused = cluster.typed("sudo apt-get install -y kubelet=1.36.3-1.1", WORKER)
    assert refused.code == 100
    assert "Held packages were changed" in refused.err
    cluster.type(install, WORKER)
    assert set(kubelets(cluster).values()) == {OLD}, "the old one still runs"
    cluster.type(f"{restart} && kubectl uncordon {WORKER}", WORKER)
    for name in (FIRST, SECOND):
        cluster.type(f"{install} && {restart}", name)
    until("all are new", lambda: kubelets(cluster) == dict.fromkeys((FIRST, SECOND, WORKER), NEW))
    until("they say so", lambda: versions(cluster) == {NEW})
    assert cluster.type("kubectl version --client", WORKER).startswith(f"Client Version: {NEW}\n")
