"""The map: every path, port and name of a cluster, and nowhere else.

MINIKUBE_EDU_HOME (default ~/.minikube-edu)
  cluster.json            what `up` was asked for
  kubeconfig              of the administrator
  state.db                the store: one file holds the cluster's state
  pki/                    ca, apiserver, admin, sa, controller-manager, scheduler, apiserver-kubelet-client
  run/machine.sock        where the first machine answers: command lines, services
  run/etcd.sock           where the store is served to etcdctl
  nodes/NAME/             the root of each node
  network/                sockets that join the nodes
  volumes/                persistent volumes that all nodes see (ReadWriteMany)
  light/                  light nodes, of one process (cluster/light/place.py)
  bin/                    kubectl, kubeadm, … for `minikube-edu shell`
  machine/                the root of a bare cluster's only machine: units, logs
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path

from msgspec import Struct
from msgspec.structs import asdict

DEFAULT_PORT = 6443
SERVICE_CIDR = "10.96.0.0/12"
POD_CIDR = "10.244.0.0/16"
LARGE_POD_CIDR = "10.128.0.0/9"  # has a /24 for more than 250 nodes
LONGEST_SOCKET = 100  # bytes of a Unix socket's path; systems allow 103 to 107
LONGEST_RANGE = len("/ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff_128.sock")  # a socket of the pods' network


def home() -> Path:
    """All state of one cluster lies here."""
    return Path(os.environ.get("MINIKUBE_EDU_HOME") or "~/.minikube-edu").expanduser().absolute()


class Request(Struct):
    """What `up` was asked for; kept, so that the next `up` brings the same cluster back."""

    port: int = DEFAULT_PORT
    nodes: int = 1  # machines; of a bare cluster, light nodes
    network: str = "bridge"
    bare: bool = False
    light: int = 0  # light nodes beside the machines


class Layout:
    def __init__(self, root: Path | None = None) -> None:
        self.root = root or home()
        self.pki = self.root / "pki"
        self.run = self.root / "run"
        self.kubeconfig = self.root / "kubeconfig"
        self.state = self.root / "state.db"
        self.request_file = self.root / "cluster.json"
        self.bin = self.root / "bin"  # the tools of a course, for the shell
        self.nodes = self.root / "nodes"
        self.network = self._network()
        self.volumes = self.root / "volumes"  # that all nodes see
        self.light = self.root / "light"
        self.bare_root = self.root / "machine"  # of a bare cluster, which has no nodes of its own
        self.machine_socket = self.run / "machine.sock"  # of the machine that answers the command line

    def pid_file(self, seat: str) -> Path:
        return self.run / f"{seat}.pid"

    def log_file(self, seat: str) -> Path:
        return self.run / f"{seat}.log"

    @property
    def store_socket(self) -> Path:
        """`run/etcd.sock`; where that is too long for a socket, a name made from it in a temporary folder."""
        path = self.run.absolute() / "etcd.sock"
        if len(os.fsencode(path)) <= LONGEST_SOCKET:
            return path
        name = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"minikube-edu-{os.getuid()}" / f"{name}.sock"

    def _network(self) -> Path:
        """The sockets that join the nodes' pods; where the home is too deep for them, in a temporary folder."""
        path = self.root.absolute() / "network"
        if len(os.fsencode(path)) + LONGEST_RANGE <= LONGEST_SOCKET:
            return path
        name = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"minikube-edu-{os.getuid()}" / name

    def exists(self) -> bool:
        return self.request_file.exists()

    def read_request(self) -> Request | None:
        try:
            return Request(**json.loads(self.request_file.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def write_request(self, request: Request) -> None:
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.request_file.write_text(json.dumps(asdict(request), indent=2) + "\n")
