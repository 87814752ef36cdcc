"""top: who burns what. With -b or without a terminal it prints; on a terminal it repeats until q."""

from __future__ import annotations

from typing import cast

from minikube_edu.container_runtime.simulated.contract import Process, Program, Terminal
from minikube_edu.container_runtime.simulated.tools.accounts import Names
from minikube_edu.container_runtime.simulated.tools.arguments import is_busybox, parse, program
from minikube_edu.container_runtime.simulated.tools.machine import load_average, uptime_line
from minikube_edu.container_runtime.simulated.tools.ps import BASE_SIZE, command, state
from minikube_edu.container_runtime.simulated.tools.streams import encode
from minikube_edu.lib import clock


@program("top [-b] [-n COUNT] [-d SECONDS]", version="procps-ng 4.0.2")
async def top(process: Process) -> int:
    arguments = parse(process, "bn:d:mHo:p:u:c")
    rounds = arguments.number("n", 0)
    pause = float(arguments.last("d") or (5 if is_busybox(process) else 3))
    interactive = process.stdout.is_terminal() and process.stdin.is_terminal() and not arguments.has("b")
    names = await Names(process).load()
    used: dict[int, float] = {}
    since = 0.0
    if not interactive:
        while True:
            since = await show(process, names, used, since, 1 << 30)
            rounds -= 1
            if rounds == 0:
                return 0
            await process.sleep(pause)
    terminal = cast(Terminal, process.stdin)
    terminal.set_raw(True)
    try:
        watcher = process.spawn(["top"], program=quitter())
        while watcher.status is None:
            await process.stdout.write(b"\x1b[H\x1b[J")
            since = await show(process, names, used, since, max(1, terminal.rows - 8))
            rounds -= 1
            if rounds == 0:
                process.kill(watcher.pid, 9)
                break
            for _ in range(max(1, int(pause * 10))):
                if watcher.status is not None:
                    break
                await process.sleep(0.1)
    finally:
        terminal.set_raw(False)
    await process.wait(watcher)
    await process.stdout.write(b"\r\n")
    return 0


def quitter() -> Program:
    """Reads keys until q."""

    async def main(process: Process) -> int:
        while True:
            data = await process.stdin.read(64)
            if not data or data[:1] in (b"q", b"Q", b"\x03"):
                return 0

    return main


async def show(process: Process, names: Names, used: dict[int, float], since: float, most: int) -> float:
    """One table; `used` remembers the CPU time of the round before."""
    world = process.container
    now = clock.now()
    span = max(0.001, now - since) if since else 0.0
    rows = []
    for pid, other in world.processes.items():
        seconds = world.cpu_seconds(pid)
        base = span or max(1.0, now - other.started_at)
        share = (seconds - used.get(pid, 0.0)) * 100 / base
        used[pid] = seconds
        rows.append((max(0.0, share), pid, other, seconds))
    rows.sort(key=lambda row: (-row[0], row[1]))
    busy = min(100.0, sum(row[0] for row in rows) / max(1, world.host_cpus))
    held = world.memory_used()
    total = world.memory_limit or world.host_memory
    if is_busybox(process):
        lines = [
            f"Mem: {held // 1024}K used, {(total - held) // 1024}K free, 0K shrd, 0K buff, 0K cached",
            f"CPU: {busy:3.0f}% usr   0% sys   0% nic {100 - busy:3.0f}% idle   0% io   0% irq   0% sirq",
            f"Load average: {' '.join(await load_average(process))} 1/{len(rows)} {process.pid}",
            "  PID  PPID USER     STAT   VSZ %VSZ CPU %CPU COMMAND",
        ]
        for share, pid, other, _ in rows[:most]:
            size = BASE_SIZE * 102400 // total
            lines.append(
                f"{pid:5d} {other.parent_pid:5d} {names.of_user(other.user.uid)[:8]:<8} {state(other, process):<4} "
                f"{BASE_SIZE:5d} {size:3d}%   0 {share:3.0f}% {command(other)}"
            )
    else:
        lines = [
            "top -" + await uptime_line(process, process.env.get("TZ", "")),
            f"Tasks: {len(rows):3d} total,   1 running, {len(rows) - 1:3d} sleeping,   0 stopped,   0 zombie",
            f"%Cpu(s): {busy:4.1f} us,  0.0 sy,  0.0 ni, {100 - busy:4.1f} id,  0.0 wa,  0.0 hi,  0.0 si,  0.0 st",
            f"MiB Mem : {total / 1048576:8.1f} total, {(total - held) / 1048576:8.1f} free, "
            f"{held / 1048576:8.1f} used,      0.0 buff/cache",
            "",
            "    PID USER      PR  NI    VIRT    RES    SHR S  %CPU  %MEM     TIME+ COMMAND",
        ]
        for share, pid, other, seconds in rows[:most]:
            lines.append(
                f"{pid:7d} {names.of_user(other.user.uid)[:8]:<8} {20:3d} {0:3d} "
                f"{BASE_SIZE:7d} {BASE_SIZE * 7 // 10:6d} {BASE_SIZE // 2:6d} "
                f"{state(other, process)} {share:5.1f} {BASE_SIZE * 102400 / total:5.1f} "
                f"{int(seconds // 60):3d}:{seconds % 60:05.2f} {other.name}"
            )
    width = cast(Terminal, process.stdout).columns if process.stdout.is_terminal() else 512
    end = "\r\n" if process.stdout.is_terminal() else "\n"
    await process.stdout.write(encode("".join(line[:width] + end for line in lines)))
    return now
