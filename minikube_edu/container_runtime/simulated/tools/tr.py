"""tr: characters (bytes, as the real ones do in the C locale) to other characters, or to nothing."""

from __future__ import annotations

import re

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.tools.arguments import Complaint, parse, program
from minikube_edu.container_runtime.simulated.tools.streams import BLOCK, encode

CLASSES: dict[str, bytes] = {
    "lower": bytes(range(97, 123)), "upper": bytes(range(65, 91)), "digit": bytes(range(48, 58)),
    "alpha": bytes([*range(65, 91), *range(97, 123)]), "space": b"\t\n\v\f\r ", "blank": b"\t ",
    "alnum": bytes([*range(48, 58), *range(65, 91), *range(97, 123)]), "xdigit": b"0123456789ABCDEFabcdef",
    "punct": bytes(b for b in range(33, 127) if not chr(b).isalnum()), "cntrl": bytes([*range(32), 127]),
    "print": bytes(range(32, 127)), "graph": bytes(range(33, 127)),
}  # fmt: skip
ESCAPES = {"n": 10, "t": 9, "r": 13, "a": 7, "b": 8, "f": 12, "v": 11, "\\": 92}


@program("tr [-cds] STRING1 [STRING2]")
async def tr(process: Process) -> int:
    arguments = parse(
        process, "cCdst", {"complement": "c", "delete": "d", "squeeze-repeats": "s", "truncate-set1": "t"},
        permute=False,
    )  # fmt: skip
    delete, squeeze = arguments.has("d"), arguments.has("s")
    sets = arguments.operands
    if not sets:
        raise Complaint("missing operand", usage=True)
    if len(sets) == 1 and not (delete or squeeze):
        raise Complaint(f"missing operand after '{sets[0]}'\nTwo strings must be given when translating.", usage=True)
    if len(sets) > (1 if delete and not squeeze else 2):
        raise Complaint(f"extra operand '{sets[-1]}'", usage=True)
    first = members(sets[0], 0)
    if arguments.has("c", "C"):
        first = bytes(byte for byte in range(256) if byte not in first)
    second = members(sets[1], len(first)) if len(sets) > 1 else b""
    table = bytes(range(256))
    if not delete and second:
        if arguments.has("t"):
            first = first[: len(second)]
        changed = bytearray(table)
        for index, byte in enumerate(first):
            changed[byte] = second[min(index, len(second) - 1)]
        table = bytes(changed)
    elif not delete and len(sets) > 1:
        raise Complaint("when not truncating set1, string2 must be non-empty")
    squeezed = None
    if squeeze:
        held = second or first
        squeezed = re.compile(b"([" + b"".join(b"\\x%02x" % byte for byte in held) + b"])\\1+") if held else None
    last = b""
    while block := await process.stdin.read(BLOCK):
        await process.breathe()
        block = block.translate(table, first) if delete else block.translate(table)
        if squeezed is not None and block:
            whole = squeezed.sub(rb"\1", last + block)
            block = whole[len(last) :]
            last = whole[-1:] if squeezed.match(whole[-1:] * 2) else b""
        await process.stdout.write(block)
    return 0


def members(text: str, wanted: int) -> bytes:
    """The characters of a set, in their order; `wanted` is how long [x*] makes it."""
    data = encode(text)
    result = bytearray()
    position = 0
    while position < len(data):
        named = re.compile(rb"\[:(\w+):\]").match(data, position)
        if named:
            name = named[1].decode()
            if name not in CLASSES:
                raise Complaint(f"invalid character class '{name}'")
            result += CLASSES[name]
            position = named.end()
            continue
        same = re.compile(rb"\[=(.)=\]").match(data, position)
        if same:
            result += same[1]
            position = same.end()
            continue
        repeated = re.compile(rb"\[(\\[0-7]{1,3}|\\?.)\*(\d*)\]", re.DOTALL).match(data, position)
        if repeated:
            byte, _ = character(repeated[1], 0)
            digits = repeated[2].decode()
            count = int(digits, 8 if digits.startswith("0") else 10) if digits else wanted - len(result)
            result += bytes([byte]) * max(0, min(count, 65536))
            position = repeated.end()
            continue
        low, position = character(data, position)
        if data[position : position + 1] == b"-" and position + 1 < len(data):
            high, position = character(data, position + 1)
            if high < low:
                raise Complaint(f"range-endpoints of '{chr(low)}-{chr(high)}' are in reverse collating sequence order")
            result += bytes(range(low, high + 1))
        else:
            result.append(low)
    return bytes(result)


def character(data: bytes, position: int) -> tuple[int, int]:
    if data[position] != 92 or position + 1 == len(data):
        return data[position], position + 1
    octal = re.compile(rb"[0-7]{1,3}").match(data, position + 1)
    if octal:
        return int(octal[0], 8) & 255, octal.end()
    return ESCAPES.get(chr(data[position + 1]), data[position + 1]), position + 2
