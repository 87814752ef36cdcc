"""Do all stores tell the same story? Random requests, answered by the memory store and by another, must agree in
everything: results, errors, events."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minikube_edu.etcd.contract import (
    Compare,
    Delete,
    Event,
    Operation,
    Put,
    Range,
    Result,
    SortOrder,
    SortTarget,
    Store,
    StoreError,
    Target,
    Txn,
    WatchBatch,
    WatchRequest,
)
from minikube_edu.etcd.memory import MemoryStore
from minikube_edu.etcd.opening import open_store
from tests.etcd.stores import OPENERS

KEYS = st.sampled_from([b"a", b"aa", b"ab", b"b", b"b/c", b"c"])
ENDS = st.sampled_from([b"", b"", b"\0", b"b", b"c", b"d", b"a"])
LEASES = st.sampled_from([0, 0, 0, 0, 11, 12])
REVISIONS = st.integers(0, 30)

puts = st.builds(
    Put, KEYS, st.binary(max_size=3), LEASES, previous=st.booleans(), ignore_lease=st.booleans()
) | st.builds(Put, KEYS, st.just(b""), ignore_value=st.just(True))
deletes = st.builds(Delete, KEYS, ENDS, st.booleans())
ranges = st.builds(
    Range,
    KEYS,
    ENDS,
    limit=st.integers(0, 3),
    revision=st.just(0) | REVISIONS,
    keys_only=st.booleans(),
    count_only=st.booleans(),
    min_mod_revision=st.just(0) | REVISIONS,
    max_create_revision=st.just(0) | REVISIONS,
) | st.builds(
    # Other orders on numbers that no two keys share: where they are equal etcd promises no order.
    Range,
    KEYS,
    ENDS,
    limit=st.integers(0, 3),
    sort_order=st.sampled_from(SortOrder),
    sort_target=st.sampled_from([SortTarget.KEY]),
)
numbers = st.builds(
    Compare,
    KEYS,
    st.sampled_from([Target.VERSION, Target.CREATE, Target.MOD, Target.LEASE]),
    st.sampled_from(Result),
    st.integers(0, 12),
    range_end=ENDS,
)
values = st.builds(
    Compare, KEYS, st.just(Target.VALUE), st.sampled_from(Result), value=st.binary(max_size=1), range_end=ENDS
)
compares = st.lists(numbers | values, max_size=2).map(tuple)


def transactions(inner: st.SearchStrategy[Operation]) -> st.SearchStrategy[Operation]:
    branch = st.lists(inner, max_size=3).map(tuple)
    return st.builds(Txn, compares, branch, branch)


operations: st.SearchStrategy[Operation] = st.recursive(puts | deletes | ranges, transactions, max_leaves=6)
steps = st.lists(
    operations
    | operations
    | st.tuples(st.sampled_from(["compact"]), REVISIONS)
    | st.tuples(st.sampled_from(["grant", "revoke", "keys"]), st.sampled_from([11, 12]))
    | st.tuples(st.sampled_from(["watch"]), REVISIONS),
    max_size=40,
)


class Story:
    """One store's side: what it answered, and what its watches were told."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.events: list[list[Event]] = []

    async def do(self, step: Any) -> Any:
        try:
            return await self._do(step)
        except StoreError as error:
            return type(error).__name__, error.code, str(error), getattr(error, "compact_revision", None)

    async def _do(self, step: Any) -> Any:
        store = self.store
        if isinstance(step, Put):
            return await store.put(step)
        if isinstance(step, Delete):
            return await store.delete(step)
        if isinstance(step, Range):
            return await store.range(step)
        if isinstance(step, Txn):
            return await store.txn(step)
        name, number = step
        if name == "compact":
            return await store.compact(number)
        if name == "grant":
            return await store.grant(1000, number)
        if name == "revoke":
            return await store.revoke(number)
        if name == "keys":
            return (await store.time_to_live(number, keys=True)).keys
        told: list[Event] = []
        await self.watch(WatchRequest(b"a", b"\0", number, previous=number % 2 == 0), told)
        self.events.append(told)
        return "watching"

    async def watch(self, request: WatchRequest, told: list[Event]) -> None:
        def deliver(batch: WatchBatch) -> None:
            told.extend(batch.events)

        await self.store.watch(request, deliver)


async def _agree(one: Story, other: Story, program: list[Any]) -> None:
    for step in program:
        expected, found = await one.do(step), await other.do(step)
        assert found == expected, step
    everything = Range(b"\0", b"\0")
    assert await other.do(everything) == await one.do(everything)
    assert other.events == one.events


def _loop(main: Any) -> None:
    with asyncio.Runner() as runner:
        runner.run(main)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps)
def test_does_sqlite_tell_the_same_story_as_memory(program: list[Any]) -> None:
    async def main() -> None:
        memory, sqlite = MemoryStore(), await open_store(None)
        await _agree(Story(memory), Story(sqlite), program)
        await memory.close()
        await sqlite.close()

    _loop(main())


@settings(max_examples=60, deadline=None)
@given(steps, steps)
def test_does_a_reopened_file_go_on_with_the_same_story(before: list[Any], after: list[Any]) -> None:
    async def main(directory: str) -> None:
        memory = MemoryStore()
        one = Story(memory)
        path = directory + "/db"
        other = Story(await open_store(path, fsync=False))
        await _agree(one, other, before)
        await other.store.close()
        other.store, one.events, other.events = await open_store(path, fsync=False), [], []
        one.events.clear()
        await _agree(one, other, after)
        await other.store.close()
        await memory.close()

    with tempfile.TemporaryDirectory() as directory:
        _loop(main(directory))


@pytest.mark.parametrize("name", ["socket", "grpc"])
@settings(max_examples=15, deadline=None)
@given(program=steps)
def test_do_the_faces_tell_the_same_story(name: str, program: list[Any]) -> None:
    async def main(directory: Path) -> None:
        memory = MemoryStore()
        async with OPENERS[name](directory) as store:
            one, other = Story(memory), Story(store)
            quiet = [step for step in program if not (isinstance(step, tuple) and step[0] == "watch")]
            await _agree(one, other, quiet)  # without watches: through gRPC events come when they come
        await memory.close()

    with tempfile.TemporaryDirectory() as directory:
        _loop(main(Path(directory)))
