"""stress and stress-ng: CPU and memory that are pretended to be used; beyond the limit the container is OOM killed.

`vish/stress` (`-cpus 2 -mem-total 250Mi`) is another program of the same idea: `vish_stress`.
"""

from __future__ import annotations

import re

from minikube_edu.container_runtime.simulated.contract import Process, Program
from minikube_edu.container_runtime.simulated.tools.arguments import Complaint, parse, program, size
from minikube_edu.container_runtime.simulated.tools.streams import encode
from minikube_edu.container_runtime.simulated.tools.waiting import FOREVER, seconds
from minikube_edu.lib import clock

COMMANDS = {"stress-ng": "stress_ng", "stress": "stress"}
DEFAULT_BYTES = 256 << 20

LONG = {
    "cpu:": "c",
    "vm:": "m",
    "vm-bytes:": "B",
    "vm-hang:": "H",
    "vm-keep": "K",
    "vm-stride:": "S",
    "io:": "i",
    "hdd:": "d",
    "hdd-bytes:": "D",
    "timeout:": "t",
    "backoff:": "b",
    "verbose": "v",
    "quiet": "q",
    "dry-run": "n",
    "cpu-load:": "l",
    "metrics-brief": "M",
    "metrics": "M",
    "cpu-method:": "cm",
    "vm-method:": "vmm",
    "temp-path:": "T",
    "iomix:": "i",
    "matrix:": "c",
    "fork:": "i",
    "timer:": "i",
    "sequential:": "i",
    "all:": "i",
    "aggressive": "a",
    "oomable": "o",
    "verify": "V",
    "times": "tt",
    "no-rand-seed": "n",
}


def worker(cores: float, memory: int) -> Program:
    """What one hog does: it holds, burns, and never comes back by itself."""

    async def main(process: Process) -> int:
        if memory:
            process.use_memory(memory)
        if cores:
            process.use_cpu(cores)
        while True:
            await process.sleep(FOREVER)

    return main


async def dispatch(
    process: Process, name: str, banner: str, hogs: list[tuple[str, float, int]], limit: float, quiet: bool
) -> int:
    async def say(kind: str, text: str) -> None:
        if not (quiet and kind == "info"):
            await process.stdout.write(encode(f"{name}: {kind}: [{process.pid}] {text}\n"))

    await say("info", banner)
    children = [
        process.spawn([f"{name}{f'-{hog}' if name == 'stress-ng' else ''}"], program=worker(cores, memory))
        for hog, cores, memory in hogs
    ]
    watch = process.spawn([name], program=clockwork(limit)) if limit else None
    began = clock.monotonic()
    while True:
        ended, status = await process.wait()
        if ended is watch:
            for child in children:
                process.kill(child.pid, 14)
            for child in children:
                await process.wait(child)
            await say(
                "info",
                f"successful run completed in {clock.monotonic() - began:.0f}s"
                + ("" if name == "stress" else f" ({clock.monotonic() - began:.2f} secs)"),
            )
            return 0
        if name == "stress":
            await process.stderr.write(
                encode(f"stress: FAIL: [{process.pid}] (415) <-- worker {ended.pid} got signal {status.signal}\n")
            )
            await process.stderr.write(
                encode(f"stress: WARN: [{process.pid}] (417) now reaping child worker processes\n")
            )
            for child in children:
                if child.status is None and child is not ended:
                    process.kill(child.pid, 9)
            await process.stderr.write(
                encode(
                    f"stress: FAIL: [{process.pid}] (451) failed run completed in {clock.monotonic() - began:.0f}s\n"
                )
            )
            return 1
        # stress-ng starts a worker again that was killed for its memory
        hog, cores, memory = hogs[children.index(ended)]
        children[children.index(ended)] = process.spawn([f"stress-ng-{hog}"], program=worker(cores, memory))
        await process.sleep(0.5)


def clockwork(limit: float) -> Program:
    async def main(process: Process) -> int:
        await process.sleep(min(limit, FOREVER))
        return 0

    return main


def amount(text: str, world_memory: int) -> int:
    if text.endswith("%"):
        return world_memory * int(text[:-1]) // 100
    return size(text.upper().removesuffix("B") if len(text) > 1 and text[-2:-1].isalpha() else text)


def count(text: str | None) -> int:
    if text is not None and not re.fullmatch(r"-?\d+", text):
        raise Complaint(f"unrecognized value '{text}'")
    return int(text or 0)


@program("stress [-c N] [-i N] [-m N] [--vm-bytes B] [--vm-hang N] [-d N] [-t N]")
async def stress(process: Process) -> int:
    arguments = parse(process, "?vqnt:b:c:i:m:d:", LONG)
    cpu, io, vm, hdd = (count(arguments.last(letter)) for letter in "cimd")
    if not (cpu or io or vm or hdd):
        await process.print(
            "`stress' imposes certain types of compute stress on your system\n\nUsage: stress [OPTION [ARG]] ..."
        )
        return 0
    held = amount(arguments.last("B") or str(DEFAULT_BYTES), process.container.host_memory)
    # A hog that hangs after allocating burns nothing; the others spin
    spin = 0.0 if arguments.has("H") else 1.0
    hogs = [("cpu", 1.0, 0)] * cpu + [("io", 0.1, 0)] * io + [("vm", spin, held)] * vm + [("hdd", 0.2, 0)] * hdd
    banner = f"dispatching hogs: {cpu} cpu, {io} io, {vm} vm, {hdd} hdd"
    limit = seconds(arguments.last("t") or "0")
    return await dispatch(process, "stress", banner, hogs, limit, arguments.has("q"))


@program("stress-ng [--cpu N] [--vm N] [--vm-bytes B] [--timeout T]", version="stress-ng, version 0.15.06")
async def stress_ng(process: Process) -> int:
    arguments = parse(process, "vqnt:b:c:i:m:d:l:Mk", LONG)
    world = process.container
    cpu, io, vm, hdd = (count(arguments.last(letter)) for letter in "cimd")
    if arguments.has("c") and cpu == 0:
        cpu = world.host_cpus
    held = amount(arguments.last("B") or str(DEFAULT_BYTES), world.memory_limit or world.host_memory)
    load = int(arguments.last("l") or 100) / 100
    hogs = (
        [("cpu", load, 0)] * cpu
        + [("io", 0.1, 0)] * io
        + [("vm", 1.0, held // max(1, vm))] * vm
        + [("hdd", 0.2, 0)] * hdd
    )
    if not hogs:
        await process.stderr.write(b"stress-ng: error: No stress workers specified\n")
        return 1
    limit = seconds(arguments.last("t") or "86400")
    span = f"{limit / 86400:.0f} day" if limit >= 86400 else f"{limit:.0f} secs"
    await process.stdout.write(encode(f"stress-ng: info:  [{process.pid}] setting to a {span} run per stressor\n"))
    listed = ", ".join(
        f"{number} {name}" for number, name in ((cpu, "cpu"), (io, "io"), (vm, "vm"), (hdd, "hdd")) if number
    )
    return await dispatch(process, "stress-ng", f"dispatching hogs: {listed}", hogs, limit, arguments.has("q"))


async def vish_stress(process: Process) -> int:
    """The image vish/stress: -cpus N, -mem-total SIZE, -mem-alloc-size SIZE, -mem-alloc-sleep DURATION."""
    words = [word for argument in process.argv[1:] for word in argument.split("=", 1)]
    values = {words[i].lstrip("-"): words[i + 1] for i in range(0, len(words) - 1, 2)}
    total = size(values.get("mem-total", "0"))
    await process.stderr.write(
        encode(
            f'I0101 00:00:00.000000       1 main.go:26] Allocating "{values.get("mem-total", "0")}" memory, in '
            f'"{values.get("mem-alloc-size", "4Ki")}" chunks, with a 1ms sleep between allocations\n'
        )
    )
    cores = int(values.get("cpus", "0"))
    for _ in range(cores):
        await process.stderr.write(b"I0101 00:00:00.000000       1 main.go:39] Spawning a thread to consume CPU\n")
    process.use_memory(total)
    process.use_cpu(float(cores))
    await process.stderr.write(
        encode(f'I0101 00:00:00.000000       1 main.go:29] Allocated "{values.get("mem-total", "0")}" memory\n')
    )
    while True:
        await process.sleep(FOREVER)
