"""The gRPC door beyond the contract: TLS, several watches on one stream, what happens when the server goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
import pytest_asyncio

from minikube_edu.etcd.contract import Put, Range, Unavailable, WatchBatch, WatchRequest
from minikube_edu.etcd.delegation import Delegation
from minikube_edu.etcd.grpc_driver import GrpcStore
from minikube_edu.etcd.grpc_face import GrpcFace, ServerTls
from minikube_edu.etcd.opening import open_store
from minikube_edu.etcd.socket_driver import SocketStore
from minikube_edu.etcd.socket_face import SocketFace
from minikube_edu.etcd.sqlite import SqliteStore
from minikube_edu.etcd.wire import Message, decode, encode
from tests.etcd.certificates import certificates


@pytest_asyncio.fixture
async def behind() -> AsyncIterator[SqliteStore]:
    store = await open_store(None, progress_interval=0.05)
    assert isinstance(store, SqliteStore)
    yield store
    await store.close()


@pytest_asyncio.fixture
async def port(behind: SqliteStore) -> AsyncIterator[int]:
    face = GrpcFace(behind)
    yield await face.listen("127.0.0.1:0")
    await face.close()


class Stream:
    """A Watch call by hand."""

    def __init__(self, channel: Any) -> None:
        self._call = channel.stream_stream("/etcdserverpb.Watch/Watch")()

    async def ask(self, **request: Message) -> None:
        await self._call.write(encode("WatchRequest", request))

    async def hear(self) -> Message:
        return decode("WatchResponse", await asyncio.wait_for(self._call.read(), 5))

    def end(self) -> None:
        self._call.cancel()


@pytest_asyncio.fixture
async def stream(port: int) -> AsyncIterator[Stream]:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stream = Stream(channel)
        yield stream
        stream.end()


async def test_do_several_watches_share_a_stream(stream: Stream, behind: SqliteStore) -> None:
    await stream.ask(create_request={"key": b"a"})
    await stream.ask(create_request={"key": b"b", "watch_id": 7, "prev_kv": True})
    assert [((await stream.hear())["watch_id"]) for _ in range(2)] == [0, 7]
    await behind.put(Put(b"a", b"1"))
    heard = await stream.hear()
    assert (heard["watch_id"], heard["events"][0]["kv"]["value"], heard["header"]["revision"]) == (0, b"1", 2)
    await stream.ask(cancel_request={"watch_id": 0})
    assert (await stream.hear())["canceled"] is True
    await behind.put(Put(b"a", b"2"))
    await behind.put(Put(b"b", b"1"))
    await behind.put(Put(b"b", b"2"))
    assert (await stream.hear())["events"][0]["prev_kv"] is None
    assert (await stream.hear())["events"][0]["prev_kv"]["value"] == b"1"
    await stream.ask(progress_request={})
    heard = await stream.hear()
    assert (heard["watch_id"], heard["header"]["revision"], heard["events"]) == (-1, 5, ())
    await stream.ask(create_request={"key": b"c", "watch_id": 7})
    heard = await stream.hear()
    assert (heard["watch_id"], heard["canceled"]) == (-1, True)
    assert "duplicate watch ID" in heard["cancel_reason"]


async def test_is_a_compacted_watch_cancelled_with_the_revision(stream: Stream, behind: SqliteStore) -> None:
    for _ in range(4):
        await behind.put(Put(b"a", b""))
    await behind.compact(4)
    await stream.ask(create_request={"key": b"a", "start_revision": 2})
    created, cancelled = await stream.hear(), await stream.hear()
    assert (created["created"], created["canceled"]) == (True, False)
    assert (cancelled["canceled"], cancelled["compact_revision"]) == (True, 4)


async def test_does_an_idle_watch_hear_of_progress(stream: Stream, behind: SqliteStore) -> None:
    await stream.ask(create_request={"key": b"a", "progress_notify": True})
    assert (await stream.hear())["created"]
    await behind.put(Put(b"b", b""))
    heard = await stream.hear()
    while heard["header"]["revision"] < 2:
        heard = await stream.hear()
    assert (heard["watch_id"], heard["events"]) == (0, ())


async def test_are_large_batches_cut_for_those_who_ask(port: int, behind: SqliteStore) -> None:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stream = Stream(channel)
        await stream.ask(create_request={"key": b"a", "range_end": b"b", "fragment": True})
        await stream.hear()
        await asyncio.gather(*(behind.put(Put(b"a%d" % number, b"x" * 700_000)) for number in range(5)))
        parts = [await stream.hear() for _ in range(3)]
        assert [part["fragment"] for part in parts] == [True, True, False]
        assert sum(len(part["events"]) for part in parts) == 5
        stream.end()


async def test_is_a_client_without_a_certificate_turned_away(behind: SqliteStore, tmp_path: Path) -> None:
    certificates(tmp_path)
    content = {name: (tmp_path / name).read_bytes() for name in ("server.crt", "server.key", "ca.crt")}
    face = GrpcFace(behind, tls=ServerTls(content["server.crt"], content["server.key"], content["ca.crt"]))
    url = f"https://127.0.0.1:{await face.listen('127.0.0.1:0')}"
    ca = str(tmp_path / "ca.crt")
    with pytest.raises(Unavailable):
        await GrpcStore.open([url], cafile=ca, patience=0.5)
    store = await GrpcStore.open(
        [url], cafile=ca, certfile=str(tmp_path / "client.crt"), keyfile=str(tmp_path / "client.key")
    )
    assert (await store.put(Put(b"a", b""))).revision == 2
    await store.close()
    await face.close()


async def test_does_the_driver_go_on_with_another_endpoint(behind: SqliteStore) -> None:
    faces = [GrpcFace(behind), GrpcFace(behind)]
    ports = [await face.listen("127.0.0.1:0") for face in faces]
    store = await GrpcStore.open([f"http://127.0.0.1:{port}" for port in ports])
    batches: list[WatchBatch] = []
    await store.watch(WatchRequest(b"a"), batches.append)
    await faces[0].close(grace=0)
    async with asyncio.timeout(10):
        while not batches:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert isinstance(batches[-1].error, Unavailable)
        while True:
            try:
                assert (await store.range(Range(b"a"))).revision == 1
                break
            except Unavailable:
                pass
    await store.close()
    await faces[1].close()


async def test_does_a_write_through_grpc_take_the_promise_from_the_private_socket(
    behind: SqliteStore, tmp_path: Path
) -> None:
    delegation = Delegation()
    private = SocketFace(behind, str(tmp_path / "s"), delegation)
    await private.start()
    public = GrpcFace(behind, delegation=delegation)
    ours = await SocketStore.open(str(tmp_path / "s"))
    other = await GrpcStore.open([f"http://127.0.0.1:{await public.listen('127.0.0.1:0')}"])
    async with asyncio.timeout(5):
        while not ours.exclusive:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    result = await other.put(Put(b"a", b""))
    assert ours.exclusive is False
    assert await ours.current_revision() == result.revision
    for store in (ours, other):
        await store.close()
    await public.close()
    await private.close()
    delegation.close()


async def test_may_progress_be_asked_for_again_while_a_request_for_it_is_on_its_way(port: int) -> None:
    """A call bears one write at a time: two at once end the watch."""
    store = await GrpcStore.open([f"http://127.0.0.1:{port}"])
    batches: list[WatchBatch] = []
    come = asyncio.Event()

    def deliver(batch: WatchBatch) -> None:
        batches.append(batch)
        if batch.events or batch.error:
            come.set()

    watch = await store.watch(WatchRequest(b"a", progress_notify=True), deliver)
    for _ in range(50):
        watch.request_progress()
        await asyncio.sleep(0)
    await store.put(Put(b"a", b"1"))
    await asyncio.wait_for(come.wait(), 5)
    assert not any(batch.error for batch in batches)
    watch.cancel()
    await store.close()
