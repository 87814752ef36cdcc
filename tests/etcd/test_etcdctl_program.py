"""`python -m minikube_edu.etcd.etcdctl`: flags that say where etcd is, and the way to one of this node."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from minikube_edu.etcd.etcdctl.__main__ import divided, placed
from minikube_edu.etcd.memory import MemoryStore
from minikube_edu.etcd.socket_face import SocketFace
from minikube_edu.lib.localhost import LOCALHOST
from minikube_edu.lib.node_root import VARIABLE


def test_may_flags_stand_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETCDCTL_CERT", "/c")
    words = ["--endpoints=https://a:1", "get", "--cacert", "/ca", "/registry", "--prefix", "--", "--key", "x"]
    where, rest = divided(words)
    assert where == {"endpoints": "https://a:1", "cacert": "/ca", "cert": "/c", "key": ""}
    assert rest == ["get", "/registry", "--prefix", "--", "--key", "x"]


def test_is_localhost_the_nodes_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LOCALHOST, "127.16.0.2")
    assert placed("127.0.0.1:2379", True) == "https://127.16.0.2:2379"
    assert placed("http://10.0.0.1:2379", False) == "http://10.0.0.1:2379"


async def test_does_it_find_the_store_of_its_node(tmp_path: Path) -> None:
    store = MemoryStore()
    (tmp_path / "run").mkdir()
    face = SocketFace(store, str(tmp_path / "run/etcd-2379.sock"))
    await face.start()
    try:
        for words, expected in ((["put", "a", "b"], b"OK\n"), (["get", "a"], b"a\nb\n")):
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "minikube_edu.etcd.etcdctl", "--endpoints=https://127.0.0.1:2379", *words),
                stdout=asyncio.subprocess.PIPE,
                env={**os.environ, VARIABLE: str(tmp_path)},
            )
            said, _ = await asyncio.wait_for(process.communicate(), 20)
            assert said == expected
    finally:
        await face.close()
        await store.close()
