"""Processor and memory: counted, limited, and shared fairly."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from minikube_edu.container_runtime.simulated.contract import OpenFile, Process, Status
from minikube_edu.container_runtime.simulated.kernel.limits import Limits
from minikube_edu.container_runtime.simulated.kernel.machine import Machine
from minikube_edu.container_runtime.simulated.kernel.process import KernelProcess
from minikube_edu.container_runtime.simulated.kernel.resident import resident
from tests.container_runtime.world import world

MIB = 1 << 20


async def loops(process: Process) -> int:
    while True:
        await process.breathe()


async def copies(process: Process) -> int:
    """Never waits, never breathes: reads and writes only."""
    zero, null = process.open("/dev/zero"), process.open("/dev/null", "w")
    while True:
        await null.write(await zero.read(10))


async def hog(process: Process) -> int:
    process.use_memory(int(process.argv[1]) * MIB)
    await process.sleep(1000)
    return 0


async def burn(process: Process) -> int:
    process.use_cpu(float(process.argv[1]))
    await process.sleep(1000)
    return 0


async def nap(process: Process) -> int:
    await process.sleep(1000)
    return 0


async def bomb(process: Process) -> int:
    while True:
        await process.breathe()
        with contextlib.suppress(BlockingIOError):
            process.spawn(["bomb"])


PROGRAMS = {"loops": loops, "copies": copies, "hog": hog, "burn": burn, "nap": nap, "bomb": bomb}


@pytest.mark.parametrize("program", ["loops", "copies", "bomb"])
async def test_a_program_that_never_waits_does_not_keep_others_waiting(program: str) -> None:
    async with world(programs=PROGRAMS, tools=[], limits=Limits(pids=200)) as busy:
        busy.spawn([program])
        loop = asyncio.get_running_loop()
        worst = 0.0
        for _ in range(100):
            start = loop.time()
            await asyncio.sleep(0)
            worst = max(worst, loop.time() - start)
        assert worst < 2  # 20 ms on a machine that does nothing else
        assert busy.machine.cpu_seconds() > 0.01


async def test_real_work_is_counted_for_who_does_it() -> None:
    async with world(programs=PROGRAMS, tools=[]) as w:
        busy, idle = w.spawn(["loops"]), w.spawn(["nap"])
        for _ in range(20):
            await asyncio.sleep(0)
        assert w.machine.cpu_seconds(busy.pid) > 0.02
        assert w.machine.cpu_seconds(idle.pid) < 0.02
        assert w.machine.cpu_seconds() >= w.machine.cpu_seconds(busy.pid)


async def test_a_limit_throttles_real_work() -> None:
    async with world(programs=PROGRAMS, tools=[], limits=Limits(cpu=0.1)) as w:
        loop = asyncio.get_running_loop()
        w.spawn(["loops"])
        start = loop.time()
        await asyncio.sleep(2)
        took = loop.time() - start
        assert w.machine.cpu_seconds() < 0.4 * took  # a tenth, and each period's last slice: a long one here
        assert w.machine.cpu.throttled_periods >= 5


async def test_a_throttled_program_can_be_killed_at_once() -> None:
    async with world(programs=PROGRAMS, tools=[], limits=Limits(cpu=0.001)) as w:
        process = w.spawn(["loops"])
        await asyncio.sleep(0.05)
        process.deliver(9)
        await asyncio.sleep(0.001)
        assert process.status == Status(0, 9)


async def test_pretended_work_grows_with_the_clock_and_is_cut_at_the_limit() -> None:
    async with world(programs=PROGRAMS, tools=[], limits=Limits(cpu=0.5)) as w:
        one = w.spawn(["burn", "0.3"])
        await asyncio.sleep(10)
        assert w.machine.cpu_seconds(one.pid) == pytest.approx(3, rel=0.05)
        two = w.spawn(["burn", "0.7"])
        await asyncio.sleep(10)
        assert w.machine.cpu_seconds(one.pid) == pytest.approx(3 + 1.5, rel=0.05)
        assert w.machine.cpu_seconds(two.pid) == pytest.approx(3.5, rel=0.05)
        assert w.machine.cpu.rate() == 0.5
        assert w.machine.cpu.throttled_periods > 90
        two.deliver(9)
        await asyncio.sleep(0.01)
        assert w.machine.cpu.rate() == 0.3


async def test_beyond_the_memory_limit_the_container_is_killed_and_says_so() -> None:
    told: list[str] = []
    async with world(programs=PROGRAMS, tools=[], limits=Limits(memory=100 * MIB)) as w:
        w.machine.on_oom = lambda machine, victim: told.append(victim.name)
        small = w.spawn(["hog", "10"])
        await asyncio.sleep(0.01)
        assert w.machine.memory_used() > 10 * MIB
        result = await w.run(["hog", "95"])
        assert (result.code, result.signal) == (137, 9)
        await asyncio.sleep(0.01)
        assert small.status == Status(0, 9)
        assert w.machine.status == Status(0, 9)
        assert w.machine.memory.oom_killed
        assert told == ["hog"]
        assert w.machine.memory_used() == 0


async def test_without_a_group_only_the_biggest_dies() -> None:
    async with world(programs=PROGRAMS, tools=[], limits=Limits(memory=100 * MIB, oom_group=False)) as w:
        big = w.spawn(["hog", "60"])
        await asyncio.sleep(0.01)
        small = w.spawn(["hog", "50"])
        await asyncio.sleep(0.01)
        assert big.status == Status(0, 9)
        assert small.status is None
        assert w.machine.status is None
        assert not w.machine.memory.oom_killed
        assert b"oom_kill 1" in w.read("/sys/fs/cgroup/memory.events")


async def test_a_limit_can_change_while_it_runs() -> None:
    async with world(programs=PROGRAMS, tools=[]) as w:
        process = w.spawn(["hog", "60"])
        await asyncio.sleep(0.01)
        assert w.read("/sys/fs/cgroup/memory.max") == b"max\n"
        w.machine.set_limits(Limits(memory=50 * MIB, cpu=1.5))
        await asyncio.sleep(0.01)
        assert process.status == Status(0, 9)
        assert w.read("/sys/fs/cgroup/cpu.max") == b"150000 100000\n"


async def test_shared_memory_counts() -> None:
    async def fills(process: Process) -> int:
        file = process.open("/dev/shm/x", "w")
        for _ in range(20):
            await file.write(bytes(MIB))
        process.use_memory(0)
        await process.sleep(10)
        return 0

    async with world(programs={"fills": fills, **PROGRAMS}, tools=[], limits=Limits(memory=10 * MIB)) as w:
        assert (await w.run(["fills"])).signal == 9


async def test_in_a_shared_process_namespace_containers_die_one_by_one() -> None:
    """A pod's containers with one table: each has its own main process; the pause process is number 1."""
    async with world(programs=PROGRAMS, tools=[]) as pod, world(programs=PROGRAMS, tools=[]) as other:
        second = Machine(
            pod.machine.root.below, network=pod.machine.network, table=pod.machine.table, software=pod.machine.software
        )
        assert pod.machine.main is not None
        main = second.start(["/bin/nap"], files=_streams(pod.machine.main))
        helper = second.exec(["/bin/nap"], files=_streams(pod.machine.main))
        assert main.pid == 2
        assert set(pod.machine.processes) == {1, 2, 3}
        main.kill(1, 0)
        second.signal(15)  # no process 1, no privilege
        assert await second.wait() == Status(0, 15)
        await asyncio.sleep(0.01)
        assert helper.status == Status(0, 9)
        assert set(pod.machine.processes) == {1}
        assert other.machine.status is None


def _streams(process: KernelProcess) -> dict[int, OpenFile]:
    return {number: file.retain() for number, file in process.files.items()}


@pytest.mark.skipif(not resident(), reason="this host does not tell")
async def test_what_really_fills_the_host_has_an_end_without_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minikube_edu.container_runtime.simulated.kernel.memory.MOST_REAL", 40 << 20)
    async with world() as w:
        result = await w.run(["awk", 'BEGIN { while (1) a[i++] = i "x" }'], timeout=60)
        assert (result.code, result.signal) == (137, 9)
        small = await w.run(["awk", "BEGIN { while (i < 20000) a[i++] = i; print length(a) }"])
        assert small.stdout == b"20000\n"
