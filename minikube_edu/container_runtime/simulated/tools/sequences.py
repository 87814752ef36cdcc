"""seq, shuf, factor: numbers, in order and out of it."""

from __future__ import annotations

import re
from collections.abc import Generator
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.tools.arguments import Complaint, is_busybox, parse, program
from minikube_edu.container_runtime.simulated.tools.steps import taken
from minikube_edu.container_runtime.simulated.tools.streams import Inputs, Output, encode
from minikube_edu.lib import ids

if TYPE_CHECKING:
    from random import Random


@program("seq [-w] [-s SEP] [-f FORMAT] [FIRST [INC]] LAST")
async def seq(process: Process) -> int:
    argv = process.argv[1:]
    first_number = next((i for i, word in enumerate(argv) if re.fullmatch(r"-\.?\d.*", word)), len(argv))
    arguments = parse(
        process,
        "ws:f:",
        {"separator:": "s", "equal-width": "w", "format:": "f"},
        permute=False,
        argv=[*argv[:first_number], "--", *argv[first_number:]] if first_number < len(argv) else argv,
    )
    words = [word for word in arguments.operands if word != "--"]
    if not words:
        raise Complaint("missing operand", usage=True)
    if len(words) > 3:
        raise Complaint(f"extra operand '{words[3]}'", usage=True)
    numbers = []
    for word in words:
        try:
            numbers.append(Decimal(word))
        except InvalidOperation:
            what = f"invalid number '{word}'" if is_busybox(process) else f"invalid floating point argument: '{word}'"
            raise Complaint(what, usage=not is_busybox(process)) from None
    last = numbers[-1]
    first = numbers[0] if len(numbers) > 1 else Decimal(1)
    step = numbers[1] if len(numbers) == 3 else Decimal(1)
    if step == 0:
        raise Complaint(f"invalid Zero increment value: '{words[1]}'", usage=True)
    places = max((len(word.partition(".")[2]) for word in words[:-1]), default=0)
    layout = arguments.last("f")
    width = max(len(f"{first:.{places}f}"), len(f"{last:.{places}f}")) if arguments.has("w") else 0
    separator = (arguments.last("s") or "\n") if arguments.has("s") else "\n"
    output = Output(process.stdout)
    value, started = first, False
    while (value <= last) if step > 0 else (value >= last):
        if layout:
            text = re.sub(r"%([-0-9.+ ]*)[gfe]", lambda found: found[0], layout) % float(value)
        else:
            text = f"{value:0{width}.{places}f}" if width else f"{value:.{places}f}"
        await output.write(encode((separator if started else "") + text))
        started = True
        value += step
        await process.breathe()
    if started:
        await output.write(b"\n")
    await output.flush()
    return 0


@program("shuf [-n N] [-r] [-o FILE] {-e ARG... | -i LO-HI | [FILE]}")
async def shuf(process: Process) -> int:
    arguments = parse(
        process, "n:reo:i:z", {"head-count:": "n", "echo": "e", "input-range:": "i", "repeat": "r", "output:": "o"}
    )
    span = arguments.last("i")
    dice = ids.dice()
    failed = False
    if span is not None:
        found = re.fullmatch(r"(\d+)-(\d+)", span)
        if not found or int(found[2]) < int(found[1]) - 1:
            raise Complaint(f"invalid input range: '{span}'")
        low, high = int(found[1]), int(found[2])
        count = high - low + 1
        wanted = min(arguments.number("n", count), count) if not arguments.has("r") else arguments.number("n", 0)
        lines = [
            str(number)
            for number in (
                dice.choices(range(low, high + 1), k=wanted)
                if arguments.has("r")
                else dice.sample(range(low, high + 1), wanted)
            )
        ]
    else:
        if arguments.has("e"):
            lines = list(arguments.operands)
        else:
            lines = []
            inputs = Inputs(process, arguments.operands[:1])
            async for _, data in inputs.contents():
                text = data.decode("utf-8", "surrogateescape")
                lines = text.removesuffix("\n").split("\n") if text else []
            failed = inputs.failed
        if arguments.has("r") and lines:
            lines = dice.choices(lines, k=arguments.number("n", 0))
        else:
            await taken(process, shuffled(lines, dice))
            lines = lines[: arguments.number("n", len(lines))]
    result = encode("\n".join(lines) + "\n" if lines else "")
    target = arguments.last("o")
    if target:
        await process.write_file(target, result)
    else:
        await process.stdout.write(result)
    return int(failed)


def shuffled(lines: list[str], dice: Random) -> Generator[None, None, None]:
    for place in range(len(lines) - 1, 0, -1):
        other = dice.randrange(place + 1)
        lines[place], lines[other] = lines[other], lines[place]
        if place % 512 == 0:
            yield


@program("factor [NUMBER]...")
async def factor(process: Process) -> int:
    words = parse(process, "").operands
    if not words:
        words = b"".join(await process.lines()).decode().split()
    code = 0
    for word in words:
        if not word.isdigit():
            await process.complain(f"'{word}' is not a valid positive integer")
            code = 1
            continue
        rest, divisor, factors = int(word), 2, []
        while divisor * divisor <= rest:
            while rest % divisor == 0:
                factors.append(divisor)
                rest //= divisor
            divisor += 1 if divisor == 2 else 2
            await process.breathe()
        await process.print(f"{word}:" + "".join(f" {item}" for item in [*factors, *([rest] if rest > 1 else [])]))
    return code
