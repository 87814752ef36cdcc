"""The cluster's one file, for those who want to see what is in it."""

from __future__ import annotations

from minikube_edu.cluster import nodes
from minikube_edu.cluster.layout import Layout
from minikube_edu.etcd.inspection import Anatomy, Line, anatomy, latest


def look(layout: Layout, count: int) -> tuple[Anatomy, list[Line]]:
    """Raises FileNotFoundError when there is no cluster yet."""
    path = str(layout.state)
    for node in nodes.of(layout):
        if node.is_control_plane:
            path = str(node.root / "var/lib/etcd/member/snap/db")
            break
    return anatomy(path), latest(path, count)
