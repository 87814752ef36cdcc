"""What wakes a pod that fits nowhere, and when?"""

from __future__ import annotations

from typing import Any

from minikube_edu.client.errors import ApiError
from minikube_edu.kube_scheduler import configuration, kinds
from minikube_edu.kube_scheduler.framework import Code, Plugin, Status
from minikube_edu.kube_scheduler.plugins import PLUGINS
from minikube_edu.lib import clock
from tests.kube_scheduler.world import World


def attempts(world: World, result: str = "unschedulable") -> int:
    return world.scheduler.metrics.attempts.get(("default-scheduler", result), 0)


async def test_the_end_of_another_pod_makes_room() -> None:
    async with World() as world:
        world.node("a", cpu="1")
        world.pod("there", {"cpu": "1"}, nodeName="a")
        world.pod("web", {"cpu": "1"})
        await world.settle()
        assert not world.where("web")
        world.remove(kinds.PODS, "there")
        await world.settle()
        assert world.where("web") == "a"


async def test_events_that_cannot_help_do_not_wake_it() -> None:
    async with World() as world:
        world.node("a", cpu="1")
        world.pod("web", {"cpu": "2"})
        await world.settle()
        world.node("a", cpu="1", labels={"new": "label"})
        world.node("b", cpu="1")
        world.put(kinds.PERSISTENT_VOLUMES, {"metadata": {"name": "v"}, "spec": {}})
        await world.settle(60)
        assert attempts(world) == 1
        world.node("b", cpu="2")
        await world.settle()
        assert world.where("web") == "b"


async def test_a_taint_that_goes_a_label_that_comes() -> None:
    async with World() as world:
        world.node("a", taints=[{"key": "k", "effect": "NoSchedule"}])
        world.pod("web", nodeSelector={"disk": "ssd"}, tolerations=[{"key": "k", "operator": "Exists"}])
        world.pod("plain")
        await world.settle()
        world.node("a", taints=[{"key": "k", "effect": "NoSchedule"}], labels={"disk": "ssd"})
        await world.settle()
        assert (world.where("web"), world.where("plain")) == ("a", "")
        world.node("a", labels={"disk": "ssd"})
        await world.settle()
        assert world.where("plain") == "a"


async def test_after_five_minutes_it_is_tried_whatever_happened() -> None:
    async with World() as world:
        world.node("a", cpu="1")
        world.pod("web", {"cpu": "2"})
        await world.settle(299)
        assert attempts(world) == 1
        await world.settle(5)
        assert attempts(world) == 2


async def test_errors_are_retried_after_growing_pauses_of_at_most_ten_seconds() -> None:
    async with World() as world:
        world.refuse["create"] = ApiError({"code": 500, "reason": "InternalError", "message": "no"})
        world.node("a")
        world.pod("web")
        tried = []
        start = clock.monotonic()
        while clock.monotonic() - start < 38:
            before = attempts(world, "error")
            await world.settle(0.25)
            if attempts(world, "error") > before:
                tried.append(round(clock.monotonic() - start))
        assert tried == [0, 1, 3, 7, 15, 25, 35]
        del world.refuse["create"]
        await world.settle(10)
        assert world.where("web") == "a"


async def test_a_failed_binding_gives_the_room_back() -> None:
    async with World() as world:
        world.refuse["create"] = ApiError({"code": 409, "reason": "Conflict", "message": "taken"})
        world.node("a", cpu="1")
        world.pod("web", {"cpu": "1"})
        await world.settle(0.5)
        assert world.scheduler.cluster.nodes["a"].requested["cpu"] == 0
        assert not world.scheduler.cluster.assumed
        assert world.get_pod("web")["status"]["conditions"][0]["reason"] == "SchedulerError"


async def test_a_pod_that_was_bound_but_is_never_seen_is_forgotten_if_so_configured() -> None:
    async with World(assumed_ttl=30) as world:
        world.node("a")
        world.pod("web", {"cpu": "1"})
        world.blind = True
        await world.settle(29)
        assert world.scheduler.cluster.assumed == {"uid-web"}
        await world.settle(2)
        assert not world.scheduler.cluster.assumed
        assert world.scheduler.cluster.nodes["a"].requested["cpu"] == 0


async def test_gates_keep_a_pod_out_until_the_last_one_goes() -> None:
    async with World() as world:
        world.node("a")
        pod = world.pod("web", schedulingGates=[{"name": "one"}, {"name": "two"}])
        await world.settle(400)
        assert attempts(world) == 0
        assert world.scheduler.queue.gated == 1
        pod = world.put(kinds.PODS, {**pod, "spec": {**pod["spec"], "schedulingGates": [{"name": "two"}]}})
        await world.settle()
        assert not world.where("web")
        spec = {key: value for key, value in pod["spec"].items() if key != "schedulingGates"}
        world.put(kinds.PODS, {**pod, "spec": spec})
        await world.settle()
        assert world.where("web") == "a"


async def test_the_more_important_pod_is_first() -> None:
    world = World()
    world.node("a", cpu="1")
    world.pod("low", {"cpu": "1"}, priority=1)
    world.pod("high", {"cpu": "1"}, priority=2)
    async with world:
        await world.settle()
        assert world.bindings == [("high", "a")]


async def test_pods_of_other_schedulers_are_left_alone_and_profiles_have_their_own() -> None:
    profiles = [
        {},
        {
            "schedulerName": "packer",
            "pluginConfig": [{"name": "NodeResourcesFit", "args": {"scoringStrategy": {"type": "MostAllocated"}}}],
        },
    ]
    configured = configuration.parse(
        {"apiVersion": configuration.API_VERSION, "kind": configuration.KIND, "profiles": profiles}
    )
    async with World(configured) as world:
        world.node("a")
        world.node("b")
        world.pod("there", {"cpu": "2", "memory": "4Gi"}, nodeName="a")
        world.pod("default", {"cpu": "1", "memory": "2Gi"})
        world.pod("packed", {"cpu": "1", "memory": "2Gi"}, schedulerName="packer")
        world.pod("foreign", schedulerName="mine")
        await world.settle()
        assert (world.where("default"), world.where("packed"), world.where("foreign")) == ("b", "a", "")
        controllers = {event["regarding"]["name"]: event["reportingController"] for event in world.events}
        assert controllers == {"default": "default-scheduler", "packed": "packer"}


class Gate(Plugin):
    """A Permit plugin that waits to be told."""

    name = "Gate"
    made: Any = None

    def __init__(self, handle: Any, arguments: dict[str, Any]) -> None:
        Gate.made = handle
        self.undone: list[str] = []

    def permit(self, cycle: Any, pod: Any, node: str) -> Status | None:
        return Status(Code.WAIT, timeout=10.0) if pod.labels.get("wait") else None


def gated() -> World:
    profile = {"plugins": {"multiPoint": {"enabled": [{"name": "Gate"}]}}}
    told = {"apiVersion": configuration.API_VERSION, "kind": configuration.KIND, "profiles": [profile]}
    return World(configuration.parse(told, {**PLUGINS, "Gate": Gate}), {"Gate": Gate})


async def test_a_pod_waits_for_its_permit_and_others_do_not_wait_for_it() -> None:
    async with gated() as world:
        world.node("a", cpu="1")
        world.pod("held", {"cpu": "1"}, labels={"wait": "yes"})
        world.pod("other")
        await world.settle(5)
        assert (world.where("held"), world.where("other")) == ("", "a")
        world.scheduler.waiting.get("uid-held").allow("Gate")  # type: ignore[union-attr]
        await world.settle()
        assert world.where("held") == "a"


async def test_a_permit_that_comes_too_late_is_a_no() -> None:
    async with gated() as world:
        world.node("a", cpu="1")
        world.pod("held", {"cpu": "1"}, labels={"wait": "yes"})
        await world.settle(11)
        expected = "0/1 nodes are available: 1 rejected due to timeout after waiting 10s at plugin Gate."
        assert world.why_not("held") == expected
        assert world.scheduler.cluster.nodes["a"].requested["cpu"] == 0


async def test_a_pod_that_is_deleted_while_it_waits_is_gone() -> None:
    async with World() as world:
        world.node("a", cpu="1")
        world.pod("web", {"cpu": "2"})
        await world.settle()
        world.remove(kinds.PODS, "web")
        world.node("b", cpu="4")
        await world.settle(400)
        assert not world.bindings
        assert len(world.scheduler.queue) == 0


class Broken(Plugin):
    name = "NodeName"

    def __init__(self, handle: Any, arguments: dict[str, Any]) -> None:
        pass

    def filter(self, cycle: Any, pod: Any, node: Any) -> None:
        if pod.name == "poison":
            raise RuntimeError("I did not think of that")


async def test_a_plugin_that_breaks_on_one_pod_does_not_stop_the_others() -> None:
    async with World(plugins={"NodeName": Broken}) as world:
        world.node("a")
        world.pod("poison")
        world.pod("web")
        await world.settle()
        assert (world.where("poison"), world.where("web")) == ("", "a")
        assert world.why_not("poison") == "I did not think of that"
