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

from tests.programs import ROOT

PATIENCE = 60.0  # seconds; how long a Python program needs to start is the machine's business


def own_address() -> tuple[str, int]:
    """An address of this test alone, and a free port there: on 127.0.0.1 others come and go, and would be visitors."""
    address = f"127.77.{os.getpid() >> 8 & 255}.{os.getpid() & 255 or 1}"
    with socket.socket() as probe:
        probe.bind((address, 0))
        return address, int(probe.getsockname()[1])


def test_does_the_first_visitor_bring_grpc_up(tmp_path: Path) -> None:
    address, port = own_address()
    node = {
        "MINIKUBE_EDU_NODE_ROOT": str(tmp_path),
        "MINIKUBE_EDU_NODE_ADDRESS": address,
        "MINIKUBE_EDU_LOCALHOST": address,
    }
    (tmp_path / "run").mkdir()
    url = f"http://{address}:{port}"
    log = tmp_path / "etcd.log"
    command = [
        sys.executable,
        "-m",
        "minikube_edu.etcd",
        "--data-dir=/var/lib/etcd",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
    ]
    with log.open("wb") as said:
        environment = {**os.environ, **node, "PYTHONPATH": str(ROOT)}
        seat = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=said)
    try:
        deadline = time.monotonic() + PATIENCE
        while not (tmp_path / f"run/etcd-{port}.sock").exists():
            assert seat.poll() is None, log.read_text()
            assert time.monotonic() < deadline, f"the private socket beside the port did not appear: {log.read_text()}"
            time.sleep(0.01)
        assert (tmp_path / "var/lib/etcd/member/snap/db").exists()  # the manifest's path, below the node's root
        assert not loaded_grpc(seat.pid)
        socket.create_connection((address, port)).close()  # a visitor who leaves at once does no harm
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

    store = await GrpcStore.open([url], patience=PATIENCE)
    try:
        await asyncio.gather(*(store.range(Range(b"/lesson")) for _ in range(3)))
    finally:
        await store.close()
