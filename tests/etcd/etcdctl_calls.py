"""Calls of our etcdctl and of the real one, each on a store of its own."""

from __future__ import annotations

import asyncio
import io
import os
import re
import shutil
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from minikube_edu.etcd.contract import Store
from minikube_edu.etcd.etcdctl import command_line
from minikube_edu.etcd.opening import open_store
from minikube_edu.etcd.side_door import SideDoor
from minikube_edu.etcd.socket_driver import SocketStore

REAL = os.environ.get("ETCDCTL") or shutil.which("etcdctl")


@dataclass
class Said:
    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The real one logs its retries as well; what counts is its last word."""
        lines = [line for line in self.err.splitlines() if line.startswith("Error: ")]
        return lines[-1] if lines else ""


class Ours:
    """The verbs, through the socket that a cluster has."""

    def __init__(self, path: str) -> None:
        self.path = path

    async def call(self, *words: str, given: bytes = b"") -> Said:
        async def dial(endpoint: str, patience: float) -> Store:
            return await SocketStore.open(self.path, exclusive=False)

        out, err = io.BytesIO(), io.BytesIO()
        code = await command_line.run(words, dial, ["unix://store"], io.BytesIO(given), out, err)
        return Said(code, out.getvalue().decode(errors="surrogateescape"), err.getvalue().decode())


class Real:
    """The program, over gRPC."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def call(self, *words: str, given: bytes = b"") -> Said:
        assert REAL
        process = await asyncio.create_subprocess_exec(
            *(REAL, f"--endpoints={self.url}", *words),
            env={"ETCDCTL_API": "3", "PATH": os.environ["PATH"]},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(given), 30)
        return Said(process.returncode or 0, out.decode(errors="surrogateescape"), err.decode())


async def ours(directory: Path, stack: AsyncExitStack) -> Ours:
    store = await open_store(None)
    stack.push_async_callback(store.close)
    door = await SideDoor.open(store, str(directory / "s"))
    stack.push_async_callback(door.close)
    return Ours(str(directory / "s"))


async def real(stack: AsyncExitStack) -> Real:
    from minikube_edu.etcd.grpc_face import GrpcFace

    store = await open_store(None)
    stack.push_async_callback(store.close)
    face = GrpcFace(store)
    stack.push_async_callback(face.close)
    return Real(f"127.0.0.1:{await face.listen('127.0.0.1:0')}")


def without_ids(text: str) -> str:
    """Leases are called by random numbers."""
    return re.sub(r"\b[0-9a-f]{16}\b|\b\d{15,19}\b", "LEASE", text)
