"""What every store promises, asked of all five: memory, SQLite, SQLite behind two faces, and a real etcd."""

from __future__ import annotations

import asyncio

import pytest

from minikube_edu.etcd.contract import (
    Compacted,
    Compare,
    Delete,
    DeleteResult,
    EventKind,
    FutureRevision,
    InvalidRequest,
    LeaseExists,
    LeaseNotFound,
    Put,
    PutResult,
    Range,
    RangeResult,
    Result,
    SortOrder,
    SortTarget,
    Store,
    StoreError,
    Target,
    Txn,
    TxnResult,
    WatchBatch,
    WatchRequest,
)
from minikube_edu.etcd.contract import Event as Change

EVERYTHING = Range(b"\0", b"\0")


async def fill(store: Store, *keys: str) -> list[int]:
    return [(await store.put(Put(key.encode(), f"value of {key}".encode()))).revision for key in keys]


class Watcher:
    """Collects what a watch delivers."""

    def __init__(self) -> None:
        self.batches: list[WatchBatch] = []
        self._news = asyncio.Event()

    def __call__(self, batch: WatchBatch) -> None:
        self.batches.append(batch)
        self._news.set()

    @property
    def events(self) -> list[Change]:
        return [event for batch in self.batches for event in batch.events]

    async def until(self, count: int) -> list[Change]:
        async with asyncio.timeout(10):
            while len(self.events) < count:
                self._news.clear()
                await self._news.wait()
        return self.events

    async def until_revision(self, revision: int) -> None:
        async with asyncio.timeout(10):
            while not self.batches or self.batches[-1].revision < revision:
                self._news.clear()
                await self._news.wait()


async def test_is_a_new_store_at_revision_one(store: Store) -> None:
    assert await store.current_revision() == 1
    assert await store.range(EVERYTHING) == RangeResult(1)


async def test_does_every_write_take_the_next_revision_and_count_versions(store: Store) -> None:
    assert await fill(store, "a", "b", "a") == [2, 3, 4]
    (kv,) = (await store.range(Range(b"a"))).kvs
    assert (kv.create_revision, kv.mod_revision, kv.version, kv.value) == (2, 4, 2, b"value of a")
    assert store.revision >= 4


async def test_does_a_deleted_key_begin_anew(store: Store) -> None:
    await fill(store, "a", "a")
    assert await store.delete(Delete(b"a")) == DeleteResult(4, 1)
    await fill(store, "a")
    (kv,) = (await store.range(Range(b"a"))).kvs
    assert (kv.create_revision, kv.mod_revision, kv.version) == (5, 5, 1)


async def test_does_deleting_nothing_leave_the_revision_alone(store: Store) -> None:
    await fill(store, "a")
    assert await store.delete(Delete(b"x", b"z")) == DeleteResult(2, 0)
    assert await store.current_revision() == 2


async def test_does_a_put_hand_back_what_it_replaced(store: Store) -> None:
    assert (await store.put(Put(b"a", b"1", previous=True))).previous is None
    previous = (await store.put(Put(b"a", b"2", previous=True))).previous
    assert previous is not None
    assert (previous.value, previous.mod_revision) == (b"1", 2)


async def test_does_ignore_value_keep_the_value_and_need_a_key(store: Store) -> None:
    with pytest.raises(StoreError, match="key not found") as refused:
        await store.put(Put(b"a", b"", ignore_value=True))
    assert refused.value.code == "INVALID_ARGUMENT"
    await fill(store, "a")
    await store.put(Put(b"a", b"", ignore_value=True))
    (kv,) = (await store.range(Range(b"a"))).kvs
    assert (kv.value, kv.version) == (b"value of a", 2)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (Put(b"", b""), "key is not provided"),
        (Put(b"a", b"x", ignore_value=True), "value is provided"),
        (Put(b"a", b"x", lease=7, ignore_lease=True), "lease is provided"),
        (Txn((), [Put(b"a", b"1"), Put(b"a", b"2")]), "duplicate key given in txn request"),
        (Txn((), [Put(b"b", b"1"), Delete(b"a", b"c")]), "duplicate key given in txn request"),
        (Txn((), [Put(b"a", b"1"), Txn((), (), [Put(b"a", b"2")])]), "duplicate key given in txn request"),
        (Txn((), [Range(b"a")] * 129), "too many operations in txn request"),
        (Txn([Compare(b"", Target.MOD, Result.EQUAL)]), "key is not provided"),
    ],
)
async def test_is_a_senseless_request_refused_with_etcds_words(store: Store, request_: Put | Txn, words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        await (store.put(request_) if isinstance(request_, Put) else store.txn(request_))
    assert await store.current_revision() == 1


async def test_is_a_request_that_is_too_large_refused(store: Store) -> None:
    with pytest.raises(InvalidRequest, match="request is too large"):
        await store.put(Put(b"a", b"x" * 1_600_000))


async def test_are_range_intervals_half_open(store: Store) -> None:
    await fill(store, "a", "b", "c", "d")

    async def keys(key: bytes, end: bytes) -> list[bytes]:
        return [kv.key for kv in (await store.range(Range(key, end))).kvs]

    assert await keys(b"b", b"d") == [b"b", b"c"]
    assert await keys(b"b", b"") == [b"b"]
    assert await keys(b"c", b"\0") == [b"c", b"d"]
    assert await keys(b"\0", b"\0") == [b"a", b"b", b"c", b"d"]
    assert await keys(b"d", b"b") == []


async def test_does_a_limited_range_say_how_many_there_are(store: Store) -> None:
    await fill(store, "a", "b", "c")
    page = await store.range(Range(b"a", b"z", limit=2))
    assert ([kv.key for kv in page.kvs], page.more, page.count) == ([b"a", b"b"], True, 3)
    page = await store.range(Range(b"c", b"z", limit=2))
    assert ([kv.key for kv in page.kvs], page.more, page.count) == ([b"c"], False, 1)
    counted = await store.range(Range(b"a", b"z", count_only=True))
    assert (list(counted.kvs), counted.count) == ([], 3)


async def test_do_keys_only_come_without_values(store: Store) -> None:
    await fill(store, "a", "b")
    assert [kv.value for kv in (await store.range(Range(b"a", b"z", keys_only=True))).kvs] == [b"", b""]


async def test_do_sort_and_revision_filters_choose(store: Store) -> None:
    await fill(store, "c", "a", "b", "a")  # revisions 2..5

    async def keys(**options: int) -> list[bytes]:
        request = Range(b"a", b"z", **{**options, **_sorted(options)})  # type: ignore[arg-type]  # the names of Range
        return [kv.key for kv in (await store.range(request)).kvs]

    assert await keys(sort_order=2) == [b"c", b"b", b"a"]
    assert await keys(sort_target=2) == [b"c", b"a", b"b"]
    assert await keys(sort_target=3, sort_order=2) == [b"a", b"b", b"c"]
    assert await keys(sort_target=1, sort_order=2, limit=1) == [b"a"]
    assert await keys(sort_target=4, sort_order=2, limit=2) == [b"c", b"b"]
    assert await keys(min_mod_revision=4) == [b"a", b"b"]
    assert await keys(max_mod_revision=4) == [b"b", b"c"]
    assert await keys(min_create_revision=3, max_create_revision=3) == [b"a"]


def _sorted(options: dict[str, int]) -> dict[str, object]:
    return {
        "sort_order": SortOrder(options.get("sort_order", 0)),
        "sort_target": SortTarget(options.get("sort_target", 0)),
    }


async def test_can_every_revision_still_be_read(store: Store) -> None:
    await fill(store, "a", "b", "a")
    await store.delete(Delete(b"b"))
    await fill(store, "b")
    expected = {2: {b"a": 1}, 3: {b"a": 1, b"b": 1}, 4: {b"a": 2, b"b": 1}, 5: {b"a": 2}, 6: {b"a": 2, b"b": 1}}
    for revision, versions in expected.items():
        result = await store.range(Range(b"\0", b"\0", revision=revision))
        assert {kv.key: kv.version for kv in result.kvs} == versions
        assert (result.revision, result.count) == (6, len(versions))
        for key in (b"a", b"b"):
            single = await store.range(Range(key, revision=revision))
            assert {kv.key: kv.version for kv in single.kvs} == {k: v for k, v in versions.items() if k == key}


async def test_can_a_list_be_paged_at_one_revision_while_keys_come_and_go(store: Store) -> None:
    revision = (await fill(store, *"abcdefg"))[-1]
    page = await store.range(Range(b"a", b"z", limit=3, revision=revision))
    await store.delete(Delete(b"a", b"f"))
    await fill(store, "e", "ee", "h")
    page = await store.range(Range(page.kvs[-1].key + b"\0", b"z", limit=3, revision=revision))
    assert ([kv.key for kv in page.kvs], page.more, page.count) == ([b"d", b"e", b"f"], True, 4)
    assert page.kvs[1].mod_revision == 6


async def test_is_a_future_revision_refused(store: Store) -> None:
    with pytest.raises(FutureRevision):
        await store.range(Range(b"a", revision=2))


async def test_does_compaction_forget_what_is_older_and_keep_the_rest(store: Store) -> None:
    await fill(store, "a", "a", "b")
    await store.delete(Delete(b"b"))  # 5
    await fill(store, "a")  # 6
    assert await store.compact(5, physical=True) == 6
    with pytest.raises(Compacted):
        await store.range(Range(b"a", revision=4))
    with pytest.raises(Compacted):
        await store.compact(5)
    with pytest.raises(FutureRevision):
        await store.compact(7)
    (kv,) = (await store.range(Range(b"a", revision=5))).kvs
    assert kv.version == 2
    assert (await store.range(Range(b"b", revision=5))).count == 0
    assert (await store.range(Range(b"a"))).kvs[0].version == 3


async def test_does_a_transaction_take_the_branch_of_its_conditions(store: Store) -> None:
    await fill(store, "a")
    update = Txn([Compare(b"a", Target.MOD, Result.EQUAL, 2)], [Put(b"a", b"new")], [Range(b"a")])
    assert await store.txn(update) == TxnResult(3, True, (PutResult(3),))
    refused = await store.txn(update)
    assert (refused.succeeded, refused.revision) == (False, 3)
    (answer,) = refused.responses
    assert isinstance(answer, RangeResult)
    assert answer.kvs[0].value == b"new"


@pytest.mark.parametrize(
    ("compare", "holds"),
    [
        (Compare(b"a", Target.VERSION, Result.EQUAL, 2), True),
        (Compare(b"a", Target.CREATE, Result.LESS, 3), True),
        (Compare(b"a", Target.MOD, Result.GREATER, 3), False),
        (Compare(b"a", Target.VALUE, Result.EQUAL, value=b"value of a"), True),
        (Compare(b"a", Target.VALUE, Result.NOT_EQUAL, value=b"value of a"), False),
        (Compare(b"a", Target.LEASE, Result.EQUAL, 0), True),
        (Compare(b"absent", Target.MOD, Result.EQUAL, 0), True),
        (Compare(b"absent", Target.CREATE, Result.NOT_EQUAL, 0), False),
        (Compare(b"absent", Target.VALUE, Result.NOT_EQUAL, value=b"x"), False),
        (Compare(b"a", Target.VERSION, Result.GREATER, 0, range_end=b"c"), True),
        (Compare(b"a", Target.VERSION, Result.EQUAL, 2, range_end=b"c"), False),
    ],
)
async def test_does_a_condition_hold(store: Store, compare: Compare, holds: bool) -> None:
    await fill(store, "a", "a", "b")
    assert (await store.txn(Txn([compare]))).succeeded is holds


async def test_do_all_changes_of_a_transaction_bear_one_revision_and_see_each_other(store: Store) -> None:
    await fill(store, "a", "b")
    inner = Txn([Compare(b"a", Target.VERSION, Result.EQUAL, 1)], [Put(b"d", b"4")], [Put(b"e", b"5")])
    result = await store.txn(Txn((), [Range(b"a"), Put(b"c", b"3"), Delete(b"a"), EVERYTHING, inner]))
    assert result.revision == 4
    before, put, deleted, after, nested = result.responses
    assert isinstance(before, RangeResult)
    assert before.revision == 3
    assert put == PutResult(4)
    assert deleted == DeleteResult(4, 1)
    assert isinstance(after, RangeResult)
    assert [(kv.key, kv.mod_revision) for kv in after.kvs] == [(b"b", 3), (b"c", 4)]
    assert isinstance(nested, TxnResult)
    assert nested.succeeded  # conditions are decided before anything is done


async def test_does_a_refused_transaction_change_nothing(store: Store) -> None:
    await fill(store, "a")
    with pytest.raises(LeaseNotFound):
        await store.txn(Txn((), [Put(b"b", b"1"), Delete(b"a"), Put(b"c", b"1", lease=12345)]))
    with pytest.raises(FutureRevision):
        await store.txn(Txn((), [Put(b"b", b"1"), Range(b"a", revision=99)]))
    assert [kv.key for kv in (await store.range(EVERYTHING)).kvs] == [b"a"]
    assert await store.current_revision() == 2


async def test_does_a_watch_see_every_change_in_order_with_what_was_before(store: Store) -> None:
    watcher = Watcher()
    watch = await store.watch(WatchRequest(b"a", b"c", previous=True), watcher)
    await fill(store, "a", "b", "c", "a")
    await store.delete(Delete(b"a", b"z"))
    events = await watcher.until(5)
    told = [
        (event.kind, event.kv.key, event.kv.mod_revision, event.previous and event.previous.version) for event in events
    ]
    assert told == [
        (EventKind.PUT, b"a", 2, None),
        (EventKind.PUT, b"b", 3, None),
        (EventKind.PUT, b"a", 5, 1),
        (EventKind.DELETE, b"a", 6, 2),
        (EventKind.DELETE, b"b", 6, 1),
    ]
    assert (events[3].kv.value, events[3].kv.version, events[3].kv.create_revision) == (b"", 0, 0)
    watch.cancel()


async def test_does_a_watch_replay_the_past_without_gap_or_repeat(store: Store) -> None:
    await fill(store, "a", "b", "a")
    watcher = Watcher()
    watch = await store.watch(WatchRequest(b"a", start_revision=2), watcher)
    await fill(store, "a")
    assert [event.kv.mod_revision for event in await watcher.until(3)] == [2, 4, 5]
    assert all(event.previous is None for event in watcher.events)
    watch.cancel()


async def test_does_a_watch_of_the_future_wait_for_it(store: Store) -> None:
    watcher = Watcher()
    watch = await store.watch(WatchRequest(b"a", start_revision=4), watcher)
    await fill(store, "a", "a", "a", "a")
    assert [event.kv.mod_revision for event in await watcher.until(2)] == [4, 5]
    watch.cancel()


async def test_is_a_watch_of_the_compacted_past_refused(store: Store) -> None:
    await fill(store, "a", "a", "a")
    await store.compact(3)
    with pytest.raises(Compacted) as refused:
        await store.watch(WatchRequest(b"a", start_revision=2), Watcher())
    assert refused.value.compact_revision == 3
    watcher = Watcher()
    watch = await store.watch(WatchRequest(b"a", start_revision=3), watcher)
    assert [event.kv.mod_revision for event in await watcher.until(2)] == [3, 4]
    watch.cancel()


async def test_do_filters_leave_kinds_out(store: Store) -> None:
    puts, deletes = Watcher(), Watcher()
    watches = [
        await store.watch(WatchRequest(b"a", no_delete=True), puts),
        await store.watch(WatchRequest(b"a", no_put=True), deletes),
    ]
    await fill(store, "a")
    await store.delete(Delete(b"a"))
    await fill(store, "a")
    assert [event.kv.mod_revision for event in await puts.until(2)] == [2, 4]
    assert [event.kv.mod_revision for event in await deletes.until(1)] == [3]
    for watch in watches:
        watch.cancel()


async def test_is_a_cancelled_watch_silent(store: Store) -> None:
    cancelled, other = Watcher(), Watcher()
    watch = await store.watch(WatchRequest(b"a"), cancelled)
    another = await store.watch(WatchRequest(b"a"), other)
    watch.cancel()
    await fill(store, "a")
    await other.until(1)
    assert cancelled.batches == []
    another.cancel()


async def test_does_a_progress_notice_say_how_far_the_watch_is(store: Store) -> None:
    watcher = Watcher()
    watch = await store.watch(WatchRequest(b"a"), watcher)
    await fill(store, "b", "c")
    watch.request_progress()
    await watcher.until_revision(3)
    assert watcher.batches == [WatchBatch(3)]
    watch.cancel()


async def test_does_a_key_go_with_its_lease(store: Store) -> None:
    lease = await store.grant(60, 77)
    assert (lease.id, lease.granted_ttl) == (77, 60)
    with pytest.raises(LeaseExists):
        await store.grant(60, 77)
    await store.put(Put(b"a", b"", lease=77))
    await store.put(Put(b"b", b"", lease=77))
    await store.put(Put(b"b", b""))  # detached again
    status = await store.time_to_live(77, keys=True)
    assert (status.granted_ttl, list(status.keys)) == (60, [b"a"])
    assert 58 <= status.ttl <= 60
    assert (await store.keep_alive(77)).ttl == 60
    assert list(await store.leases()) == [77]
    watcher = Watcher()
    watch = await store.watch(WatchRequest(b"a", b"z", previous=True), watcher)
    await store.revoke(77)
    assert [(event.kind, event.kv.key) for event in await watcher.until(1)] == [(EventKind.DELETE, b"a")]
    assert [kv.key for kv in (await store.range(EVERYTHING)).kvs] == [b"b"]
    for call in (store.revoke(77), store.keep_alive(77), store.time_to_live(77), store.put(Put(b"a", b"", lease=77))):
        with pytest.raises(LeaseNotFound):
            await call
    watch.cancel()


async def test_does_a_lease_end_by_itself_unless_it_is_renewed(store: Store) -> None:
    lease = await store.grant(1)
    watcher = Watcher()
    watch = await store.watch(WatchRequest(b"a"), watcher)
    await store.put(Put(b"a", b"", lease=lease.id))
    (_, gone) = await watcher.until(2)
    assert gone.kind == EventKind.DELETE
    assert list(await store.leases()) == []
    watch.cancel()


async def test_does_a_lease_that_is_too_long_get_etcds_refusal(store: Store) -> None:
    with pytest.raises(StoreError, match="too large lease TTL"):
        await store.grant(9_000_000_001)


async def test_do_many_writers_at_once_each_get_their_own_revision(store: Store) -> None:
    watcher = Watcher()
    watch = await store.watch(WatchRequest(b"k", b"l"), watcher)
    results = await asyncio.gather(*(store.put(Put(b"k%d" % i, b"")) for i in range(50)))
    assert sorted(result.revision for result in results) == list(range(2, 52))
    events = await watcher.until(50)
    assert [event.kv.mod_revision for event in events] == list(range(2, 52))
    watch.cancel()


async def test_does_only_one_of_many_rivals_win(store: Store) -> None:
    claim = Txn([Compare(b"leader", Target.CREATE, Result.EQUAL, 0)], [Put(b"leader", b"me")], [Range(b"leader")])
    results = await asyncio.gather(*(store.txn(claim) for _ in range(20)))
    assert sum(result.succeeded for result in results) == 1


async def test_does_the_status_tell_sizes_and_revision(store: Store) -> None:
    await fill(store, "a")
    status = await store.status()
    assert status.revision == 2
    assert status.db_size >= status.db_size_in_use > 0
    assert status.version.startswith("3.")
    assert list(status.alarms) == []
    await store.defragment()
    assert list(await store.disarm()) == []


async def test_is_a_snapshot_complete(store: Store) -> None:
    import hashlib

    await fill(store, "a", "b")
    content = b"".join([chunk async for chunk in store.snapshot()])
    assert hashlib.sha256(content[:-32]).digest() == content[-32:]
    assert len(content) % 512 == 32
