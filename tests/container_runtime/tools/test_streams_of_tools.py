"""Do tools stream, stop when nobody reads, follow what grows, and end when they are told to?"""

from __future__ import annotations

import asyncio

import pytest

from tests.container_runtime.world import world


async def test_tail_f_shows_what_is_appended_later() -> None:
    async with world(files={"/var/log/app": b"one\n"}) as w:
        session = w.start(["tail", "-f", "-s", "0.01", "/var/log/app"])
        await session.expect("one")
        await w.run(["tee", "-a", "/var/log/app"], stdin=b"two\n")
        await session.expect("two")
        session.type("\x03")
        assert await session.finished() == 130


async def test_tail_F_waits_for_a_file_and_follows_its_successor() -> None:
    async with world() as w:
        session = w.start(["tail", "-n+1", "-s", "0.01", "-F", "/var/log/1.log"])
        await session.expect("No such file")
        await w.run(["tee", "/var/log/1.log"], stdin=b"first\n")
        await session.expect("first")
        await w.run(["mv", "/var/log/1.log", "/var/log/old"])
        await w.run(["tee", "/var/log/1.log"], stdin=b"second\n")
        await session.expect("second")
        session.type("\x03")
        await session.finished()


async def test_yes_ends_with_the_reader_of_its_pipe() -> None:
    async with world() as w:
        result = await w.run(["awk", 'BEGIN { "yes | head -n 2" | getline x; print x; exit }'])
        assert result.stdout == b"y\n"


async def test_grep_answers_before_its_input_has_ended() -> None:
    async with world() as w:
        out = bytearray()
        process = w.spawn(["grep", "a"], stdin=None, stdout=out)
        # stdin never ends: nothing to see, and a signal ends it
        await asyncio.sleep(0.01)
        assert process.status is None
        w.machine.kill()


async def test_sleep_ends_by_a_signal_and_infinity_is_a_time() -> None:
    async with world() as w:
        assert (await w.run(["timeout", "0.05", "sleep", "infinity"])).code == 143
        assert (await w.run(["sleep", "0.01"])).code == 0
        assert b"invalid number 'x'" in (await w.run(["sleep", "x"])).stderr


@pytest.mark.parametrize(
    "argv", [["sort", "/dev/zero"], ["tac", "/dev/zero"], ["sed", "p", "/dev/zero"], ["awk", "1", "/dev/zero"]]
)
async def test_endless_input_is_refused_and_not_swallowed(argv: list[str]) -> None:
    async with world() as w:
        result = await w.run(argv, timeout=60)
        assert result.code != 0


async def test_an_awk_that_never_ends_lets_others_run() -> None:
    async with world() as w:
        busy = w.spawn(["awk", "BEGIN { while (1) i++ }"])
        assert (await w.run(["echo", "still here"])).stdout == b"still here\n"
        assert busy.status is None


@pytest.mark.parametrize(
    "source",
    [
        'BEGIN { x = "a"; while (1) x = x x }',
        'BEGIN { printf "%999999999d", 1 }',
        "BEGIN { $99999999 = 1 }",
        "function f() { f() } BEGIN { f() }",
    ],
)
async def test_awk_cannot_eat_the_machine(source: str) -> None:
    async with world() as w:
        assert (await w.run(["awk", source], timeout=60)).code != 0
