"""gzip, gunzip, zcat, bzip2, bunzip2, bzcat, xz, unxz, xzcat: files that shrink and grow again."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable

from msgspec import Struct

from minikube_edu.container_runtime.simulated.contract import OpenFile, Process, reason
from minikube_edu.container_runtime.simulated.tools.arguments import Arguments, Complaint, is_busybox, parse, program
from minikube_edu.container_runtime.simulated.tools.streams import BLOCK
from minikube_edu.container_runtime.simulated.tools.tar import SIP, Gunzip, Squeezer

LONG = {
    "stdout": "c",
    "to-stdout": "c",
    "decompress": "d",
    "uncompress": "d",
    "force": "f",
    "keep": "k",
    "quiet": "q",
    "verbose": "v",
    "test": "t",
    "list": "l",
    "best": "9",
    "fast": "1",
    "recursive": "r",
    "no-name": "n",
}
BAD_DATA = (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError)


class Kind(Struct, frozen=True):
    name: str
    suffix: str
    magic: bytes
    squeezer: Callable[[int], Squeezer]
    expander: Callable[[], Callable[[bytes], bytes]]


GZIP = Kind("gzip", ".gz", b"\x1f\x8b", lambda level: zlib.compressobj(level, zlib.DEFLATED, 31), Gunzip)
# Lower levels than asked for: a block is squeezed at once, and must not hold the others up
BZIP2 = Kind("bzip2", ".bz2", b"BZh", lambda level: bz2.BZ2Compressor(1), lambda: bz2.BZ2Decompressor().decompress)
XZ = Kind(
    "xz",
    ".xz",
    b"\xfd7zXZ",
    lambda level: lzma.LZMACompressor(preset=min(level, 2)),
    lambda: lzma.LZMADecompressor().decompress,
)


async def run(process: Process, kind: Kind, unpack: bool = False, to_stdout: bool = False) -> int:
    arguments = parse(process, "cdfkqvtlrnT:0123456789", LONG)
    unpack |= arguments.has("d", "t")
    to_stdout |= arguments.has("c", "t")
    code = 0
    for name in arguments.operands or ["-"]:
        code = await one(process, kind, arguments, name, unpack, to_stdout or name == "-") or code
    return code


async def one(process: Process, kind: Kind, arguments: Arguments, name: str, unpack: bool, to_stdout: bool) -> int:
    target_name = name + kind.suffix
    if unpack and not to_stdout:
        short = next((end for end in (kind.suffix, ".tgz") if name.endswith(end) and len(name) > len(end)), None)
        if short is None:
            await process.complain(f"{name}: unknown suffix" + ("" if is_busybox(process) else " -- ignored"))
            return 1 if is_busybox(process) else 2
        target_name = name.removesuffix(short) + (".tar" if short == ".tgz" else "")
    try:
        source = process.stdin if name == "-" else process.open(name)
    except OSError as error:
        await process.complain(f"{name}: {reason(error)}")
        return 1
    target: OpenFile | None = None
    try:
        if name != "-" and source.stat().mode & 0o170000 == 0o040000:
            await process.complain(
                f"{name}: Is a directory" if is_busybox(process) else f"{name} is a directory -- ignored"
            )
            return 1 if is_busybox(process) else 2
        if not unpack and to_stdout and process.stdout.is_terminal() and not arguments.has("f"):
            raise Complaint(
                "compressed data not written to a terminal. Use -f to force compression."
                if not is_busybox(process)
                else "compressed data not written to terminal"
            )
        if to_stdout:
            target = process.stdout
        else:
            try:
                target = process.open(target_name, "w" if arguments.has("f") else "x")
            except FileExistsError:
                words = "already exists" + ("; not overwritten" if not is_busybox(process) else "")
                await process.complain(
                    f"{target_name}: {words}" if not is_busybox(process) else f"can't open '{target_name}': File exists"
                )
                return 1 if is_busybox(process) else 2
        if arguments.has("t"):
            target = process.open("/dev/null", "w")
        await (expand if unpack else squeeze)(process, kind, source, target, arguments, name)
    except Complaint as complaint:
        if not to_stdout and target is not None:
            process.unlink(target_name)
        raise complaint
    finally:
        if name != "-":
            source.release()
        if target is not None and target is not process.stdout:
            target.release()
    if not to_stdout:
        stat = process.stat(name)
        process.chmod(target_name, stat.mode & 0o7777)
        process.utime(target_name, stat.atime, stat.mtime)
        if not arguments.has("k"):
            process.unlink(name)
    return 0


async def squeeze(
    process: Process, kind: Kind, source: OpenFile, target: OpenFile, arguments: Arguments, name: str
) -> None:
    level = int(arguments.last_of(*"123456789") or 6)
    squeezer = kind.squeezer(level)
    while block := await source.read(BLOCK):
        await target.write(squeezer.compress(block))
        await process.breathe()
    await target.write(squeezer.flush())


async def expand(
    process: Process, kind: Kind, source: OpenFile, target: OpenFile, arguments: Arguments, name: str
) -> None:
    expander = kind.expander()
    shown = "stdin" if name == "-" else name
    first = True
    while block := await source.read(BLOCK):
        await process.breathe()
        if first:
            first = False
            if not block.startswith(kind.magic[: len(block)]):
                if arguments.has("f", "c") and process.name == "zcat":
                    await target.write(block)
                    continue
                raise Complaint("invalid magic" if is_busybox(process) else f"{shown}: not in {kind.name} format")
        for start in range(0, len(block), SIP):
            try:
                data = expander(block[start : start + SIP])
            except BAD_DATA:
                raise Complaint(
                    "corrupted data" if is_busybox(process) else f"{shown}: invalid compressed data--format violated"
                ) from None
            await target.write(data)
            await process.breathe()
    engine = getattr(expander, "engine", None) or getattr(expander, "__self__", None)
    if first or (engine is not None and not engine.eof):
        raise Complaint("unexpected end of file" if is_busybox(process) else f"{shown}: unexpected end of file")


@program("gzip [-cfkdt123456789] [FILE]...")
async def gzip(process: Process) -> int:
    return await run(process, GZIP)


@program("gunzip [-cfkt] [FILE]...")
async def gunzip(process: Process) -> int:
    return await run(process, GZIP, unpack=True)


@program("zcat [FILE]...")
async def zcat(process: Process) -> int:
    return await run(process, GZIP, unpack=True, to_stdout=True)


@program("bzip2 [-cfkdt123456789] [FILE]...")
async def bzip2(process: Process) -> int:
    return await run(process, BZIP2)


@program("bunzip2 [-cfkt] [FILE]...")
async def bunzip2(process: Process) -> int:
    return await run(process, BZIP2, unpack=True)


@program("bzcat [FILE]...")
async def bzcat(process: Process) -> int:
    return await run(process, BZIP2, unpack=True, to_stdout=True)


@program("xz [-cfkdt0123456789] [FILE]...")
async def xz(process: Process) -> int:
    return await run(process, XZ)


@program("unxz [-cfkt] [FILE]...")
async def unxz(process: Process) -> int:
    return await run(process, XZ, unpack=True)


@program("xzcat [FILE]...")
async def xzcat(process: Process) -> int:
    return await run(process, XZ, unpack=True, to_stdout=True)
