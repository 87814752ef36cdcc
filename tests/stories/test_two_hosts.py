"""Does a laptop join the teacher's cluster over a network? Two hosts, made of network namespaces."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster.door import ROOT

TEACHER, STUDENT = "10.77.0.1", "10.77.0.2"


def may_make_namespaces() -> bool:
    if not shutil.which("ip") or not hasattr(os, "geteuid") or os.geteuid() != 0:
        return False
    name = f"mke{uuid.uuid4().hex[:6]}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode == 0
    subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
    return made


pytestmark = pytest.mark.skipif(not may_make_namespaces(), reason="no right to make network namespaces here")


@dataclass
class Host:
    namespace: str
    home: Path
    name: str

    def run(self, *words: str) -> str:
        """`minikube-edu …` on this host."""
        quoted = " ".join(f"'{word}'" for word in (sys.executable, "-m", "minikube_edu", *words))
        done = subprocess.run(
            ["ip", "netns", "exec", self.namespace, "unshare", "--uts", "sh", "-c", f"hostname {self.name}; {quoted}"],
            env={**os.environ, "MINIKUBE_EDU_HOME": str(self.home), "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@contextmanager
def hosts(folder: Path) -> Iterator[tuple[Host, Host]]:
    """Two of them, with a cable between them and nothing else."""
    tag = uuid.uuid4().hex[:6]
    names = [f"mke{tag}{letter}" for letter in "ab"]
    ends = [f"v{tag}{letter}" for letter in "ab"]
    pair = (Host(names[0], folder / "teacher", "desk"), Host(names[1], folder / "student", "laptop"))
    try:
        for name in names:
            ip("netns", "add", name)
        ip("link", "add", ends[0], "type", "veth", "peer", "name", ends[1])
        for name, end, address in zip(names, ends, (TEACHER, STUDENT), strict=True):
            ip("link", "set", end, "netns", name)
            ip("-n", name, "addr", "add", f"{address}/24", "dev", end)
            ip("-n", name, "link", "set", end, "up")
            ip("-n", name, "link", "set", "lo", "up")
        yield pair
    finally:
        for host in pair:
            if host.home.exists():
                host.run("reset")
        for name in names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


def test_does_a_laptop_join_over_the_network(tmp_path: Path) -> None:
    with hosts(tmp_path) as (teacher, student):
        said = teacher.run("init", f"--apiserver-advertise-address={TEACHER}", "--pod-network-cidr=10.244.0.0/16")
        found = re.search(r"^kubeadm (join (?:.*\\\n)*.*)", said, re.MULTILINE)
        assert found is not None
        student.run(*found[1].replace("\\\n", " ").split())
        for host in (teacher, student):
            for folder in (host.home / "nodes").iterdir():
                (folder / "etc/cni/net.d/10-bridge.conf").write_text(
                    '{"cniVersion": "1.0.0", "name": "net", "type": "bridge", "ipam": {"type": "host-local"}}'
                )
        teacher.run("wait", "--for=condition=Ready", "node/laptop", "node/control-plane", "--timeout=30s")
        shown = teacher.run("get", "node", "laptop", "-o", "wide")
        assert STUDENT in shown
        teacher.run("run", "web", "--image=nginx", "--overrides", '{"spec": {"nodeName": "laptop"}}')
        teacher.run("wait", "--for=condition=Ready", "pod/web", "--timeout=30s")
        # through the API server, over the cable, to the laptop's kubelet
        assert "Welcome to nginx!" in teacher.run("exec", "web", "--", "curl", "-s", "localhost")
