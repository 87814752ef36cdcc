"""Does the shell treat processes as a kernel's user expects: signals, children, exec, and its share of time?"""

from __future__ import annotations

import asyncio
import time

import pytest

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.shell.recall import NotFound, recalled
from minikube_edu.container_runtime.simulated.shell.start import main
from tests.container_runtime.world import world


async def test_a_trap_ends_a_waiting_shell_at_once() -> None:
    async with world() as container:
        process = container.spawn(["sh", "-c", "trap 'exit 7' TERM; sleep 9999 & wait"], stdin=None)
        await asyncio.sleep(0.05)
        begin = time.perf_counter()
        process.deliver(15)
        assert (await container.machine.ended_of(process)).code == 7
        assert time.perf_counter() - begin < 10


async def test_a_foreground_child_delays_the_trap() -> None:
    async with world() as container:
        output = bytearray()
        script = "trap 'echo trapped' TERM; sleep 0.3; echo after"
        process = container.spawn(["sh", "-c", script], stdin=None, stdout=output)
        await asyncio.sleep(0.05)
        process.deliver(15)
        await asyncio.sleep(0.05)
        assert output == b""
        await container.machine.ended_of(process)
        assert output == b"trapped\nafter\n"


async def test_a_busy_loop_does_not_hold_the_others() -> None:
    async with world() as container:
        process = container.spawn(["sh", "-c", "while true; do :; done"], stdin=None)
        worst = 0.0
        for _ in range(20):
            begin = time.perf_counter()
            await asyncio.sleep(0)
            worst = max(worst, time.perf_counter() - begin)
        process.deliver(9, forced=True)
        assert (await container.machine.ended_of(process)).signal == 9
        assert worst < 2  # the promise is 0.05 (tests/bench measures it); a loaded machine may be slower


async def test_the_last_command_takes_the_shells_place() -> None:
    seen: list[tuple[int, int]] = []

    async def look(process: Process) -> int:
        seen.append((process.pid, process.parent_pid))
        return 4

    async with world(programs={"look": look}) as container:
        process = container.spawn(["sh", "-c", "echo first; look"])
        assert (await container.machine.ended_of(process)).code == 4
        assert seen[0][0] == process.pid


async def test_a_subshell_has_a_number_of_its_own() -> None:
    async with world(bash=True) as container:
        script = 'echo $$ $BASHPID; (echo $$ $BASHPID); sh -c "echo \\$PPID"; true'
        done = await container.run(["bash", "-c", script])
        (main, same), (outer, inner), (parent,) = (line.split() for line in done.stdout.splitlines())
        assert main == same == outer == parent
        assert inner != main


async def test_process_one_collects_orphans() -> None:
    async def shell(process: Process) -> int:
        process.argv = ["sh", "-c", "(sleep 0.05 &); sleep 0.2; sleep 0.1; exec sleep 99"]
        return await main(process)

    async with world(init=shell) as container:
        await asyncio.sleep(0.5)
        assert len(container.machine.table.processes) == 1


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("!!", "echo b c"),
        ("sudo !!", "sudo echo b c"),
        ("cat !$", "cat c"),
        ("x !*", "x b c"),
        ("!1", "ls -l /tmp"),
        ("!-2", "ls -l /tmp"),
        ("!ls", "ls -l /tmp"),
        ("!ls:1", "-l"),
        ("^b^d", "echo d c"),
        ("echo '!!' a! \\!!", "echo '!!' a! \\!!"),
    ],
)
def test_bash_recalls_lines(line: str, wanted: str) -> None:
    assert recalled(line, ["ls -l /tmp", "echo b c"]) == wanted


def test_a_line_that_never_was() -> None:
    with pytest.raises(NotFound):
        recalled("!nothing", ["ls"])
