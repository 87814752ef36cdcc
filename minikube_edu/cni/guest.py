"""How a real process of a node reaches pods and services: it asks the node's runtime to dial for it.

    guest = Guest.of_environment()
    if guest is not None:
        socket = await guest.connect("10.96.0.10", 9153)     # a real socket: HTTP, TLS, anything goes over it

The API server needs this for `services/proxy`, `pods/proxy`, webhooks and aggregated APIs. A real node's processes have
the node's routes and rules; this is what stands for them. The words are `wire`'s, of kind `node`.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Mapping
from pathlib import Path

import orjson

from minikube_edu.cni.tcp import failure
from minikube_edu.cni.wire import Wire, line
from minikube_edu.lib import localhost

NETWORK = "MINIKUBE_EDU_NETWORK"
LONGEST_ANSWER = 256


class Guest:
    def __init__(self, directory: Path, node_ip: str) -> None:
        self._path = Wire(directory).path_for(node_ip)

    @classmethod
    def of_environment(cls, environment: Mapping[str, str] = os.environ) -> Guest | None:
        """None where there is no such network."""
        directory, node = environment.get(NETWORK, ""), environment.get(localhost.NODE_ADDRESS, "")
        return cls(Path(directory), node) if directory and node else None

    async def connect(self, ip: str, port: int) -> socket.socket:
        """A connected socket, that does not block. OSError as from connect(2)."""
        loop = asyncio.get_running_loop()
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.setblocking(False)
        try:
            try:
                await loop.sock_connect(made, str(self._path))
            except OSError:
                raise failure(errno.EHOSTUNREACH) from None  # the node's runtime is down, and all pods with it
            await loop.sock_sendall(made, line(kind="node", to=[ip, port]))
            refused = orjson.loads(await _line(loop, made))["errno"]
            if refused:
                raise failure(refused)
        except BaseException:
            made.close()
            raise
        return made


async def _line(loop: asyncio.AbstractEventLoop, made: socket.socket) -> bytes:
    """Up to the newline and not a byte further: what follows is not ours."""
    got = b""
    while not got.endswith(b"\n") and len(got) < LONGEST_ANSWER:
        piece = await loop.sock_recv(made, 1)
        if not piece:
            raise failure(errno.ECONNRESET)
        got += piece
    return got
