"""md5sum, sha1sum, sha256sum, sha512sum, cksum, sum: what a file adds up to, and whether it still does (-c)."""

from __future__ import annotations

import hashlib
import re
import zlib

from minikube_edu.container_runtime.simulated.contract import OpenFile, Process, reason
from minikube_edu.container_runtime.simulated.tools.arguments import Arguments, is_busybox, parse, program
from minikube_edu.container_runtime.simulated.tools.streams import BLOCK, OPEN, Inputs, decode


async def digest(process: Process, file: OpenFile, algorithm: str) -> str:
    sum = hashlib.new(algorithm, usedforsecurity=False)
    while block := await file.read(BLOCK):
        sum.update(block)
        await process.breathe()
    return sum.hexdigest()


async def sums(process: Process, algorithm: str) -> int:
    arguments = parse(
        process, "cbtswz", {"check": "c", "binary": "b", "status": "s", "warn": "w", "quiet": "q", "text": "t",
                            "tag": "tag", "ignore-missing": "im", "strict": "strict"},
    )  # fmt: skip
    inputs = Inputs(process, arguments.operands, OPEN)
    if arguments.has("c"):
        return await check(process, inputs, algorithm, arguments)
    async for name, file in inputs:
        text = await digest(process, file, algorithm)
        if arguments.has("tag"):
            await process.print(f"{algorithm.upper()} ({name}) = {text}")
        else:
            await process.print(f"{text} {'*' if arguments.has('b') and not is_busybox(process) else ' '}{name}")
    return int(inputs.failed)


async def check(process: Process, inputs: Inputs, algorithm: str, arguments: Arguments) -> int:
    wrong = unread = 0
    async for _, data in inputs.contents():
        for line in decode(data).split("\n"):
            found = re.fullmatch(r"\\?([0-9a-fA-F]+) [ *](.+)", line)
            if not found:
                continue
            name = found[2]
            try:
                file = process.open(name)
            except OSError as error:
                unread += 1
                await process.complain(
                    f"can't open '{name}': {reason(error)}" if is_busybox(process) else f"{name}: {reason(error)}"
                )
                if not arguments.has("s"):
                    await process.print(f"{name}: FAILED" + ("" if is_busybox(process) else " open or read"))
                continue
            try:
                good = await digest(process, file, algorithm) == found[1].lower()
            finally:
                file.release()
            wrong += not good
            if not arguments.has("s") and not (good and arguments.has("q")):
                await process.print(f"{name}: {'OK' if good else 'FAILED'}")
    if is_busybox(process) and wrong + unread and not arguments.has("s"):
        await process.complain(f"WARNING: {wrong + unread} of {wrong + unread} computed checksums did NOT match")
    elif not arguments.has("s"):
        if unread:
            await process.complain(f"WARNING: {unread} listed file{'s' if unread > 1 else ''} could not be read")
        if wrong:
            await process.complain(f"WARNING: {wrong} computed checksum{'s' if wrong > 1 else ''} did NOT match")
    return int(bool(wrong or unread or inputs.failed))


@program("md5sum [-c] [FILE]...")
async def md5sum(process: Process) -> int:
    return await sums(process, "md5")


@program("sha1sum [-c] [FILE]...")
async def sha1sum(process: Process) -> int:
    return await sums(process, "sha1")


@program("sha224sum [-c] [FILE]...")
async def sha224sum(process: Process) -> int:
    return await sums(process, "sha224")


@program("sha256sum [-c] [FILE]...")
async def sha256sum(process: Process) -> int:
    return await sums(process, "sha256")


@program("sha384sum [-c] [FILE]...")
async def sha384sum(process: Process) -> int:
    return await sums(process, "sha384")


@program("sha512sum [-c] [FILE]...")
async def sha512sum(process: Process) -> int:
    return await sums(process, "sha512")


# POSIX's CRC shifts to the left, zlib's to the right: the same sum, with the bits of each byte and the result reversed
MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
EVERY_BIT = 0xFFFFFFFF


@program("cksum [FILE]...")
async def cksum(process: Process) -> int:
    inputs = Inputs(process, parse(process, "").operands)
    async for name, file in inputs:
        value, length = EVERY_BIT, 0  # zlib begins with what it is told, inverted
        while block := await file.read(BLOCK):
            value = zlib.crc32(block.translate(MIRRORED), value)
            length += len(block)
            await process.breathe()
        tail = length.to_bytes((length.bit_length() + 7) // 8, "little")
        value = zlib.crc32(tail.translate(MIRRORED), value)
        await process.print(f"{int(f'{value:032b}'[::-1], 2)} {length}" + (f" {name}" if name != "-" else ""))
    return int(inputs.failed)
