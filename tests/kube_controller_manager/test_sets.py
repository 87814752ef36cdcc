"""StatefulSets keep order and claims; DaemonSets are on every node."""

from __future__ import annotations

from typing import Any

from minikube_edu.kube_controller_manager import node_fit, revisions
from tests.in_process import until
from tests.kube_controller_manager.cluster import APPS, CORE, Object, cluster, names, template, workload

DB, DS = f"{APPS}/statefulsets/db", f"{APPS}/daemonsets/ds"
CONTROLLERS = [
    "statefulset-controller",
    "daemonset-controller",
    "garbage-collector-controller",
    "persistentvolumeclaim-protection-controller",
]


def stateful(replicas: int, **more: Any) -> Object:
    return workload(replicas, serviceName="db", **more)


async def test_do_pods_of_a_stateful_set_come_one_after_the_other_and_go_from_the_end() -> None:
    async with cluster(CONTROLLERS) as it, it.api.watch(f"{CORE}/pods") as events:
        await it.api.create(f"{APPS}/statefulsets", "db", spec=stateful(3))
        seen: list[str] = []
        ready: set[str] = set()
        while len(ready) < 3:
            event = await events.next()
            assert event is not None
            name = event["object"]["metadata"]["name"]
            if event["type"] == "ADDED":
                assert ready == set(seen), f"{name} came before {seen} were ready"
                seen.append(name)
            if event["object"]["status"]["phase"] == "Running":
                ready.add(name)
        assert seen == ["db-0", "db-1", "db-2"]
        await it.api.patch(DB, {"spec": {"replicas": 1}})
        gone: list[str] = []
        while len(gone) < 2:
            event = await events.next()
            assert event is not None
            if event["type"] == "DELETED":
                gone.append(event["object"]["metadata"]["name"])
        assert gone == ["db-2", "db-1"]


async def test_does_a_partition_hold_the_lower_pods_back() -> None:
    async with cluster(CONTROLLERS) as it:
        strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
        await it.api.create(f"{APPS}/statefulsets", "db", spec=stateful(2, updateStrategy=strategy))
        await it.status(DB, availableReplicas=2)
        await it.api.patch(DB, {"spec": {"template": template("i:2")}})
        await it.status(DB, observedGeneration=2, updatedReplicas=1, availableReplicas=2)
        images = {p["metadata"]["name"]: p["spec"]["containers"][0]["image"] for p in await it.pods()}
        assert images == {"db-0": "i:1", "db-1": "i:2"}
        # A pod below the partition comes back as it was.
        await it.api.delete(f"{CORE}/pods/db-0")
        await it.status(DB, availableReplicas=2, updatedReplicas=1)
        assert (await it.get(f"{CORE}/pods/db-0"))["spec"]["containers"][0]["image"] == "i:1"


async def test_do_claims_stay_or_go_as_the_retention_policy_says() -> None:
    async with cluster(CONTROLLERS) as it:
        claim = {
            "metadata": {"name": "data"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        }
        policy = {"whenScaled": "Delete", "whenDeleted": "Retain"}
        spec = stateful(
            2,
            podManagementPolicy="Parallel",
            volumeClaimTemplates=[claim],
            persistentVolumeClaimRetentionPolicy=policy,
            ordinals={"start": 5},
        )
        await it.api.create(f"{APPS}/statefulsets", "db", spec=spec)
        await it.status(DB, availableReplicas=2)
        claims = f"{CORE}/persistentvolumeclaims"
        assert names((await it.get(claims))["items"]) == ["data-db-5", "data-db-6"]
        await it.api.patch(DB, {"spec": {"replicas": 1}})
        await it.gone(f"{claims}/data-db-6")
        await it.api.delete(DB)
        await it.gone(f"{CORE}/pods/db-5")
        assert names((await it.get(claims))["items"]) == ["data-db-5"]


def test_is_the_hash_of_a_revision_the_real_one() -> None:
    container = {
        "image": "i:1", "imagePullPolicy": "IfNotPresent", "name": "c", "resources": {},
        "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
    }  # fmt: skip
    spec = {
        "containers": [container], "dnsPolicy": "ClusterFirst", "restartPolicy": "Always",
        "schedulerName": "default-scheduler", "securityContext": {}, "terminationGracePeriodSeconds": 0,
    }  # fmt: skip
    owner = {"spec": {"template": {"metadata": {"labels": {"app": "web"}}, "spec": spec}}}
    assert revisions.hash_of(revisions.data_of(owner), 0) == "b44458777"


async def test_is_a_daemon_on_every_node_that_it_wants_and_on_no_other() -> None:
    async with cluster(CONTROLLERS) as it:
        spec: Object = {"selector": {"matchLabels": {"app": "web"}}, "template": template()}
        await it.api.create(f"{APPS}/daemonsets", "ds", spec=spec)
        await it.status(DS, numberAvailable=2, desiredNumberScheduled=2)
        assert sorted(pod["spec"]["nodeName"] for pod in await it.pods()) == ["worker-1", "worker-2"]
        await it.api.patch(
            DS, {"spec": {"template": {"spec": {"nodeSelector": {"kubernetes.io/hostname": "worker-2"}}}}}
        )
        await it.status(DS, desiredNumberScheduled=1, updatedNumberScheduled=1, numberMisscheduled=0)

        async def only() -> bool:
            return [pod["spec"]["nodeName"] for pod in await it.pods()] == ["worker-2"]

        await until(only)


async def test_does_a_failed_daemon_come_back() -> None:
    async with cluster(CONTROLLERS) as it:
        spec: Object = {"selector": {"matchLabels": {"app": "web"}}, "template": template()}
        await it.api.create(f"{APPS}/daemonsets", "ds", spec=spec)
        await it.status(DS, numberAvailable=2)
        lost = (await it.pods())[0]
        path = f"{CORE}/pods/{lost['metadata']['name']}"
        await it.api.patch(path + "/status", {"status": {"phase": "Failed"}})
        await it.gone(path)
        await it.status(DS, numberAvailable=2)


def test_which_taints_does_a_toleration_cover() -> None:
    taint = {"key": "a", "value": "1", "effect": "NoExecute"}
    assert node_fit.tolerates({"operator": "Exists"}, taint)
    assert node_fit.tolerates({"key": "a", "value": "1"}, taint)
    assert not node_fit.tolerates({"key": "a", "value": "2"}, taint)
    assert not node_fit.tolerates({"key": "a", "operator": "Exists", "effect": "NoSchedule"}, taint)
