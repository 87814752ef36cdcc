"""Is a cluster in one event loop a cluster, and can its hours pass at once?"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import Resource
from minikube_edu.lib import clock
from minikube_edu.testing.cluster import Cluster
from minikube_edu.testing.virtual_time import run

Object = dict[str, Any]
PODS = Resource("", "v1", "pods", kind="Pod")
WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: busybox, command: [sh, -c, "echo hello from $HOSTNAME; sleep 100000"]}
"""


async def pods(cluster: Cluster) -> list[Object]:
    found: list[Object] = (await cluster.client().list(PODS, "default"))["items"]
    return found


async def test_does_a_deployment_become_ready_and_does_its_pod_answer() -> None:
    before = asyncio.all_tasks()
    async with Cluster(nodes=2) as cluster:
        await cluster.apply(WEB)
        await cluster.wait_for("deployment/web", "Available", 30)
        deployment = await cluster.wait_for("deploy/web", lambda d: d and d["status"].get("readyReplicas") == 2, 30)
        assert deployment is not None
        made = await pods(cluster)
        assert {pod["spec"]["nodeName"] for pod in made} == {"node-1", "node-2"}
        name = made[0]["metadata"]["name"]
        assert await cluster.logs(name) == f"hello from {name}\n"
        assert await cluster.exec(name, ["sh", "-c", "cat; echo no >&2; exit 3"], stdin=b"yes") == (3, "yes", "no\n")
        with pytest.raises(ApiError, match='User "jo" cannot list resource "pods"'):
            await cluster.client("jo").list(PODS, "default")
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


async def test_do_pods_of_two_nodes_reach_each_other_and_does_a_wait_say_what_it_saw() -> None:
    async with Cluster(nodes=2) as cluster:
        for name, node, image in (("server", "node-1", "nginx"), ("client", "node-2", "busybox")):
            container: Object = {"name": "c", "image": image}
            if image == "busybox":
                container["command"] = ["sleep", "1000"]
            spec = {"nodeName": node, "containers": [container]}
            await cluster.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})
        server = await cluster.wait_for("pod/server", "Ready", 30)
        await cluster.wait_for("pod/client", "Ready", 30)
        assert server is not None
        answer = await cluster.exec("client", ["wget", "-qO-", f"http://{server['status']['podIP']}"])
        assert "Welcome to nginx" in answer.stdout
        with pytest.raises(TimeoutError, match=r"pod/none: Ready not met in 0\.05 seconds; there is none"):
            await cluster.wait_for("pod/none", "Ready", 0.05)


def test_does_a_node_that_goes_silent_lose_its_pods() -> None:
    """Fifty seconds until it counts as gone, five minutes that its pods tolerate that: none of them waited for."""

    async def story() -> float:
        async with Cluster(nodes=2) as cluster:
            await cluster.apply(WEB)
            await cluster.wait_for("deployment/web", lambda d: d and d["status"].get("readyReplicas") == 2)
            lost = next(p["metadata"]["name"] for p in await pods(cluster) if p["spec"]["nodeName"] == "node-2")
            began = clock.monotonic()
            await cluster.silence("node-2")
            await cluster.wait_for(f"pod/{lost}", lambda p: p and p["metadata"].get("deletionTimestamp"), 600)
            took = clock.monotonic() - began
            await cluster.wait_for("deployment/web", lambda d: d and d["status"].get("readyReplicas") == 2)
            node = await cluster.get("node/node-2")
            assert node is not None
            assert {t["key"] for t in node["spec"]["taints"]} == {"node.kubernetes.io/unreachable"}
            running = [p for p in await pods(cluster) if not p["metadata"].get("deletionTimestamp")]
            assert {p["spec"]["nodeName"] for p in running} == {"node-1"}
            await cluster.wake("node-2")  # and ends what it should no longer run
            await cluster.wait_for(f"pod/{lost}", "delete", 120)
            await cluster.wait_for("node/node-2", lambda n: n and not n["spec"].get("taints"))
            return took

    real = time.monotonic()
    assert 340 <= run(story()) <= 380
    assert time.monotonic() - real < 60


def test_does_virtual_time_skip_sleep_but_wait_for_threads() -> None:
    async def story() -> tuple[float, float]:
        began, wall = clock.monotonic(), clock.now()
        await asyncio.sleep(3600)
        async with asyncio.timeout(5):  # would run out at once if the loop jumped
            await asyncio.to_thread(time.sleep, 0.05)
        return clock.monotonic() - began, clock.now() - wall

    began = clock.monotonic()
    slept, passed = run(story())
    assert 3600 <= slept < 3605
    assert passed == pytest.approx(slept, abs=0.1)
    assert clock.monotonic() - began < 10  # the clock is the system's again


def test_does_the_example_of_the_documentation_run() -> None:
    text = (Path(__file__).parents[2] / "docs/testing.md").read_text()
    example = text.split("```python\n")[1].split("```")[0]
    exec(compile(example, "docs/testing.md", "exec"), {})
