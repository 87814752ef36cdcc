"""What happens when the disk is full, the file is read-only, damaged, too large, or somebody else's."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from minikube_edu.etcd import etcdutl
from minikube_edu.etcd.contract import Compacted, Corrupt, Delete, NoSpace, Put, Range, Txn, Unavailable
from minikube_edu.etcd.opening import open_store
from minikube_edu.etcd.snapshot import restore
from minikube_edu.etcd.sqlite import SqliteStore


async def test_does_a_full_database_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "db"), max_pages=40)
    acknowledged = 0

    async def fill() -> None:
        nonlocal acknowledged
        for number in range(1000):
            await store.txn(Txn((), [Put(b"%d/a" % number, b"x" * 500), Put(b"%d/b" % number, b"x" * 500)]))
            acknowledged = number + 1

    with pytest.raises(Corrupt, match="the disk is full: make room"):
        await fill()
    assert (await store.range(Range(b"\0", b"\0"))).count == 2 * acknowledged
    assert store.revision == acknowledged + 1
    with pytest.raises(Corrupt):
        await store.put(Put(b"large", b"x" * 100_000))
    await store.close()
    store = SqliteStore(str(tmp_path / "db"))
    found = await store.range(Range(b"\0", b"\0"))
    assert (found.count, store.revision) == (2 * acknowledged, acknowledged + 1)
    assert (await store.put(Put(b"large", b"x" * 100_000))).revision == acknowledged + 2
    await store.close()


LIMITED = """
import asyncio, resource, sys
from minikube_edu.etcd.contract import *
from minikube_edu.etcd.opening import open_store

async def main(path):
    store = await open_store(path)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
    done = 0
    try:
        while True:
            await store.put(Put(b"%04d" % done, b"x" * 3000))
            done += 1
    except StoreError as error:
        print(done, type(error).__name__, error)
    assert (await store.range(Range(b"0", b"\\0"))).count == done
    await store.close()

asyncio.run(main(sys.argv[1]))
"""


async def test_does_the_systems_refusal_to_write_lose_nothing(tmp_path: Path) -> None:
    done = subprocess.run(  # noqa: ASYNC221 (nothing else runs here)
        [sys.executable, "-c", LIMITED, str(tmp_path / "db")], capture_output=True, text=True, check=True, timeout=30
    )
    count, name = done.stdout.split()[:2]
    assert (name, int(count) > 5) == ("Corrupt", True)
    assert "the disk" in done.stdout
    store = await open_store(str(tmp_path / "db"))
    assert (await store.range(Range(b"0", b"\0"))).count >= int(count)
    await store.close()


async def test_does_a_read_only_file_say_so_and_still_read(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "db"))
    await store.put(Put(b"a", b"1"))
    store._table._execute("pragma query_only=1")  # what a file without write permission is to SQLite, also for root
    with pytest.raises(Corrupt, match="read-only"):
        await store.put(Put(b"a", b"2"))
    assert (await store.range(Range(b"a"))).kvs[0].value == b"1"
    await store.close()


async def test_does_a_missing_directory_say_so(tmp_path: Path) -> None:
    with pytest.raises(Corrupt, match="look at the directory"):
        await open_store(str(tmp_path / "absent" / "db"))


@pytest.mark.parametrize("content", [b"this is no database" * 300, b"SQLite format 3\0" + bytes(5000)])
async def test_is_a_file_that_is_no_database_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "db").write_bytes(content)
    with pytest.raises(Corrupt, match="restore a snapshot"):
        await open_store(str(tmp_path / "db"))
    assert (tmp_path / "db").read_bytes() == content


async def test_is_somebody_elses_database_refused(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "db")
    connection.execute("create table other (a)")
    connection.close()
    with pytest.raises(Corrupt, match="not one of this store"):
        await open_store(str(tmp_path / "db"))


async def test_is_a_damaged_page_reported(tmp_path: Path) -> None:
    store = await open_store(str(tmp_path / "db"))
    for number in range(200):
        await store.put(Put(b"%03d" % number, b"x" * 1000))
    await store.close()
    content = bytearray((tmp_path / "db").read_bytes())
    for page in range(2, len(content) // 4096):
        content[page * 4096 : page * 4096 + 64] = os.urandom(64)
    (tmp_path / "db").write_bytes(content)
    with pytest.raises(Corrupt, match="damaged"):
        store = await open_store(str(tmp_path / "db"))


async def test_can_two_open_the_same_file(tmp_path: Path) -> None:
    first = await open_store(str(tmp_path / "db"))
    with pytest.raises(Unavailable, match="another process holds it"):
        await open_store(str(tmp_path / "db"))
    await first.close()
    await (await open_store(str(tmp_path / "db"))).close()


async def test_does_the_quota_raise_an_alarm_that_lasts_until_it_is_disarmed(tmp_path: Path) -> None:
    path = str(tmp_path / "db")
    store = await open_store(path, quota=100_000)

    async def fill() -> None:
        for number in range(100):
            await store.put(Put(b"%d" % number, b"x" * 5000))

    with pytest.raises(NoSpace):
        await fill()
    assert list((await store.status()).alarms) == ["NOSPACE"]
    await store.close()
    store = await open_store(path, quota=100_000)
    with pytest.raises(NoSpace):
        await store.put(Put(b"a", b""))
    with pytest.raises(NoSpace):
        await store.grant(10)
    assert (await store.delete(Delete(b"\0", b"\0"))).deleted > 10  # making room is allowed
    await store.compact(store.revision, physical=True)
    await store.defragment()
    assert list(await store.disarm()) == ["NOSPACE"]
    await store.put(Put(b"a", b""))
    assert (await store.status()).db_size < 100_000
    await store.close()


async def test_is_a_damaged_snapshot_refused(tmp_path: Path) -> None:
    store = await open_store(str(tmp_path / "db"))
    await store.put(Put(b"a", b"1"))
    content = b"".join([chunk async for chunk in store.snapshot()])
    await store.close()
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_bytes(content)
    bad.write_bytes(content[:5000] + b"!" + content[5001:])
    with pytest.raises(Corrupt, match="checksum does not match"):
        restore(str(bad), str(tmp_path / "new" / "db"))
    restore(str(good), str(tmp_path / "new" / "db"))
    with pytest.raises(Corrupt, match="exists"):
        restore(str(good), str(tmp_path / "new" / "db"))
    store = await open_store(str(tmp_path / "new" / "db"))
    assert (await store.range(Range(b"a"))).kvs[0].value == b"1"
    await store.close()


@pytest.mark.parametrize("check", [True, False])
async def test_does_a_restored_store_leap_over_revisions_that_watchers_may_have_seen(
    tmp_path: Path, check: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    store = await open_store(str(tmp_path / "db"))
    for number in range(3):
        await store.put(Put(b"a", b"%d" % number))
    await store.put(Put(b"gone", b""))
    await store.delete(Delete(b"gone", b""))
    snapshot = b"".join([chunk async for chunk in store.snapshot()])
    await store.close()
    file = tmp_path / "file"
    file.write_bytes(snapshot if check else snapshot[: len(snapshot) // 512 * 512])
    words = ["snapshot", "restore", str(file), f"--data-dir={tmp_path}/new", "--bump-revision", "1000"]
    assert etcdutl.main(words) == 1
    assert capsys.readouterr().err == "Error: --mark-compacted required if --revision-bump > 0\n"
    assert etcdutl.main([*words, "--mark-compacted", *([] if check else ["--skip-hash-check"])]) == 0
    store = await open_store(str(tmp_path / "new/member/snap/db"))
    assert store.revision == 1006
    with pytest.raises(Compacted):
        await store.range(Range(b"a", revision=6))
    found = await store.range(Range(b"\0", b"\0"))
    assert [(one.key, one.value, one.version, one.mod_revision) for one in found.kvs] == [(b"a", b"2", 4, 1006)]
    assert (await store.put(Put(b"b", b""))).revision == 1007
    assert (await store.delete(Delete(b"a", b""))).deleted == 1
    await store.compact(1008, physical=True)
    assert [one.key for one in (await store.range(Range(b"\0", b"\0"))).kvs] == [b"b"]
    await store.close()
