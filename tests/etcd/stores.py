"""The five stores that one suite holds to one contract, and how a test gets each of them."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from minikube_edu.etcd.contract import Range, Store, StoreError
from minikube_edu.etcd.memory import MemoryStore
from minikube_edu.etcd.opening import open_store
from minikube_edu.etcd.socket_driver import SocketStore
from minikube_edu.etcd.socket_face import SocketFace

Opener = Callable[[Path], AbstractAsyncContextManager[Store]]


@asynccontextmanager
async def memory(directory: Path) -> AsyncIterator[Store]:
    store = MemoryStore(min_lease_ttl=1)
    yield store
    await store.close()


@asynccontextmanager
async def sqlite(directory: Path) -> AsyncIterator[Store]:
    store = await open_store(str(directory / "db"), fsync=False, min_lease_ttl=1)
    yield store
    await store.close()


@asynccontextmanager
async def private_socket(directory: Path) -> AsyncIterator[Store]:
    async with sqlite(directory) as behind:
        face = SocketFace(behind, str(directory / "s"))
        await face.start()
        store = await SocketStore.open(str(directory / "s"))
        yield store
        await store.close()
        await face.close()


@asynccontextmanager
async def grpc(directory: Path) -> AsyncIterator[Store]:
    from minikube_edu.etcd.grpc_driver import GrpcStore
    from minikube_edu.etcd.grpc_face import GrpcFace

    async with sqlite(directory) as behind:
        face = GrpcFace(behind)
        port = await face.listen("127.0.0.1:0")
        store = await GrpcStore.open([f"http://127.0.0.1:{port}"])
        yield store
        await store.close()
        await face.close()


REAL_ETCD = os.environ.get("ETCD") or shutil.which("etcd")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def real(directory: Path) -> AsyncIterator[Store]:
    from minikube_edu.etcd.grpc_driver import GrpcStore

    assert REAL_ETCD
    client, peer = (f"http://127.0.0.1:{_free_port()}" for _ in range(2))
    flags = ["--data-dir", str(directory / "real"), "--listen-client-urls", client, "--advertise-client-urls", client]
    flags += ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}"]
    devnull = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        REAL_ETCD, *flags, "--unsafe-no-fsync", stdout=devnull, stderr=devnull
    )
    try:
        store = await GrpcStore.open([client], patience=20)
        await _ready(store)
        yield store
        await store.close()
    finally:
        process.terminate()
        await process.wait()


async def _ready(store: Store) -> None:
    for _ in range(20):
        try:
            await store.range(Range(b"ready"))
            return
        except StoreError:
            pass


OPENERS: dict[str, Opener] = {"memory": memory, "sqlite": sqlite, "socket": private_socket, "grpc": grpc, "etcd": real}
