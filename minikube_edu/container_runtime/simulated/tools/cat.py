"""cat, tac, tee, yes, rev, nl: files to standard output, nearly as they are."""

from __future__ import annotations

import re

from minikube_edu.container_runtime.simulated.contract import Ignore, Process, reason
from minikube_edu.container_runtime.simulated.tools.arguments import Complaint, parse, program
from minikube_edu.container_runtime.simulated.tools.streams import (
    BLOCK,
    OPEN,
    Batches,
    Inputs,
    decode,
    encode,
    everything,
)


@program("cat [-nbvteA] [FILE]...")
async def cat(process: Process) -> int:
    arguments = parse(
        process,
        "nbvteAETsu",
        {"number": "n", "number-nonblank": "b", "show-all": "A", "show-ends": "E", "show-tabs": "T",
         "squeeze-blank": "s", "show-nonprinting": "v"},
    )  # fmt: skip
    inputs = Inputs(process, arguments.operands, OPEN)
    if not arguments.options or all(name == "u" for name, _ in arguments.options):
        async for _, file in inputs:
            while block := await file.read(BLOCK):
                await process.stdout.write(block)
                await process.breathe()
        return int(inputs.failed)
    number, empty = 0, False
    ends, tabs = arguments.has("E", "e", "A"), arguments.has("T", "t", "A")
    visible = arguments.has("v", "e", "t", "A")
    async for _, file in inputs:
        async for lines in Batches(process, file):
            shown = []
            for line in lines:
                body = line.rstrip(b"\n") if line.endswith(b"\n") else line
                if arguments.has("s") and not body and empty:
                    continue
                empty = not body
                if (arguments.has("b") and body) or (arguments.has("n") and not arguments.has("b")):
                    number += 1
                    shown.append(b"%6d\t" % number)
                if visible:
                    body = caret(body)
                if tabs:
                    body = body.replace(b"\t", b"^I")
                shown.append(body + (b"$" if ends and line.endswith(b"\n") else b"") + line[len(line.rstrip(b"\n")) :])
            await process.stdout.write(b"".join(shown))
    return int(inputs.failed)


def caret(text: bytes) -> bytes:
    """^A, M-x: what `cat -v` shows."""
    shown = []
    for byte in text:
        prefix = b"M-" if byte >= 128 else b""
        low = byte & 127
        if byte == 9:
            shown.append(b"\t")
        elif low < 32:
            shown.append(prefix + b"^" + bytes([low + 64]))
        else:
            shown.append(prefix + (b"^?" if low == 127 else bytes([low])))
    return b"".join(shown)


@program("tac [FILE]...")
async def tac(process: Process) -> int:
    inputs = Inputs(process, parse(process, "").operands)
    async for _, file in inputs:
        data = await everything(process, file)
        end = len(data)
        while end:  # a block of lines after the other, from the end on
            start = data.rfind(b"\n", 0, max(0, end - BLOCK)) + 1
            await process.stdout.write(b"".join(reversed(re.findall(rb"[^\n]*\n|[^\n]+", data[start:end]))))
            await process.breathe()
            end = start
    return int(inputs.failed)


@program("tee [-ai] [FILE]...")
async def tee(process: Process) -> int:
    arguments = parse(process, "aip", {"append": "a", "ignore-interrupts": "i"})
    if arguments.has("i"):
        process.on_signal(2, Ignore)
    code = 0
    copies = []
    for name in arguments.operands:
        try:
            copies.append(process.open(name, "a" if arguments.has("a") else "w"))
        except OSError as error:
            await process.complain(f"{name}: {reason(error)}")
            code = 1
    try:
        while block := await process.stdin.read(BLOCK):
            await process.stdout.write(block)
            for copy in copies:
                await copy.write(block)
            await process.breathe()
    finally:
        for copy in copies:
            copy.release()
    return code


@program("yes [STRING]...")
async def yes(process: Process) -> int:
    line = encode(" ".join(process.argv[1:]) or "y") + b"\n"
    block = line * max(1, 8192 // len(line))
    while True:
        await process.stdout.write(block)
        await process.breathe()


@program("rev [FILE]...")
async def rev(process: Process) -> int:
    inputs = Inputs(process, parse(process, "").operands)
    async for _, file in inputs:
        async for lines in Batches(process, file):
            shown = []
            for line in lines:
                text = decode(line)
                end = "\n" if text.endswith("\n") else ""
                shown.append(text.removesuffix("\n")[::-1] + end)
            await process.stdout.write(encode("".join(shown)))
    return int(inputs.failed)


@program("nl [-b a|t|n] [-n ln|rn|rz] [-s SEP] [-v N] [-i N] [-w N] [FILE]...")
async def nl(process: Process) -> int:
    arguments = parse(process, "b:n:s:v:i:w:pd:f:h:l:", {"body-numbering:": "b", "number-width:": "w"})
    style, layout = arguments.last("b") or "t", arguments.last("n") or "rn"
    if style not in ("a", "t", "n"):
        raise Complaint(f"invalid body numbering style: '{style}'", usage=True)
    width, separator = arguments.number("w", 6), arguments.last("s")
    separator = "\t" if separator is None else separator
    number, step = arguments.number("v", 1), arguments.number("i", 1)
    inputs = Inputs(process, arguments.operands)
    async for _, file in inputs:
        async for lines in Batches(process, file):
            shown = []
            for line in lines:
                if style == "a" or (style == "t" and line != b"\n"):
                    text = {"ln": f"{number:<{width}}", "rz": f"{number:0{width}}"}.get(layout, f"{number:>{width}}")
                    shown.append(encode(text + separator) + line)
                    number += step
                else:
                    shown.append(b" " * (width + len(separator)) + line)
            await process.stdout.write(b"".join(shown))
    return int(inputs.failed)
