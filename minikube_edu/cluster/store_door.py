"""The way from `minikube-edu etcdctl` to the store of a cluster that runs: the etcd of its control plane or, where the
cluster is bare, the private socket of its API server.

Whoever names a server of their own (`--endpoints`, certificates, a user) means another etcd; that is the real etcdctl's
business, and it is handed over to it.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from minikube_edu.cluster import nodes
from minikube_edu.cluster.layout import Layout

if TYPE_CHECKING:
    from minikube_edu.etcd.contract import Store

ELSEWHERE = frozenset(
    {
        *("--endpoints", "--cacert", "--cert", "--key", "--user", "--password", "--auth-jwt-token"),
        *("--discovery-srv", "--discovery-srv-name", "-d"),
    }
)
PATIENCE = 0.5  # seconds for a socket to answer
NOT_THERE = 127  # exit code of a shell that does not find a program


class UnsafeDirectory(Exception):
    """Somebody else could put a socket of theirs in the place of ours."""


def prepare(layout: Layout) -> Path:
    """The socket's path; its directory is there and the user's own."""
    path = layout.store_socket
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = path.parent.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise UnsafeDirectory(f"{path.parent} is not a directory that only you can write to: remove it")
    return path


def etcdctl(layout: Layout, words: Sequence[str]) -> int:
    """Run one command of etcdctl; returns its exit code."""
    if verb := files_verb(words):
        print(f"Deprecated: Use `etcdutl snapshot {verb}` instead.\n", file=sys.stderr)
        return etcdutl(layout, without_place(words))
    if nodes.of(layout):
        return _on_node(layout, words)
    if names_another_server(words):
        return _hand_over(words)
    from minikube_edu.etcd.etcdctl import command_line

    async def dial(endpoint: str, patience: float) -> Store:
        from minikube_edu.etcd.contract import Unavailable
        from minikube_edu.etcd.socket_driver import SocketStore

        try:
            return await SocketStore.open(str(layout.store_socket), exclusive=False, patience=PATIENCE)
        except Unavailable:
            raise Unavailable(f"the cluster in {layout.root} does not run: start it with `minikube-edu up`") from None

    return command_line.main(words, dial, [f"unix://{layout.store_socket}"])


def _on_node(layout: Layout, words: Sequence[str]) -> int:
    """As on the machine of the control plane: 127.0.0.1:2379 is its etcd, its keys are in /etc/kubernetes/pki/etcd."""
    from minikube_edu.etcd.etcdctl import __main__ as program

    nodes.enter(layout)
    return program.main(list(words))


def etcdutl(layout: Layout, words: Sequence[str]) -> int:
    """Of the files on the node that the shell is in."""
    from minikube_edu.etcd import etcdutl as program

    nodes.enter(layout)
    return program.main(words)


def files_verb(words: Sequence[str]) -> str:
    """`etcdctl snapshot restore` and `status` are etcdutl's since 3.6; older tutorials still type them."""
    for first, second in pairwise(words):
        if first == "snapshot" and second in ("restore", "status"):
            return second
    return ""


def without_place(words: Sequence[str]) -> list[str]:
    """Where a server is does not matter to files."""
    found, left = [], list(words)
    while left:
        word = left.pop(0)
        name, equals, _ = word.partition("=")
        if name in ELSEWHERE:
            left = left if equals else left[1:]
        else:
            found.append(word)
    return found


def names_another_server(words: Sequence[str]) -> bool:
    """Whether flags or environment say where the store is."""
    flags = words[: words.index("--")] if "--" in words else words
    return "ETCDCTL_ENDPOINTS" in os.environ or any(word.partition("=")[0] in ELSEWHERE for word in flags)


def _hand_over(words: Sequence[str]) -> int:
    found = shutil.which("etcdctl")
    if found is None:
        print(
            "error: a server of your own is named, which takes the real etcdctl, and there is none on the PATH; "
            "without --endpoints and certificates `minikube-edu etcdctl` looks into the cluster's store",
            file=sys.stderr,
        )
        return NOT_THERE
    sys.stdout.flush()
    os.execve(found, ["etcdctl", *words], {**os.environ, "ETCDCTL_API": "3"})
