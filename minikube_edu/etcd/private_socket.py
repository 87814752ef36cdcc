"""Where an etcd seat and an API server of one node meet without gRPC: a private socket beside etcd's public port.

A manifest says `--etcd-servers=https://127.0.0.1:2379`, as everywhere. On a node of ours, our etcd listens beside that
port at NODE/run/etcd-2379.sock (mode 0600), with the framed protocol of `frames`; who finds no such socket, but a port
that answers, has met a real etcd and speaks gRPC.
"""

from __future__ import annotations

import asyncio
import os
import socket
from urllib.parse import urlsplit

from minikube_edu.lib import clock
from minikube_edu.lib.localhost import LOCALHOST, NODE_ADDRESS, dialing
from minikube_edu.lib.machine.socket_path import reachable
from minikube_edu.lib.node_root import VARIABLE

PATIENCE = 20.0  # seconds, as long as the real API server waits for its store
LOOK_AGAIN = 0.005
A_REAL_ETCD = 0.3  # a port that answers this long without a socket beside it


def path_beside(url: str) -> str:
    """The socket beside a client URL; empty when this process is on no node, or the URL is of another."""
    root, parts = os.environ.get(VARIABLE, ""), urlsplit(url)
    own = ("127.0.0.1", "localhost", "::1", os.environ.get(LOCALHOST), os.environ.get(NODE_ADDRESS))
    if not root or parts.hostname not in own:
        return ""
    return reachable(os.path.join(root, "run", f"etcd-{parts.port or 2379}.sock"))


async def socket_of(url: str) -> str:
    """Wait until the store of this node is there; empty when it has to be spoken to with gRPC."""
    path = path_beside(url)
    if not path:
        return ""
    give_up, answered = clock.monotonic() + PATIENCE, 0.0
    while clock.monotonic() < give_up:
        if os.path.exists(path):
            return path
        if not answered and _answers(url):
            answered = clock.monotonic()
        if answered and clock.monotonic() - answered > A_REAL_ETCD:
            return ""
        await asyncio.sleep(LOOK_AGAIN)
    return ""


def _answers(url: str) -> bool:
    parts = urlsplit(url)
    with socket.socket() as probe:
        probe.settimeout(0.1)
        return probe.connect_ex((dialing(parts.hostname or ""), parts.port or 2379)) == 0
