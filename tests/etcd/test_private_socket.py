"""The private socket: the promise to be the only writer, loss of the server, strangers' noise."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from minikube_edu.etcd.contract import Put, Range, Store, StoreError, Unavailable, WatchBatch, WatchRequest
from minikube_edu.etcd.delegation import Delegation
from minikube_edu.etcd.opening import open_store
from minikube_edu.etcd.socket_driver import SocketStore
from minikube_edu.etcd.socket_face import SocketFace
from minikube_edu.etcd.sqlite import SqliteStore


class Server:
    def __init__(self, directory: Path) -> None:
        self.path = str(directory / "s")
        self.file = str(directory / "db")

    async def start(self) -> None:
        self.delegation = Delegation()
        store = await open_store(self.file, fsync=False, min_lease_ttl=1)
        assert isinstance(store, SqliteStore)
        store.own_write = self.delegation.writing
        self.store: Store = store
        self.face = SocketFace(store, self.path, self.delegation)
        await self.face.start()

    async def stop(self) -> None:
        await self.face.close()
        self.delegation.close()
        await self.store.close()


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    server = Server(tmp_path)
    await server.start()
    yield server
    await server.stop()


async def eventually(store: SocketStore, exclusive: bool) -> None:
    async with asyncio.timeout(5):
        while store.exclusive is not exclusive:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_is_the_only_writer_told_before_another_is_answered(server: Server) -> None:
    first = await SocketStore.open(server.path)
    second = await SocketStore.open(server.path)
    await eventually(first, True)
    await first.put(Put(b"a", b"1"))
    assert (first.exclusive, second.exclusive, first.revision) == (True, False, 2)
    assert await first.current_revision() == 2
    result = await second.put(Put(b"a", b"2"))
    assert first.exclusive is False  # told, and has acknowledged, before the other's put returned
    assert await first.current_revision() == result.revision == 3
    await eventually(first, True)  # the other has been quiet for a while
    assert first.revision == 3
    await first.close()
    await eventually(second, True)  # it has asked as well, and is next
    await second.close()


async def test_is_an_expiring_lease_another_writer(server: Server) -> None:
    store = await SocketStore.open(server.path)
    await eventually(store, True)
    lease = await store.grant(1)
    await store.put(Put(b"a", b"", lease=lease.id))
    seen = []

    def deliver(batch: WatchBatch) -> None:
        seen.append((batch.revision, store.exclusive))

    await store.watch(WatchRequest(b"a"), deliver)
    async with asyncio.timeout(5):
        while not seen:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert seen == [(3, False)]
    await store.close()


async def test_are_events_delivered_before_the_result_also_here(server: Server) -> None:
    store = await SocketStore.open(server.path)
    told = 0

    def deliver(batch: WatchBatch) -> None:
        nonlocal told
        told = batch.revision

    await store.watch(WatchRequest(b"\0", b"\0"), deliver)

    async def client(number: int) -> None:
        for _ in range(20):
            result = await store.put(Put(b"%d" % number, b""))
            assert told >= result.revision

    await asyncio.gather(*map(client, range(8)))
    await store.close()


async def test_does_the_driver_find_a_server_that_comes_back(server: Server) -> None:
    store = await SocketStore.open(server.path)
    await store.put(Put(b"a", b"1"))
    batches: list[WatchBatch] = []
    await store.watch(WatchRequest(b"a"), batches.append)
    await server.stop()
    with pytest.raises(Unavailable):
        await store.put(Put(b"a", b"2"))
    assert store.exclusive is False
    async with asyncio.timeout(5):
        while not batches:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert isinstance(batches[-1].error, Unavailable)
    await server.start()
    async with asyncio.timeout(5):
        while True:
            try:
                result = await store.put(Put(b"a", b"3"))
                break
            except Unavailable:
                await asyncio.sleep(0.01)
    assert result.revision == 3
    again: list[WatchBatch] = []
    await store.watch(WatchRequest(b"a", start_revision=2), again.append)
    assert [event.kv.value for batch in again for event in batch.events] == [b"1", b"3"]
    await eventually(store, True)
    await store.close()


async def test_does_a_store_without_a_server_say_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="No such file"):
        await SocketStore.open(str(tmp_path / "nobody"), patience=0.1)


async def test_does_noise_end_its_own_connection_only(server: Server) -> None:
    store = await SocketStore.open(server.path)
    for noise in (b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 100, b"\x00\x00\x00\x00\x00\x00\x00\x00\xee"):
        reader, writer = await asyncio.open_unix_connection(server.path)
        writer.write(noise)
        try:
            assert await asyncio.wait_for(reader.read(), 5) == b""
        except ConnectionResetError:
            pass
        writer.close()
    assert (await store.put(Put(b"a", b""))).revision == 2
    await store.close()


async def test_is_a_left_over_socket_replaced_and_a_living_one_not(server: Server, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="another process listens"):
        await SocketFace(server.store, server.path).start()
    assert (tmp_path / "s").stat().st_mode & 0o777 == 0o600
    import socket

    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "left"))
    face = SocketFace(server.store, str(tmp_path / "left"))
    await face.start()
    store = await SocketStore.open(str(tmp_path / "left"))
    assert (await store.range(Range(b"a"))).count == 0
    await store.close()
    await face.close()


async def test_does_a_holder_that_sleeps_lose_the_promise_and_its_connection(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    from minikube_edu.etcd import delegation, frames

    monkeypatch.setattr(delegation, "PATIENCE", 0.05)
    reader, writer = await asyncio.open_unix_connection(server.path)
    writer.write(frames.frame(0, frames.Hello(frames.PROTOCOL, True)))
    await reader.readexactly(frames.HEADER.size + 8)  # Exclusive
    other = await SocketStore.open(server.path)
    assert (await other.put(Put(b"a", b""))).revision == 2
    await reader.readexactly(frames.HEADER.size)  # Recall, never acknowledged
    with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
        await reader.readexactly(1)
    writer.close()
    await other.close()


async def test_is_a_watch_given_up_while_it_catches_up_gone_for_good(server: Server) -> None:
    store = await SocketStore.open(server.path)
    for number in range(3000):
        await server.store.put(Put(b"%d" % number, b""))

    def give_up(batch: WatchBatch) -> None:
        watching.cancel()

    watching = asyncio.create_task(store.watch(WatchRequest(b"\0", b"\0", 2), give_up))
    with pytest.raises(asyncio.CancelledError):
        await watching
    await store.put(Put(b"a", b""))
    assert isinstance(server.store, SqliteStore)
    async with asyncio.timeout(5):
        while len(server.store._hub):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await store.close()


async def test_does_a_watcher_that_fails_not_end_the_connection(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    store = await SocketStore.open(server.path)

    def fail(batch: WatchBatch) -> None:
        raise RuntimeError("a bug")

    await store.watch(WatchRequest(b"a"), fail)
    await store.put(Put(b"a", b""))
    assert (await store.put(Put(b"a", b""))).revision == 3
    assert caplog.text.count("a watcher failed") == 1
    await store.close()


async def test_do_ids_of_any_size_come_through(server: Server) -> None:
    """They are hashes of 64 bits."""
    assert isinstance(server.store, SqliteStore)
    server.store.member_id, server.store.cluster_id = 0x8E9E05C52164694D, (1 << 64) - 1
    store = await SocketStore.open(server.path)
    async with asyncio.timeout(30):
        status = await store.status()
    assert (status.member_id, status.cluster_id) == (0x8E9E05C52164694D, (1 << 64) - 1)
    await store.close()


async def test_does_nobody_wait_for_ever_for_an_answer_that_cannot_be_given(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def status() -> object:
        raise ZeroDivisionError("a mistake")

    store = await SocketStore.open(server.path)
    monkeypatch.setattr(server.store, "status", status)
    async with asyncio.timeout(30):
        with pytest.raises(StoreError, match="internal error: a mistake"):
            await store.status()
    await store.close()
