"""watch: does a client see every change once, in order, and only what it asked for?"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from minikube_edu.client.errors import ApiError
from minikube_edu.etcd.memory import MemoryStore
from minikube_edu.kube_apiserver import watch_cache
from minikube_edu.kube_apiserver.handlers import watching
from minikube_edu.lib.web import incoming
from tests.in_process import PARTIAL, TABLE, Api, api_server

MAPS = "/api/v1/namespaces/default/configmaps"
INITIAL = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"


async def test_changes_come_in_order_with_their_kind(api: Api) -> None:
    async with api.watch(MAPS) as events:
        await api.create(MAPS, "a", data={"n": "1"})
        await api.patch(f"{MAPS}/a", {"data": {"n": "2"}})
        await api.delete(f"{MAPS}/a")
        assert await events.take(3) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]


async def test_a_deletion_bears_the_last_state_and_a_version_of_its_own(api: Api) -> None:
    made = await api.create(MAPS, "a", data={"n": "1"})
    async with api.watch(MAPS + "?resourceVersion=" + made["metadata"]["resourceVersion"]) as events:
        await api.delete(f"{MAPS}/a")
        event = await events.next()
    assert event is not None
    assert event["object"]["data"] == {"n": "1"}
    assert int(event["object"]["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])


async def test_nothing_is_said_of_what_did_not_change(api: Api) -> None:
    await api.create(MAPS, "a", data={"n": "1"})
    async with api.watch(MAPS) as events:
        assert (await events.take(1)) == [("ADDED", "a")]  # without a version it begins with what is there
        before = api.store.revision
        same = await api.patch(f"{MAPS}/a", {"data": {"n": "1"}})
        assert same.code == 200
        assert api.store.revision == before
        await events.nothing()


async def test_a_watch_from_a_list_misses_nothing_and_repeats_nothing(api: Api) -> None:
    await api.create(MAPS, "a")
    version = (await api.get(MAPS)).version
    await api.create(MAPS, "b")
    async with api.watch(f"{MAPS}?resourceVersion={version}") as events:
        await api.create(MAPS, "c")
        assert await events.take(2) == [("ADDED", "b"), ("ADDED", "c")]
        await events.nothing()


async def test_another_namespace_and_another_kind_are_not_heard(api: Api) -> None:
    async with api.watch(f"{MAPS}?resourceVersion=0") as events:
        await api.create("/api/v1/namespaces/kube-public/configmaps", "elsewhere")
        await api.create("/api/v1/namespaces/default/secrets", "secret")
        await api.create(MAPS, "here")
        assert await events.take(1) == [("ADDED", "here")]


async def test_objects_come_and_go_as_they_begin_and_cease_to_match(api: Api) -> None:
    async with api.watch(f"{MAPS}?labelSelector=on=yes&resourceVersion=0") as events:
        await api.create(MAPS, "a")
        await api.patch(f"{MAPS}/a", {"metadata": {"labels": {"on": "yes"}}})
        await api.patch(f"{MAPS}/a", {"data": {"n": "1"}})
        await api.patch(f"{MAPS}/a", {"metadata": {"labels": {"on": "no"}}})
        await api.delete(f"{MAPS}/a")
        assert await events.take(3) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]
        await events.nothing()


async def test_one_object_is_watched_by_its_name(api: Api) -> None:
    async with api.watch(f"{MAPS}?fieldSelector=metadata.name=b&resourceVersion=0") as events:
        for name in "abc":
            await api.create(MAPS, name)
        assert await events.take(1) == [("ADDED", "b")]
        await events.nothing()


async def test_a_list_can_come_as_a_watch(api: Api) -> None:
    """What is there, a bookmark that says so, then what changes."""
    await api.create(MAPS, "a")
    await api.create(MAPS, "b")
    async with api.watch(f"{MAPS}?{INITIAL}") as events:
        assert await events.take(2) == [("ADDED", "a"), ("ADDED", "b")]
        mark = await events.next()
        assert mark is not None
        assert mark["type"] == "BOOKMARK"
        assert mark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
        assert int(mark["object"]["metadata"]["resourceVersion"]) == api.registry.cache.revision
        await api.create(MAPS, "c")
        assert await events.take(1) == [("ADDED", "c")]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("sendInitialEvents=true", "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"),
        ("resourceVersionMatch=NotOlderThan", "forbidden for watch unless sendInitialEvents is provided"),
        ("sendInitialEvents=true&resourceVersionMatch=Exact", 'supported values: "NotOlderThan"'),
    ],
)
async def test_watch_lists_want_their_options_right(api: Api, query: str, words: str) -> None:
    refused = await api.get(f"{MAPS}?watch=1&{query}")
    assert refused.code == 422
    assert words in refused.message


async def test_bookmarks_tell_how_far_the_stream_is(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "BOOKMARK_SECONDS", 0.02)
    async with api.watch(f"{MAPS}?allowWatchBookmarks=true") as events:
        await api.create("/api/v1/namespaces/default/secrets", "elsewhere")  # moves the version on
        mark = await events.next()
        assert mark is not None
        assert mark["type"] == "BOOKMARK"
        assert mark["object"] == {
            "kind": "ConfigMap",
            "apiVersion": "v1",
            "metadata": {"resourceVersion": str(api.registry.cache.revision)},
        }


async def test_without_bookmarks_there_are_none(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "BOOKMARK_SECONDS", 0.01)
    async with api.watch(MAPS) as events:
        await events.nothing()


async def test_too_old_a_version_is_an_event_and_the_end(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async with api.watch(f"{MAPS}?resourceVersion=1") as events:
        event = await events.next()
        assert event is not None
        assert event["type"] == "ERROR"
        assert (event["object"]["code"], event["object"]["reason"]) == (410, "Expired")
        assert event["object"]["message"].startswith("too old resource version: 1 (")
        assert await events.next() is None


async def test_the_ring_is_long_but_not_endless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_cache, "RING", 4)
    async with api_server() as api:
        first = await api.create(MAPS, "a")
        for number in range(6):
            await api.patch(f"{MAPS}/a", {"data": {"n": str(number)}})
        async with api.watch(f"{MAPS}?resourceVersion={first['metadata']['resourceVersion']}") as events:
            event = await events.next()
            assert event is not None
            assert event["type"] == "ERROR"
        late = str(api.store.revision - 2)
        async with api.watch(f"{MAPS}?resourceVersion={late}") as events:
            assert await events.take(2) == [("MODIFIED", "a")] * 2


async def test_compaction_of_the_store_does_not_concern_watchers(api: Api) -> None:
    """The ring of recent changes is the server's own."""
    version = (await api.get(MAPS)).version
    async with api.watch(f"{MAPS}?resourceVersion={version}") as open_before:
        await api.create(MAPS, "a")
        await api.create(MAPS, "b")
        await api.store.compact(api.store.revision, physical=True)
        assert await open_before.take(2) == [("ADDED", "a"), ("ADDED", "b")]
        async with api.watch(f"{MAPS}?resourceVersion={version}") as opened_after:
            assert await opened_after.take(2) == [("ADDED", "a"), ("ADDED", "b")]
            await api.create(MAPS, "c")
            assert await opened_after.take(1) == await open_before.take(1) == [("ADDED", "c")]


async def test_a_watch_ends_when_its_time_is_over(api: Api) -> None:
    async with api.watch(f"{MAPS}?timeoutSeconds=1") as events:
        assert await events.next() is None
    assert not api.server.watchers


async def test_who_closes_is_forgotten(api: Api) -> None:
    async with api.watch(MAPS):
        assert len(api.server.watchers) == 1
    await asyncio.sleep(0)
    assert not api.server.watchers
    assert all(not cache.listeners for prefix, cache in api.registry.cache.caches.items() if "configmaps" in prefix)


async def test_a_watcher_that_does_not_keep_up_is_cut_off(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its answer is not ended, it breaks: the client knows that it has not seen all."""
    monkeypatch.setattr(watching, "UNSENT_LIMIT", 10_000)
    slow = await api.caller().stream("GET", f"{MAPS}?watch=1&resourceVersion=0", ())
    async with api.watch(f"{MAPS}?resourceVersion=0") as quick:
        for number in range(20):
            await api.create(MAPS, f"m-{number}", data={"big": "x" * 1000})
            assert await quick.take(1) == [("ADDED", f"m-{number}")]
        assert len(api.server.watchers) == 1
    with pytest.raises(ConnectionError):
        await slow.read()


async def test_changes_of_long_ago_are_forgotten_but_for_the_latest(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A quiet resource would keep the past of its last busy hour."""
    monkeypatch.setattr(watch_cache, "RING_AT_LEAST", 2)
    cache = api.registry.cache
    versions = [(await api.create(MAPS, f"m-{n}"))["metadata"]["resourceVersion"] for n in range(5)]
    for _ in range(watch_cache.AGES + 1):
        cache._grow_older()
    async with api.watch(f"{MAPS}?resourceVersion={versions[2]}") as events:
        assert await events.take(2) == [("ADDED", "m-3"), ("ADDED", "m-4")]
    async with api.watch(f"{MAPS}?resourceVersion={versions[1]}") as events:
        gone = await events.next()
        assert gone is not None
        assert gone["object"]["code"] == 410


@pytest.mark.parametrize("since", ["the list", "a version"])
async def test_what_was_there_before_comes_as_fast_as_it_is_taken(
    api: Api, monkeypatch: pytest.MonkeyPatch, since: str
) -> None:
    """However much it is: nobody is cut off for it. What changes meanwhile comes behind it."""
    monkeypatch.setattr(watching, "UNSENT_LIMIT", 10_000)
    monkeypatch.setattr(watching, "PORTION", 5_000)
    monkeypatch.setattr(incoming, "HIGH", 4_000)
    version = (await api.get(MAPS)).version
    for number in range(30):
        await api.create(MAPS, f"m-{number:02}", data={"big": "x" * 1000})
    before = [("ADDED", f"m-{number:02}") for number in range(30)]
    query = INITIAL if since == "the list" else f"resourceVersion={version}"
    async with api.watch(f"{MAPS}?{query}") as events:
        await asyncio.sleep(0)
        await api.create(MAPS, "new")
        newest = (await api.patch(f"{MAPS}/m-00", {"data": {"n": "2"}})).json["metadata"]["resourceVersion"]
        assert await events.take(30) == before
        if since == "the list":
            bookmark = await events.next()
            assert bookmark is not None
            assert bookmark["type"] == "BOOKMARK"
            assert int(bookmark["object"]["metadata"]["resourceVersion"]) < int(newest) - 1
        assert await events.take(2) == [("ADDED", "new"), ("MODIFIED", "m-00")]
        await api.create(MAPS, "newer")
        assert await events.take(1) == [("ADDED", "newer")]


async def test_a_watch_of_tables_sends_the_columns_once(api: Api) -> None:
    async with api.watch(f"{MAPS}?resourceVersion=0", accept=TABLE) as events:
        await api.create(MAPS, "a")
        await api.create(MAPS, "b")
        first, second = await events.next(), await events.next()
    assert first is not None
    assert second is not None
    assert first["object"]["kind"] == second["object"]["kind"] == "Table"
    assert [column["name"] for column in first["object"]["columnDefinitions"]] == ["Name", "Data", "Age"]
    assert second["object"]["columnDefinitions"] is None
    assert second["object"]["rows"][0]["cells"][0] == "b"


async def test_a_watch_of_metadata_has_no_more(api: Api) -> None:
    async with api.watch(f"{MAPS}?resourceVersion=0", accept=PARTIAL) as events:
        await api.create(MAPS, "a", data={"n": "1"})
        event = await events.next()
    assert event is not None
    assert set(event["object"]) == {"kind", "apiVersion", "metadata"}


async def test_yaml_has_no_streams(api: Api) -> None:
    refused = await api.get(f"{MAPS}?watch=1", accept="application/yaml")
    assert refused.code == 406


async def test_a_garbage_version_is_refused_with_the_real_code(api: Api) -> None:
    with pytest.raises(ApiError) as refused:
        async with api.watch(f"{MAPS}?resourceVersion=x"):
            pass
    assert refused.value.code == 500


async def test_many_watchers_share_one_encoding(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = 0
    encode = watching.Watcher.encode

    def counting(self: watching.Watcher, *arguments: Any, **more: Any) -> bytes:
        nonlocal encoded
        encoded += 1
        return encode(self, *arguments, **more)

    monkeypatch.setattr(watching.Watcher, "encode", counting)
    streams = [await api.caller().stream("GET", f"{MAPS}?watch=1&resourceVersion=0", ()) for _ in range(10)]
    await api.create(MAPS, "a")
    for stream in streams:
        assert b'"ADDED"' in await stream.next()
        stream.close()
    assert encoded == 1


async def test_a_server_that_goes_down_ends_its_watches(api: Api) -> None:
    async with api.watch(MAPS) as events:
        await api.server.drain()
        assert await events.next() is None


async def test_two_servers_on_one_store_see_each_other() -> None:
    store = MemoryStore()
    async with api_server(store=store) as one, api_server(store=store) as other:
        async with other.watch(f"{MAPS}?resourceVersion=0") as events:
            made = await one.create(MAPS, "a", data={"n": "1"})
            assert await events.take(1) == [("ADDED", "a")]
        assert (await other.get(f"{MAPS}/a")).json == made
        stale = await other.put(f"{MAPS}/a", {**made, "data": {"n": "2"}})
        assert stale.code == 200
        lost = await one.put(f"{MAPS}/a", {**made, "data": {"n": "3"}})
        assert (lost.code, lost.reason) == (409, "Conflict")
    await store.close()
