"""A node is a directory that looks like a machine's root.

Seats, their manifests and their kubeconfigs say `/etc/kubernetes/pki/ca.crt`, as on a machine of their own; the node's
machine tells its programs in MINIKUBE_EDU_NODE_ROOT where that root is. Without the variable, a path is what it says.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping

VARIABLE = "MINIKUBE_EDU_NODE_ROOT"
SHARED_VOLUMES = "MINIKUBE_EDU_VOLUMES"  # a directory of volumes that all nodes of a cluster see
# What a node has of its own. Everything else (a program's code, /tmp, a student's home) is the host's.
OWN = ("/etc/", "/var/lib/", "/var/log/", "/var/run/", "/run/", "/opt/cni/", "/usr/libexec/kubernetes/")


def below(path: str, environment: Mapping[str, str] = os.environ) -> str:
    """Where a path of the node lies on this host."""
    root = environment.get(VARIABLE, "")
    if not root or path.startswith(root + "/") or not f"{path}/".startswith(OWN):
        return path
    if path.startswith("/var/run/"):
        path = path.removeprefix("/var")  # a link, on real machines
    return root + path


def place(options: argparse.Namespace) -> argparse.Namespace:
    """All paths among a seat's flags, placed below the root; lists divided by commas too."""
    if os.environ.get(VARIABLE):
        for name, value in vars(options).items():
            if isinstance(value, str) and value.startswith("/"):
                setattr(options, name, ",".join(below(part) for part in value.split(",")))
    return options


def shown(path: str, environment: Mapping[str, str] = os.environ) -> str:
    """What the node calls a path of this host that lies below its root."""
    root = environment.get(VARIABLE, "")
    return path.removeprefix(root) if root and path.startswith(root + "/") else path
