"""What an idle container costs: 10,000 nginx have to fit into 600 MiB, without a thread, and with few tasks."""

from __future__ import annotations

import asyncio
import gc
import threading
import tracemalloc
from pathlib import Path

from minikube_edu.container_runtime.simulated.containers import SimulatedContainer
from minikube_edu.container_runtime.simulated.runtime import SimulatedRuntime
from tests.container_runtime.node import Node, eventually, node

COUNT = 100
MOST_BYTES = 56 << 10  # each: 10,000 of them in 560 MiB


def processes(made: Node) -> list[int]:
    assert isinstance(made.runtime, SimulatedRuntime)
    containers = made.runtime.containers.values()
    return [len(one.machine.own) for one in containers if isinstance(one, SimulatedContainer) and one.machine]


async def test_what_does_an_idle_nginx_cost(tmp_path: Path) -> None:
    async with node(tmp_path) as made:

        async def all_serve() -> bool:
            return all(count >= 2 for count in processes(made))

        await made.start("nginx")
        await eventually(all_serve)
        threads = threading.active_count()
        gc.collect()
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            for _ in range(COUNT):
                await made.start("nginx")
            await eventually(all_serve, 30)
            gc.collect()
            made.events.clear()
            each = (tracemalloc.get_traced_memory()[0] - before) / COUNT
        finally:
            tracemalloc.stop()
        assert each < MOST_BYTES
        assert threading.active_count() == threads
        assert len(asyncio.all_tasks()) <= 3 * (COUNT + 1) + 5
