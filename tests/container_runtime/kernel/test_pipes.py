"""Pipes and named pipes: order, back-pressure, ends."""

from __future__ import annotations

import asyncio

import pytest

from minikube_edu.container_runtime.simulated.contract import Ignore, Process, Status
from minikube_edu.container_runtime.simulated.kernel.pipe import CAPACITY, Pipe
from tests.container_runtime.world import world


async def test_a_writer_waits_for_its_reader() -> None:
    reader, writer = Pipe().ends()
    data = bytes(range(256)) * 1024
    writing = asyncio.create_task(writer.write(data))
    await asyncio.sleep(0.01)
    assert not writing.done()
    got = b""
    while len(got) < len(data):
        piece = await reader.read(10_000)
        assert len(piece) <= CAPACITY
        got += piece
    await writing
    writer.release()
    assert got == data
    assert await reader.read() == b""


async def test_a_reader_waits_for_every_writer() -> None:
    reader, writer = Pipe().ends()
    other = writer.retain()
    writer.release()
    reading = asyncio.create_task(reader.read())
    await asyncio.sleep(0.01)
    assert not reading.done()
    other.release()
    assert await reading == b""


async def yes(process: Process) -> int:
    while True:
        await process.stdout.write(b"y\n" * 5000)


async def stubborn_yes(process: Process) -> int:
    process.on_signal(13, Ignore)
    try:
        return await yes(process)
    except BrokenPipeError:
        return 1


@pytest.mark.parametrize(("program", "status"), [("yes", Status(0, 13)), ("stubborn", Status(1))])
async def test_who_writes_where_nobody_reads_is_told(program: str, status: Status) -> None:
    async def head(process: Process) -> int:
        reader, writer = process.pipe()
        child = process.spawn([program], files={1: writer})
        writer.release()
        assert (await reader.read(2)) == b"y\n"
        reader.release()
        assert await process.wait(child) == (child, status)
        return 0

    async with world(programs={"head": head, "yes": yes, "stubborn": stubborn_yes}, tools=[]) as w:
        assert (await w.run(["head"])).code == 0


async def test_a_named_pipe_joins_those_who_open_it() -> None:
    async def reads(process: Process) -> int:
        await process.stdout.write(await process.read_file("/tmp/fifo"))
        return 0

    async def writes(process: Process) -> int:
        await process.sleep(1)
        await process.write_file("/tmp/fifo", b"through the pipe")
        return 0

    async def both(process: Process) -> int:
        process.mkfifo("/tmp/fifo")
        assert process.stat("/tmp/fifo").mode >> 12 == 1
        process.spawn(["reads"])
        process.spawn(["writes"])
        await process.wait()
        await process.wait()
        process.spawn(["writes"])  # the other way round: the writer comes first
        await process.sleep(2)
        process.spawn(["reads"])
        await process.wait()
        await process.wait()
        return 0

    async with world(programs={"both": both, "reads": reads, "writes": writes}, tools=[]) as w:
        assert (await w.run(["both"])).stdout == b"through the pipe" * 2
