"""What becomes of a Deployment, a ReplicaSet, and their pods?"""

from __future__ import annotations

from typing import Any

import pytest

from minikube_edu.kube_controller_manager.controllers.deployment import scaling
from minikube_edu.kube_controller_manager.controllers.deployment.new_set import with_revision
from minikube_edu.kube_controller_manager.controllers.deployment.rollout import Rollout
from tests.in_process import until
from tests.kube_controller_manager.cluster import APPS, CORE, Object, cluster, names, template, workload

CONTROLLERS = ["deployment-controller", "replicaset-controller", "garbage-collector-controller"]
WEB = f"{APPS}/deployments/web"


async def test_does_a_deployment_get_its_pods_and_say_so() -> None:
    async with cluster(CONTROLLERS) as it:
        await it.api.create(f"{APPS}/deployments", "web", spec=workload(3))
        found = await it.status(WEB, availableReplicas=3, updatedReplicas=3)
        assert found["metadata"]["annotations"] == {"deployment.kubernetes.io/revision": "1"}
        name = (await it.get(f"{APPS}/replicasets"))["items"][0]["metadata"]["name"]

        async def done() -> bool:
            progressing = await it.condition(WEB, "Progressing")
            return bool(progressing["message"] == f'ReplicaSet "{name}" has successfully progressed.')

        await until(done)
        assert all(pod["metadata"]["generateName"] == f"{name}-" for pod in await it.pods())


async def test_does_a_new_template_replace_all_pods_without_leaving_the_limits() -> None:
    async with cluster(CONTROLLERS) as it:
        await it.api.create(f"{APPS}/deployments", "web", spec=workload(4))
        await it.status(WEB, availableReplicas=4)
        async with it.api.watch(f"{CORE}/pods?resourceVersion=0") as events:
            await it.api.patch(WEB, {"spec": {"template": template("i:2")}})
            pods: dict[str, Object] = {}
            while True:
                event = await events.next()
                assert event is not None
                pod = event["object"]
                if event["type"] == "DELETED" or "deletionTimestamp" in pod["metadata"]:
                    pods.pop(pod["metadata"]["name"], None)
                else:
                    pods[pod["metadata"]["name"]] = pod
                if len(pods) >= 4:
                    assert len(pods) <= 5, "maxSurge of 25 % of 4 is one pod"
                images = [pod["spec"]["containers"][0]["image"] for pod in pods.values()]
                if images == ["i:2"] * 4 and all(p["status"]["phase"] == "Running" for p in pods.values()):
                    break
        await it.status(WEB, updatedReplicas=4, replicas=4, availableReplicas=4)


async def test_does_rolling_back_take_the_old_replica_set_with_a_new_revision() -> None:
    async with cluster(CONTROLLERS) as it:
        await it.api.create(f"{APPS}/deployments", "web", spec=workload(1))
        await it.status(WEB, availableReplicas=1)
        for generation, image in ((2, "i:2"), (3, "i:1")):
            await it.api.patch(WEB, {"spec": {"template": template(image)}})
            await it.status(WEB, observedGeneration=generation, updatedReplicas=1, replicas=1, availableReplicas=1)
        sets = (await it.get(f"{APPS}/replicasets"))["items"]
        marks = {s["metadata"]["annotations"]["deployment.kubernetes.io/revision"]: s for s in sets}
        assert set(marks) == {"2", "3"}
        assert marks["3"]["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"] == "1"


async def test_does_a_paused_deployment_scale_and_not_roll() -> None:
    async with cluster(CONTROLLERS) as it:
        await it.api.create(f"{APPS}/deployments", "web", spec=workload(1))
        await it.status(WEB, availableReplicas=1)
        await it.api.patch(WEB, {"spec": {"paused": True, "replicas": 2, "template": template("i:2")}})
        await it.status(WEB, observedGeneration=2, availableReplicas=2)
        assert {pod["spec"]["containers"][0]["image"] for pod in await it.pods()} == {"i:1"}


async def test_is_no_new_pod_made_by_recreate_before_the_last_old_one_is_gone() -> None:
    async with cluster(CONTROLLERS) as it:
        await it.api.create(f"{APPS}/deployments", "web", spec=workload(2, strategy={"type": "Recreate"}))
        await it.status(WEB, availableReplicas=2)
        held = (await it.pods())[0]["metadata"]["name"]
        await it.api.patch(f"{CORE}/pods/{held}", {"metadata": {"finalizers": ["e.io/f"]}})
        await it.api.patch(WEB, {"spec": {"template": template("i:2")}})

        async def going() -> bool:
            return not await it.pods()

        await until(going)
        await it.status(WEB, observedGeneration=2, updatedReplicas=0)
        assert names(await it.pods(everything=True)) == [held]
        await it.api.patch(f"{CORE}/pods/{held}", {"metadata": {"finalizers": None}})
        await it.status(WEB, updatedReplicas=2, availableReplicas=2)


async def test_do_replica_sets_and_pods_go_with_their_deployment() -> None:
    async with cluster(CONTROLLERS) as it:
        await it.api.create(f"{APPS}/deployments", "web", spec=workload(3))
        await it.status(WEB, availableReplicas=3)
        await it.api.delete(WEB)

        async def empty() -> bool:
            return not await it.pods(everything=True) and not (await it.get(f"{APPS}/replicasets"))["items"]

        await until(empty)


async def test_is_an_orphan_adopted_and_a_pod_with_other_labels_let_go() -> None:
    async with cluster(["replicaset-controller"]) as it:
        await it.api.create(f"{CORE}/pods", "orphan", metadata={"labels": {"app": "web"}}, spec=template()["spec"])
        await it.api.create(f"{APPS}/replicasets", "rs", spec=workload(2))
        await it.status(f"{APPS}/replicasets/rs", availableReplicas=2)
        orphan = await it.get(f"{CORE}/pods/orphan")
        assert orphan["metadata"]["ownerReferences"][0]["name"] == "rs"
        await it.api.patch(f"{CORE}/pods/orphan", {"metadata": {"labels": {"app": "other"}}})

        async def replaced() -> bool:
            pods = await it.pods()
            mine = [p for p in pods if p["metadata"].get("ownerReferences")]
            return len(pods) == 3 and len(mine) == 2

        await until(replaced)


def a_set(name: str, size: int, maximum: int, created: str = "2026-01-01T00:00:00Z") -> Object:
    annotations = {"deployment.kubernetes.io/max-replicas": str(maximum)}
    metadata = {"name": name, "creationTimestamp": created, "annotations": annotations}
    return {"metadata": metadata, "spec": {"replicas": size, "template": {"metadata": {}, "spec": {"name": name}}}}


def a_rollout(replicas: int, sets: list[Object], surge: Any = 0, unavailable: Any = 1) -> Rollout:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}
    spec = {"replicas": replicas, "strategy": strategy, "template": {"metadata": {}, "spec": {"name": "new"}}}
    return Rollout(None, None, {"metadata": {"name": "web"}, "spec": spec}, sets)  # type: ignore[arg-type]  # pure part


@pytest.mark.parametrize(
    ("replicas", "sizes", "maximum", "expected"),
    [(20, [5, 5], 10, [10, 10]), (12, [8, 2], 10, [10, 2]), (5, [8, 2], 10, [4, 1]), (0, [8, 2], 10, [0, 0])],
)
def test_are_sizes_kept_in_proportion_when_a_rollout_is_scaled(
    replicas: int, sizes: list[int], maximum: int, expected: list[int]
) -> None:
    sets = [a_set("new", sizes[0], maximum, "2026-01-02T00:00:00Z"), a_set("old", sizes[1], maximum)]
    rollout = a_rollout(replicas, sets)
    found = {s["metadata"]["name"]: size for s, size in scaling.proportions(rollout, rollout.all)}
    assert [found["new"], found["old"]] == expected


def test_do_surge_and_unavailability_never_both_become_zero() -> None:
    assert a_rollout(1, [], "25%", "25%").limits() == (1, 0)
    assert a_rollout(1, [], 0, "25%").limits() == (0, 1)
    assert a_rollout(10, [], "25%", "25%").limits() == (3, 2)


def test_is_the_history_of_revisions_kept_within_its_length() -> None:
    rollout = a_rollout(1, [])
    annotations: dict[str, str] = {}
    for revision in range(1, 900):
        annotations = with_revision(rollout, annotations, revision)
    history = annotations["deployment.kubernetes.io/revision-history"]
    assert len(history) <= 2000
    assert history.endswith(",898")
