"""Whatever programs do to each other: when the container has ended, is everything gone?"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random

import pytest

from minikube_edu.container_runtime.simulated.contract import Default, Handler, Ignore, OpenFile, Process
from minikube_edu.container_runtime.simulated.kernel.limits import Limits
from minikube_edu.container_runtime.simulated.kernel.pipe import PipeEnd
from tests.container_runtime.world import world

SIGNALS = (1, 2, 9, 10, 13, 15, 17, 18, 19, 20)


async def chaos(process: Process) -> int:
    """A program that does anything, as its number says."""
    chance = random.Random(int(process.argv[1]))
    for _ in range(chance.randint(1, 12)):
        await process.breathe()
        with contextlib.suppress(OSError, ProcessLookupError):
            await one_step(process, chance)
    if chance.random() < 0.5:
        with contextlib.suppress(ChildProcessError, InterruptedError):
            while True:
                await process.wait(stopped=chance.random() < 0.5)
    if chance.random() < 0.3:
        process.exit(chance.randint(0, 300))
    return chance.randint(0, 255)


async def one_step(process: Process, chance: random.Random) -> None:
    what = chance.randint(0, 11)
    pids = list(process.container.processes)
    if what <= 2:
        process.spawn(["chaos", str(chance.randint(0, 10**9))], new_group=chance.random() < 0.3)
    elif what == 3:
        reader, writer = process.pipe()
        for end, number in ((reader, 0), (writer, 1)):
            files: dict[int, OpenFile] = {**process.files, number: end}
            process.spawn(["chaos", str(chance.randint(0, 10**9))], files=files)
            end.release()
    elif what == 4:
        process.kill(chance.choice([*pids, -process.group]), chance.choice(SIGNALS))
    elif what == 5:
        handlers: list[Handler | type[Default] | type[Ignore]] = [Default, Ignore, lambda number: process.exit(3)]
        process.on_signal(chance.choice(SIGNALS), chance.choice(handlers))
    elif what == 6:
        await process.sleep(chance.random())
    elif what == 7:
        process.use_cpu(chance.random())
        process.use_memory(chance.randint(0, 1 << 22))
    elif what == 8:
        name = f"/tmp/{chance.randint(0, 3)}"
        process.files[chance.randint(3, 9)] = process.open(name, chance.choice(["w", "a", "r"]))
        process.unlink(name)
    elif what == 9:
        async with asyncio.timeout(0.5):
            await process.stdin.read(100)
    elif what == 10:
        async with asyncio.timeout(0.5):
            await process.stdout.write(b"x" * chance.randint(0, 200_000))
    else:
        await process.exec(["chaos", str(chance.randint(0, 10**9))])


@pytest.mark.parametrize("seed", range(12))
async def test_chaos_leaves_nothing_behind(seed: int) -> None:
    limits = Limits(memory=64 << 20, cpu=0.5 if seed % 2 else 0, pids=60, oom_group=bool(seed % 3))
    async with world(programs={"chaos": chaos}, tools=[], limits=limits) as w:
        machine = w.machine
        for number in range(5):
            w.spawn(["chaos", str(seed * 100 + number)], stdin=None if number % 2 else b"input")
        await asyncio.sleep(5)
        assert machine.table.last_pid > 20
        machine.kill()
        await asyncio.sleep(0.1)
        assert not w.faults
        assert not machine.own
        assert not machine.table.processes
        assert machine.memory.used_by_processes == 0
        assert not machine.cpu.pretenders
    gc.collect()
    assert not [one for one in gc.get_objects() if type(one) is PipeEnd and one.holders > 0]
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "simulated"]
