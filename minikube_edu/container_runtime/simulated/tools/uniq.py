"""uniq: neighbours that are the same."""

from __future__ import annotations

import re

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.tools.arguments import Complaint, parse, program
from minikube_edu.container_runtime.simulated.tools.streams import OPEN, Batches, Inputs, Output


@program("uniq [-cdui] [-f FIELDS] [-s CHARS] [-w CHARS] [INPUT [OUTPUT]]")
async def uniq(process: Process) -> int:
    arguments = parse(
        process, "cduif:s:w:Dz",
        {"count": "c", "repeated": "d", "unique": "u", "ignore-case": "i", "skip-fields:": "f", "skip-chars:": "s",
         "check-chars:": "w", "all-repeated": "D"},
    )  # fmt: skip
    if len(arguments.operands) > 2:
        raise Complaint(f"extra operand '{arguments.operands[2]}'", usage=True)
    fields, skipped, checked = arguments.number("f", 0), arguments.number("s", 0), arguments.number("w", -1)
    target = process.open(arguments.operands[1], "w") if len(arguments.operands) > 1 else process.stdout
    output = Output(target)
    inputs = Inputs(process, arguments.operands[:1], OPEN)

    def key(line: bytes) -> bytes:
        text = line.removesuffix(b"\n")
        for _ in range(fields):
            text = re.sub(rb"^[ \t]*[^ \t]*", b"", text, count=1)
        text = text[skipped:]
        text = text[:checked] if checked >= 0 else text
        return text.lower() if arguments.has("i") else text

    group: list[bytes] = []

    async def finish() -> None:
        if not group or (arguments.has("d", "D") and len(group) == 1) or (arguments.has("u") and len(group) > 1):
            return
        first = group[0] if group[0].endswith(b"\n") else group[0] + b"\n"
        if arguments.has("D"):
            first = b"".join(line.removesuffix(b"\n") + b"\n" for line in group)
        width = 7
        await output.write((b"%*d " % (width, len(group)) if arguments.has("c") else b"") + first)

    async for _, file in inputs:
        async for lines in Batches(process, file):
            for line in lines:
                if group and key(group[0]) == key(line):
                    group.append(line if arguments.has("D") else b"")
                else:
                    await finish()
                    group = [line]
            await output.flush()
    await finish()
    await output.flush()
    if target is not process.stdout:
        target.release()
    return int(inputs.failed)
