"""Another program that has a say, over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson

from minikube_edu.kube_scheduler import configuration
from minikube_edu.lib.web.messages import Request, Response
from minikube_edu.lib.web.server import serve
from tests.kube_scheduler.world import World

Answer = Callable[[Any], Any]


@asynccontextmanager
async def extended(verbs: dict[str, Answer], **settings: Any) -> AsyncIterator[World]:
    """A world with one extender, whose verbs are functions."""

    def handle(request: Request) -> Response:
        answer = verbs.get(request.path.rpartition("/")[2])
        if answer is None:
            return Response(500)
        return Response(200, orjson.dumps(answer(orjson.loads(request.body))))

    server = await serve(handle, "127.0.0.1", 0)
    spec = {"urlPrefix": f"http://127.0.0.1:{server.port}/ext", "nodeCacheCapable": True, **settings}
    told = {"apiVersion": configuration.API_VERSION, "kind": configuration.KIND, "extenders": [spec]}
    try:
        async with World(configuration.parse(told)) as world:
            yield world
    finally:
        await server.close()


async def until(condition: Callable[[], object]) -> None:
    import asyncio

    for _ in range(2000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen")


async def test_an_extender_filters_with_its_reasons() -> None:
    def only_b(body: Any) -> Any:
        return {"NodeNames": [name for name in body["NodeNames"] if name == "b"], "FailedNodes": {"a": "too ugly"}}

    async with extended({"filter": only_b}, filterVerb="filter") as world:
        world.node("a")
        world.pod("ugly")
        await until(lambda: world.why_not("ugly"))
        assert world.why_not("ugly").startswith("0/1 nodes are available: 1 too ugly. ")
        world.node("b")
        await until(lambda: world.where("ugly"))
        assert world.where("ugly") == "b"


async def test_an_extender_weighs() -> None:
    def prefer_c(body: Any) -> Any:
        return [{"Host": name, "Score": 10 if name == "c" else 0} for name in body["NodeNames"]]

    async with extended({"prioritize": prefer_c}, prioritizeVerb="prioritize", weight=5) as world:
        for name in "abc":
            world.node(name)
        for number in range(3):
            world.pod(f"web-{number}")
        await until(lambda: len(world.bindings) == 3)
        assert {node for _, node in world.bindings} == {"c"}


async def test_an_extender_binds_and_may_be_told_only_of_its_resource() -> None:
    bound = []

    def bind(body: Any) -> Any:
        bound.append((body["PodName"], body["Node"]))
        return {}

    managed = [{"name": "example.com/gpu"}]
    async with extended({"bind": bind}, bindVerb="bind", managedResources=managed) as world:
        world.node("a", allocatable={"example.com/gpu": "1"})
        world.pod("plain")
        world.pod("gpu", {"example.com/gpu": "1"})
        await until(lambda: bound and world.bindings)
        assert bound == [("gpu", "a")]
        assert world.bindings == [("plain", "a")]


async def test_one_that_fails_fails_the_pod_unless_it_may_be_ignored() -> None:
    async with extended({}, filterVerb="filter") as world:
        world.node("a")
        world.pod("web")
        await until(lambda: world.why_not("web"))
        assert "failed filter with extender at URL http://127.0.0.1" in world.why_not("web")
    async with extended({}, filterVerb="filter", ignorable=True) as world:
        world.node("a")
        world.pod("web")
        await until(lambda: world.where("web"))


async def test_an_extender_may_forbid_a_preemption() -> None:
    def not_on_a(body: Any) -> Any:
        return {"NodeNameToMetaVictims": {n: v for n, v in body["NodeNameToMetaVictims"].items() if n != "a"}}

    async with extended({"preempt": not_on_a}, preemptVerb="preempt") as world:
        for name in "ab":
            world.node(name, cpu="1")
            world.pod(f"low-{name}", {"cpu": "1"}, nodeName=name, priority=1 if name == "a" else 2)
        world.pod("high", {"cpu": "1"}, priority=10)
        await until(lambda: world.where("high"))
        assert world.deleted == ["low-b"]


async def test_a_resource_that_the_extender_counts_itself_need_not_be_on_the_node() -> None:
    def all_fit(body: Any) -> Any:
        return {"NodeNames": body["NodeNames"]}

    managed = [{"name": "example.com/foo", "ignoredByScheduler": True}]
    async with extended({"filter": all_fit}, filterVerb="filter", managedResources=managed) as world:
        world.node("a")
        world.pod("web", {"example.com/foo": "3"})
        await until(lambda: world.where("web"))
