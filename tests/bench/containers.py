"""The figures of the simulated kernel: `python -m tests.bench.containers [containers] [uvloop]`.

Idle containers (an nginx-like program that waits for connections, its log a function): memory each, starts a second;
and how late others are while one container loops, or a fork bomb goes off.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import resource
import sys
import time

from minikube_edu.container_runtime.simulated.contract import OpenFile, Process
from minikube_edu.container_runtime.simulated.filesystem.device_tree import null
from minikube_edu.container_runtime.simulated.filesystem.layer import Entry
from minikube_edu.container_runtime.simulated.kernel.executable import executable
from minikube_edu.container_runtime.simulated.kernel.limits import Limits
from minikube_edu.container_runtime.simulated.kernel.machine import Machine
from minikube_edu.container_runtime.simulated.kernel.sink import Sink
from minikube_edu.container_runtime.simulated.kernel.software import Software
from tests.container_runtime.world import ENV, NoNetwork, image


async def nginx(process: Process) -> int:
    process.on_signal(15, lambda number: process.exit(0))
    await asyncio.get_running_loop().create_future()
    return 0


async def loops(process: Process) -> int:
    while True:
        await process.breathe()


async def bomb(process: Process) -> int:
    while True:
        await process.breathe()
        with contextlib.suppress(OSError):
            process.spawn(["bomb"])


def resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


LAYER = image({f"/usr/sbin/{name}": Entry(executable(name), 0o755) for name in ("nginx", "loops", "bomb")})
SOFTWARE = Software({"nginx": nginx, "loops": loops, "bomb": bomb})
LIMITS = Limits()


def container(number: int, *argv: str) -> Machine:
    log = Sink(lambda data: None)
    machine = Machine(LAYER, network=NoNetwork(), id=f"{number:064x}", software=SOFTWARE, limits=LIMITS)
    files: dict[int, OpenFile] = {0: null(), 1: log, 2: log.retain()}
    machine.start(argv, env=ENV, files=files)
    return machine


async def lateness(seconds: float) -> str:
    """The longest that a sleep of a millisecond took beyond it: by the clock, and by this process's own use of the
    processor, which does not count what the machine did meanwhile for others."""
    late, busy, end = 0.0, 0.0, time.perf_counter() + seconds
    while (start := time.perf_counter()) < end:
        used = time.process_time()
        await asyncio.sleep(0.001)
        late = max(late, time.perf_counter() - start - 0.001)
        busy = max(busy, time.process_time() - used)
    return f"{late * 1000:.1f} ms ({busy * 1000:.1f} ms of work)"


async def main(count: int) -> None:
    await asyncio.sleep(0.1)
    first = container(0, "nginx")
    await asyncio.sleep(0)
    gc.collect()
    before, start = resident(), time.perf_counter()
    machines = [container(number, "nginx") for number in range(count)]
    while any(machine.main is not None and machine.main.cpu_used == 0 for machine in machines):  # noqa: ASYNC110
        await asyncio.sleep(0)
    took = time.perf_counter() - start
    gc.collect()
    print(
        f"  {count} idle containers: {(resident() - before) / count:.0f} bytes each, {count / took:.0f} starts a second"
    )
    busy = container(1, "loops")
    print(f"  others' lateness beside one that loops: {await lateness(2)}")
    bombs = container(2, "bomb")
    print(f"  beside a fork bomb as well: {await lateness(3)}, {len(bombs.own)} processes")
    start = time.perf_counter()
    for machine in (first, busy, bombs, *machines):
        machine.kill()
    while any(machine.own for machine in (first, busy, bombs, *machines)):  # noqa: ASYNC110
        await asyncio.sleep(0)
    print(f"  all killed in {time.perf_counter() - start:.2f} s")


if __name__ == "__main__":
    if "uvloop" in sys.argv:
        import uvloop

        uvloop.install()
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    asyncio.run(main(numbers[0] if numbers else 10_000))
