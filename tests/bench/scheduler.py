"""How fast the scheduler is, alone: `python -m tests.bench.scheduler [nodes ...]` prints one line per cluster size.

In process, against objects in memory. Ten Deployments with a Service each (so that default spreading is at work), three
zones; "mixed" adds hard spreading and anti-affinity to some of them. CPU is the process's, so of scheduler and world.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

from minikube_edu.kube_scheduler import kinds
from tests.kube_scheduler.world import World

PODS = 3000
GROUPS = 10


def fill(world: World, nodes: int) -> None:
    for number in range(nodes):
        zone = {"topology.kubernetes.io/zone": f"zone-{number % 3}"}
        world.node(f"node-{number}", cpu="1000", memory="4000Gi", pods=str(max(110, 2 * PODS // nodes)), labels=zone)
    for group in range(GROUPS):
        labels = {"app": f"app-{group}"}
        world.put(kinds.SERVICES, {"metadata": {"name": f"app-{group}"}, "spec": {"selector": labels}})


def pod_of(group: int, mixed: bool) -> dict[str, Any]:
    labels = {"app": f"app-{group}"}
    more: dict[str, Any] = {}
    if mixed and group % 3 == 1:
        constraint = {
            "maxSkew": 1,
            "topologyKey": "topology.kubernetes.io/zone",
            "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": {"matchLabels": labels},
        }
        more["topologySpreadConstraints"] = [constraint]
    if mixed and group % 3 == 2:
        term = {"labelSelector": {"matchLabels": labels}, "topologyKey": "kubernetes.io/hostname"}
        wish = {"weight": 100, "podAffinityTerm": term}
        more["affinity"] = {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [wish]}}
    return {"labels": labels, **more}


async def measure(nodes: int, mixed: bool) -> None:
    world = World()
    fill(world, nodes)
    for number in range(PODS):
        world.pod(f"pod-{number}", {"cpu": "100m", "memory": "128Mi"}, **pod_of(number % GROUPS, mixed))
    start, cpu = time.perf_counter(), time.process_time()
    async with world:
        while len(world.bindings) < PODS:
            await asyncio.sleep(0.005)
            if time.perf_counter() - start > 120:
                break
        seconds, used = time.perf_counter() - start, time.process_time() - cpu
    done = len(world.bindings)
    kind = "mixed" if mixed else "plain"
    print(f"{nodes:6} nodes  {kind}  {done / seconds:8.0f} pods/s  {used / done * 1e6:8.0f} us CPU/pod", flush=True)


async def main(sizes: list[int]) -> None:
    for nodes in sizes:
        for mixed in (False, True):
            await measure(nodes, mixed)


if __name__ == "__main__":
    asyncio.run(main([int(size) for size in sys.argv[1:]] or [10, 100, 1000, 5000]))
