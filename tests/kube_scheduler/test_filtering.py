"""Which nodes does a pod get, and what does it hear when it gets none?"""

from __future__ import annotations

import pytest

from minikube_edu.kube_scheduler import kinds
from tests.kube_scheduler.world import World

HOST = "kubernetes.io/hostname"


async def test_a_pod_is_bound_and_an_event_says_so() -> None:
    async with World() as world:
        world.node("a")
        world.pod("web")
        await world.settle()
        assert world.where("web") == "a"
        event = world.events[0]
        assert event["note"] == "Successfully assigned default/web to a"
        assert (event["reason"], event["action"], event["type"]) == ("Scheduled", "Binding", "Normal")
        assert event["reportingController"] == "default-scheduler"
        assert event["regarding"]["uid"] == "uid-web"


async def test_what_does_a_pod_hear_in_a_cluster_without_nodes() -> None:
    async with World() as world:
        world.pod("web")
        await world.settle()
        assert world.why_not("web") == "no nodes available to schedule pods"
        world.node("a")
        await world.settle(2)
        assert world.where("web") == "a"


async def test_each_nodes_reason_is_counted_and_told_in_the_order_of_the_text() -> None:
    async with World() as world:
        world.node("a", taints=[{"key": "k", "effect": "NoSchedule"}])
        world.node("b", cpu="1")
        world.node("c", cpu="1", memory="1Mi")
        world.pod("web", {"cpu": "2", "memory": "10Mi"})
        await world.settle()
        assert world.why_not("web") == (
            "0/3 nodes are available: 1 Insufficient memory, 1 node(s) had untolerated taint(s), 2 Insufficient cpu. "
            "no new claims to deallocate, preemption: 0/3 nodes are available: "
            "3 Preemption is not helpful for scheduling."
        )
        condition = world.get_pod("web")["status"]["conditions"][0]
        assert (condition["type"], condition["status"], condition["reason"]) == (
            "PodScheduled",
            "False",
            "Unschedulable",
        )
        assert world.events[0]["note"] == world.why_not("web")
        assert world.events[0]["reason"] == "FailedScheduling"


async def test_a_pod_that_no_node_was_tried_for_says_not_found() -> None:
    """The recorded message of v1.36.3 for a missing claim: DynamicResources was not reached."""
    async with World() as world:
        world.node("a")
        world.node("b")
        world.pod("web", volumes=[{"name": "d", "persistentVolumeClaim": {"claimName": "none"}}])
        await world.settle()
        message = '0/2 nodes are available: persistentvolumeclaim "none" not found. not found'
        assert world.why_not("web") == message


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"nodeSelector": {"disk": "ssd"}}, "1 node(s) didn't match Pod's node affinity/selector"),
        ({"ports": [{"hostPort": 80}]}, "1 node(s) didn't have free ports for the requested pod ports"),
        ({"requests": {"example.com/gpu": "1"}}, "1 Insufficient example.com/gpu"),
        (
            {"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
                {"labelSelector": {"matchLabels": {"app": "none"}}, "topologyKey": HOST}]}}},
            "1 node(s) didn't match pod affinity rules",
        ),
        (
            {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
                {"labelSelector": {"matchLabels": {"app": "first"}}, "topologyKey": HOST}]}}},
            "1 node(s) didn't match pod anti-affinity rules",
        ),
        ({"labels": {"hated": "yes"}}, "1 node(s) didn't satisfy existing pods anti-affinity rules"),
        (
            {"topologySpreadConstraints": [
                {"topologyKey": "none", "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule"}]},
            "1 node(s) didn't match pod topology spread constraints (missing required label)",
        ),
    ],
)  # fmt: skip
async def test_what_is_said_when_a_filter_rejects(more: dict[str, object], message: str) -> None:
    async with World() as world:
        world.node("a")
        hates = {"labelSelector": {"matchLabels": {"hated": "yes"}}, "topologyKey": HOST}
        affinity = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [hates]}}
        world.pod("first", nodeName="a", labels={"app": "first"}, affinity=affinity, ports=[{"hostPort": 80}])
        world.pod("web", **more)  # type: ignore[arg-type]
        await world.settle()
        assert world.why_not("web").startswith(f"0/1 nodes are available: {message}. ")


async def test_is_a_node_full_when_it_has_its_number_of_pods() -> None:
    async with World() as world:
        world.node("a", pods="1")
        world.pod("one")
        world.pod("two")
        await world.settle()
        assert world.where("one") == "a"
        assert world.why_not("two").startswith("0/1 nodes are available: 1 Too many pods. ")


async def test_who_may_come_to_a_cordoned_node() -> None:
    async with World() as world:
        world.node("a", unschedulable=True)
        world.pod("web")
        world.pod("agent", tolerations=[{"operator": "Exists"}])
        await world.settle()
        assert world.why_not("web").startswith("0/1 nodes are available: 1 node(s) were unschedulable. ")
        assert world.where("agent") == "a"


async def test_a_daemons_pod_looks_at_its_node_alone() -> None:
    fields = [{"key": "metadata.name", "operator": "In", "values": ["b"]}]
    required = {"nodeSelectorTerms": [{"matchFields": fields}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}
    async with World() as world:
        for name in "abc":
            world.node(name)
        world.pod("agent", affinity=affinity)
        await world.settle()
        assert world.where("agent") == "b"
        world.pod("large", {"cpu": "100"}, affinity=affinity)
        await world.settle()
        assert world.why_not("large").startswith(
            "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) didn't satisfy plugin(s) [NodeAffinity]. "
        )


@pytest.mark.parametrize(
    ("operator", "values", "fits"),
    [
        ("In", ["5"], True), ("NotIn", ["5"], False), ("Exists", [], True), ("DoesNotExist", [], False),
        ("Gt", ["4"], True), ("Gt", ["5"], False), ("Lt", ["6"], True), ("Lt", ["5"], False),
    ],
)  # fmt: skip
async def test_the_operators_of_node_affinity(operator: str, values: list[str], fits: bool) -> None:
    expression = {"key": "size", "operator": operator, "values": values}
    required = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
    async with World() as world:
        world.node("a", labels={"size": "5"})
        world.pod("web", affinity={"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}})
        await world.settle()
        assert bool(world.where("web")) is fits


async def test_the_first_of_a_group_that_wants_to_be_together_may_go_anywhere() -> None:
    term = {"labelSelector": {"matchLabels": {"app": "web"}}, "topologyKey": "zone"}
    affinity = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    async with World() as world:
        for name in "abcd":
            world.node(name, labels={"zone": "left" if name in "ab" else "right"})
        for number in range(6):
            world.pod(f"web-{number}", labels={"app": "web"}, affinity=affinity)
        await world.settle()
        zones = {"left" if world.where(f"web-{number}") in ("a", "b") else "right" for number in range(6)}
        assert len(zones) == 1


async def test_do_namespaces_of_a_term_follow_the_namespaces_labels() -> None:
    term = {"labelSelector": {}, "namespaceSelector": {"matchLabels": {"team": "red"}}, "topologyKey": HOST}
    affinity = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    async with World() as world:
        world.put(kinds.NAMESPACES, {"metadata": {"name": "other", "labels": {"team": "red"}}})
        world.node("a")
        world.pod("there", nodeName="a", metadata={"namespace": "other"})
        world.pod("web", affinity=affinity)
        await world.settle()
        assert "anti-affinity" in world.why_not("web")
        world.put(kinds.NAMESPACES, {"metadata": {"name": "other", "labels": {}}})
        world.node("b", taints=[{"key": "k", "effect": "NoSchedule"}])
        await world.settle(2)
        assert world.where("web") == "a"


async def test_hard_spreading_never_exceeds_the_skew() -> None:
    spread = {
        "topologyKey": "zone", "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}},
    }  # fmt: skip
    async with World() as world:
        for name in "abc":
            world.node(name, labels={"zone": name}, pods="2" if name == "c" else "110")
        for number in range(10):
            world.pod(f"web-{number}", labels={"app": "web"}, topologySpreadConstraints=[spread])
        await world.settle()
        placed = [world.where(f"web-{number}") for number in range(10)]
        assert sorted(placed.count(name) for name in "abc") == [2, 3, 3]
        waiting = world.why_not(f"web-{placed.index('')}")
        assert "2 node(s) didn't match pod topology spread constraints" in waiting
        assert "1 Too many pods" in waiting


async def test_min_domains_count_as_empty_until_they_are_there() -> None:
    spread = {
        "topologyKey": HOST, "maxSkew": 1, "minDomains": 2, "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}},
    }  # fmt: skip
    async with World() as world:
        world.node("a")
        for number in range(2):
            world.pod(f"web-{number}", labels={"app": "web"}, topologySpreadConstraints=[spread])
        await world.settle()
        assert [bool(world.where(f"web-{number}")) for number in range(2)].count(True) == 1
        world.node("b")
        await world.settle(2)
        assert {world.where("web-0"), world.where("web-1")} == {"a", "b"}


async def test_a_pod_that_grows_in_place_counts_with_what_it_will_have_and_one_that_shrinks_with_what_it_has() -> None:
    async with World() as world:
        world.node("a", cpu="4")
        statuses = [{"name": "c", "allocatedResources": {"cpu": "1"}, "resources": {"requests": {"cpu": "1"}}}]
        world.pod("grows", {"cpu": "2"}, nodeName="a", status={"phase": "Running", "containerStatuses": statuses})
        assert world.scheduler.cluster.nodes["a"].requested["cpu"] == 2000
        world.pod("grows", {"cpu": "500m"}, nodeName="a", status={"phase": "Running", "containerStatuses": statuses})
        assert world.scheduler.cluster.nodes["a"].requested["cpu"] == 1000
        refused = [{"type": "PodResizePending", "status": "True", "reason": "Infeasible"}]
        status = {"phase": "Running", "containerStatuses": statuses, "conditions": refused}
        world.pod("grows", {"cpu": "64"}, nodeName="a", status=status)
        assert world.scheduler.cluster.nodes["a"].requested["cpu"] == 1000
