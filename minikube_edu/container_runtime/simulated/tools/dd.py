"""dd: blocks from here to there."""

from __future__ import annotations

from minikube_edu.container_runtime.simulated.contract import OpenFile, Process, reason
from minikube_edu.container_runtime.simulated.tools.arguments import Complaint, is_busybox, program, size
from minikube_edu.container_runtime.simulated.tools.streams import encode
from minikube_edu.lib import clock

LARGEST = 1 << 20  # bytes that are read or written at once


@program(
    "dd [if=FILE] [of=FILE] [bs=N] [ibs=N] [obs=N] [count=N] [skip=N] [seek=N] "
    "[conv=notrunc|noerror|sync|fsync] [status=none]"
)
async def dd(process: Process) -> int:
    values = {"ibs": "512", "obs": "512", "skip": "0", "seek": "0", "conv": "", "status": "", "iflag": "", "oflag": ""}
    for word in process.argv[1:]:
        name, equals, value = word.partition("=")
        if not equals or name not in (*values, "if", "of", "bs", "count"):
            raise Complaint(f"unrecognized operand '{word}'", usage=True)
        values[name] = value
    block = number(values.get("bs", values["ibs"]))
    if not block > 0:
        raise Complaint(f"invalid number: '{values.get('bs', values['ibs'])}'")
    count = number(values["count"]) if "count" in values else None
    conversions = values["conv"].split(",")
    source, target = process.stdin, process.stdout
    try:
        if "if" in values:
            source = process.open(values["if"])
    except OSError as error:
        words = f"can't open '{values['if']}'" if is_busybox(process) else f"failed to open '{values['if']}'"
        raise Complaint(f"{words}: {reason(error)}") from None
    try:
        if "of" in values:
            keep = "notrunc" in conversions or number(values["seek"]) > 0
            try:
                target = process.open(values["of"], "r+" if keep else "w")
            except FileNotFoundError:
                target = process.open(values["of"], "w")
    except OSError as error:
        words = f"can't open '{values['of']}'" if is_busybox(process) else f"failed to open '{values['of']}'"
        raise Complaint(f"{words}: {reason(error)}") from None
    started = clock.monotonic()
    whole = partial = copied = 0
    code = 0
    try:
        await skip(process, source, number(values["skip"]) * (1 if "skip_bytes" in values["iflag"] else block), block)
        offset = number(values["seek"]) * (1 if "seek_bytes" in values["oflag"] else block)
        if offset:
            target.seek(offset)
            if "of" in values and "notrunc" not in conversions:
                target.truncate(offset)
        while count is None or whole + partial < count:
            data = await read(source, block, "fullblock" in values["iflag"])
            if not data:
                break
            whole, partial = (whole + 1, partial) if len(data) == block else (whole, partial + 1)
            if "sync" in conversions:
                data = data.ljust(block, b"\0")
            if "ucase" in conversions:
                data = data.upper()
            if "lcase" in conversions:
                data = data.lower()
            for start in range(0, len(data), LARGEST):
                await target.write(data[start : start + LARGEST])
                await process.breathe()
            copied += len(data)
            await process.breathe()
    except BrokenPipeError:
        raise
    except OSError as error:
        name = values.get("of", "standard output")
        await process.complain(f"error writing '{name}': {reason(error)}")
        code = 1
    finally:
        if source is not process.stdin:
            source.release()
        if target is not process.stdout:
            target.release()
    if values["status"] != "none":
        report = f"{whole}+{partial} records in\n{whole}+{partial} records out\n"
        if values["status"] != "noxfer":
            report += transferred(copied, max(clock.monotonic() - started, 0.000_001), is_busybox(process))
        await process.stderr.write(encode(report))
    return code


def number(text: str) -> int:
    result = 1
    for factor in text.split("x"):
        result *= size(factor)
    return result


async def read(file: OpenFile, block: int, full: bool) -> bytes:
    """One read; a block bigger than anything is read in parts."""
    data = await file.read(min(block, LARGEST))
    parts, size = [data], len(data)
    while data and size < block and (full or len(data) % 65536 == 0):
        data = await file.read(min(block - size, LARGEST))
        parts.append(data)
        size += len(data)
    return b"".join(parts)


async def skip(process: Process, file: OpenFile, offset: int, block: int) -> None:
    if not offset:
        return
    try:
        file.seek(offset, 1)
    except OSError:
        while offset > 0 and (data := await file.read(min(offset, 65536))):
            offset -= len(data)
            await process.breathe()


def transferred(copied: int, seconds: float, busybox: bool) -> str:
    rate = copied / seconds
    if busybox:
        size_text, speed = short(copied, 1024), short(int(rate), 1024)
        return f"{copied} bytes ({size_text}) copied, {seconds:.6f} seconds, {speed}/s\n"
    names = f"{copied} byte{'s' if copied != 1 else ''}"
    if copied >= 1000:
        names += f" ({short_decimal(copied)}"
        names += f", {short_binary(copied)})" if copied >= 1024 else ")"
    return f"{names} copied, {seconds:.6g} s, {short_decimal(rate)}/s\n"


def short(value: float, base: int) -> str:
    for unit in ("B", "KB", "MB", "GB"):
        if value < base or unit == "GB":
            break
        value /= base
    return f"{value:.1f}{unit}"


def short_decimal(value: float) -> str:
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if value >= 10 or unit == "B" else f"{value:.1f} {unit}"


def short_binary(value: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if value < 1024 or unit == "TiB":
            break
        value /= 1024
    return f"{value:.0f} {unit}" if value >= 10 else f"{value:.1f} {unit}"
