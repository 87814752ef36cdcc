"""stress (polinux, progrium) and vish's: programs that use up what they are told to."""

from __future__ import annotations

import re
import signal
from functools import partial

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.programs.identity import now

UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "y": 31_536_000}
LONG = {
    "-c": "cpu",
    "-i": "io",
    "-m": "vm",
    "-d": "hdd",
    "-t": "timeout",
    "-v": "verbose",
    "-q": "quiet",
    "-n": "dry-run",
}


def flags(words: list[str]) -> tuple[dict[str, str], list[str]]:
    """--name=value, --name value, -name value, --switch: as getopt reads them, and as Go's flags are written."""
    found: dict[str, str] = {}
    operands: list[str] = []
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        if not word.startswith("-"):
            operands.append(word)
            continue
        name, equals, value = word.lstrip("-").partition("=")
        if not equals and waiting and not waiting[0].startswith("-"):
            value = waiting.pop(0)
        found[name] = value
    return found, operands


def amount(text: str, units: dict[str, int]) -> int | None:
    found = re.fullmatch(r"(\d+)([a-zA-Z]?)", text)
    unit = units.get(found[2].lower()) if found else None
    return int(found[1]) * unit if found and unit else None


async def main(process: Process) -> int:
    words = [LONG.get(word, word).join(("--", "")) if word in LONG else word for word in process.argv[1:]]
    found, _ = flags(words)
    if not found or "help" in found:
        await process.print(
            "`stress' imposes certain types of compute stress on your system\n\nUsage: stress [OPTION [ARG]] ..."
        )
        return 0 if "help" in found else 1
    if "version" in found:
        await process.print("stress 1.0.4")
        return 0
    counts: dict[str, int] = {}
    for kind in ("cpu", "io", "vm", "hdd"):
        value = found.get(kind, "0")
        if not value.isdigit():
            await process.stderr.write(f"stress: FAIL: [{process.pid}] (244) not a number: {value}\n".encode())
            return 1
        counts[kind] = int(value)
    size = amount(found.get("vm-bytes", "256M"), UNITS)
    limit = amount(found.get("timeout", "0"), SECONDS)
    if size is None or limit is None:
        await process.stderr.write(f"stress: FAIL: [{process.pid}] (244) unrecognized suffix\n".encode())
        return 1
    tally = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    await process.print(f"stress: info: [{process.pid}] dispatching hogs: {tally}")
    workers = []
    for kind, count in counts.items():
        for _ in range(count):
            memory = size if kind == "vm" else 0
            cores = {"cpu": 1.0, "vm": 0.9, "io": 0.2, "hdd": 0.3}[kind]
            workers.append(process.spawn(process.argv, program=partial(hog, memory=memory, cores=cores, limit=limit)))
    return await watch(process, limit, len(workers))


async def hog(process: Process, memory: int, cores: float, limit: int) -> int:
    process.use_cpu(cores)
    if memory:
        process.use_memory(memory)
    await process.sleep(float(limit) if limit else 1e9)
    return 0


async def watch(process: Process, limit: int, count: int) -> int:
    """Until all workers are done, or one of them dies."""
    for _ in range(count):
        child, status = await process.wait()
        if status.signal:
            await process.stderr.write(
                f"stress: FAIL: [{process.pid}] (415) <-- worker {child.pid} got signal {status.signal}\n"
                f"stress: WARN: [{process.pid}] (417) now reaping child worker processes\n"
                f"stress: FAIL: [{process.pid}] (451) failed run completed in 0s\n".encode()
            )
            for other in process.children():
                process.kill(other.pid, signal.SIGKILL)
            return 1
    await process.print(f"stress: info: [{process.pid}] successful run completed in {limit}s")
    return 0


async def vish(process: Process) -> int:
    """-cpus N -mem-total SIZE -mem-alloc-size SIZE -mem-alloc-sleep DURATION."""
    found, _ = flags(process.argv[1:])
    total = _quantity(found.get("mem-total", "0"))
    step = _quantity(found.get("mem-alloc-size", "4Ki")) or 4096
    pause = found.get("mem-alloc-sleep", "1ms")
    seconds = float(re.sub(r"[^\d.]", "", pause) or 0) * (0.001 if pause.endswith("ms") else 1)
    cores = int(found["cpus"]) if found.get("cpus", "").isdigit() else 0

    async def say(words: str) -> None:
        await process.stderr.write(f"I{now('%m%d %H:%M:%S.000000')}       {process.pid} main.go:26] {words}\n".encode())

    await say(f'Allocating "{found.get("mem-total", "0")}" memory, in "{found.get("mem-alloc-size", "4Ki")}" chunks, '
              f"with a {pause} sleep between allocations")  # fmt: skip
    for _ in range(cores):
        await say("Spawning a thread to consume CPU")
    process.use_cpu(float(cores))
    held = 0
    while held < total:
        held = min(total, held + step)
        process.use_memory(held)
        await process.sleep(seconds)
    await say(f'Allocated "{found.get("mem-total", "0")}" memory')
    await process.sleep(1e9)
    return 0


def _quantity(text: str) -> int:
    found = re.fullmatch(r"(\d+)(Ki|Mi|Gi|k|M|G)?", text)
    units = {"": 1, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "k": 1000, "M": 10**6, "G": 10**9}
    return int(found[1]) * units[found[2] or ""] if found else 0
