"""Does the real etcdctl take our program for an etcd? Through TLS with client certificates, as a cluster has it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.etcd.certificates import certificates

ETCDCTL = os.environ.get("ETCDCTL") or shutil.which("etcdctl")
pytestmark = pytest.mark.skipif(not ETCDCTL, reason="no etcdctl here: install etcd-client, or name it in ETCDCTL")


class Etcdctl:
    """The real client against our server."""

    def __init__(self, directory: Path, url: str) -> None:
        self.directory = directory
        self._flags = [f"--endpoints={url}", "--cacert=ca.crt", "--cert=client.crt", "--key=client.key"]

    async def start(self, *words: str) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        assert ETCDCTL
        return await asyncio.create_subprocess_exec(
            *(ETCDCTL, *self._flags, *words),
            cwd=self.directory,
            env={"ETCDCTL_API": "3", "PATH": os.environ["PATH"]},
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
        )

    async def run(self, *words: str, given: str = "", status: int = 0) -> str:
        process = await self.start(*words)
        out, err = await asyncio.wait_for(process.communicate(given.encode()), 20)
        assert process.returncode == status, err.decode()
        return (out if status == 0 else err).decode()


@pytest_asyncio.fixture
async def etcdctl(tmp_path: Path) -> AsyncIterator[Etcdctl]:
    certificates(tmp_path)
    flags = ["--data-dir=data", "--listen-client-urls=https://127.0.0.1:0", "--name=learner", "--unsafe-no-fsync"]
    flags += ["--advertise-client-urls=https://127.0.0.1:2379", "--cert-file=server.crt", "--key-file=server.key"]
    flags += ["--client-cert-auth=true", "--trusted-ca-file=ca.crt"]
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "minikube_edu.etcd", *flags),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
        stdout=asyncio.subprocess.PIPE,
    )
    assert server.stdout is not None
    line = (await asyncio.wait_for(server.stdout.readline(), 20)).decode()
    yield Etcdctl(tmp_path, line.split()[-1])
    server.terminate()
    assert await asyncio.wait_for(server.wait(), 10) == 0


async def test_can_keys_be_put_got_listed_and_deleted(etcdctl: Etcdctl) -> None:
    assert await etcdctl.run("put", "/registry/pods/a", "1") == "OK\n"
    assert await etcdctl.run("put", "/registry/pods/b", "2", "--prev-kv") == "OK\n"
    assert (
        await etcdctl.run("get", "/registry", "--prefix", "--keys-only") == "/registry/pods/a\n\n/registry/pods/b\n\n"
    )
    assert await etcdctl.run("get", "/registry/pods/a") == "/registry/pods/a\n1\n"
    answer = json.loads(await etcdctl.run("get", "/registry/pods/b", "-w", "json"))
    assert (answer["count"], answer["kvs"][0]["mod_revision"], answer["header"]["revision"]) == (1, 3, 3)
    await etcdctl.run("put", "/registry/pods/a", "new")
    assert await etcdctl.run("get", "/registry/pods/a", "--rev=2") == "/registry/pods/a\n1\n"
    assert await etcdctl.run("get", "", "--from-key", "--order=DESCEND", "--print-value-only") == "2\nnew\n"
    assert await etcdctl.run("del", "/registry/", "--prefix") == "2\n"


async def test_does_a_transaction_choose(etcdctl: Etcdctl) -> None:
    script = 'create("k") = "0"\n\nput k first\n\nget k\n\n'
    assert await etcdctl.run("txn", given=script) == "SUCCESS\n\nOK\n"
    assert await etcdctl.run("txn", given=script) == "FAILURE\n\nk\nfirst\n"


async def test_does_a_watch_tell_the_past_and_the_present(etcdctl: Etcdctl) -> None:
    await etcdctl.run("put", "w/a", "1")
    watch = await etcdctl.start("watch", "w/", "--prefix", "--rev=2", "--prev-kv")
    assert watch.stdout is not None
    async with asyncio.timeout(20):
        assert [await watch.stdout.readline() for _ in range(3)] == [b"PUT\n", b"w/a\n", b"1\n"]
        await etcdctl.run("put", "w/a", "2")
        assert await watch.stdout.readline() == b"PUT\n"
        assert [await watch.stdout.readline() for _ in range(4)] == [b"w/a\n", b"1\n", b"w/a\n", b"2\n"]
    watch.terminate()
    await watch.communicate()


async def test_do_leases_hold_keys(etcdctl: Etcdctl) -> None:
    granted = await etcdctl.run("lease", "grant", "100")
    found = re.search(r"lease (\w+) granted with TTL\(100s\)", granted)
    assert found
    lease = found[1]
    await etcdctl.run("put", "k", "v", f"--lease={lease}")
    assert "attached keys([k])" in await etcdctl.run("lease", "timetolive", lease, "--keys")
    assert "keepalived with TTL(100)" in await etcdctl.run("lease", "keep-alive", "--once", lease)
    assert lease in await etcdctl.run("lease", "list")
    await etcdctl.run("lease", "revoke", lease)
    assert await etcdctl.run("get", "k") == ""
    assert "already expired" in await etcdctl.run("lease", "timetolive", lease)


async def test_does_maintenance_work(etcdctl: Etcdctl) -> None:
    for value in "123":
        await etcdctl.run("put", "k", value)
    assert await etcdctl.run("compaction", "3", "--physical") == "compacted revision 3\n"
    assert "required revision has been compacted" in await etcdctl.run("get", "k", "--rev=2", status=1)
    (health,) = json.loads(await etcdctl.run("endpoint", "health", "-w", "json"))
    assert health["health"] is True
    (status,) = json.loads(await etcdctl.run("endpoint", "status", "-w", "json"))
    assert (status["Status"]["header"]["revision"], status["Status"]["version"][:2]) == (4, "3.")
    assert "Finished defragmenting" in await etcdctl.run("defrag")
    assert await etcdctl.run("alarm", "list") == ""
    members = await etcdctl.run("member", "list")
    assert members.split(", ")[1:3] == ["started", "learner"]


async def test_can_a_snapshot_be_saved_and_restored(etcdctl: Etcdctl) -> None:
    from minikube_edu.etcd.contract import Range
    from minikube_edu.etcd.opening import open_store
    from minikube_edu.etcd.server import main

    await etcdctl.run("put", "k", "v")
    await etcdctl.run("snapshot", "save", "copy.db")
    directory = etcdctl.directory
    assert main(["snapshot", "restore", str(directory / "copy.db"), "--data-dir", str(directory / "new")]) == 0
    store = await open_store(str(directory / "new" / "member" / "snap" / "db"))
    assert (await store.range(Range(b"k"))).kvs[0].value == b"v"
    await store.close()


async def test_is_what_cannot_be_done_refused_by_name(etcdctl: Etcdctl) -> None:
    assert "Auth.UserAdd is not supported" in await etcdctl.run("user", "add", "u:p", status=1)
    assert "Cluster.MemberAdd is not supported" in await etcdctl.run(
        "member", "add", "x", "--peer-urls=http://x:1", status=1
    )
