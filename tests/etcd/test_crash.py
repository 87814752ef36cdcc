"""What is left after a kill: every acknowledged write, no half transaction, and watches that go on without gap or
repeat.

A child process writes to a store and says on its output what was acknowledged; it is killed at a random moment, the
file is opened again, and everything is compared. KILLS says how often (a few by default; hundreds when it matters).
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

from minikube_edu.etcd.contract import Range, WatchBatch, WatchRequest
from minikube_edu.etcd.opening import open_store

KILLS = int(os.environ.get("KILLS", "12"))

WRITER = """
import asyncio, os, sys
from minikube_edu.etcd.contract import *
from minikube_edu.etcd.opening import open_store

async def main(path, life):
    store = await open_store(path)
    async def client(number):
        for i in range(10**6):
            value = b"%d %d " % (life, i) + os.urandom(20).hex().encode() * 20
            pair = [Put(b"pair/%d/left" % number, value), Put(b"pair/%d/right" % number, value)]
            if i % 7 == 6:
                pair = [Delete(b"pair/%d/" % number, b"pair/%d0" % number)]
            result = await store.txn(Txn((), pair))
            if i % 50 == 49 and number == 0:
                await store.compact(result.revision - 20)
            sys.stdout.write("%d %d %d %d\\n" % (result.revision, number, i, i % 7 == 6))
            sys.stdout.flush()
    await asyncio.gather(*map(client, range(8)))

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


def live_and_die(path: Path, life: int) -> list[tuple[int, int, int, bool]]:
    """One life of the writer; returns what it was told is durable: revision, client, step, whether a deletion."""
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(life)], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        lines = [child.stdout.readline()]  # it writes: now it may die at any time
        wait = random.uniform(0.0, 0.15)
        try:
            child.wait(wait)
        except subprocess.TimeoutExpired:
            child.kill()
        lines += child.stdout.readlines()
    told = []
    for line in lines:
        if line.endswith(b"\n"):
            revision, client, step, deleted = map(int, line.split())
            told.append((revision, client, step, bool(deleted)))
    return told


async def test_does_a_killed_store_keep_its_word(tmp_path: Path) -> None:
    path = tmp_path / "db"
    highest = 1
    for life in range(KILLS):
        told = live_and_die(path, life)
        assert told, "the writer was killed before it wrote anything"
        store = await open_store(str(path), fsync=False)
        try:
            assert store.revision >= max(revision for revision, *_ in told) > highest
            newest: dict[int, tuple[int, int, bool]] = {}
            for revision, client, step, deleted in told:
                newest[client] = max(newest.get(client, (0, 0, False)), (revision, step, deleted))
            for client, (revision, step, deleted) in newest.items():
                found = await store.range(Range(b"pair/%d/" % client, b"pair/%d0" % client))
                values = {kv.value for kv in found.kvs}
                revisions = {kv.mod_revision for kv in found.kvs}
                assert len(found.kvs) in (0, 2), "half a transaction"
                assert len(values) <= 1
                assert len(revisions) <= 1
                if not found.kvs:  # the last thing told was the deletion, or one followed that nobody was told of
                    assert deleted or step % 7 == 5
                    continue
                (mod_revision,) = revisions
                assert mod_revision >= revision
                if mod_revision == revision:
                    assert next(iter(values)).startswith(b"%d %d " % (life, step))
            await check_history(store, max(told)[0])
            highest = store.revision
        finally:
            await store.close()


async def check_history(store: object, told: int) -> None:
    from minikube_edu.etcd.sqlite import SqliteStore

    assert isinstance(store, SqliteStore)
    seen: list[int] = []

    def deliver(batch: WatchBatch) -> None:
        seen.extend(event.kv.mod_revision for event in batch.events)

    start = max(store.compact_revision, 2)
    watch = await store.watch(WatchRequest(b"\0", b"\0", start), deliver)
    watch.cancel()
    revisions = sorted(set(seen))
    assert seen == sorted(seen)
    # Every revision is there (deletions of nothing take none), each with both halves of its pair.
    assert revisions[-1] == store.revision
    after = [revision for revision in revisions if revision > start]
    assert after == list(range(after[0], store.revision + 1)) if after else True
    assert all(seen.count(revision) == 2 for revision in after)
    assert told <= store.revision
