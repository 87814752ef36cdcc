"""The nodes of a cluster that live on this host: their directories, addresses, services.

    HOME/nodes/NAME/            looks like a machine's root: etc/kubernetes, var/lib/kubelet, var/log/pods, …
    HOME/nodes/NAME/etc/hostname, etc/minikube-edu/node.json     who it is

`prepare` makes what an installed machine has before kubeadm comes: a container runtime that runs, a kubelet that waits
for its configuration, and the unit files of both. `boot` switches a node on.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec import Struct
from msgspec.structs import asdict

from minikube_edu.cluster.layout import Layout, Request
from minikube_edu.cluster.machine import starter
from minikube_edu.lib import localhost, node_addresses, node_root
from minikube_edu.lib.machine.calls import Refused
from minikube_edu.lib.machine.socket_path import reachable

CONTROL_PLANE = "control-plane"
DIRECTORIES = (
    "etc/kubernetes/manifests",  # the kubelet's package brings it
    "etc/cni/net.d",
    "etc/systemd/system/kubelet.service.d",
    "opt/cni/bin",
    "run/containerd",
    "var/lib/kubelet",
    "var/log/pods",
    "var/log/containers",
)
CONTAINERD = r"""[Unit]
Description=containerd container runtime
Documentation=https://containerd.io

[Service]
ExecStart=/usr/bin/containerd --node-name=${MINIKUBE_EDU_HOSTNAME} --machine=${MINIKUBE_EDU_MACHINE} \
  --wire=${MINIKUBE_EDU_NETWORK}
Restart=always
RestartSec=250ms
"""
# Nobody answers there: names outside the cluster do not resolve, and CoreDNS does not ask itself.
RESOLV_CONF = "nameserver 192.0.2.53\n"
# The real unit waits 10 s; a class does not want to.
KUBELET = """[Unit]
Description=kubelet: The Kubernetes Node Agent
Documentation=https://kubernetes.io/docs/
After=containerd.service

[Service]
ExecStart=/usr/bin/kubelet
Restart=always
StartLimitInterval=0
RestartSec=250ms
"""
KUBEADM_DROP_IN = """# Note: This dropin only works with kubeadm and kubelet v1.11+
[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf \
--kubeconfig=/etc/kubernetes/kubelet.conf"
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
# "kubeadm init" and "kubeadm join" write this file, with KUBELET_KUBEADM_ARGS
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
# For flags of your own: KUBELET_EXTRA_ARGS
EnvironmentFile=-/etc/default/kubelet
ExecStart=
ExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
"""


class Node(Struct, frozen=True):
    name: str
    index: int  # 0 is the control plane's
    address: str
    local: str  # where its 127.0.0.1 is
    root: Path

    @property
    def initialized(self) -> bool:
        """Has kubeadm been here?"""
        return (self.root / "etc/kubernetes/kubelet.conf").exists()

    @property
    def is_control_plane(self) -> bool:
        return (self.root / "etc/kubernetes/manifests/kube-apiserver.yaml").exists()

    def path(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def environment(self, layout: Layout) -> dict[str, str]:
        """What its machine tells all its programs."""
        return {
            "MINIKUBE_EDU_HOME": str(layout.root),
            "MINIKUBE_EDU_NODE": self.name,
            "MINIKUBE_EDU_NETWORK": str(layout.network),
            "MINIKUBE_EDU_API_PORT": str((layout.read_request() or Request()).port),
            "MINIKUBE_EDU_MACHINE": reachable(str(machine_socket(layout, self))),
            node_root.VARIABLE: str(self.root),
            node_root.SHARED_VOLUMES: str(layout.volumes),
            localhost.NODE_ADDRESS: self.address,
            localhost.LOCALHOST: self.local,
            localhost.HOSTNAME: self.name,
        }


def machine_socket(layout: Layout, node: Node) -> Path:
    """The first node's machine answers the command line too."""
    return layout.machine_socket if node.index == 0 else node.root / "run/machine.sock"


def of(layout: Layout) -> list[Node]:
    """All nodes that have been made, in the order of their numbers."""
    found = []
    for file in layout.nodes.glob("*/etc/minikube-edu/node.json"):
        told = json.loads(file.read_text())
        found.append(Node(**{**told, "root": file.parent.parent.parent}))
    return sorted(found, key=lambda node: node.index)


_booting = threading.Lock()  # two threads must not start one machine


def boot(layout: Layout, node: Node) -> None:
    """Switch the node on, if it is not: its init system, and the runtime."""
    with _booting:
        first = starter.find(layout.machine_socket) if node.index else None
        machine = starter.start(machine_socket(layout, node), node.root, node.environment(layout), first)
        with machine:
            machine.ask("unit", verb="start", name="containerd")
        if first is not None:
            first.close()


def boot_early(layout: Layout, wanted: Sequence[Node]) -> threading.Thread:
    """In a thread, while this command still imports what it needs. What fails there is met again by who needs the
    machine."""

    def work() -> None:
        with suppress(OSError, Refused):
            boot_all(layout, wanted)

    booting = threading.Thread(target=work, daemon=True)
    booting.start()
    return booting


def boot_all(layout: Layout, wanted: Sequence[Node]) -> None:
    """The others are forks of the first, made when that has imported everything: so it is imported once, and shared."""
    boot(layout, wanted[0])
    if len(wanted) > 1:
        wait_until_warm(layout, wanted[0])
    for node in wanted[1:]:
        boot(layout, node)


def wait_until_warm(layout: Layout, node: Node) -> None:
    machine = starter.find(machine_socket(layout, node))
    if machine is not None:
        with machine:
            while not machine.ask("status")["warm"]:
                time.sleep(0.02)


def enter(layout: Layout) -> Node | None:
    """This process is a program on a node: the one that its shell is in, or else the control plane."""
    node = find(layout, os.environ.get("MINIKUBE_EDU_NODE", "")) or next(iter(of(layout)), None)
    if node is not None:
        os.environ.update(node.environment(layout))
    return node


def find(layout: Layout, name: str) -> Node | None:
    return next((node for node in of(layout) if node.name == name), None)


def prepare(layout: Layout, request: Request, name: str = "", address: str = "") -> Node:
    """The node of this name, or the next one: made, if it is not there. `address`: where it is for the other hosts of a
    classroom; without one it is on this host alone."""
    known = of(layout)
    for node in known:
        if node.name == name:
            return node if node.initialized else moved(layout, request, node, address)
    index = next(number for number in range(len(known) + 1) if all(node.index != number for node in known))
    node = _new(layout, request, name or default_name(index), index, address)
    for directory in DIRECTORIES:
        (node.root / directory).mkdir(parents=True, exist_ok=True)
    units = node.root / "etc/systemd/system"
    _write(
        {
            node.root / "etc/hostname": node.name + "\n",
            node.root / "etc/resolv.conf": RESOLV_CONF,
            node.root / "etc/machine-id": _machine_id(node) + "\n",
            units / "containerd.service": CONTAINERD,
            units / "kubelet.service": KUBELET,
            units / "kubelet.service.d/10-kubeadm.conf": KUBEADM_DROP_IN,
        }
    )
    _tell(node)
    return node


def moved(layout: Layout, request: Request, node: Node, address: str) -> Node:
    """A node that kubeadm has not been on yet goes where the request puts it: its cluster's port may be another now."""
    fresh = _new(layout, request, node.name, node.index, address)
    if fresh == node:
        return node
    machine = starter.find(machine_socket(layout, node))
    if machine is not None:
        with machine:
            if machine.ask("status")["pid"] == os.getppid():  # it answers this very command
                return node
        starter.end(machine_socket(layout, node))
    _tell(fresh)
    return fresh


def _tell(node: Node) -> None:
    facts = node.root / "etc/minikube-edu/node.json"
    facts.parent.mkdir(parents=True, exist_ok=True)
    told = {key: value for key, value in asdict(node).items() if key != "root"}
    facts.write_text(json.dumps(told, indent=2) + "\n")


def towards(host: str) -> str:
    """This host's own address on the way to another one; empty when that is this host, or there is no way."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host, 9))  # nothing is sent
        except OSError:
            return ""
        address = str(probe.getsockname()[0])
    return "" if address.startswith("127.") else address


def default_name(index: int) -> str:
    return f"worker-{index}" if index else CONTROL_PLANE


def _new(layout: Layout, request: Request, name: str, index: int, address: str) -> Node:
    address = address or node_addresses.address(request.port, index)
    # The control plane of the cluster that people have by default is where their tools look for it.
    local = "127.0.0.1" if index == 0 and request.port == 6443 else address
    return Node(name, index, address, local, layout.nodes / name)


def _machine_id(node: Node) -> str:
    import hashlib

    return hashlib.md5(str(node.root).encode(), usedforsecurity=False).hexdigest()


def _write(files: Mapping[Path, str]) -> None:
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
