"""hexdump, hd, od, xxd, strings: bytes made visible."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.tools.arguments import Arguments, Complaint, parse, program, size
from minikube_edu.container_runtime.simulated.tools.streams import Inputs, Output, decode, encode, everything

COMMANDS = {"hd": "hd"}
NAMES = {0: "\\0", 7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r"}


async def gathered(process: Process, arguments: Arguments, skip: str, length: str) -> tuple[bytes, int]:
    inputs = Inputs(process, arguments.operands)
    data = b""
    async for _, part in inputs.contents():
        data += part
    start = (
        size(arguments.last(skip) or "0")
        if not (arguments.last(skip) or "").startswith("0x")
        else int(arguments.last(skip) or "0", 16)
    )
    data = data[start:]
    if arguments.has(length):
        data = data[: size(arguments.last(length) or "0")]
    if inputs.failed and not data:
        raise Complaint("", 1)
    return data, start


async def show(process: Process, data: bytes, start: int, lines: list[str], squeeze: bool) -> None:
    """`lines`: one for each 16 bytes; repetitions become a star."""
    output = Output(process.stdout)
    starred = False
    for index, line in enumerate(lines):
        piece = data[index * 16 : index * 16 + 16]
        if squeeze and index and len(piece) == 16 and piece == data[index * 16 - 16 : index * 16]:
            if not starred:
                await output.write(b"*\n")
            starred = True
            await process.breathe()
            continue
        starred = False
        await output.write(encode(line + "\n"))
        await process.breathe()
    await output.flush()


def rows(data: bytes) -> Iterator[bytes]:
    return (data[i : i + 16] for i in range(0, len(data), 16))


async def canonical(process: Process, data: bytes, start: int, squeeze: bool) -> int:
    lines = []
    for index, row in enumerate(rows(data)):
        cells = [f"{byte:02x}" for byte in row] + ["  "] * (16 - len(row))
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        lines.append(f"{start + index * 16:08x}  {' '.join(cells[:8])}  {' '.join(cells[8:])}  |{text}|")
        await process.breathe()
    await show(process, data, start, lines, squeeze)
    if data:
        await process.print(f"{start + len(data):08x}")
    return 0


@program("hexdump [-Cbcdox] [-v] [-n LENGTH] [-s OFFSET] [FILE]...")
async def hexdump(process: Process) -> int:
    arguments = parse(process, "Cbcdoxvn:s:e:")
    data, start = await gathered(process, arguments, "s", "n")
    squeeze = not arguments.has("v")
    if arguments.has("C"):
        return await canonical(process, data, start, squeeze)
    lines = []
    for index, row in enumerate(rows(data)):
        head = f"{start + index * 16:07x}"
        if arguments.has("b"):
            cells = "".join(f" {byte:03o}" for byte in row).ljust(64)
        elif arguments.has("c"):
            cells = "".join(f" {NAMES.get(b, chr(b) if 32 <= b < 127 else f'{b:03o}'):>3}" for b in row).ljust(64)
        else:
            words = struct.unpack(f"<{(len(row) + 1) // 2}H", row + b"\0" * (len(row) % 2))
            layout = (
                "   {:05d}"
                if arguments.has("d")
                else "  {:06o}"
                if arguments.has("o")
                else "    {:04x}"
                if arguments.has("x")
                else " {:04x}"
            )
            cells = "".join(layout.format(word) for word in words).ljust(len(layout.format(0)) * 8)
        lines.append(head + cells)
        await process.breathe()
    await show(process, data, start, lines, squeeze)
    if data:
        await process.print(f"{start + len(data):07x}")
    return 0


@program("hd [FILE]...")
async def hd(process: Process) -> int:
    arguments = parse(process, "vn:s:")
    data, start = await gathered(process, arguments, "s", "n")
    return await canonical(process, data, start, not arguments.has("v"))


@program("od [-A doxn] [-t TYPE] [-N COUNT] [-j SKIP] [-bcdosxv] [FILE]...")
async def od(process: Process) -> int:
    arguments = parse(
        process,
        "A:t:N:j:bcdosxvaw::",
        {
            "address-radix:": "A",
            "format:": "t",
            "read-bytes:": "N",
            "skip-bytes:": "j",
            "width::": "w",
            "output-duplicates": "v",
        },
    )
    data, start = await gathered(process, arguments, "j", "N")
    short = {"b": "o1", "c": "c", "d": "u2", "o": "o2", "s": "d2", "x": "x2", "a": "a"}
    kinds = [value if name == "t" else short[name] for name, value in arguments.options if name == "t" or name in short]
    kinds = [kind for text in kinds for kind in re.findall(r"[acdoux][1248CSIL]?z?|f[48FD]?z?", text)] or ["o2"]
    radix = {"d": "07d", "o": "07o", "x": "06x", "n": ""}[arguments.last("A") or "o"]
    lines = []
    for index, row in enumerate(rows(data)):
        address = format(start + index * 16, radix) if radix else ""
        for number, kind in enumerate(kinds):
            lines.append((address if number == 0 else " " * len(address)) + cells_of(row, kind))
        await process.breathe()
    if len(kinds) == 1:
        await show(process, data, start, lines, not arguments.has("v"))
    else:
        await process.stdout.write(encode("".join(line + "\n" for line in lines)))
    if radix:
        await process.print(format(start + len(data), radix))
    return 0


def cells_of(row: bytes, kind: str) -> str:
    tail = ""
    if kind.endswith("z"):
        kind = kind[:-1]
        tail = "  >" + "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row) + "<"
    if kind == "c":
        return "".join(f" {NAMES.get(b, chr(b) if 32 <= b < 127 else f'{b:03o}'):>3}" for b in row) + tail
    if kind == "a":
        names = [
            "nul",
            "soh",
            "stx",
            "etx",
            "eot",
            "enq",
            "ack",
            "bel",
            "bs",
            "ht",
            "nl",
            "vt",
            "ff",
            "cr",
            "so",
            "si",
            "dle",
            "dc1",
            "dc2",
            "dc3",
            "dc4",
            "nak",
            "syn",
            "etb",
            "can",
            "em",
            "sub",
            "esc",
            "fs",
            "gs",
            "rs",
            "us",
            "sp",
        ]
        return (
            "".join(f" {names[b & 127] if b & 127 < 33 else 'del' if b & 127 == 127 else chr(b & 127):>3}" for b in row)
            + tail
        )
    width = {"C": 1, "S": 2, "I": 4, "L": 8, "": 4}.get(kind[1:], 0) or int(kind[1:])
    padded = row + b"\0" * (-len(row) % width)
    letter = {1: "B", 2: "H", 4: "I", 8: "Q"}[width]
    if kind[0] == "d":
        letter = letter.lower()
    values = struct.unpack(f"<{len(padded) // width}{letter}", padded)
    digits = {
        "o": {1: 3, 2: 6, 4: 11, 8: 22},
        "x": {1: 2, 2: 4, 4: 8, 8: 16},
        "u": {1: 3, 2: 5, 4: 10, 8: 20},
        "d": {1: 4, 2: 6, 4: 11, 8: 20},
    }[kind[0]][width]
    layout = {"o": f"0{digits}o", "x": f"0{digits}x", "u": f"{digits}d", "d": f"{digits}d"}[kind[0]]
    return "".join(f" {value:{layout}}" for value in values) + tail


@program("xxd [-pri] [-l LEN] [-s OFFSET] [-c COLS] [-g BYTES] [FILE]")
async def xxd(process: Process) -> int:
    arguments = parse(
        process, "pril:s:c:g:ub", argv=[{"-ps": "-p", "-len": "-l"}.get(word, word) for word in process.argv[1:]]
    )
    if arguments.has("r"):
        inputs = Inputs(process, arguments.operands[:1])
        async for _, data in inputs.contents():
            text = decode(data)
            if not arguments.has("p"):
                text = "".join(re.sub(r"^[0-9a-fA-F]+:", "", line).split("  ")[0] for line in text.split("\n"))
            digits = re.sub(r"[^0-9a-fA-F]", "", text)
            await process.stdout.write(bytes.fromhex(digits[: len(digits) // 2 * 2]))
        return int(inputs.failed)
    data, start = await gathered(process, arguments, "s", "l")
    if arguments.has("p"):
        text = data.hex()
        width = arguments.number("c", 30) * 2
        output = Output(process.stdout)
        for i in range(0, len(text), width):
            await output.write(encode(text[i : i + width] + "\n"))
            await process.breathe()
        await output.flush()
        return 0
    columns, group = arguments.number("c", 16), arguments.number("g", 2)
    output = Output(process.stdout)
    for index in range(0, len(data), columns):
        row = data[index : index + columns]
        full = " ".join("x" * (2 * min(group, columns - i)) for i in range(0, columns, group or columns))
        cells = " ".join(row[i : i + (group or columns)].hex() for i in range(0, len(row), group or columns))
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        await output.write(
            encode(f"{start + index:08x}: {(cells.upper() if arguments.has('u') else cells):<{len(full)}}  {text}\n")
        )
        await process.breathe()
    await output.flush()
    return 0


@program("strings [-fo] [-n LEN] [FILE]...")
async def strings(process: Process) -> int:
    arguments = parse(process, "fon:a", {"bytes:": "n"})
    least = arguments.number("n", 4)
    inputs = Inputs(process, arguments.operands)
    async for name, file in inputs:
        data = await everything(process, file)
        for found in re.finditer(rb"[\t\x20-\x7e]{%d,}" % least, data):
            head = f"{name}: " if arguments.has("f") else ""
            head += f"{found.start():7o} " if arguments.has("o") else ""
            await process.print(head + found[0].decode())
            await process.breathe()
    return int(inputs.failed)
