"""A terminal: does typing feel like typing?"""

from __future__ import annotations

import asyncio

import pytest

from minikube_edu.container_runtime.simulated.contract import Ignore, Process, Terminal
from tests.container_runtime.world import world


async def cat(process: Process) -> int:
    while data := await process.stdin.read():
        await process.stdout.write(b"<" + data + b">")
    return 0


async def raw(process: Process) -> int:
    terminal: Terminal = process.stdin  # type: ignore[assignment]  # it is one
    terminal.set_raw(True)
    while (data := await terminal.read(10)) != b"q":
        await process.print(repr(data))
    return 0


async def sized(process: Process) -> int:
    terminal: Terminal = process.stdin  # type: ignore[assignment]

    def changed(number: int) -> None:
        sizes.append((terminal.columns, terminal.rows))

    sizes: list[tuple[int, int]] = []
    process.on_signal(28, changed)
    while len(sizes) < 2:
        try:
            await process.sleep(1000)
        except InterruptedError:
            await process.print(str(sizes[-1]))
    return 0


PROGRAMS = {"cat": cat, "raw": raw, "sized": sized}


@pytest.mark.parametrize(
    ("keys", "shown"),
    [
        (b"hi\r", b"hi\r\n<hi\r\n>"),
        (b"hallo\x7f\x7f\x7fi\r", b"hallo\b \b\b \b\b \bi\r\n<hai\r\n>"),
        (b"one two\x17three\r", b"one two" + b"\b \b" * 3 + b"three\r\n<one three\r\n>"),
        (b"all\x15new\r", b"all" + b"\b \b" * 3 + b"new\r\n<new\r\n>"),
        ("ü\x7fo\r".encode(), "ü\b \bo\r\n<o\r\n>".encode()),
        (b"part\x04", b"part<part>"),
        (b"\x16\x03\r", b"^C\r\n<\x03\r\n>"),
        (b"a\rb\r", b"a\r\nb\r\n<a\r\n><b\r\n>"),
    ],
)
async def test_keys_are_shown_and_edited(keys: bytes, shown: bytes) -> None:
    async with world(programs=PROGRAMS, tools=[]) as w:
        session = w.start(["cat"])
        session.type(keys)
        await asyncio.sleep(0.01)
        assert session.output == shown
        session.type(b"\x04\x04")
        assert await session.finished() == 0


@pytest.mark.parametrize(("key", "code", "shown"), [(b"\x03", 130, b"^C"), (b"\x1c", 131, b"^\\")])
async def test_control_keys_send_signals_to_the_foreground(key: bytes, code: int, shown: bytes) -> None:
    async with world(programs=PROGRAMS, tools=[]) as w:
        session = w.start(["cat"])
        await asyncio.sleep(0.01)
        session.type(b"thrown away" + key)
        assert await session.finished() == code
        assert bytes(session.output).endswith(shown)


async def test_only_the_foreground_group_is_interrupted() -> None:
    async def shell(process: Process) -> int:
        terminal: Terminal = process.stdin  # type: ignore[assignment]
        process.on_signal(22, Ignore)
        background = process.spawn(["sleeps"], new_group=True)
        job = process.spawn(["sleeps"], new_group=True)
        terminal.foreground = job.pid
        _, status = await process.wait(job)
        terminal.foreground = process.group
        await process.print(f"job {status.signal}, background {background.status}")
        return 0

    async def sleeps(process: Process) -> int:
        await process.sleep(1000)
        return 0

    async with world(programs={"shell": shell, "sleeps": sleeps}, tools=[]) as w:
        session = w.start(["shell"])
        await asyncio.sleep(0.01)
        session.type(b"\x03")
        await session.expect("job 2, background None")
        assert await session.finished() == 0


async def test_who_reads_in_the_background_is_stopped() -> None:
    async def shell(process: Process) -> int:
        job = process.spawn(["cat"], new_group=True)
        _, status = await process.wait(job, stopped=True)
        await process.print(f"stopped {status.stopped}")
        return 0

    async with world(programs={"shell": shell, **PROGRAMS}, tools=[]) as w:
        session = w.start(["shell"])
        await session.expect("stopped 21")


async def test_raw_input_comes_as_typed_and_unseen() -> None:
    async with world(programs=PROGRAMS, tools=[]) as w:
        session = w.start(["raw"])
        await asyncio.sleep(0.01)
        for key in (b"\x03", b"\r", b"\x1b[A"):
            session.type(key)
            await session.expect(repr(key) + "\r\n")
        session.type(b"q")
        assert await session.finished() == 0


async def test_programs_are_told_of_a_new_size() -> None:
    async with world(programs=PROGRAMS, tools=[]) as w:
        session = w.start(["sized"], columns=80, rows=24)
        await asyncio.sleep(0.01)
        session.resize(80, 24)
        session.resize(100, 30)
        await session.expect("(100, 30)")
        session.resize(10, 5)
        await session.expect("(10, 5)")
        assert await session.finished() == 0


async def test_a_client_that_goes_hangs_up() -> None:
    async with world(programs=PROGRAMS, tools=[]) as w:
        session = w.start(["cat"])
        await asyncio.sleep(0.01)
        session.hang_up()
        assert await session.finished() == 129


async def test_the_terminal_has_a_device() -> None:
    async def names(process: Process) -> int:
        await process.print(f"{process.listdir('/dev/pts')} {process.readlink('/proc/self/fd/0')}")
        for path in ("/dev/tty", "/dev/pts/0", "/dev/stdout"):
            file = process.open(path, "r+")
            await file.write(path.encode() + b"\n")
            file.release()
        return 0

    async with world(programs={"names": names}, tools=[]) as w:
        session = w.start(["names"])
        await session.expect("['0'] /dev/pts/0\r\n/dev/tty\r\n/dev/pts/0\r\n/dev/stdout\r\n")
        assert await session.finished() == 0
        await asyncio.sleep(0)
        assert not w.machine.terminals
        assert (await w.run(["names"])).signal == 11
        assert [getattr(fault, "errno", 0) for fault in w.faults] == [6]  # ENXIO: no terminal, no /dev/tty
        w.faults.clear()
