"""The figures of a cluster, its store, API server and loops: `python -m tests.bench [boot] [start] [figures] [growth]
[etcd] [rollout] [idle]`, all by default.

Real processes on this machine, through TLS. `boot`: a whole cluster's start and memory. `figures`: with the store in a
process of its own, and embedded.
`growth`: the same questions at 1,000, 10,000 and 100,000 objects; they should stay flat, file and memory linear.
`KBENCH=path` uses the Go driver for the rates: Python's own takes processor time that the server then lacks.
`BENCH_SIZES=1000,10000` chooses other sizes, `BENCH_DIR` the disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import orjson

from minikube_edu.etcd.socket_driver import SocketStore
from tests.bench import boot, etcd_growth, rollout
from tests.bench.load import JSON, MAPS, PODS, TABLE, caller_of, fan_out, load, repeated
from tests.programs import ApiServerProgram, Program, api_server_program, etcd_program

KBENCH = os.environ.get("KBENCH")
SIZES = [int(size) for size in os.environ.get("BENCH_SIZES", "1000,10000,100000").split(",")]


@contextlib.contextmanager
def servers(apart: bool) -> Iterator[tuple[ApiServerProgram, Program | None, Path]]:
    """An API server in a fresh directory, its store apart or embedded, both durable."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir=os.environ.get("BENCH_DIR")) as name:
        directory = Path(name)
        plugins = "--disable-admission-plugins=ServiceAccount"  # its account would need the controller
        if not apart:
            with api_server_program(directory, f"--data-file={directory}/state.db", plugins) as program:
                yield program, None, directory
            return
        with (
            etcd_program(directory) as etcd,
            api_server_program(directory, f"--etcd-servers=unix://{directory}/etcd.sock", plugins) as program,
        ):
            yield program, etcd, directory


async def make_namespace(program: ApiServerProgram) -> None:
    caller = caller_of(str(program.kubeconfig))
    await caller.request("POST", "/api/v1/namespaces", JSON, b'{"metadata":{"name":"bench"}}')
    await caller.close()


def line(name: str, value: object) -> None:
    print(f"  {name:34} {value}", flush=True)


def kbench(program: ApiServerProgram, *words: str) -> str:
    command = [str(KBENCH), "-kubeconfig", str(program.kubeconfig), *words]
    found = orjson.loads(subprocess.run(command, capture_output=True, check=True, timeout=300).stdout.splitlines()[-1])
    return f"{found['PerSecond']:8.0f}/s  p50 {found['P50ms']:6.2f} ms  p99 {found['P99ms']:6.2f} ms"


async def figures(apart: bool) -> None:
    print(f"\nAPI server, its store {'in a process of its own' if apart else 'embedded'}, durable:")
    with servers(apart) as (program, etcd, directory):
        kubeconfig = str(program.kubeconfig)
        await make_namespace(program)
        line("resident, idle", memory(program, etcd))
        if KBENCH:
            line("create ConfigMaps, 16 connections", kbench(program, "create", "-n", "3000", "-c", "16"))
            line("create ConfigMaps, 1 connection", kbench(program, "create", "-n", "300", "-c", "1"))
            line("get, 16 connections", kbench(program, "get", "-n", "20000", "-c", "16"))
            line("create Pods, 16 connections", kbench(program, "pods", "-n", "2000", "-c", "16"))
            line("list of 2,000 pods", kbench(program, "list", "-n", "20"))
            line("table of 2,000 pods", kbench(program, "table", "-n", "20"))
            line("50 watchers", kbench(program, "watch", "-n", "500", "-w", "50"))
        else:
            line("create ConfigMaps, 16 connections", await _load(kubeconfig, "create", 3000))
            line("create ConfigMaps, 1 connection", await _load(kubeconfig, "create", 300, prefix="y", connections=1))
            line("get, 16 connections", await _load(kubeconfig, f"{MAPS}/x-0000001", 10_000))
            line("create Pods, 16 connections", await _load(kubeconfig, "pods", 2000))
            for name, headers in (("list", JSON), ("table", TABLE)):
                took, size = await repeated(kubeconfig, PODS, headers, 11)
                line(f"{name} of 2,000 pods", f"{took:6.1f} ms  {size / 1e6:.2f} MB")
            rate, delay = await fan_out(kubeconfig, 50, 300)
            line("50 watchers", f"{rate:8.0f} events/s  p50 {delay:6.2f} ms")
        line("resident, with all that", memory(program, etcd))
        line("ready from exec, warm", f"{restarted(program):6.3f} s with all that")
        line("file", f"{file_size(directory):6.1f} MB")


async def _load(kubeconfig: str, work: str, count: int, **more: object) -> object:
    return await asyncio.to_thread(load, kubeconfig, work, count, **more)  # type: ignore[arg-type]  # passed on


def memory(program: ApiServerProgram, etcd: Program | None) -> str:
    store = f", store {etcd.resident:5.1f} MiB" if etcd else ""
    return f"API server {program.resident:5.1f} MiB{store}"


def file_size(directory: Path) -> float:
    return sum(path.stat().st_size for pattern in ("state.db*", "etcd/**/*") for path in directory.glob(pattern)) / 1e6


def restarted(program: ApiServerProgram) -> float:
    """The best of three starts, seconds until the server says that it is ready."""
    took = []
    for _ in range(3):
        program.stop()
        program.start(ready_fd=True)
        took.append(program.seconds_to_ready)
    return min(took)


async def start_times() -> None:
    print("\nReady from exec, certificates there, few objects:")
    for apart in (False, True):
        with servers(apart) as (program, _, _):
            line("store apart" if apart else "store embedded", f"{restarted(program):6.3f} s")


async def growth() -> None:
    print("\nGrowth (ConfigMaps of 0.6 kB, store apart):")
    with servers(True) as (program, etcd, directory):
        assert etcd is not None
        kubeconfig = str(program.kubeconfig)
        await make_namespace(program)
        have = 0
        for size in SIZES:
            last = min(1000, size - have)
            if size - last > have:
                await _load(kubeconfig, "create", size - last - have, start=have, connections=32)
            created = await asyncio.to_thread(load, kubeconfig, "create", last, start=size - last)
            have = size
            got = await asyncio.to_thread(load, kubeconfig, f"{MAPS}/x-{size // 2:07d}", 5000)
            page, _ = await repeated(kubeconfig, f"{MAPS}?limit=500", JSON, 9)
            listed, bytes_listed = await repeated(kubeconfig, MAPS, JSON, 3)
            watch = await watch_start(kubeconfig)
            store = await SocketStore.open(str(directory / "etcd.sock"), exclusive=False)
            begun = time.perf_counter()
            await store.compact(await store.current_revision(), physical=True)
            compacted = time.perf_counter() - begun
            await store.close()
            print(
                f"  {size:>7} objects: create {created.rate:6.0f}/s  get {got.rate:6.0f}/s  page {page:5.2f} ms  "
                f"list {listed:7.1f} ms ({bytes_listed / 1e6:5.1f} MB)  watch start {watch:5.2f} ms  "
                f"compact {compacted * 1e3:6.1f} ms  file {file_size(directory):6.1f} MB  {memory(program, etcd)}",
                flush=True,
            )
        line("ready from exec", f"{restarted(program):6.3f} s with {have} objects")


async def watch_start(kubeconfig: str) -> float:
    """Milliseconds from the request for a watch to its open stream, median of nine."""
    caller = caller_of(kubeconfig)
    version = orjson.loads((await caller.request("GET", f"{MAPS}?limit=1", JSON)).body)["metadata"]["resourceVersion"]
    took = []
    for _ in range(9):
        begun = time.perf_counter()
        stream = await caller.stream("GET", f"{MAPS}?watch=1&resourceVersion={version}", JSON)
        took.append((time.perf_counter() - begun) * 1000)
        stream.close()
    await caller.close()
    return sorted(took)[4]


def main(parts: list[str]) -> None:
    parts = parts or ["boot", "start", "figures", "growth", "etcd", "rollout", "idle"]
    if "boot" in parts:
        boot.main()
    if "start" in parts:
        asyncio.run(start_times())
    if "figures" in parts:
        for apart in (True, False):
            asyncio.run(figures(apart))
    if "growth" in parts:
        asyncio.run(growth())
    if "etcd" in parts:
        print("\nThe store alone:")
        sys.argv = [sys.argv[0], *map(str, SIZES)]
        asyncio.run(etcd_growth.main())
    if "rollout" in parts:
        asyncio.run(rollout.rollout())
    if "idle" in parts:
        asyncio.run(rollout.idle())


if __name__ == "__main__":
    main(sys.argv[1:])
