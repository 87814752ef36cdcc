"""head: the beginning of files."""

from __future__ import annotations

from minikube_edu.container_runtime.simulated.contract import OpenFile, Process
from minikube_edu.container_runtime.simulated.tools.arguments import Complaint, number_words, parse, program, size
from minikube_edu.container_runtime.simulated.tools.streams import BLOCK, Inputs, LineReader, Output, Words, everything
from minikube_edu.container_runtime.simulated.tools.tail import before_last


@program("head [-n LINES] [-c BYTES] [-qv] [FILE]...")
async def head(process: Process) -> int:
    arguments = parse(
        process, "n:c:qvz", {"lines:": "n", "bytes:": "c", "quiet": "q", "silent": "q", "verbose": "v"},
        argv=number_words(process.argv[1:], "n"),
    )  # fmt: skip
    by_bytes = arguments.last_of("n", "c") == "c"
    wanted = arguments.last("n", "c") or "10"
    try:
        count = size(wanted)
    except Complaint:
        raise Complaint(f"invalid number of {'bytes' if by_bytes else 'lines'}: '{wanted}'") from None
    titles = (len(arguments.operands) > 1 or arguments.has("v")) and not arguments.has("q")
    inputs = Inputs(process, arguments.operands, Words("cannot open '{}' for reading"))
    first = True
    async for name, file in inputs:
        if titles:
            title = "standard input" if name == "-" else name
            await process.print(("" if first else "\n") + f"==> {title} <==")
            first = False
        if wanted.startswith("-"):
            await all_but(process, file, -count, by_bytes)
        elif by_bytes:
            await some_bytes(process, file, count)
        else:
            await some_lines(process, file, count)
    return int(inputs.failed)


async def some_bytes(process: Process, file: OpenFile, count: int) -> None:
    while count > 0:
        block = await file.read(min(count, BLOCK))
        if not block:
            break
        await process.stdout.write(block)
        count -= len(block)


async def some_lines(process: Process, file: OpenFile, count: int) -> None:
    reader, output = LineReader(process, file), Output(process.stdout)
    while count > 0:
        if reader.waits():
            await output.flush()
        line = await reader.line()
        if line is None:
            break
        await output.write(line)
        count -= 1
    await output.flush()
    reader.give_back()


async def all_but(process: Process, file: OpenFile, count: int, by_bytes: bool) -> None:
    data = await everything(process, file)
    if by_bytes:
        await process.stdout.write(data[: max(0, len(data) - count)])
    else:
        await process.stdout.write(data[: await before_last(process, data, count)])
