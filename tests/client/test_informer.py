"""Does an informer keep its contract through gaps, restarts and broken connections?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import parse_qs

import pytest

from minikube_edu.client.alike import FEW
from minikube_edu.client.factory import InformerFactory
from minikube_edu.client.index import Index, by_owner, key_of, split_key
from minikube_edu.client.informer import (
    Deleted,
    DeletedFinalStateUnknown,
    Informer,
    last_state,
    trimmed,
    without_managed_fields,
)
from minikube_edu.client.rest import Client, Resource
from minikube_edu.client.sending import Sender
from minikube_edu.lib import clock
from minikube_edu.lib.web.inprocess import InProcess
from minikube_edu.lib.web.messages import Answer, Request, Response, Streaming
from tests.client.server import Object, Server, failure

CONFIGMAPS = Resource("", "v1", "configmaps")


class Heard:
    """A handler that remembers."""

    def __init__(self, informer: Informer) -> None:
        self.events: list[str] = []
        self.last: Deleted | None = None
        informer.add_handler(self.added, self.updated, self.deleted)

    def added(self, obj: Object) -> None:
        self.events.append(f"+{obj['metadata']['name']}")

    def updated(self, before: Object, now: Object) -> None:
        self.events.append(f"~{now['metadata']['name']}")

    def deleted(self, obj: Deleted) -> None:
        self.last = obj
        unknown = isinstance(obj, DeletedFinalStateUnknown)
        self.events.append(f"-{last_state(obj)['metadata']['name']}" + ("?" if unknown else ""))


async def until(condition: Callable[[], bool]) -> None:
    """In virtual time: a minute passes at once."""
    async with asyncio.timeout(600):
        while not condition():  # noqa: ASYNC110 - the condition has no event of its own
            await asyncio.sleep(0.01)


@asynccontextmanager
async def running(server: Server, **options: bool | float) -> AsyncIterator[tuple[Informer, Heard]]:
    informer = Informer(Client(Sender(InProcess(server))), CONFIGMAPS, **options)  # type: ignore[arg-type]
    heard = Heard(informer)
    task = asyncio.create_task(informer.run())
    try:
        await asyncio.wait_for(informer.wait_synced(), 60)
        yield informer, heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture(params=[True, False], ids=["watch-list", "list"])
def server(request: pytest.FixtureRequest) -> Server:
    server = Server(watch_lists=request.param)
    server.put("configmaps", "a")
    server.put("configmaps", "b", "kube-system")
    return server


async def test_does_it_see_what_is_there_and_what_happens(server: Server) -> None:
    async with running(server) as (informer, heard):
        assert sorted(heard.events) == ["+a", "+b"]
        found = informer.index.find("a", "default")
        assert found is not None
        assert (found["kind"], found["apiVersion"]) == ("ConfigMap", "v1")
        server.put("configmaps", "a", data={"k": "v"})
        server.put("configmaps", "c")
        server.drop("configmaps", "b", "kube-system")
        await until(lambda: len(heard.events) == 5)
        assert heard.events[2:] == ["~a", "+c", "-b"]
        assert sorted(informer.index.keys()) == ["default/a", "default/c"]


async def test_does_a_watch_that_ends_go_on_where_it_was(server: Server) -> None:
    async with running(server) as (informer, heard):
        for cut in (False, True, False):
            await until(lambda: bool(server.watchers))
            server.end_watches(cut)
            server.put("configmaps", "gap")  # while nobody watches
            await until(lambda: heard.events[-1].endswith("gap"))
            heard.events.append("")
        assert [event for event in heard.events[2:] if event] == ["+gap", "~gap", "~gap"]
        assert informer.reflector.lists == 1


async def test_is_everything_listed_again_after_410(server: Server) -> None:
    async with running(server) as (informer, heard):
        await until(lambda: bool(server.watchers))
        server.end_watches()
        server.drop("configmaps", "a")
        server.put("configmaps", "c")
        server.compact()
        await until(lambda: informer.reflector.lists == 2)
        assert heard.events[2:] == ["~b", "+c", "-a?"] or heard.events[2:] == ["+c", "~b", "-a?"]
        assert isinstance(heard.last, DeletedFinalStateUnknown)
        assert heard.last.key == "default/a"
        server.put("configmaps", "d")
        await until(lambda: heard.events[-1] == "+d")


async def test_does_a_bookmark_spare_the_new_list(server: Server) -> None:
    async with running(server) as (informer, heard):
        await until(lambda: bool(server.watchers))
        server.version += 50
        server.bookmark("configmaps")
        await until(lambda: informer.reflector.resource_version == str(server.version))
        server.compact()
        server.end_watches()
        server.put("configmaps", "c")
        await until(lambda: heard.events[-1] == "+c")
        assert informer.reflector.lists == 1


async def test_does_it_survive_a_server_that_is_down_for_a_while(server: Server) -> None:
    async with running(server) as (informer, heard):
        await until(lambda: bool(server.watchers))
        server.before = lambda request: failure(503, "ServiceUnavailable")
        server.end_watches(cut=True)
        server.put("configmaps", "c")
        await asyncio.sleep(300)
        failures = informer.reflector.failures
        assert 8 < failures < 40, "pauses grow to half a minute and a bit"
        server.before = lambda request: None
        await until(lambda: heard.events[-1] == "+c")
        assert informer.reflector.lists == 1


async def test_does_it_follow_a_server_that_was_set_back(server: Server) -> None:
    async with running(server) as (informer, heard):
        await until(lambda: bool(server.watchers))
        server.end_watches(cut=True)
        server.version = 10  # restored from a backup
        server.objects.clear()
        server.history.clear()
        server.put("configmaps", "old")

        def set_back(request: Request) -> Answer | None:
            asked = int(parse_qs(request.query).get("resourceVersion", ["0"])[0])
            cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
            return failure(504, "Timeout", causes=[cause]) if asked > server.version else None

        server.before = set_back
        await until(lambda: informer.index.keys() == ["default/old"])
        assert sorted(heard.events[2:]) == ["+old", "-a?", "-b?"]


async def test_is_a_server_that_does_not_know_watch_lists_understood(server: Server) -> None:
    server.watch_lists = True

    def old(request: Request) -> Answer | None:
        if "sendInitialEvents" not in request.query:
            return None
        return Streaming(lambda writer: writer.end())  # events there would be, but no mark behind them

    server.before = old
    async with running(server) as (_, heard):
        assert sorted(heard.events) == ["+a", "+b"]


async def test_does_it_begin_when_the_server_comes_up_late(server: Server) -> None:
    down = [Response(500, b"")] * 3
    server.before = lambda request: down.pop() if down else None
    async with running(server) as (_, heard):
        assert sorted(heard.events) == ["+a", "+b"]


async def test_is_a_server_without_watch_lists_listed_in_the_old_way(server: Server) -> None:
    async with running(server) as (informer, _):
        lists = [request for request in server.asked("GET") if "watch=" not in request.query]
        assert bool(lists) is not server.watch_lists
        assert informer.reflector.lists == 1
    async with running(server, watch_list=False):
        assert len(server.asked("GET", "resourceVersion=0")) >= 1


async def test_does_a_late_handler_hear_of_what_is_there(server: Server) -> None:
    async with running(server) as (informer, _):
        late = Heard(informer)
        assert sorted(late.events) == ["+a", "+b"]
        keys: list[str] = []
        handler = informer.add_key_handler(keys.append)
        server.drop("configmaps", "a")
        await until(lambda: len(keys) == 3)
        assert keys[2] == "default/a"
        informer.remove_handler(handler)
        server.put("configmaps", "z")
        await until(lambda: late.events[-1] == "+z")
        assert len(keys) == 3


async def test_does_one_bad_handler_not_spoil_the_others(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    informer = Informer(Client(Sender(InProcess(server))), CONFIGMAPS)
    informer.add_handler(added=lambda obj: 1 / 0)  # type: ignore[arg-type]
    heard = Heard(informer)
    task = asyncio.create_task(informer.run())
    await asyncio.wait_for(informer.wait_synced(), 60)
    task.cancel()
    assert sorted(heard.events) == ["+a", "+b"]
    assert "a handler of configmaps failed" in caplog.text
    await asyncio.gather(task, return_exceptions=True)


async def test_do_resyncs_repeat_everything_without_asking(server: Server) -> None:
    async with running(server, resync=60.0) as (_, heard):
        asked = len(server.requests)
        await asyncio.sleep(130)
        assert sorted(heard.events[2:]) == ["~a", "~a", "~b", "~b"]
        assert len(server.requests) - asked <= 1


async def test_are_objects_trimmed_before_they_are_kept(server: Server) -> None:
    server.put("configmaps", "a", metadata={"managedFields": [{}]})
    async with running(server, transform=without_managed_fields) as (informer, _):  # type: ignore[arg-type]
        found = informer.index.get("default/a")
        assert found is not None
        assert "managedFields" not in found["metadata"]


async def test_do_loops_share_informers(server: Server) -> None:
    factory = InformerFactory(Client(Sender(InProcess(server))))
    pods = Resource("", "v1", "pods")
    assert factory.informer(CONFIGMAPS) is factory.informer(CONFIGMAPS)
    assert factory.informer(CONFIGMAPS) is not factory.informer(CONFIGMAPS, label_selector="a=b")
    async with factory:
        assert factory.informer(CONFIGMAPS).has_synced()
        late = factory.informer(pods)
        factory.start()
        await asyncio.wait_for(factory.wait_synced(), 60)
        assert late.has_synced()


def test_how_are_objects_found_again() -> None:
    index = Index()
    one = {"metadata": {"name": "a", "namespace": "n", "ownerReferences": [{"uid": "u1"}, {"uid": "u2"}]}}
    index.put(one)
    index.add_indexer("owner", by_owner)
    index.put({"metadata": {"name": "b", "namespace": "n", "ownerReferences": [{"uid": "u1"}]}})
    index.put({"metadata": {"name": "node"}})
    assert index.keys_by("owner", "u1") == ["n/a", "n/b"]
    assert [obj["metadata"]["name"] for obj in index.by("owner", "u2")] == ["a"]
    assert len(index.list("n")) == 2
    assert len(index) == len(index.list()) == 3
    assert index.find("node") is not None
    index.put({"metadata": {"name": "a", "namespace": "n", "ownerReferences": [{"uid": "u3"}]}})
    assert index.keys_by("owner", "u2") == []
    assert sorted(index.values("owner")) == ["u1", "u3"]
    assert index.remove("n/a") is not None
    assert index.remove("n/a") is None
    assert sorted(index.values("owner")) == ["u1"]
    assert split_key("n/a") == ("n", "a")
    assert split_key("node") == ("", "node")
    assert key_of(one) == "n/a"
    assert clock.now() > 0


def test_a_process_that_keeps_many_objects_keeps_equal_parts_once() -> None:
    trim = trimmed()

    def pod(name: str) -> Object:
        metadata = {"name": name, "labels": {"app": "web"}, "managedFields": [{"manager": "kubelet"}]}
        return {"metadata": metadata, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}

    few, as_few = trim(pod("a")), trim(pod("b"))
    assert few["spec"] is not as_few["spec"]  # there is nothing to gain yet
    for _ in range(FEW):
        first, second = trim(pod("a")), trim(pod("b"))
    assert first["metadata"] == {"name": "a", "labels": {"app": "web"}}
    assert second["metadata"]["name"] == "b"
    assert first["metadata"]["labels"] is second["metadata"]["labels"]
    assert first["spec"] is second["spec"]
