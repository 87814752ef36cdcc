"""base64, base32: bytes as letters."""

from __future__ import annotations

import base64 as codec
import binascii
import re

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.tools.arguments import Complaint, is_busybox, parse, program
from minikube_edu.container_runtime.simulated.tools.streams import Inputs


async def convert(process: Process, bits: int) -> int:
    arguments = parse(process, "diDw:", {"decode": "d", "ignore-garbage": "i", "wrap:": "w"})
    if len(arguments.operands) > 1 and not is_busybox(process):
        raise Complaint(f"extra operand '{arguments.operands[1]}'", usage=True)
    width = arguments.number("w", 76)
    inputs = Inputs(process, arguments.operands[:1])
    async for _, data in inputs.contents():
        if not arguments.has("d", "D"):
            text = (codec.b64encode if bits == 64 else codec.b32encode)(data)
            pieces = [text[i : i + width] + b"\n" for i in range(0, len(text), width)] if width else [text]
            await process.stdout.write(b"".join(pieces))
            continue
        alphabet = rb"[^A-Za-z0-9+/=]" if bits == 64 else rb"[^A-Z2-7=]"
        text = re.sub(rb"\s" if not arguments.has("i") else alphabet, b"", data)
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
    return int(inputs.failed)


@program("base64 [-d] [-w COL] [FILE]")
async def base64(process: Process) -> int:
    return await convert(process, 64)


@program("base32 [-d] [-w COL] [FILE]")
async def base32(process: Process) -> int:
    return await convert(process, 32)
