"""kubeadm that was broken off: `init` or `join` began on a node and did not come to an end, not even to an error.

A mark lies in the node's directory while they work. `up` finds it and does first what a student would be told to do:
`kubeadm reset`. Where kubeadm is typed by hand, its own checks speak, as on a real machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from minikube_edu.cluster.nodes import Node

RESET = ["reset", "--force"]


def mark(node: Node) -> Path:
    return node.root / "etc/minikube-edu/kubeadm-unfinished"


def is_marked(node: Node) -> bool:
    return mark(node).exists()


@contextmanager
def marked(node: Node) -> Iterator[None]:
    """An error is an end too; a kill, a power cut and ^C are none."""
    if node.initialized:  # it is kubeadm's business to refuse that, and no reason to reset anything
        yield
        return
    mark(node).touch()
    try:
        yield
    except Exception:
        mark(node).unlink(missing_ok=True)
        raise
    mark(node).unlink(missing_ok=True)
