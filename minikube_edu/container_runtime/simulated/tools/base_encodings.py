"""base64, base32: bytes as letters."""

from __future__ import annotations

import base64 as codec
import binascii
import re

from minikube_edu.container_runtime.simulated.contract import OpenFile, Process
from minikube_edu.container_runtime.simulated.tools.arguments import Complaint, is_busybox, parse, program
from minikube_edu.container_runtime.simulated.tools.streams import BLOCK, Inputs


async def convert(process: Process, bits: int) -> int:
    arguments = parse(process, "diDw:", {"decode": "d", "ignore-garbage": "i", "wrap:": "w"})
    if len(arguments.operands) > 1 and not is_busybox(process):
        raise Complaint(f"extra operand '{arguments.operands[1]}'", usage=True)
    width = arguments.number("w", 76)
    inputs = Inputs(process, arguments.operands[:1])
    async for _, file in inputs:
        if arguments.has("d", "D"):
            await decoded(process, file, bits, arguments.has("i"))
        else:
            await encoded(process, file, bits, width)
    return int(inputs.failed)


async def encoded(process: Process, file: OpenFile, bits: int, width: int) -> None:
    group = 3 if bits == 64 else 5
    encode = codec.b64encode if bits == 64 else codec.b32encode
    data, text = b"", b""
    while block := await file.read(BLOCK):
        await process.breathe()
        data += block
        whole = len(data) // group * group
        text += encode(data[:whole])
        data = data[whole:]
        end = len(text) // width * width if width else len(text)
        lines = [text[i : i + width] + b"\n" for i in range(0, end, width)] if width else [text]
        text = text[end:]
        await process.stdout.write(b"".join(lines))
    text += encode(data)
    lines = [text[i : i + width] + b"\n" for i in range(0, len(text), width)] if width else [text]
    await process.stdout.write(b"".join(lines))


async def decoded(process: Process, file: OpenFile, bits: int, ignore: bool) -> None:
    alphabet = rb"[^A-Za-z0-9+/=]" if bits == 64 else rb"[^A-Z2-7=]"
    group = 4 if bits == 64 else 8
    letters = re.compile(rb"[A-Za-z0-9+/]*" if bits == 64 else rb"[A-Z2-7]*")
    decode = codec.b64decode if bits == 64 else codec.b32decode
    text = b""
    while block := await file.read(BLOCK):
        await process.breathe()
        text += re.sub(alphabet if ignore else rb"\s", b"", block)
        good = letters.match(text)
        whole = good.end() // group * group if good else 0
        await process.stdout.write(decode(text[:whole]))
        text = text[whole:]
        if len(text) > BLOCK:
            break  # no such letters: the rest is no better
    await last_of(process, text, bits)


async def last_of(process: Process, text: bytes, bits: int) -> None:
    """What is left at the end: the group with the equals signs, or what is wrong."""
    good = re.match(
        rb"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?" if bits == 64 else rb"[A-Z2-7=]*", text
    )
    clean = good[0] if good else b""
    try:
        await process.stdout.write((codec.b64decode if bits == 64 else codec.b32decode)(clean))
    except (binascii.Error, ValueError):
        clean = b"!"
    if clean != text:
        rest = text[len(clean) :]
        if bits == 64 and re.fullmatch(rb"[A-Za-z0-9+/]{2,3}", rest) and not is_busybox(process):
            await process.stdout.write(codec.b64decode(rest + b"=" * (4 - len(rest))))
        raise Complaint("truncated input" if is_busybox(process) else "invalid input")


@program("base64 [-d] [-w COL] [FILE]")
async def base64(process: Process) -> int:
    return await convert(process, 64)


@program("base32 [-d] [-w COL] [FILE]")
async def base32(process: Process) -> int:
    return await convert(process, 32)
