"""Are etcd's ports served to whoever comes, though gRPC is only brought up for the first visitor?"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("grpc")

from tests.programs import ROOT, free_port


def test_does_the_first_visitor_bring_grpc_up(tmp_path: Path) -> None:
    port = free_port()
    node = {
        "MINIKUBE_EDU_NODE_ROOT": str(tmp_path),
        "MINIKUBE_EDU_NODE_ADDRESS": "127.0.0.1",
        "MINIKUBE_EDU_LOCALHOST": "127.0.0.1",
    }
    (tmp_path / "run").mkdir()
    url = f"http://127.0.0.1:{port}"
    seat = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "minikube_edu.etcd",
            "--data-dir=/var/lib/etcd",
            f"--listen-client-urls={url}",
            f"--advertise-client-urls={url}",
        ],
        env={**os.environ, **node, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 10
        while not (tmp_path / f"run/etcd-{port}.sock").exists():
            assert time.monotonic() < deadline, "the private socket beside the port did not appear"
            time.sleep(0.01)
        assert (tmp_path / "var/lib/etcd/member/snap/db").exists()  # the manifest's path, below the node's root
        assert not loaded_grpc(seat.pid)
        socket.create_connection(("127.0.0.1", port)).close()  # a visitor who leaves at once does no harm
        asyncio.run(put_and_get(url))
        assert loaded_grpc(seat.pid)
    finally:
        seat.terminate()
        seat.wait()


def loaded_grpc(pid: int) -> bool:
    return "cygrpc" in Path(f"/proc/{pid}/maps").read_text()


async def put_and_get(url: str) -> None:
    from minikube_edu.etcd.contract import Range
    from minikube_edu.etcd.grpc_driver import GrpcStore

    store = await GrpcStore.open([url], patience=10)
    try:
        await asyncio.gather(*(store.range(Range(b"/lesson")) for _ in range(3)))
    finally:
        await store.close()
