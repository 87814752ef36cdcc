"""The horizontal autoscaler: how many pods, and how fast."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikube_edu.kube_controller_manager.controllers.horizontal_pod_autoscaler import calculation, limits
from minikube_edu.kube_controller_manager.controllers.horizontal_pod_autoscaler.calculation import Tolerance
from minikube_edu.kube_controller_manager.controllers.horizontal_pod_autoscaler.limits import History
from minikube_edu.kube_controller_manager.controllers.horizontal_pod_autoscaler.metrics import NoMetrics, Sample
from minikube_edu.lib import clock
from tests.in_process import api_server, until

Object = dict[str, Any]
START = "2026-01-01T00:00:00Z"


@pytest.fixture
def time() -> Any:
    manual = clock.ManualClock()
    before = clock.install(manual)
    manual.advance(3600)
    yield manual
    clock.install(before)


def pod(name: str, ready: str = "True", started: str = START, request: str = "1", phase: str = "Running") -> Object:
    conditions = [{"type": "Ready", "status": ready, "lastTransitionTime": started}]
    container = {"name": "c", "resources": {"requests": {"cpu": request}}}
    return {
        "metadata": {"name": name},
        "spec": {"containers": [container]},
        "status": {"phase": phase, "startTime": started, "conditions": conditions},
    }


def wanted(pods: list[Object], use: dict[str, int], target: int = 50) -> int:
    samples = {name: Sample(value, clock.now(), 60) for name, value in use.items()}
    return calculation.by_utilization(len(pods), pods, samples, target, Tolerance(), "cpu").replicas


def pods(*names: str) -> list[Object]:
    return [pod(name) for name in names]


def test_twice_the_load_twice_the_pods(time: clock.ManualClock) -> None:
    assert wanted(pods("a", "b"), {"a": 1000, "b": 1000}) == 4


def test_near_enough_is_left_alone(time: clock.ManualClock) -> None:
    assert wanted(pods("a", "b"), {"a": 540, "b": 540}) == 2


def test_less_load_fewer_pods(time: clock.ManualClock) -> None:
    assert wanted(pods("a", "b", "c", "d"), dict.fromkeys("abcd", 200)) == 2


def test_a_pod_that_nothing_is_known_of_counts_as_idle_when_scaling_up(time: clock.ManualClock) -> None:
    assert wanted(pods("a", "b", "c"), {"a": 1000, "b": 1000}) == 4  # and not 6


def test_and_as_busy_when_scaling_down(time: clock.ManualClock) -> None:
    assert wanted(pods("a", "b", "c"), {"a": 100, "b": 100}) == 3


def test_a_starting_pod_does_not_count(time: clock.ManualClock) -> None:
    young = pod("b", ready="False", started=clock.rfc3339(clock.now() - 5), phase="Pending")
    assert wanted([pod("a"), young], {"a": 700}) == 2


def test_a_container_without_a_request_has_no_utilization(time: clock.ManualClock) -> None:
    bare = pod("a")
    bare["spec"]["containers"][0].pop("resources")
    with pytest.raises(NoMetrics, match="missing request for cpu in container c of Pod a"):
        wanted([bare], {"a": 1})


SPEC: Object = {"minReplicas": 1, "maxReplicas": 100}
RULES = limits.rules_of(SPEC)


@pytest.mark.parametrize(
    ("current", "desired", "result"),
    [
        (1, 100, (5, "ScaleUpLimit")),  # four pods
        (20, 100, (40, "ScaleUpLimit")),  # the double
        (90, 200, (100, "TooManyReplicas")),
        (9, 0, (1, "TooFewReplicas")),
        (5, 7, (7, "DesiredWithinRange")),
    ],
)
def test_how_far_one_step_goes(current: int, desired: int, result: tuple[int, str]) -> None:
    assert limits.limited(History(), SPEC, RULES, current, desired) == result


def test_what_was_just_added_counts_against_the_rate(time: clock.ManualClock) -> None:
    history = History()
    history.moved(1, 5)
    assert limits.limited(history, SPEC, RULES, 5, 100) == (5, "ScaleUpLimit")
    time.advance(16)
    assert limits.limited(history, SPEC, RULES, 5, 100) == (10, "ScaleUpLimit")


def test_down_only_when_it_has_been_so_for_five_minutes(time: clock.ManualClock) -> None:
    history = History()
    assert limits.stabilized(history, RULES, 10, 2) == (10, "ScaleDownStabilized")
    time.advance(299)
    assert limits.stabilized(history, RULES, 10, 2) == (10, "ScaleDownStabilized")
    time.advance(2)
    assert limits.stabilized(history, RULES, 10, 2) == (2, "ReadyForNewScale")


def test_disabled_means_never() -> None:
    spec = {**SPEC, "behavior": {"scaleDown": {"selectPolicy": "Disabled"}}}
    assert limits.limited(History(), spec, limits.rules_of(spec), 10, 1)[0] == 10


@given(current=st.integers(1, 100), desired=st.integers(0, 1000), moves=st.lists(st.integers(1, 30), max_size=4))
def test_the_result_is_always_within_bounds_and_never_beyond_what_was_asked(
    current: int, desired: int, moves: list[int]
) -> None:
    history = History()
    for move in moves:
        history.moved(current, current + move)
    result, _ = limits.limited(history, SPEC, RULES, current, desired)
    assert 1 <= result <= 100
    assert min(current, desired) <= result <= max(current, desired) or desired < 1


async def test_too_few_pods_are_raised_without_metrics_and_a_lost_target_is_told() -> None:
    path = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers"
    apps = "/apis/apps/v1/namespaces/default/deployments"
    async with api_server(controllers=["horizontal-pod-autoscaler-controller"]) as api:
        template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
        await api.create(apps, "web", spec={"selector": {"matchLabels": {"a": "b"}}, "template": template})
        for name, target in (("h", "web"), ("lost", "none")):
            ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}
            await api.create(path, name, spec={"minReplicas": 3, "maxReplicas": 5, "scaleTargetRef": ref})

        async def raised() -> bool:
            return bool((await api.get(f"{apps}/web")).json["spec"]["replicas"] == 3)

        await until(raised)

        async def told() -> str:
            conditions = (await api.get(f"{path}/lost")).json.get("status", {}).get("conditions") or [{}]
            return str(conditions[0].get("message", ""))

        text = 'the HPA controller was unable to get the target\'s current scale: deployments.apps "none" not found'
        assert await until(told) == text
