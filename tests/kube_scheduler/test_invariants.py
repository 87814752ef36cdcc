"""Whatever happens, in whatever order: sums, counts and memories are what a walk over everything would find."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from minikube_edu.kube_scheduler import kinds, preemption
from minikube_edu.kube_scheduler.diagnosis import Diagnosis
from minikube_edu.kube_scheduler.framework import Cycle
from minikube_edu.kube_scheduler.pod import PodInfo
from minikube_edu.kube_scheduler.verdicts import UNKNOWN
from minikube_edu.testing.virtual_time import run
from tests.kube_scheduler.world import World

HOST, ZONE = "kubernetes.io/hostname", "zone"
NODES, APPS = "abcde", ("red", "blue")


def shape(app: str, kind: int) -> dict[str, Any]:
    mine = {"matchLabels": {"app": app}}
    if kind == 1:
        spread = {"topologyKey": ZONE, "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": mine}
        return {"topologySpreadConstraints": [spread]}
    if kind == 2:
        term = {"labelSelector": {"matchLabels": {"app": "blue"}}, "topologyKey": HOST}
        return {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}
    if kind == 3:
        term = {"labelSelector": mine, "topologyKey": ZONE}
        return {"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}
    return {"priority": 5} if kind == 4 else {}


step = st.one_of(
    st.tuples(
        st.just("pod"), st.sampled_from(APPS), st.integers(0, 4), st.sampled_from(["500m", "1", "2"]), st.integers(1, 3)
    ),
    st.tuples(st.just("delete"), st.integers(0, 30)),
    st.tuples(st.just("node"), st.sampled_from(NODES), st.sampled_from(["left", "right", ""]), st.sampled_from("124")),
    st.tuples(st.just("taint"), st.sampled_from(NODES)),
    st.tuples(st.just("lose"), st.sampled_from(NODES)),
    st.tuples(st.just("wait"), st.sampled_from([1.5, 3.0, 20.0])),
)


def check(world: World) -> None:
    cluster = world.scheduler.cluster
    pods = [obj for (plural, _), obj in world.objects.items() if plural == "pods"]
    on_nodes = [PodInfo(obj) for obj in pods if obj["spec"].get("nodeName")]
    by_node: dict[str, list[PodInfo]] = {}
    for pod in on_nodes:
        by_node.setdefault(pod.node_name, []).append(pod)
    assert not cluster.assumed
    for name, node in cluster.nodes.items():
        there = by_node.get(name, [])
        assert {pod.uid for pod in there} == set(node.pods)
        used = Counter[str]()
        for pod in there:
            used.update(pod.shape.requests)
        assert {k: v for k, v in node.requested.items() if v} == {k: v for k, v in used.items() if v}
        assert node.milli_cpu == sum(pod.shape.milli_cpu for pod in there)
    for subject, counted in cluster.censuses._censuses.items():
        wanted = Counter(pod.node_name for pod in on_nodes if subject.counts(pod, cluster.censuses.namespaces))
        slots = {cluster.nodes[name].slot: number for name, number in wanted.items()}
        assert counted.by_node == slots
        for key, domains in counted._domains.items():
            by_value = Counter[str]()
            for name, number in wanted.items():
                value = cluster.nodes[name].labels.get(key)
                if value is not None:
                    by_value[value] += number
            assert domains == dict(by_value)
    profile = world.scheduler.profiles["default-scheduler"]
    for known in list(profile._verdicts):
        example = next((PodInfo(obj) for obj in pods if PodInfo(obj).shape is known), None)
        if example is None:
            continue
        cycle = Cycle()
        profile.run_pre_filter(cycle, example, Diagnosis())
        verdicts = profile.verdicts(known)
        for node in cluster.order:
            verdict = verdicts.filters[node.slot]
            assert verdict is UNKNOWN or verdict == profile.filter_local(cycle, example, node)


def nobody_waits_in_vain(world: World) -> None:
    """The events' hints have missed nothing: a pod that waits fits nowhere."""
    profile = world.scheduler.profiles["default-scheduler"]
    for (plural, key), obj in world.objects.items():
        if plural == "pods" and not obj["spec"].get("nodeName"):
            pod = PodInfo(obj)
            fits = [node for node in world.scheduler.cluster.order if preemption.fits(profile, pod, node) is None]
            assert not fits, f"{key} could run on {fits}"


async def play(script: list[tuple[Any, ...]]) -> None:
    async with World() as world:
        number = 0
        for action, *rest in script:
            if action == "pod":
                app, kind, cpu, copies = rest
                for _ in range(copies):
                    world.pod(f"p{number}", {"cpu": cpu}, labels={"app": app}, **shape(app, kind))
                    number += 1
            elif action == "delete" and ("pods", f"default/p{rest[0]}") in world.objects:
                world.remove(kinds.PODS, f"p{rest[0]}")
            elif action == "node":
                name, zone, cpu = rest
                world.node(name, cpu=cpu, labels={"zone": zone} if zone else {})
            elif action == "taint":
                world.node(rest[0], taints=[{"key": "k", "effect": "NoSchedule"}])
            elif action == "lose" and ("nodes", rest[0]) in world.objects:
                world.remove(kinds.NODES, rest[0])
            elif action == "wait":
                await world.settle(rest[0])
            await world.settle(0.01)
        await world.settle(30)
        check(world)
        nobody_waits_in_vain(world)


@settings(max_examples=100, deadline=None)
@given(st.lists(step, max_size=40))
def test_sums_counts_and_memories_are_right_after_any_history(script: list[tuple[Any, ...]]) -> None:
    run(play(script))  # hypothesis wants a plain function, so that the fixture's loop is not this one's


async def test_no_node_ever_gets_more_than_it_has() -> None:
    async with World() as world:
        for name in "abc":
            world.node(name, cpu="3", pods="10")
        for number in range(60):
            world.pod(f"p{number}", {"cpu": f"{100 + 37 * (number % 7)}m"})
        await world.settle()
        for name in "abc":
            there = [pod for pod, node in world.bindings if node == name]
            assert len(there) <= 10
            assert sum(PodInfo(world.get_pod(pod)).shape.requests["cpu"] for pod in there) <= 3000
