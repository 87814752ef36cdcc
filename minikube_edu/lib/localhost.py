"""Which address of this host a node is.

Several nodes, and several clusters, live side by side on one host: each has a loopback address of its own (out of
127.16.0.0/12), at which its real sockets listen. A seat's flags still say what they say on a machine of its own:
`--bind-address=127.0.0.1`, or nothing, which means all addresses. Two environment variables, set by the node's machine,
say what that means here:

  MINIKUBE_EDU_NODE_ADDRESS   where "all addresses" are: 0.0.0.0 and :: listen there (and on localhost, if it differs)
  MINIKUBE_EDU_LOCALHOST      where "localhost" is:       127.0.0.1, ::1, localhost listen and dial there

Without them nothing is translated. No seat ever listens beyond loopback because of a default.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

NODE_ADDRESS = "MINIKUBE_EDU_NODE_ADDRESS"
LOCALHOST = "MINIKUBE_EDU_LOCALHOST"
HOSTNAME = "MINIKUBE_EDU_HOSTNAME"
EVERYWHERE = ("", "0.0.0.0", "::", "[::]")
LOCAL = ("127.0.0.1", "::1", "[::1]", "localhost")


def listening(address: str, environment: Mapping[str, str] = os.environ) -> list[str]:
    """The addresses to bind for what a flag says, the most general first. Nothing said, and no node: loopback."""
    local = environment.get(LOCALHOST, "")
    if address in EVERYWHERE:
        node = environment.get(NODE_ADDRESS, "")
        if not node:
            return [address or LOCAL[0]]
        return [node, local] if local and local != node else [node]
    return [local] if local and address in LOCAL else [address]


def dialing(host: str, environment: Mapping[str, str] = os.environ) -> str:
    """The address to connect to for what a flag or an object says."""
    local = environment.get(LOCALHOST, "")
    return local if local and host in LOCAL else host


def hostname(environment: Mapping[str, str] = os.environ) -> str:
    """The node's name for itself; this host's where there is no node."""
    return environment.get(HOSTNAME) or socket.gethostname().lower()
