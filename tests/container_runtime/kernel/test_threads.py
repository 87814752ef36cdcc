"""Threads: work beside a program's own that lives and dies with its process."""

from __future__ import annotations

import asyncio

from minikube_edu.container_runtime.simulated.contract import Process, Status
from tests.container_runtime.world import world


async def counting(process: Process, beats: list[float]) -> None:
    try:
        while True:
            beats.append(process.container.cpu_seconds())
            await process.sleep(1)
    finally:
        beats.append(-1)


async def test_a_thread_ends_with_its_process() -> None:
    beats: list[float] = []

    async def serves(process: Process) -> int:
        process.thread(counting(process, beats))
        await process.sleep(3.5)
        return 0

    async with world(programs={"serves": serves}, tools=[]) as w:
        assert (await w.run(["serves"])).code == 0
        await asyncio.sleep(2)
        assert len(beats) == 5
        assert beats[-1] == -1


async def test_a_thread_stops_with_its_process() -> None:
    beats: list[float] = []

    async def serves(process: Process) -> int:
        process.thread(counting(process, beats))
        await process.sleep(1000)
        return 0

    async with world(programs={"serves": serves}, tools=[]) as w:
        process = w.spawn(["serves"])
        await asyncio.sleep(2.5)
        process.deliver(19)
        await asyncio.sleep(5)
        assert len(beats) == 3
        process.deliver(18)
        await asyncio.sleep(0.1)
        assert len(beats) == 4
        process.deliver(15)
        await asyncio.sleep(0.1)
        assert process.status == Status(0, 15)
        assert beats[-1] == -1


async def test_a_threads_work_is_its_processs_and_gives_way() -> None:
    async def serves(process: Process) -> int:
        async def works() -> int:
            while process.container.cpu_seconds(process.pid) < 0.03:
                await process.breathe()
            return 7

        return await process.thread(works())

    async with world(programs={"serves": serves}, tools=[]) as w:
        assert (await w.run(["serves"])).code == 7


async def test_exit_in_a_thread_is_the_processs() -> None:
    async def serves(process: Process) -> int:
        async def leaves() -> None:
            await process.sleep(1)
            process.exit(5)

        process.thread(leaves())
        await process.sleep(1000)
        return 0

    async def pipes(process: Process) -> int:
        reader, process.files[1] = process.pipe()
        reader.release()

        async def writes() -> None:
            await process.print("into nothing")

        await process.thread(writes())
        return 0

    async with world(programs={"serves": serves, "pipes": pipes}, tools=[]) as w:
        assert (await w.run(["serves"])).code == 5
        assert (await w.run(["pipes"])).signal == 13


async def test_a_threads_error_is_for_who_waits_for_it() -> None:
    async def serves(process: Process) -> int:
        try:
            await process.thread(process.read_file("/none"))
        except FileNotFoundError:
            return 4
        return 0

    async with world(programs={"serves": serves}, tools=[]) as w:
        assert (await w.run(["serves"])).code == 4
