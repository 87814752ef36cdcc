"""cut: selected bytes, characters or fields of each line."""

from __future__ import annotations

import re
from typing import TypeVar

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.tools.arguments import Complaint, is_busybox, parse, program
from minikube_edu.container_runtime.simulated.tools.streams import Batches, Inputs, decode, encode

FAR = 1 << 60
T = TypeVar("T", str, bytes)


@program("cut {-b LIST | -c LIST | -f LIST [-d CHAR] [-s]} [--complement] [--output-delimiter=STRING] [FILE]...")
async def cut(process: Process) -> int:
    arguments = parse(
        process, "b:c:f:d:snz",
        {"bytes:": "b", "characters:": "c", "fields:": "f", "delimiter:": "d", "only-delimited": "s",
         "output-delimiter:": "O", "complement": "C"},
    )  # fmt: skip
    kind = arguments.last_of("b", "c", "f")
    if kind is None:
        who = "expected a list of bytes, characters, or fields"
        raise Complaint(who if is_busybox(process) else f"you must {who.replace('expected', 'specify')}", usage=True)
    ranges = ranges_of(arguments.last(kind) or "")
    if arguments.has("C"):
        ranges = inverted(ranges)
    delimiter = arguments.last("d") if arguments.has("d") else "\t"
    if delimiter is None or len(delimiter) > 1:
        raise Complaint("the delimiter must be a single character", usage=True)
    joiner = arguments.last("O") if arguments.has("O") else (delimiter if kind == "f" else "")
    inputs = Inputs(process, arguments.operands)
    async for _, file in inputs:
        async for lines in Batches(process, file):
            shown = []
            for line in lines:
                body = line.removesuffix(b"\n")
                if kind == "f":
                    text = decode(body)
                    if delimiter and delimiter not in text:
                        if not arguments.has("s"):
                            shown.append(body + b"\n")
                        continue
                    shown.append(encode(fields_of(text, delimiter, ranges, joiner or "")) + b"\n")
                elif kind == "b":
                    shown.append(b"".join(parts_of(body, ranges)) + b"\n")
                else:
                    shown.append(encode((joiner or "").join(parts_of(decode(body), ranges))) + b"\n")
                await process.breathe()
            await process.stdout.write(b"".join(shown))
    return int(inputs.failed)


def ranges_of(text: str) -> list[tuple[int, int]]:
    """`1,3-5,7-` as sorted pairs, joined where they overlap."""
    pairs = []
    for part in re.split("[, ]", text):
        found = re.fullmatch(r"(\d*)(-?)(\d*)", part)
        if not found or not (found[1] or found[3]):
            raise Complaint(
                "invalid byte, character or field list" if part != "-" else "invalid range with no endpoint: -",
                usage=True,
            )
        low = int(found[1] or 1)
        high = low if not found[2] else int(found[3] or FAR)
        if low < 1:
            raise Complaint("fields are numbered from 1", usage=True)
        if high < low:
            raise Complaint("invalid decreasing range", usage=True)
        pairs.append((low, high))
    pairs.sort()
    joined = [pairs[0]]
    for low, high in pairs[1:]:
        if low <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], high))
        else:
            joined.append((low, high))
    return joined


def inverted(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    result, start = [], 1
    for low, high in ranges:
        if low > start:
            result.append((start, low - 1))
        start = high + 1
    return [*result, (start, FAR)] if start < FAR else result


def fields_of(text: str, delimiter: str, ranges: list[tuple[int, int]], joiner: str) -> str:
    """A line may have millions of fields: what is behind the last one that is asked for stays in one piece."""
    if not delimiter:
        return joiner.join(parts_of(text, ranges))
    if not ranges:
        return ""
    low, high = ranges[-1]
    fields = text.split(delimiter, low - 1 if high == FAR else high)
    chosen: list[str] = []
    for first, last in ranges:
        chosen += fields[first - 1 : last]
    if high == FAR and len(fields) >= low and joiner != delimiter:
        chosen[-1] = chosen[-1].replace(delimiter, joiner)
    return joiner.join(chosen)


def parts_of(text: T, ranges: list[tuple[int, int]]) -> list[T]:
    """One piece for each range, for --output-delimiter."""
    pieces = [text[low - 1 : high] for low, high in ranges]
    return [piece for piece in pieces if piece]
