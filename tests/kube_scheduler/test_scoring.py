"""Of several nodes that would do, which one is taken?"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from minikube_edu.kube_scheduler import configuration, kinds
from minikube_edu.kube_scheduler.plugins.node_resources_fit import ratio
from tests.kube_scheduler.world import World

FIT = "NodeResourcesFit"


def with_strategy(strategy: dict[str, Any]) -> configuration.Configuration:
    return configuration.parse(
        {
            "apiVersion": configuration.API_VERSION,
            "kind": configuration.KIND,
            "profiles": [{"pluginConfig": [{"name": FIT, "args": {"scoringStrategy": strategy}}]}],
        }
    )


async def test_the_emptier_node_is_better() -> None:
    async with World() as world:
        world.node("a")
        world.node("b")
        world.pod("there", {"cpu": "2", "memory": "4Gi"}, nodeName="a")
        world.pod("web", {"cpu": "1", "memory": "2Gi"})
        await world.settle()
        assert world.where("web") == "b"


async def test_with_most_allocated_the_fuller_one_is() -> None:
    async with World(with_strategy({"type": "MostAllocated"})) as world:
        world.node("a")
        world.node("b")
        world.pod("there", {"cpu": "2", "memory": "4Gi"}, nodeName="a")
        world.pod("web", {"cpu": "1", "memory": "2Gi"})
        await world.settle()
        assert world.where("web") == "a"


def test_the_ratio_is_a_broken_line() -> None:
    score = ratio([{"utilization": 0, "score": 10}, {"utilization": 50, "score": 0}, {"utilization": 100, "score": 4}])
    assert [score(percent, 100) for percent in (0, 25, 50, 75, 100, 200)] == [100, 50, 0, 20, 40, 40]


async def test_pods_without_requests_spread_too() -> None:
    async with World() as world:
        for name in "abc":
            world.node(name)
        for number in range(9):
            world.pod(f"web-{number}")
        await world.settle()
        assert Counter(world.where(f"web-{number}") for number in range(9)) == {"a": 3, "b": 3, "c": 3}


async def test_soft_taints_and_wishes_are_weighed() -> None:
    async with World() as world:
        world.node("a", taints=[{"key": "k", "effect": "PreferNoSchedule"}])
        world.node("b")
        world.pod("web")
        wish = {"weight": 100, "preference": {"matchExpressions": [{"key": "x", "operator": "Exists"}]}}
        affinity = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [wish]}}
        world.node("c", labels={"x": "y"})
        world.pod("wishful", affinity=affinity)
        await world.settle()
        assert world.where("web") in ("b", "c")
        assert world.where("wishful") == "c"


async def test_replicas_spread_over_zones_without_being_asked() -> None:
    """Nodes of the crowded zone are emptier, but the Service tells that these pods belong together."""
    async with World() as world:
        for number in range(4):
            zone = "left" if number < 3 else "right"
            world.node(f"n{number}", cpu="64", memory="64Gi", labels={"topology.kubernetes.io/zone": zone})
        world.put(kinds.SERVICES, {"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}}})
        for number in range(8):
            world.pod(f"web-{number}", labels={"app": "web"})
        await world.settle()
        assert Counter(world.where(f"web-{number}") == "n3" for number in range(8))[True] >= 3


async def test_pods_gather_where_their_friends_are() -> None:
    term = {"labelSelector": {"matchLabels": {"app": "cache"}}, "topologyKey": "kubernetes.io/hostname"}
    wish = [{"weight": 100, "podAffinityTerm": term}]
    async with World() as world:
        for name in "abc":
            world.node(name)
        world.pod("cache", labels={"app": "cache"}, nodeName="b")
        world.pod("near", affinity={"podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": wish}})
        await world.settle()
        assert world.where("near") == "b"
        world.pod("far", affinity={"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": wish}})
        await world.settle()
        assert world.where("far") != "b"


async def test_a_node_that_has_the_large_image_is_better() -> None:
    images = [{"names": ["model:v1"], "sizeBytes": 2_000_000_000}]
    async with World() as world:
        world.node("a", images=images)
        world.node("b")
        world.node("c")
        world.pod("web", image="model:v1")
        await world.settle()
        assert world.where("web") == "a"


@pytest.mark.parametrize(("nodes", "percentage", "enough"), [
    (10, 0, 10), (99, 0, 99), (100, 0, 100), (1000, 0, 420), (5000, 0, 500), (6000, 0, 300), (1000, 70, 700),
    (200, 10, 100),
])  # fmt: skip
def test_how_many_fitting_nodes_are_enough(nodes: int, percentage: int, enough: int) -> None:
    from minikube_edu.kube_scheduler.search import wanted

    assert wanted(nodes, percentage) == enough


async def test_identical_pods_share_the_work() -> None:
    """After the first, only the node that has changed is looked at again."""
    from minikube_edu.kube_scheduler.plugins.taint_toleration import TaintToleration

    asked: list[str] = []

    class Counting(TaintToleration):
        def filter(self, cycle: Any, pod: Any, node: Any) -> Any:
            asked.append(node.name)
            return super().filter(cycle, pod, node)

    world = World(plugins={"TaintToleration": Counting})
    for number in range(50):
        world.node(f"n{number}")
    for number in range(20):
        world.pod(f"web-{number}")
    async with world:
        await world.settle()
        assert len(world.bindings) == 20
        assert len(asked) == 50 + 19
