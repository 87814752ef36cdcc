"""split and csplit: one file into many."""

from __future__ import annotations

import re

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.tools import long_texts, regular_expressions
from minikube_edu.container_runtime.simulated.tools.arguments import Complaint, parse, program, size
from minikube_edu.container_runtime.simulated.tools.streams import decode, everything, unopened


async def contents(process: Process, name: str) -> bytes:
    if name == "-":
        return await everything(process, process.stdin)
    try:
        return await process.read_file(name)
    except OSError as error:
        raise Complaint(unopened(process, name, error)) from None


def suffix(number: int, length: int, digits: bool) -> str:
    if digits:
        return f"{number:0{length}d}"
    letters = ""
    for _ in range(length):
        number, letter = divmod(number, 26)
        letters = chr(97 + letter) + letters
    if number:
        raise Complaint("output file suffixes exhausted")
    return letters


@program("split [-a N] [-b BYTES | -l LINES | -n PARTS] [-d] [INPUT [PREFIX]]")
async def split(process: Process) -> int:
    arguments = parse(
        process, "a:b:l:n:dC:",
        {"bytes:": "b", "lines:": "l", "number:": "n", "suffix-length:": "a", "numeric-suffixes": "d",
         "additional-suffix:": "S"},
    )  # fmt: skip
    data = await contents(process, (arguments.operands or ["-"])[0])
    prefix = arguments.operands[1] if len(arguments.operands) > 1 else "x"
    if arguments.has("b", "C"):
        step = size(arguments.last("b", "C") or "")
        pieces = [data[i : i + step] for i in range(0, len(data), step)]
    elif arguments.has("n"):
        parts = arguments.number("n", 1)
        step = len(data) // parts
        pieces = [data[i * step : (i + 1) * step if i < parts - 1 else len(data)] for i in range(parts)]
    else:
        count = arguments.number("l", 1000)
        lines = re.findall(rb"[^\n]*\n|[^\n]+", data)
        pieces = [b"".join(lines[i : i + count]) for i in range(0, len(lines), count)]
    for number, piece in enumerate(pieces):
        name = prefix + suffix(number, arguments.number("a", 2), arguments.has("d")) + (arguments.last("S") or "")
        await process.write_file(name, piece)
        await process.breathe()
    return 0


@program("csplit [-f PREFIX] [-n DIGITS] [-sz] FILE PATTERN...")
async def csplit(process: Process) -> int:
    arguments = parse(process, "f:n:szk", {"prefix:": "f", "digits:": "n", "quiet": "s", "elide-empty-files": "z"})
    if len(arguments.operands) < 2:
        raise Complaint("missing operand", usage=True)
    lines = re.findall(r"[^\n]*\n|[^\n]+", decode(await contents(process, arguments.operands[0])))
    position = 0
    pieces: list[str] = []
    patterns: list[str] = []
    for word in arguments.operands[1:]:
        repeat = re.fullmatch(r"\{(\d+|\*)\}", word)
        if repeat and patterns:
            patterns += [patterns[-1]] * (len(lines) if repeat[1] == "*" else int(repeat[1]))
        else:
            patterns.append(word)
    for word in patterns:
        if word.isdigit():
            target = int(word) - 1
        else:
            found = re.fullmatch(r"([/%])(.*)\1([-+]\d+)?", word)
            if not found:
                raise Complaint(f"{word}: invalid pattern")
            try:
                pattern = regular_expressions.compile(found[2], extended=False)
            except regular_expressions.BadPattern as error:
                raise Complaint(f"{word}: invalid regular expression: {error}") from None
            start = position + (1 if pieces else 0)
            hit = None
            for number in range(start, len(lines)):
                await process.breathe()
                if await long_texts.search(process, pattern, lines[number].rstrip("\n")):
                    hit = number
                    break
            if hit is None:
                if patterns.count(word) > 1:
                    break
                raise Complaint(f"'{word}': match not found")
            target = hit + int(found[3] or 0)
        if target > len(lines):
            raise Complaint(f"'{word}': line number out of range")
        if not word.startswith("%"):
            pieces.append("".join(lines[position:target]))
        position = target
    pieces.append("".join(lines[position:]))
    number = 0
    for piece in pieces:
        if not piece and arguments.has("z"):
            continue
        name = f"{arguments.last('f') or 'xx'}{number:0{arguments.number('n', 2)}d}"
        data = piece.encode("utf-8", "surrogateescape")
        await process.write_file(name, data)
        if not arguments.has("s"):
            await process.print(str(len(data)))
        number += 1
    return 0
