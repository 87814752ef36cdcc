"""Signals: default, ignored, handled; groups; stopping; and what process 1 is spared."""

from __future__ import annotations

import asyncio
import errno

import pytest

from minikube_edu.container_runtime.simulated.contract import Ignore, Process, Status, User
from minikube_edu.container_runtime.simulated.kernel.process import KernelProcess
from minikube_edu.container_runtime.simulated.kernel.signals import number_of
from tests.container_runtime.world import World, world


async def forever(process: Process) -> int:
    while True:
        await process.sleep(1000)


async def polite(process: Process) -> int:
    process.on_signal(15, lambda number: process.exit(42))
    return await forever(process)


async def deaf(process: Process) -> int:
    process.on_signal(15, Ignore)
    return await forever(process)


async def counting(process: Process) -> int:
    heard: list[int] = []
    process.on_signal(10, heard.append)
    while len(heard) < 3:
        try:
            await process.sleep(1000)
        except InterruptedError:
            await process.print(f"woken {len(heard)}")
    return 0


PROGRAMS = {"forever": forever, "polite": polite, "deaf": deaf, "counting": counting}


async def started(w: World, *argv: str, user: int = 0) -> KernelProcess:
    process = w.spawn(argv, user=user)
    await asyncio.sleep(0.01)
    return process


@pytest.mark.parametrize(
    ("program", "signal", "status"),
    [
        ("forever", 15, Status(0, 15)),
        ("forever", 1, Status(0, 1)),
        ("forever", 9, Status(0, 9)),
        ("forever", 17, None),
        ("forever", 28, None),
        ("polite", 15, Status(42)),
        ("polite", 2, Status(0, 2)),
        ("deaf", 15, None),
        ("deaf", 9, Status(0, 9)),
        ("forever", 34, Status(0, 34)),
    ],
)
async def test_what_a_signal_does(program: str, signal: int, status: Status | None) -> None:
    async with world(programs=PROGRAMS, tools=[]) as w:
        process = await started(w, program)
        process.deliver(signal)
        await asyncio.sleep(0.01)
        assert process.status == status


async def test_a_handler_cuts_sleep_short() -> None:
    async with world(programs=PROGRAMS, tools=[]) as w:
        out = bytearray()
        process = w.spawn(["counting"], stdout=out)
        for _ in range(3):
            await asyncio.sleep(0.01)
            process.deliver(10)
        assert await w.machine.ended_of(process) == Status(0)
        assert out == b"woken 1\nwoken 2\nwoken 3\n"


async def test_a_handler_cuts_wait_short() -> None:
    async def parent(process: Process) -> int:
        process.on_signal(14, lambda number: None)
        process.spawn(["forever"])
        with pytest.raises(InterruptedError):
            await process.wait()
        return 0

    async with world(programs={"parent": parent, **PROGRAMS}, tools=[]) as w:
        process = await started(w, "parent")
        process.deliver(14)
        assert await w.machine.ended_of(process) == Status(0)


async def test_process_1_gets_only_what_it_has_a_handler_for() -> None:
    async with world(programs=PROGRAMS, tools=[], init=forever) as w:
        init = w.machine.main
        assert init is not None

        async def attacks(process: Process) -> int:
            for signal in (1, 2, 9, 15, 19):
                process.kill(1, signal)
            return 0

        attacker = w.machine.exec(["forever"], files=init.files)
        attacker.kill(1, 15)
        attacker.kill(1, 9)
        attacker.kill(1, 19)
        w.machine.signal(15)  # not even from outside, without a handler
        await asyncio.sleep(1)
        assert init.status is None
        assert init.stop_gate is None
        w.machine.signal(9)
        await asyncio.sleep(0.1)
        assert init.status == Status(0, 9)


async def test_process_1_with_a_handler_is_told() -> None:
    async with world(programs=PROGRAMS, tools=[], init=polite) as w:
        await asyncio.sleep(0.01)
        w.machine.signal(15)
        assert await w.machine.wait() == Status(42)


async def test_who_may_signal_whom() -> None:
    async with world(programs=PROGRAMS, tools=[]) as w:
        roots, alices = await started(w, "forever"), await started(w, "forever", user=1000)
        with pytest.raises(PermissionError):
            alices.kill(roots.pid, 15)
        with pytest.raises(ProcessLookupError):
            alices.kill(999, 15)
        with pytest.raises(OSError) as invalid:  # noqa: PT011
            alices.kill(roots.pid, 65)
        assert invalid.value.errno == errno.EINVAL
        roots.kill(alices.pid, 0)
        assert alices.status is None
        roots.kill(alices.pid, 15)
        await asyncio.sleep(0.01)
        assert alices.status == Status(0, 15)


async def test_a_group_is_signalled_together() -> None:
    async def leader(process: Process) -> int:
        first = process.spawn(["forever"], new_group=True)
        second = process.spawn(["forever"], group=first.pid)
        alone = process.spawn(["forever"])
        await process.sleep(0.01)
        process.kill(-first.pid, 15)
        for child in (first, second):
            _, status = await process.wait(child)
            assert status.signal == 15
        assert alone.status is None
        return 0

    async with world(programs={"leader": leader, **PROGRAMS}, tools=[]) as w:
        assert (await w.run(["leader"])).code == 0


async def test_a_stopped_process_does_nothing_until_it_is_continued() -> None:
    async def ticks(process: Process) -> int:
        while True:
            await process.print("tick")
            await process.sleep(1)

    async with world(programs={"ticks": ticks}, tools=[]) as w:
        out = bytearray()
        process = w.spawn(["ticks"], stdout=out)
        await asyncio.sleep(2.5)
        assert out.count(b"tick") == 3
        process.deliver(19)
        await asyncio.sleep(10)
        assert out.count(b"tick") == 3
        process.deliver(15)  # waits
        assert process.status is None
        process.deliver(18)
        await asyncio.sleep(0.01)
        assert process.status == Status(0, 15)


async def test_a_parent_may_ask_who_was_stopped() -> None:
    async def shell(process: Process) -> int:
        child = process.spawn(["forever"])
        await process.sleep(0.01)
        process.kill(child.pid, 20)
        _, status = await process.wait(child, stopped=True)
        assert status == Status(stopped=20)
        assert status.shell_code() == 148
        process.kill(child.pid, 18)
        process.kill(child.pid, 15)
        _, status = await process.wait(child, stopped=True)
        assert status == Status(0, 15)
        return 0

    async with world(programs={"shell": shell, **PROGRAMS}, tools=[]) as w:
        assert (await w.run(["shell"])).code == 0


async def test_a_process_can_kill_itself_in_the_middle_of_a_step() -> None:
    async def suicidal(process: Process) -> int:
        process.kill(process.pid, 6)
        return 0

    async with world(programs={"suicidal": suicidal}, tools=[]) as w:
        assert (await w.run(["suicidal"], user=User(5, 5))).signal == 6


@pytest.mark.parametrize(("name", "number"), [("TERM", 15), ("sigkill", 9), ("10", 10), ("SIGRTMIN+3", 37)])
def test_signals_have_names(name: str, number: int) -> None:
    assert number_of(name) == number
