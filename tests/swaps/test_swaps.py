"""Can each seat be the real program, with the same results?

The same story is told twice, once with our seats alone and once with one of them swapped, and what came of it is
compared. Skipped where the environment does not say where the real programs are (see `control_plane`).

Lists and watches: the real programs ask for protobuf, and for JSON where protobuf is refused
(`application/vnd.kubernetes.protobuf,application/json`); our API server answers both.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import Client, Resource
from tests.swaps.control_plane import control_plane, etcd_path, real

Object = dict[str, Any]

NAMESPACES = Resource("", "v1", "namespaces", False, "Namespace")
NODES = Resource("", "v1", "nodes", False, "Node")
PODS = Resource("", "v1", "pods", kind="Pod")
SERVICES = Resource("", "v1", "services", kind="Service")
ACCOUNTS = Resource("", "v1", "serviceaccounts", kind="ServiceAccount")
EVENTS = Resource("", "v1", "events", kind="Event")
DEPLOYMENTS = Resource("apps", "v1", "deployments", kind="Deployment")
REPLICA_SETS = Resource("apps", "v1", "replicasets", kind="ReplicaSet")
STATEFUL_SETS = Resource("apps", "v1", "statefulsets", kind="StatefulSet")
JOBS = Resource("batch", "v1", "jobs", kind="Job")
SLICES = Resource("discovery.k8s.io", "v1", "endpointslices", kind="EndpointSlice")

NAMESPACE = "story"
PATIENCE = 60.0
SEATS = ("kube-scheduler", "kube-controller-manager", "kube-apiserver")


async def once(question: Callable[[], Awaitable[Any]]) -> Any:
    give_up = time.monotonic() + PATIENCE
    while True:
        try:
            if found := await question():
                return found
        except ApiError as error:
            if time.monotonic() > give_up:
                raise AssertionError(str(error)) from error
        if time.monotonic() > give_up:
            raise AssertionError(f"it never came: {question}")
        await asyncio.sleep(0.1)


def pods(name: str, **more: Any) -> Object:
    container = {"name": "c", "image": "i", "resources": {"requests": {"cpu": "100m"}}}
    spec = {"terminationGracePeriodSeconds": 0, "containers": [container], **more}
    return {"metadata": {"labels": {"app": name}}, "spec": spec}


def made(name: str, spec: Object) -> Object:
    return {"metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec}


async def story(client: Client) -> Object:
    """Workloads come, change and go; answers with what can be seen of it in any cluster."""
    result: Object = {}

    async def status(resource: Resource, name: str, **wanted: object) -> Object | None:
        found = (await client.get(resource, name, NAMESPACE)).get("status") or {}
        return found if all(found.get(key) == value for key, value in wanted.items()) else None

    async def ready_nodes() -> bool:
        nodes = (await client.list(NODES))["items"]
        return len(nodes) == 2 and not any(node["spec"].get("taints") for node in nodes)

    await once(ready_nodes)
    await client.create(NAMESPACES, {"metadata": {"name": NAMESPACE}})
    await once(lambda: client.get(ACCOUNTS, "default", NAMESPACE))

    selector = {"matchLabels": {"app": "web"}}
    spec = {"replicas": 4, "selector": selector, "template": pods("web")}
    await client.create(DEPLOYMENTS, made("web", spec))
    await client.create(SERVICES, made("web", {"selector": {"app": "web"}, "ports": [{"port": 80}]}))
    web = await once(lambda: status(DEPLOYMENTS, "web", availableReplicas=4))
    result["conditions"] = sorted((c["type"], c["status"], c["reason"]) for c in web["conditions"])
    running = (await client.list(PODS, NAMESPACE))["items"]
    result["spread"] = sorted(Counter(pod["spec"]["nodeName"] for pod in running).values())

    async def endpoints() -> bool:
        slices = (await client.list(SLICES, NAMESPACE))["items"]
        return len([one for each in slices for one in each.get("endpoints") or () if one["conditions"]["ready"]]) == 4

    await once(endpoints)
    template = pods("web")
    template["spec"]["containers"][0]["image"] = "i:2"
    await client.patch(DEPLOYMENTS, "web", {"spec": {"template": template}}, NAMESPACE)
    await once(
        lambda: status(DEPLOYMENTS, "web", observedGeneration=2, updatedReplicas=4, replicas=4, availableReplicas=4)
    )
    sets = (await client.list(REPLICA_SETS, NAMESPACE))["items"]
    revision = "deployment.kubernetes.io/revision"
    result["sets"] = sorted((one["metadata"]["annotations"][revision], one["spec"]["replicas"]) for one in sets)

    spec = {"replicas": 2, "serviceName": "db", "selector": {"matchLabels": {"app": "db"}}, "template": pods("db")}
    await client.create(STATEFUL_SETS, made("db", spec))
    await once(lambda: status(STATEFUL_SETS, "db", availableReplicas=2))
    await client.create(JOBS, made("sum", {"completions": 2, "template": pods("sum", restartPolicy="Never")}))
    done = await once(lambda: status(JOBS, "sum", succeeded=2))
    result["job"] = sorted(c["type"] for c in done.get("conditions") or ())

    await client.create(PODS, {"metadata": {"name": "giant", "namespace": NAMESPACE}, "spec": giant()})

    async def refused() -> Object | None:
        conditions = (await client.get(PODS, "giant", NAMESPACE))["status"].get("conditions") or ()
        return next((c for c in conditions if c.get("reason") == "Unschedulable"), None)

    result["giant"] = (await once(refused))["message"]
    about = {"Scheduled", "SuccessfulCreate", "ScalingReplicaSet", "FailedScheduling", "Completed"}

    async def all_told() -> bool:
        return about <= {one["reason"] for one in (await client.list(EVENTS, NAMESPACE))["items"]}

    await once(all_told)

    await client.delete(DEPLOYMENTS, "web", NAMESPACE)  # the collector takes its sets and pods

    async def collected() -> bool:
        left = (await client.list(PODS, NAMESPACE, label_selector="app=web"))["items"]
        return not left and not (await client.list(REPLICA_SETS, NAMESPACE))["items"]

    await once(collected)
    await client.delete(NAMESPACES, NAMESPACE)

    async def gone() -> bool:
        return not [one for one in (await client.list(NAMESPACES))["items"] if one["metadata"]["name"] == NAMESPACE]

    await once(gone)
    return result


def giant() -> Object:
    return {"containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "1000"}}}]}


async def told(directory: Path, swapped: str = "") -> Object:
    with control_plane(directory, swapped=swapped) as cluster:
        client = cluster.client()
        try:
            return await story(client)
        finally:
            await client.close()


@pytest.mark.parametrize("seat", SEATS)
async def test_does_a_cluster_do_the_same_with_the_real_program_in_one_seat(seat: str, tmp_path: Path) -> None:
    if not real(seat):
        pytest.skip(f"MINIKUBE_EDU_REAL_{seat.upper().replace('-', '_')} is not set")
    if seat == "kube-apiserver" and not etcd_path():
        pytest.skip("the real API server needs an etcd")
    assert await told(tmp_path / "swapped", seat) == await told(tmp_path / "ours")
