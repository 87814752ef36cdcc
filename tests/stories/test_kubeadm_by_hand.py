"""Does a cluster grow as in the course, with kubeadm typed by hand, and a network that comes last?"""

from __future__ import annotations

import re

import pytest

from tests.cluster.booted import booted, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
NETWORK = """{"cniVersion": "1.0.0", "name": "own", "plugins": [{"type": "bridge", "ipam": {"type": "host-local"}}]}"""


def test_a_node_joins_by_the_printed_command_and_is_ready_when_it_has_a_network() -> None:
    with booted(up=False) as cluster:
        said = cluster.run("init", f"--apiserver-bind-port={cluster.port}", "--pod-network-cidr=10.244.0.0/16")
        assert "Your Kubernetes control-plane has initialized successfully!" in said
        until("it is registered", lambda: cluster.ready("node", "control-plane"))
        time_of_no_network = cluster.type("kubectl describe node control-plane | grep 'Ready  '")
        assert "cni plugin not initialized" in time_of_no_network
        printed = cluster.type("kubeadm token create --print-join-command").split()
        assert printed[:2] == ["kubeadm", "join"]
        wrong = [re.sub("^sha256:.*", "sha256:" + 64 * "0", word) for word in printed[1:]]
        refused = cluster.say(*wrong)
        assert refused.code != 0
        assert "none of the public keys" in refused.text
        assert "This node has joined the cluster" in cluster.run(*printed[1:])
        until("it is registered", lambda: cluster.ready("node", "worker-1"))
        assert cluster.ready("node", "worker-1") == "False"
        for name in ("control-plane", "worker-1"):
            cluster.type(f"echo '{NETWORK}' > /etc/cni/net.d/10-own.conflist", name)
            until(f"{name} is Ready", lambda name=name: cluster.ready("node", name) == "True", 5)  # type: ignore[misc]  # bound now
        assert "reset" in cluster.type("kubeadm reset --force", "worker-1")
        assert not cluster.node("worker-1").initialized
        assert "worker-1/kubelet" not in cluster.pids()
