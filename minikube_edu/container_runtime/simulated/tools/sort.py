"""sort: by keys, as text, numbers, sizes, months or versions.

All is done in steps (`steps`): others have their turn.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from msgspec import Struct

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.tools.arguments import Arguments, Complaint, parse, program
from minikube_edu.container_runtime.simulated.tools.steps import in_order, mapped, taken
from minikube_edu.container_runtime.simulated.tools.streams import Batches, Inputs, Words, held

MONTHS = {name: number for number, name in enumerate(b"JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(), 1)}
SIZES = b" KMGTPEZY"
RUN = 8192  # lines that are written without a pause
STEP = 256  # lines that are looked at one by one without one


class Key(Struct):
    """-k FIELD[.CHAR][OPTIONS][,FIELD[.CHAR][OPTIONS]]"""

    start: tuple[int, int]
    end: tuple[int, int] | None
    options: str
    skip_start: bool = False
    skip_end: bool = False


@program("sort [-bcdfghimnrRsuVz] [-k KEY]... [-t CHAR] [-o FILE] [FILE]...", failure=2)
async def sort(process: Process) -> int:
    arguments = parse(
        process, "bcCdfghiMnrRsuVzmk:t:o:T:S:",
        {"key:": "k", "field-separator:": "t", "output:": "o", "reverse": "r", "unique": "u", "numeric-sort": "n",
         "human-numeric-sort": "h", "version-sort": "V", "ignore-case": "f", "stable": "s", "check": "c",
         "ignore-leading-blanks": "b", "general-numeric-sort": "g", "month-sort": "M", "zero-terminated": "z",
         "random-sort": "R", "dictionary-order": "d", "merge": "m", "parallel:": "p", "buffer-size:": "S"},
    )  # fmt: skip
    separator = arguments.last("t")
    if separator is not None:
        separator = "\0" if separator == "\\0" else separator
        if len(separator) != 1:
            raise Complaint(f"multi-character tab '{separator}'" if separator else "empty tab")
    general = "".join(name for name, _ in arguments.options if name in "bdfghiMnrRV")
    keys = [key_of(text, general) for text in arguments.all("k")] or [Key((1, 1), None, general, "b" in general)]
    end = b"\0" if arguments.has("z") else b"\n"
    inputs = Inputs(process, arguments.operands, Words("cannot read: {}"))
    lines: list[bytes] = []
    size = 0
    async for _, file in inputs:
        async for batch in Batches(process, file, end):
            lines += [line.removesuffix(end) for line in batch]
            size += sum(map(len, batch))
            held(process, size)
        if inputs.failed:
            break
    if inputs.failed:
        return 2
    field_end = separator.encode() if separator else None
    compare = comparison(keys, field_end, arguments)
    if arguments.has("c", "C"):
        for number in range(1, len(lines)):
            if number % STEP == 0:
                await process.breathe()
            order = compare(lines[number - 1], lines[number])
            if order > 0 or (order == 0 and arguments.has("u")):
                if arguments.has("c"):
                    name = arguments.operands[0] if arguments.operands else "-"
                    await process.complain(f"{name}:{number + 1}: disorder: {lines[number].decode(errors='replace')}")
                return 1
        return 0
    for value, backwards in reversed(passes(keys, field_end, arguments)):
        lines = await lines_in_order(process, lines, value, backwards)
    if arguments.has("u"):
        kept = lines[:1]
        for number, line in enumerate(lines):
            if number % STEP == 0:
                await process.breathe()
            if compare(kept[-1], line):
                kept.append(line)
        lines = kept
    target = arguments.last("o")
    file = process.open(target, "w") if target else process.stdout.retain()
    try:
        for number in range(0, len(lines), RUN):
            await file.write(end.join(lines[number : number + RUN]) + end)
            await process.breathe()
    finally:
        file.release()
    return 0


def passes(
    keys: list[Key], separator: bytes | None, arguments: Arguments
) -> list[tuple[Callable[[bytes], object], bool]]:
    """By what to sort, the last one first: keys that go the same way are one; whole lines decide at the end."""
    ways = [(value_of(key, separator), "r" in key.options) for key in keys]
    if not arguments.has("s", "u"):
        ways.append((bytes, arguments.has("r")))
    together: list[tuple[list[Callable[[bytes], object]], bool]] = []
    for value, backwards in ways:
        if together and together[-1][1] == backwards:
            together[-1][0].append(value)
        else:
            together.append(([value], backwards))
    return [(values[0] if len(values) == 1 else _each(values), backwards) for values, backwards in together]


def _each(values: list[Callable[[bytes], object]]) -> Callable[[bytes], object]:
    return lambda line: [value(line) for value in values]


async def lines_in_order(
    process: Process, lines: list[bytes], value: Callable[[bytes], object], backwards: bool
) -> list[bytes]:
    """Sorted, and lines of the same value as they were."""
    keys = await taken(process, mapped(lines, value))
    places = await taken(process, in_order(keys, backwards))
    return await taken(process, mapped(places, lines.__getitem__))


def key_of(text: str, general: str) -> Key:
    found = re.fullmatch(r"(\d+)(?:\.(\d+))?([bdfghiMnrRV]*)(?:,(\d+)(?:\.(\d+))?([bdfghiMnrRV]*))?", text)
    if not found:
        raise Complaint(f"invalid number at field start: invalid count at start of '{text}'" if not text[:1].isdigit()
                        else f"stray character in field spec: invalid field specification '{text}'")  # fmt: skip
    if found[1] == "0":
        raise Complaint(f"field number is zero: invalid field specification '{text}'")
    options = (found[3] or "") + (found[6] or "")
    end = (int(found[4]), int(found[5] or 0)) if found[4] else None
    return Key(
        (int(found[1]), int(found[2] or 1)), end, options or general,
        "b" in (found[3] or ("" if options else general)), "b" in (found[6] or ("" if options else general)),
    )  # fmt: skip


def comparison(keys: list[Key], separator: bytes | None, arguments: Arguments) -> Callable[[bytes, bytes], int]:
    """The order of two lines; whole lines decide between equal keys, unless -s or -u."""
    last_resort = not arguments.has("s", "u")
    reverse_all = arguments.has("r")
    values: list[tuple[Callable[[bytes], object], bool]] = [
        (value_of(key, separator), "r" in key.options) for key in keys
    ]

    def of(line: bytes) -> list[object]:
        return [value(line) for value, _ in values]

    def compare(one: bytes, other: bytes) -> int:
        for a, b, (_, backwards) in zip(of(one), of(other), values, strict=True):
            if a != b:
                less = a < b  # type: ignore[operator]  # values of one key are of one type
                return -1 if less != backwards else 1
        if last_resort and one != other:
            return -1 if (one < other) != reverse_all else 1
        return 0

    return compare


def value_of(key: Key, separator: bytes | None) -> Callable[[bytes], object]:
    """What a key of a line is compared by."""
    options = key.options
    whole = key.start == (1, 1) and key.end is None and not key.skip_start

    def value(line: bytes) -> object:
        text = line if whole else extract(line, key, separator)
        if "h" in options:
            return human(text)
        if "g" in options:
            return general_number(text)
        if "n" in options:
            return number(text)
        if "M" in options:
            return MONTHS.get(text.strip()[:3].upper(), 0)
        if "V" in options:
            return version(text)
        if "R" in options:
            return scrambled(text)
        if "d" in options:
            text = re.sub(rb"[^A-Za-z0-9 \t]", b"", text)
        if "i" in options:
            text = re.sub(rb"[^ -~]", b"", text)
        return text.upper() if "f" in options else text

    return value


def extract(line: bytes, key: Key, separator: bytes | None) -> bytes:
    spans = [found.span() for found in re.finditer(rb"[ \t]*[^ \t]+|[ \t]+$", line)]
    if separator is not None:
        spans, position = [], 0
        for part in line.split(separator):
            spans.append((position, position + len(part)))
            position += len(part) + 1

    def place(field: int, character: int, skip: bool) -> int:
        if field > len(spans):
            return len(line)
        start, _ = spans[field - 1]
        if skip:
            while start < len(line) and line[start] in b" \t":
                start += 1
        return min(start + character, len(line))

    start = place(key.start[0], key.start[1] - 1, key.skip_start)
    if key.end is None:
        return line[start:]
    field, character = key.end
    if character == 0:
        return line[start : spans[field - 1][1] if field <= len(spans) else len(line)]
    return line[start : place(field, character, key.skip_end)]


def number(text: bytes) -> float:
    found = re.match(rb"\s*(-?\d*\.?\d*)", text)
    digits = found[1] if found else b""
    return float(digits) if re.search(rb"\d", digits) else 0.0


def general_number(text: bytes) -> tuple[int, float]:
    found = re.match(rb"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?inf|nan)", text, re.IGNORECASE)
    return (1, float(found[1])) if found else (0, 0.0)


def human(text: bytes) -> tuple[int, int, float]:
    found = re.match(rb"\s*(-?)(\d*\.?\d*)([KMGTPEZYk]?)", text)
    if not found or not re.search(rb"\d", found[2]):
        return (0, 0, 0.0)
    value = float(found[2])
    sign = -1 if found[1] and value else 1
    return (sign if value else 0, sign * SIZES.index(found[3].upper() or b" "), sign * value)


def version(text: bytes) -> list[tuple[int, int, bytes]]:
    return [(1, int(part), b"") if part.isdigit() else (0 if part[:1] == b"~" else 2, 0, part)
            for part in re.findall(rb"\d+|\D+", text)]  # fmt: skip


def scrambled(text: bytes) -> int:
    return hash(text)  # salted by the interpreter; equal lines stay together, as with the real one
