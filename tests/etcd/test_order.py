"""Order and grouping in the store on SQLite: what callers may rely on beyond single answers."""

from __future__ import annotations

import asyncio
import threading
from itertools import pairwise
from pathlib import Path

import pytest

from minikube_edu.etcd.compact import AutoCompaction, parse_duration, parse_retention
from minikube_edu.etcd.contract import (
    Compacted,
    Compare,
    Delete,
    Put,
    Range,
    Result,
    Target,
    Txn,
    Unavailable,
    WatchBatch,
    WatchRequest,
)
from minikube_edu.etcd.opening import open_store
from minikube_edu.etcd.sqlite import SqliteStore


async def test_are_events_delivered_before_the_result_is_handed_back() -> None:
    store = await open_store(None)
    told = 0

    def deliver(batch: WatchBatch) -> None:
        nonlocal told
        told = batch.revision

    await store.watch(WatchRequest(b"\0", b"\0"), deliver)

    async def client(number: int) -> None:
        for _ in range(20):
            result = await store.put(Put(b"%d" % number, b""))
            assert told >= result.revision
            assert store.revision >= result.revision

    await asyncio.gather(*map(client, range(8)))
    await store.close()


async def test_do_the_writes_of_one_turn_share_one_commit() -> None:
    store = await open_store(None)
    batches: list[WatchBatch] = []
    await store.watch(WatchRequest(b"\0", b"\0"), batches.append)
    await asyncio.gather(*(store.put(Put(b"%d" % number, b"")) for number in range(16)))
    assert [len(batch.events) for batch in batches] == [16]
    await store.close()


async def test_do_members_of_a_group_see_each_other_and_refusals_stay_alone() -> None:
    store = await open_store(None)
    claim = Txn([Compare(b"a", Target.CREATE, Result.EQUAL, 0)], [Put(b"a", b"1")], [Range(b"a")])
    outcomes = await asyncio.gather(
        store.txn(claim),
        store.put(Put(b"b", b"", lease=99)),
        store.txn(claim),
        store.delete(Delete(b"a")),
        store.txn(claim),
        return_exceptions=True,
    )
    assert [getattr(outcome, "succeeded", None) for outcome in outcomes] == [True, None, False, None, True]
    assert store.revision == 4
    await store.close()


async def test_does_a_caller_that_goes_away_not_disturb_its_group() -> None:
    store = await open_store(None)
    gone = asyncio.create_task(store.put(Put(b"a", b"")))
    stays = asyncio.create_task(store.put(Put(b"b", b"")))
    await asyncio.sleep(0)
    gone.cancel()
    assert (await stays).revision == 3
    await store.close()


async def test_does_a_watcher_that_fails_not_disturb_others(caplog: pytest.LogCaptureFixture) -> None:
    store = await open_store(None)
    batches: list[WatchBatch] = []

    def fail(batch: WatchBatch) -> None:
        raise RuntimeError("a bug")

    await store.watch(WatchRequest(b"a"), fail)
    await store.watch(WatchRequest(b"a"), batches.append)
    await store.put(Put(b"a", b""))
    await store.put(Put(b"a", b""))
    assert len(batches) == 2
    assert caplog.text.count("a watcher failed and is dropped") == 1
    await store.close()


async def test_does_a_long_replay_come_in_whole_revisions(tmp_path: Path) -> None:
    store = await open_store(str(tmp_path / "db"), fsync=False)
    for revision in range(30):
        await store.txn(Txn((), [Put(b"%03d/%03d" % (revision, place), b"") for place in range(100)]))
    await store.delete(Delete(b"\0", b"\0"))  # one transaction of 3,000 changes, more than a step
    batches: list[WatchBatch] = []
    await store.watch(WatchRequest(b"\0", b"\0", 2), batches.append)
    assert sum(len(batch.events) for batch in batches) == 6000
    assert len(batches) > 3
    edges = [(batch.events[0].kv.mod_revision, batch.events[-1].kv.mod_revision) for batch in batches]
    assert all(before[1] < after[0] for before, after in pairwise(edges))
    await store.close()


async def test_does_an_idle_watch_get_progress_notices_when_it_asked() -> None:
    store = await open_store(None, progress_interval=0.02)
    noticed, silent = asyncio.Event(), list[WatchBatch]()
    watch = await store.watch(WatchRequest(b"a", progress_notify=True), lambda batch: noticed.set())
    await store.watch(WatchRequest(b"a"), silent.append)
    await asyncio.wait_for(noticed.wait(), 5)
    assert silent == []
    watch.cancel()
    await store.close()


async def test_does_closing_end_watches_and_leave_nothing(tmp_path: Path) -> None:
    tasks, threads = asyncio.all_tasks(), threading.enumerate()
    store = await open_store(str(tmp_path / "db"), auto_compaction=AutoCompaction("periodic", 60), progress_interval=1)
    batches: list[WatchBatch] = []
    await store.watch(WatchRequest(b"a", progress_notify=True), batches.append)
    await store.grant(50)
    pending = asyncio.ensure_future(store.put(Put(b"b", b"")))
    await asyncio.sleep(0)
    await store.close()
    assert (await pending).revision == 2  # what was asked for before is done
    assert isinstance(batches[-1].error, Unavailable)
    with pytest.raises(Unavailable):
        await store.put(Put(b"a", b""))
    with pytest.raises(Unavailable):
        await store.range(Range(b"a"))
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == tasks
    assert threading.enumerate() == threads


async def test_do_leases_outlive_the_process(tmp_path: Path) -> None:
    store = await open_store(str(tmp_path / "db"))
    await store.grant(500, 5)
    await store.grant(500, 6)
    await store.put(Put(b"a", b"", lease=5))
    await store.revoke(6)
    await store.close()
    store = await open_store(str(tmp_path / "db"))
    assert list(await store.leases()) == [5]
    assert list((await store.time_to_live(5, keys=True)).keys) == [b"a"]
    await store.close()


async def test_is_an_interrupted_compaction_finished_after_a_restart(tmp_path: Path) -> None:
    path = str(tmp_path / "db")
    store = SqliteStore(path, fsync=False)
    for _ in range(50):
        await store.put(Put(b"a", b"x" * 100))
    store._engine.compact(50)  # the promise is made, and the process ends
    await store.close()
    again = await open_store(path, fsync=False)
    assert isinstance(again, SqliteStore)
    assert again._scrubber is not None
    await again._scrubber
    rows = again._table._execute("select count(*) from change").fetchone()
    assert rows == (2,)
    await again.close()


async def test_does_automatic_compaction_keep_what_it_should() -> None:
    by_number, by_age = AutoCompaction("revision", 3), AutoCompaction("periodic", 0.05)
    by_number.every = 0.02
    for automatic in (by_number, by_age):
        store = await open_store(None, auto_compaction=automatic)
        for _ in range(10):
            await store.put(Put(b"a", b""))
        async with asyncio.timeout(5):
            while (await store.status()).compact_revision == 0:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        compacted = (await store.status()).compact_revision
        assert compacted == 8 if automatic is by_number else compacted <= 11
        if compacted > 1:
            with pytest.raises(Compacted):
                await store.range(Range(b"a", revision=compacted - 1))
        await store.close()


def test_is_retention_read_as_etcd_reads_it() -> None:
    assert parse_retention("periodic", "0") is None
    hours, minutes, revisions = (
        parse_retention(*words) for words in (("periodic", "2"), ("periodic", "5m"), ("revision", "1000"))
    )
    assert hours is not None
    assert (hours.retention, hours.every) == (7200, 3600)
    assert minutes is not None
    assert (minutes.retention, minutes.every) == (300, 300)
    assert revisions is not None
    assert (revisions.mode, revisions.retention) == ("revision", 1000)
    assert parse_duration("1h30m1.5s") == 5401.5
    for mode, text in (("sometimes", "1"), ("periodic", "5x"), ("revision", "5m")):
        with pytest.raises(ValueError, match=r"auto-compaction|duration"):
            parse_retention(mode, text)
