"""What etcdctl 3.6 has and an older program beside it may not have yet; and the door that it comes through."""

from __future__ import annotations

import asyncio
import io
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import given, strategies

from minikube_edu.etcd.contract import Put, Range, Store, WatchBatch, WatchRequest
from minikube_edu.etcd.etcdctl import command_line, delete
from minikube_edu.etcd.etcdctl.go_text import quote, size, span, unquote, words
from minikube_edu.etcd.etcdctl.keys import prefix_end
from minikube_edu.etcd.opening import open_store
from minikube_edu.etcd.side_door import SideDoor
from minikube_edu.etcd.snapshot import restore
from minikube_edu.etcd.socket_driver import SocketStore
from tests.etcd.etcdctl_calls import Ours, ours


@pytest_asyncio.fixture
async def etcdctl() -> AsyncIterator[Ours]:
    async with AsyncExitStack() as stack:
        yield await ours(Path(stack.enter_context(tempfile.TemporaryDirectory())), stack)


async def test_does_the_owner_stay_exclusive_and_hear_of_foreign_writes_before_they_are_answered() -> None:
    with tempfile.TemporaryDirectory() as directory:
        store: Store = await open_store(None)
        door = await SideDoor.open(store, f"{directory}/s")
        seen: list[int] = []

        def note(batch: WatchBatch) -> None:
            seen.append(batch.revision)

        await store.watch(WatchRequest(b"k"), note)
        greedy = await SocketStore.open(f"{directory}/s", exclusive=True)
        for _ in range(3):
            result = await greedy.put(Put(b"k", b"v"))
            assert seen[-1] == result.revision == store.revision
            assert store.exclusive
            await store.put(Put(b"other", b""))
        await asyncio.sleep(0)
        assert not greedy.exclusive  # the promise is the owner's
        assert (await greedy.current_revision()) == store.revision
        await greedy.close()
        await door.close()
        assert not Path(f"{directory}/s").exists()
        await store.close()


async def test_count_only_is_for_fields(etcdctl: Ours) -> None:
    await etcdctl.call("put", "a", "1")
    said = await etcdctl.call("get", "", "--prefix", "--count-only", "-w=fields")
    assert said.out.splitlines()[-2:] == ['"More" : false', '"Count" : 1']
    said = await etcdctl.call("get", "", "--prefix", "--count-only")
    assert (said.code, said.error) == (128, "Error: --count-only is only for `--write-out=fields`")


async def test_deleting_a_range_leaves_time_for_second_thoughts(etcdctl: Ours, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delete, "SECOND_THOUGHTS", 0.0)
    for key in "abc":
        await etcdctl.call("put", key, key)
    said = await etcdctl.call("del", "a", "c")
    assert said.out == "2\n"
    assert said.err.startswith('Warning: Keys between "a" and "c" will be deleted.')
    said = await etcdctl.call("del", "c", "d", "--range", "--prev-kv")
    assert (said.out, said.err) == ("1\nc\nc\n", "")


async def test_revisions_can_be_chosen_by_when_they_were_made(etcdctl: Ours) -> None:
    for key in "abcd":
        await etcdctl.call("put", key, key)
    said = await etcdctl.call("get", "", "--prefix", "--min-mod-rev=3", "--max-mod-rev=4", "--print-value-only")
    assert said.out == "b\nc\n"
    said = await etcdctl.call("get", "", "--prefix", "--min-create-rev=4", "--max-create-rev=3")
    assert (said.code, said.error) == (4, "Error: getMinCreateRev(=4) > getMaxCreateRev(=3)")


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("simple", "PUT\nk\n1\nPUT\nk\n1\nk\n2\nDELETE\nk\n2\nk\n\n"),
        ("json", '"Events":[{"kv":{"key":"aw==","create_revision":2,"mod_revision":2,"version":1,"value":"MQ=="}}'),
        ("fields", '"Type" : DELETE\n"PrevKey" : "k"\n'),
    ],
)
async def test_a_watch_prints_the_past_and_follows(etcdctl: Ours, form: str, expected: str) -> None:
    await etcdctl.call("put", "k", "1")

    async def dial(endpoint: str, patience: float) -> Store:
        return await SocketStore.open(etcdctl.path, exclusive=False)

    out, err = io.BytesIO(), io.BytesIO()
    watching = asyncio.create_task(
        command_line.run(["watch", "k", "--rev=2", "--prev-kv", "-w", form], dial, ["store"], io.BytesIO(), out, err)
    )
    while not out.getvalue():  # noqa: ASYNC110 (what is printed cannot be waited for)
        await asyncio.sleep(0.005)
    await etcdctl.call("put", "k", "2")
    await etcdctl.call("del", "k")
    async with asyncio.timeout(5):
        while not any(word in out.getvalue() for word in (b"DELETE", b'"type":1')):  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    assert expected in out.getvalue().decode()


async def test_a_watch_runs_a_command_for_each_event(etcdctl: Ours, tmp_path: Path) -> None:
    await etcdctl.call("put", "k", 'a "quoted" value')
    script = 'echo "$ETCD_WATCH_EVENT_TYPE $ETCD_WATCH_KEY $ETCD_WATCH_VALUE" > "$0"; exit 3'
    said = await etcdctl.call("watch", "k", "--rev=2", "--", "sh", "-c", script, str(tmp_path / "told"))
    assert said.code == 1
    assert "error (exit status 3)" in said.err
    assert (tmp_path / "told").read_text() == '"PUT" "k" "a \\"quoted\\" value"\n'


async def test_a_snapshot_is_complete_and_can_be_restored(etcdctl: Ours, tmp_path: Path) -> None:
    await etcdctl.call("put", "k", "v")
    said = await etcdctl.call("snapshot", "save", str(tmp_path / "copy"))
    assert said.out == f"Snapshot saved at {tmp_path}/copy\nServer version 3.6.0\n"
    assert [file.name for file in tmp_path.iterdir()] == ["copy"]
    restore(str(tmp_path / "copy"), str(tmp_path / "db"))
    store = await open_store(str(tmp_path / "db"))
    assert (await store.range(Range(b"k"))).kvs[0].value == b"v"
    await store.close()
    said = await etcdctl.call("snapshot", "save", str(tmp_path / "no" / "copy"))
    assert said.code == 5
    assert "no such file" in said.err


async def test_endpoint_and_member_tell_of_the_one_that_there_is(etcdctl: Ours) -> None:
    assert (await etcdctl.call("endpoint", "health")).out.startswith(
        "unix://store is healthy: successfully committed proposal: took = "
    )
    columns = (await etcdctl.call("endpoint", "status")).out.strip("\n").split(", ")
    assert columns[:4] == ["unix://store", "1", "3.6.6", "3.6.0"]
    assert len(columns) == 16
    assert (await etcdctl.call("member", "list")).out == "1, started, default, , unix://store, false\n"
    assert "Finished defragmenting etcd member[unix://store]. took " in (await etcdctl.call("defrag")).out


@pytest.mark.parametrize("call", [("user", "list"), ("member", "add", "x"), ("move-leader", "1")])
async def test_what_one_member_cannot_do_is_refused_by_name(etcdctl: Ours, call: tuple[str, ...]) -> None:
    said = await etcdctl.call(*call)
    assert said.code == 1
    assert "is not supported by a store of one member without users" in said.err


async def test_help_names_every_verb(etcdctl: Ours) -> None:
    for call in ((), ("help",), ("--help",)):
        said = await etcdctl.call(*call)
        assert said.code == 0
        assert all(command.usage in said.out for command in command_line.COMMANDS.values())
    assert "--keys-only" in (await etcdctl.call("get", "--help")).out


@given(strategies.binary())
def test_quoted_texts_come_back(data: bytes) -> None:
    assert unquote(quote(data).encode()) == data
    assert words(b"put " + quote(data).encode()) == [b"put", data]


@given(strategies.binary(min_size=1), strategies.binary())
def test_the_end_of_a_prefix_is_behind_all_that_begin_with_it(prefix: bytes, rest: bytes) -> None:
    end = prefix_end(prefix)
    assert end == b"\0" or prefix + rest < end


def test_numbers_for_people() -> None:
    assert [size(n) for n in (0, 9, 999, 1000, 16384, 1_500_000)] == [
        "0 B",
        "9 B",
        "999 B",
        "1.0 kB",
        "16 kB",
        "1.5 MB",
    ]
    assert [span(s) for s in (0, 1.5e-6, 0.002, 2.25, 63)] == ["0s", "1.5µs", "2ms", "2.25s", "1m3s"]
