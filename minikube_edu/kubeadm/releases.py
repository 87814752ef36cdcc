"""Which kubeadm this is, and what that one knows: the versions it makes, and of which etcd, CoreDNS and pause.

It is the version of the package on the machine where it runs (lib/packages), v1.36.3 where none was installed. `app`
says so for one command; whoever asks is told of the command that it is part of. An older kubeadm is the same program
with an older one's knowledge: it refuses what came after it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from msgspec import Struct

from minikube_edu.lib import packages
from minikube_edu.lib.version import KUBERNETES

if TYPE_CHECKING:
    from minikube_edu.kubeadm.contract import Host

Series = tuple[int, int]


class Knowledge(Struct, frozen=True):
    coredns: str
    pause: str


KNOWLEDGE = {(1, 35): Knowledge("v1.13.1", "3.10.1"), (1, 36): Knowledge("v1.14.2", "3.10.2")}
ETCD = {(1, 34): "3.6.5-0", (1, 35): "3.6.6-0", (1, 36): "3.6.8-0"}
KUBELETS_BACK = 3  # how many minor versions older a kubelet may be

_running: ContextVar[str] = ContextVar("kubeadm", default=KUBERNETES)


@contextmanager
def of(host: Host) -> Iterator[None]:
    """Within this, kubeadm is the one that is installed on the machine."""
    token = _running.set(packages.program(host.path(packages.FILE), "kubeadm") or KUBERNETES)
    try:
        yield
    finally:
        _running.reset(token)


def version() -> str:
    """`v1.36.3`"""
    return _running.get()


def newest() -> Series:
    """Control planes that it makes, the newest and the oldest: its own series, and the one before."""
    major, minor = version().lstrip("v").split(".")[:2]
    return int(major), int(minor)


def oldest() -> Series:
    return newest()[0], newest()[1] - 1


def oldest_kubelet() -> Series:
    return newest()[0], newest()[1] - KUBELETS_BACK


def stable() -> str:
    """What the label `stable-1` means to it: the newest release, but none of a series after its own."""
    return packages.latest(newest()) or version()


def coredns() -> str:
    return _knowledge().coredns


def pause() -> str:
    return _knowledge().pause


def etcd(kubernetes: Series) -> str:
    """The image's tag, for a control plane of this series."""
    return ETCD.get(kubernetes) or ETCD[newest() if newest() in ETCD else max(ETCD)]


def _knowledge() -> Knowledge:
    return KNOWLEDGE.get(newest()) or KNOWLEDGE[max(KNOWLEDGE)]
