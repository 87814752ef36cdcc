"""When the store goes away: clients hear it, nothing is lost, and when it comes back all goes on."""

from __future__ import annotations

import asyncio
import signal
import tempfile
from collections.abc import Awaitable, Iterator
from pathlib import Path

import pytest

from minikube_edu.client.errors import ApiError
from minikube_edu.client.kubeconfig import connect, default_client_config
from minikube_edu.client.rest import Client, Resource
from minikube_edu.etcd.opening import open_store
from minikube_edu.etcd.socket_driver import SocketStore
from minikube_edu.etcd.socket_face import SocketFace
from tests.in_process import Reply, api_server, until
from tests.programs import ApiServerProgram, api_server_program, etcd_program, wait_for_socket

MAPS = "/api/v1/namespaces/default/configmaps"
CONFIG_MAPS = Resource("", "v1", "configmaps")


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A directory whose name leaves room for a socket's: those may have 108 letters."""
    with tempfile.TemporaryDirectory(prefix="edu-") as name:
        yield Path(name)


async def test_writes_fail_reads_too_and_then_all_goes_on(short_path: Path) -> None:
    """Consistent reads need to know the newest revision; a read from the cache does not, and goes on being answered."""
    path = str(short_path / "s")
    behind = await open_store(None, fsync=False)
    face = SocketFace(behind, path)
    await face.start()
    store = await SocketStore.open(path)
    async with api_server(store=store) as api:
        await api.create(MAPS, "before", data={"n": "1"})
        async with api.watch(f"{MAPS}?resourceVersion=0") as events:
            assert await events.take(1) == [("ADDED", "before")]
            await face.close()
            refused = await api.post(MAPS, {"metadata": {"name": "lost"}})
            assert refused.code >= 500, refused
            assert refused.json["kind"] == "Status"
            assert (await api.get(f"{MAPS}/before")).code >= 500
            assert (await api.get(f"{MAPS}?resourceVersion=0")).names == ["before"]
            face = SocketFace(behind, path)
            await face.start()
            await until(lambda: _created(api.post(MAPS, {"metadata": {"name": "after"}})))
            assert await events.take(1) == [("ADDED", "after")]  # the same watch, nothing missed, nothing twice
            assert (await api.get(MAPS)).names == ["after", "before"]
    await store.close()
    await face.close()
    await behind.close()


async def test_a_store_that_went_on_and_was_compacted_meanwhile_is_read_anew(short_path: Path) -> None:
    """Somebody else wrote while we were cut off, and the history is gone: watchers hear the difference."""
    path = str(short_path / "s")
    behind = await open_store(None, fsync=False)
    face = SocketFace(behind, path)
    await face.start()
    store = await SocketStore.open(path)
    async with api_server(store=store) as api:
        for name in ("changes", "goes", "stays"):
            await api.create(MAPS, name, data={"n": "1"})
        async with api.watch(f"{MAPS}?resourceVersion=0") as events:
            await events.take(3)
            await face.close()
            async with api_server(store=behind) as other:
                await other.patch(f"{MAPS}/changes", {"data": {"n": "2"}})
                await other.delete(f"{MAPS}/goes")
                await other.create(MAPS, "new")
                await behind.compact(behind.revision, physical=True)
            face = SocketFace(behind, path)
            await face.start()
            assert sorted(await events.take(3)) == [("ADDED", "new"), ("DELETED", "goes"), ("MODIFIED", "changes")]
        assert (await api.get(MAPS)).names == ["changes", "new", "stays"]
    await store.close()
    await face.close()
    await behind.close()


async def test_two_servers_behind_one_door_read_what_the_other_has_written(short_path: Path) -> None:
    """Whoever is alone answers from memory; from the moment that there are two, each asks before it answers."""
    path = str(short_path / "s")
    behind = await open_store(None, fsync=False)
    face = SocketFace(behind, path)
    await face.start()
    first = await SocketStore.open(path)
    async with api_server(store=first) as one:
        await until(lambda: one.registry.cache.current)
        second = await SocketStore.open(path)
        async with api_server(store=second) as other:
            for number in range(20):
                writer, reader = (one, other) if number % 2 else (other, one)
                made = await writer.create(MAPS, f"m-{number}", data={"n": str(number)})
                assert (await reader.get(f"{MAPS}/m-{number}")).json == made
                assert len((await reader.get(MAPS)).names) == number + 1
                taken = await reader.post(MAPS, {"metadata": {"name": f"m-{number}"}})
                assert taken.reason == "AlreadyExists"
            replies = await asyncio.gather(
                *(api.patch(f"{MAPS}/m-0", {"data": {f"k{n}": "x"}}) for n in range(10) for api in (one, other))
            )
            assert {reply.code for reply in replies} == {200}
            assert len((await one.get(f"{MAPS}/m-0")).json["data"]) == 11
        await second.close()
    await first.close()
    await face.close()
    await behind.close()


async def _created(pending: Awaitable[Reply]) -> bool:
    return (await pending).code == 201


# ---------------------------------------------------------------- the programs


def client_of(program: ApiServerProgram) -> Client:
    return connect(default_client_config(str(program.kubeconfig)))


async def test_a_killed_store_comes_back_with_all_that_was_acknowledged(short_path: Path) -> None:
    with (
        etcd_program(short_path) as etcd,
        api_server_program(short_path, f"--etcd-servers=unix://{short_path}/etcd.sock") as program,
    ):
        client = client_of(program)
        await client.create(CONFIG_MAPS, {"metadata": {"name": "a"}}, "default")
        etcd.kill()
        with pytest.raises(ApiError) as refused:
            await client.create(CONFIG_MAPS, {"metadata": {"name": "b"}}, "default")
        assert refused.value.code >= 500
        etcd.start()
        await asyncio.to_thread(wait_for_socket, short_path / "etcd.sock")

        async def works() -> bool:
            try:
                await client.create(CONFIG_MAPS, {"metadata": {"name": "c"}}, "default")
            except ApiError as error:
                return error.reason == "AlreadyExists"
            return True

        await until(works, 15)
        names = [item["metadata"]["name"] for item in (await client.list(CONFIG_MAPS, "default"))["items"]]
        assert names == ["a", "c"]
        await client.close()


async def test_sigterm_lets_writes_finish_and_ends_watches(tmp_path: Path) -> None:
    """Every write that was answered is there after the restart, and no client sees a broken answer."""
    with api_server_program(tmp_path) as program:
        client = client_of(program)
        answered: list[str] = []
        stopped = asyncio.Event()

        async def write(worker: int) -> None:
            number = 0
            while not stopped.is_set():
                name = f"m-{worker}-{number}"
                try:
                    await client.create(CONFIG_MAPS, {"metadata": {"name": name}}, "default")
                except OSError:
                    return
                answered.append(name)
                number += 1

        async def follow() -> int:
            seen = 0
            async with client.watch(CONFIG_MAPS, "default", resource_version="0") as events:
                async for _ in events:
                    seen += 1
            return seen

        watching = asyncio.create_task(follow())
        writers = [asyncio.create_task(write(worker)) for worker in range(4)]
        await until(lambda: len(answered) > 50)
        program.signal(signal.SIGTERM)
        assert await asyncio.to_thread(program.wait) == 0
        stopped.set()
        assert await asyncio.wait_for(watching, 5) > 0  # ended, not broken
        for writer in writers:
            writer.cancel()
        await asyncio.gather(*writers, return_exceptions=True)
        await client.close()
        program.start(ready_fd=True)
        client = client_of(program)
        kept = {item["metadata"]["name"] for item in (await client.list(CONFIG_MAPS, "default"))["items"]}
        assert set(answered) <= kept
        await client.close()
