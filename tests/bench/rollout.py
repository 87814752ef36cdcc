"""What the loops do and cost: `python -m tests.bench rollout idle`.

`rollout`: a Deployment of 500 and one of 2,000 replicas on ten light nodes, each from POST to all ready, and from
DELETE to all gone, with the processor time of every seat. `idle`: a thousand light nodes and ten thousand pods at rest
for a minute: what every seat costs, its memory, and how long a GET takes meanwhile.

Processor times are read from /proc: Linux only. A machine that does other work shows in the seconds, hardly in them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

from minikube_edu.client.errors import ApiError
from minikube_edu.client.kubeconfig import connect, default_client_config
from minikube_edu.client.rest import Client, Resource
from tests.host_processes import busy, pss
from tests.programs import free_port

DEPLOYMENTS = Resource("apps", "v1", "deployments", kind="Deployment")
NODES = Resource("", "v1", "nodes", False, "Node")
PODS = Resource("", "v1", "pods", kind="Pod")
SEATS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet")
IDLE_SECONDS = 60.0
SETTLE_SECONDS = 15.0


class Bare:
    """A bare cluster with light nodes, in a directory of its own."""

    def __init__(self, home: str) -> None:
        self.home = home
        self.pids: dict[str, int] = {}

    def minikube_edu(self, *words: str) -> str:
        command = [sys.executable, "-m", "minikube_edu", *words]
        environment = {**os.environ, "MINIKUBE_EDU_HOME": self.home}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=300).stdout

    def up(self, nodes: int) -> None:
        port = os.environ.get("BENCH_PORT") or str(free_port())
        told = self.minikube_edu("up", "--bare", "--nodes", str(nodes), "--port", port)
        self.pids = {name: int(pid) for name, pid in re.findall(r"^(\S+)\s+running, pid (\d+)", told, re.MULTILINE)}

    def client(self) -> Client:
        return connect(default_client_config(f"{self.home}/kubeconfig"))

    def cpu(self) -> dict[str, float]:
        """Seconds of processor time so far, a seat."""
        found = {}
        for name in SEATS:
            found[name] = busy(self.pids[name])
        return found

    def memory(self) -> dict[str, float]:
        """MiB of its own and its share of what it shares, a seat."""
        return {name: pss(self.pids[name]) for name in SEATS}


@contextlib.contextmanager
def bare(nodes: int) -> Iterator[Bare]:
    with tempfile.TemporaryDirectory(prefix="bench-", dir=os.environ.get("BENCH_DIR")) as home:
        cluster = Bare(home)
        try:
            cluster.up(nodes)
            yield cluster
        finally:
            cluster.minikube_edu("reset")


def deployment(name: str, replicas: int) -> dict[str, object]:
    container = {"name": "web", "image": "nginx", "resources": {"requests": {"cpu": "10m", "memory": "10Mi"}}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}},
        },
    }


def report(what: str, pods: int, seconds: float, before: dict[str, float], after: dict[str, float]) -> None:
    used = {name: (after[name] - before[name]) * 1e6 / pods for name in SEATS}
    seats = "  ".join(f"{name.removeprefix('kube-')} {used[name]:5.0f}" for name in SEATS)
    total = sum(used.values())
    print(
        f"  {what:22} {seconds:6.2f} s  {pods / seconds:5.0f} pods/s   µs of CPU a pod: {seats}  together {total:5.0f}",
        flush=True,
    )


async def ready(client: Client, name: str, replicas: int) -> None:
    """Until the Deployment says that all are available: a watch, as kubectl's `rollout status` does it."""
    found = await client.get(DEPLOYMENTS, name, "default")
    version = found["metadata"]["resourceVersion"]
    if (found.get("status") or {}).get("availableReplicas", 0) >= replicas:
        return
    selector = f"metadata.name={name}"
    async with client.watch(DEPLOYMENTS, "default", field_selector=selector, resource_version=version) as events:
        async for event in events:
            if (event.object.get("status") or {}).get("availableReplicas", 0) >= replicas:
                return


async def gone(client: Client) -> None:
    """Until no pod is left: there are no others. Asked without a selector, which would look at each of them."""
    while True:
        left = await client.list(PODS, "default", limit=1)
        if not left.get("items"):
            return
        await asyncio.sleep(0.05)


async def rollout(sizes: tuple[int, ...] = (500, 2000)) -> None:
    print("\nRollout on ten light nodes, default settings:")
    with bare(10) as cluster:
        client = cluster.client()
        await roll(cluster, client, 50, told=False)  # what is loaded at the first use is loaded now
        for size in sizes:
            await roll(cluster, client, size)
        await client.close()


async def roll(cluster: Bare, client: Client, replicas: int, *, told: bool = True) -> None:
    name = f"web-{replicas}"
    before, begun = cluster.cpu(), time.perf_counter()
    await client.create(DEPLOYMENTS, deployment(name, replicas))
    await ready(client, name, replicas)
    took, after = time.perf_counter() - begun, cluster.cpu()
    if told:
        report(f"{replicas} pods ready", replicas, took, before, after)
    await asyncio.sleep(1.0)
    before, begun = cluster.cpu(), time.perf_counter()
    await client.delete(DEPLOYMENTS, name, "default")
    await gone(client)
    took, after = time.perf_counter() - begun, cluster.cpu()
    if told:
        report(f"{replicas} pods deleted", replicas, took, before, after)
    await asyncio.sleep(1.0)


async def idle(nodes: int = 1000, pods: int = 10_000) -> None:
    print(f"\nAt rest: {nodes} light nodes and {pods} pods, {IDLE_SECONDS:.0f} s:")
    with bare(nodes) as cluster:
        client = cluster.client()
        for number in range(10):
            await client.create(DEPLOYMENTS, deployment(f"web-{number}", pods // 10))
        for number in range(10):
            await ready(client, f"web-{number}", pods // 10)
        await asyncio.sleep(SETTLE_SECONDS)
        before = cluster.cpu()
        await asyncio.sleep(IDLE_SECONDS)
        after, memory = cluster.cpu(), cluster.memory()
        for name in SEATS:
            used = (after[name] - before[name]) / IDLE_SECONDS
            print(f"  {name:26} {used:6.2%} of a core  {memory[name]:6.1f} MiB")
        loops = sum(after[name] - before[name] for name in SEATS[:3]) / IDLE_SECONDS
        print(f"  control plane together     {loops:6.2%} of a core; all {sum(memory.values()):.0f} MiB")
        took = []
        for number in range(1000):
            begun = time.perf_counter()
            with contextlib.suppress(ApiError):
                await client.get(NODES, f"worker-{1 + number % nodes}")
            took.append(time.perf_counter() - begun)
            await asyncio.sleep(0.01)
        took.sort()
        print(f"  GET meanwhile              p50 {took[500] * 1e3:.1f} ms  p99 {took[990] * 1e3:.1f} ms")
        await client.close()
