"""tty, stty, clear, reset: the terminal one sits at."""

from __future__ import annotations

from typing import cast

from minikube_edu.container_runtime.simulated.contract import Process, Terminal
from minikube_edu.container_runtime.simulated.tools.arguments import Complaint, parse, program


@program("tty [-s]", failure=2)
async def tty(process: Process) -> int:
    arguments = parse(process, "s", {"silent": "s", "quiet": "s"})
    there = process.stdin.is_terminal()
    if not arguments.has("s"):
        await process.print(process.stdin.name if there else "not a tty")
    return 0 if there else 1


@program("stty [-a|g] [SETTING]...")
async def stty(process: Process) -> int:
    words = process.argv[1:]
    if not process.stdin.is_terminal():
        raise Complaint("standard input: Inappropriate ioctl for device")
    terminal = cast(Terminal, process.stdin)
    if not words or words == ["-a"]:
        head = "speed 38400 baud;"
        if words:
            head += f" rows {terminal.rows}; columns {terminal.columns}; line = 0;\n"
            head += "intr = ^C; quit = ^\\; erase = ^?; kill = ^U; eof = ^D;"
        await process.print(head + "\nisig icanon iexten echo echoe echok" if words else head + " line = 0;")
        return 0
    for word in words:
        if word == "size":
            await process.print(f"{terminal.rows} {terminal.columns}")
        elif word in ("raw", "-icanon", "cbreak"):
            terminal.set_raw(True)
        elif word in ("sane", "cooked", "-raw", "icanon", "-cbreak"):
            terminal.set_raw(False)
        elif word == "-g":
            await process.print("500:5:bf:8a3b:3:1c:7f:15:4:0:1:0:11:13:1a:0:12:f:17:16:0:0:0")
    return 0


@program("clear")
async def clear(process: Process) -> int:
    await process.stdout.write(b"\x1b[H\x1b[J" if process.env.get("TERM", "") != "xterm" else b"\x1b[H\x1b[2J\x1b[3J")
    return 0


@program("reset")
async def reset(process: Process) -> int:
    if process.stdout.is_terminal():
        await process.stdout.write(b"\x1bc\x1b(B\x1b[m\x1b[J\x1b[?25h")
        cast(Terminal, process.stdout).set_raw(False)
    return 0
