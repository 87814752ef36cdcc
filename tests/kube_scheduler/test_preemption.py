"""Who has to go when a more important pod comes?"""

from __future__ import annotations

from typing import Any

from minikube_edu.kube_scheduler import kinds
from tests.kube_scheduler.world import World


async def test_less_important_pods_make_room() -> None:
    async with World() as world:
        world.node("a", cpu="2")
        world.pod("low", {"cpu": "2"}, nodeName="a", priority=1)
        world.pod("high", {"cpu": "1"}, priority=10, metadata={"uid": "the-high-one"})
        await world.settle(2)
        assert world.deleted == ["low"]
        assert world.where("high") == "a"
        notes = [(e["reason"], e["note"]) for e in world.events]
        assert ("FailedScheduling", "0/1 nodes are available: 1 Insufficient cpu.") in notes
        assert ("Preempted", "Preempted by pod the-high-one on node a") in notes
        preempted = next(e for e in world.events if e["reason"] == "Preempted")
        assert (preempted["action"], preempted["regarding"]["name"]) == ("Preempting", "low")
        assert preempted["related"]["name"] == "high"


async def test_equals_do_not_and_the_message_says_so() -> None:
    async with World() as world:
        world.node("a", cpu="2")
        world.node("b", cpu="2")
        world.pod("one", {"cpu": "2"}, nodeName="a")
        world.pod("two", {"cpu": "2"}, nodeName="b")
        world.pod("web", {"cpu": "1"})
        await world.settle()
        assert world.why_not("web") == (
            "0/2 nodes are available: 2 Insufficient cpu. no new claims to deallocate, preemption: "
            "0/2 nodes are available: 2 No preemption victims found for incoming pod."
        )


async def test_who_must_not_preempt() -> None:
    async with World() as world:
        world.node("a", cpu="2")
        world.pod("low", {"cpu": "2"}, nodeName="a", priority=1)
        world.pod("polite", {"cpu": "1"}, priority=10, preemptionPolicy="Never")
        await world.settle()
        assert not world.deleted
        assert world.why_not("polite").endswith("preemption: not eligible due to preemptionPolicy=Never.")


async def test_only_as_many_as_needed_and_the_least_important_first() -> None:
    async with World() as world:
        world.node("a", cpu="4")
        for name, priority in (("p1", 1), ("p2", 2), ("p3", 3)):
            world.pod(name, {"cpu": "1"}, nodeName="a", priority=priority)
        world.pod("high", {"cpu": "3"}, priority=10)
        await world.settle(2)
        assert sorted(world.deleted) == ["p1", "p2"]
        assert world.where("high") == "a"


async def test_the_node_where_it_hurts_least() -> None:
    async with World() as world:
        for name, priorities in (("a", [5]), ("b", [1, 1]), ("c", [1])):
            world.node(name, cpu="2")
            for number, priority in enumerate(priorities):
                cpu = str(2 // len(priorities))
                world.pod(f"{name}-{number}", {"cpu": cpu}, nodeName=name, priority=priority)
        world.pod("high", {"cpu": "2"}, priority=10)
        await world.settle(2)
        assert world.deleted == ["c-0"]


async def test_of_equal_nodes_any_will_do() -> None:
    """Victims that have not been started yet have no age: a real scheduler's clock must not get in the way."""
    async with World() as world:
        for name in "abc":
            world.node(name, cpu="2")
            world.pod(f"low-{name}", {"cpu": "2"}, nodeName=name, priority=1)
        world.pod("high", {"cpu": "2"}, priority=10)
        await world.settle(2)
        assert len(world.deleted) == 1
        assert world.where("high")


async def test_disruption_budgets_are_spared_if_possible() -> None:
    async with World() as world:
        world.node("a", cpu="2")
        world.node("b", cpu="2")
        world.pod("guarded", {"cpu": "2"}, nodeName="a", priority=1, labels={"app": "guarded"})
        world.pod("free", {"cpu": "2"}, nodeName="b", priority=5)
        budget: dict[str, Any] = {
            "metadata": {"name": "budget"},
            "spec": {"selector": {"matchLabels": {"app": "guarded"}}},
            "status": {"disruptionsAllowed": 0},
        }
        world.put(kinds.POD_DISRUPTION_BUDGETS, budget)
        world.pod("high", {"cpu": "2"}, priority=10)
        await world.settle(2)
        assert world.deleted == ["free"]


async def test_while_victims_end_the_pod_is_promised_the_node_and_nobody_less_important_takes_it() -> None:
    world = World()

    async def begin_to_end(resource: Any, name: str, namespace: str = "", **more: Any) -> Any:
        pod = world.get_pod(name)
        metadata = {**pod["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}
        return world.put(kinds.PODS, {**pod, "metadata": metadata})

    world.delete = begin_to_end  # type: ignore[method-assign]
    async with world:
        world.node("a", cpu="2")
        world.pod("low", {"cpu": "2"}, nodeName="a", priority=1)
        world.pod("high", {"cpu": "1"}, priority=10)
        await world.settle(1)
        assert world.get_pod("high")["status"]["nominatedNodeName"] == "a"
        conditions = {c["type"]: c for c in world.get_pod("low")["status"]["conditions"]}
        assert conditions["DisruptionTarget"]["reason"] == "PreemptionByScheduler"
        message = "default-scheduler: preempting to accommodate a higher priority pod"
        assert conditions["DisruptionTarget"]["message"] == message
        world.pod("thief", {"cpu": "1500m"}, priority=5)
        await world.settle(1)
        world.remove(kinds.PODS, "low")
        await world.settle(3)
        assert (world.where("high"), world.where("thief")) == ("a", "")


async def test_the_cluster_is_the_same_after_a_dry_run() -> None:
    async with World() as world:
        world.node("a", cpu="2")
        for number in range(2):
            world.pod(f"low-{number}", {"cpu": "1"}, nodeName="a", priority=1, ports=[{"hostPort": 80 + number}])
        node = world.scheduler.cluster.nodes["a"]
        before = dict(node.requested), sorted(node.pods), sorted(node.host_ports), node.milli_cpu
        world.pod("high", {"cpu": "4"}, priority=10)
        world.pod("picky", {"cpu": "1"}, priority=10, nodeSelector={"x": "y"})
        await world.settle()
        assert (dict(node.requested), sorted(node.pods), sorted(node.host_ports), node.milli_cpu) == before
        assert not world.deleted


async def test_a_less_important_pod_loses_the_promise_of_the_node() -> None:
    async with World() as world:
        world.node("a", cpu="2")
        world.pod("low", {"cpu": "2"}, nodeName="a", priority=1)
        promised = {"phase": "Pending", "nominatedNodeName": "a"}
        world.pod("middle", {"cpu": "3"}, priority=5, status=promised)
        await world.settle()
        nominator = world.scheduler.nominator
        world.pod("high", {"cpu": "2"}, priority=10)
        await world.settle(2)
        assert world.where("high") == "a"
        assert nominator.node_of("uid-middle") == ""
        assert not world.get_pod("middle")["status"].get("nominatedNodeName")


async def test_nominated_pods_count_for_those_that_are_less_important_alone() -> None:
    async with World() as world:
        world.node("a", cpu="2")
        world.node("b", cpu="1", taints=[{"key": "k", "effect": "NoSchedule"}])
        promised = {"phase": "Pending", "nominatedNodeName": "a"}
        gate = [{"name": "not-yet"}]
        world.pod("middle", {"cpu": "2"}, priority=5, status=promised, schedulingGates=gate)
        world.pod("small", {"cpu": "1"}, priority=1)
        await world.settle()
        assert world.where("small") == ""
        world.pod("important", {"cpu": "1"}, priority=9)
        await world.settle()
        assert world.where("important") == "a"
