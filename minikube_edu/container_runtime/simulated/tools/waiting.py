"""sleep, usleep, timeout, time, nice, nohup, setsid, watch, env and friends: programs that run others, or nothing."""

from __future__ import annotations

import errno
import math
import re

from minikube_edu.container_runtime.simulated.contract import Ignore, Process, Program, reason
from minikube_edu.container_runtime.simulated.tools.arguments import Complaint, is_busybox, parse, program
from minikube_edu.container_runtime.simulated.tools.signals import number_of
from minikube_edu.container_runtime.simulated.tools.streams import encode
from minikube_edu.lib import clock

UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
FOREVER = 10 * 365 * 86400.0  # one sleep of `sleep infinity`


def seconds(text: str, words: str = "invalid time interval '{}'") -> float:
    found = re.fullmatch(r"(\d+\.?\d*|\.\d+)(?:[eE]([-+]?\d+))?([smhd]?)", text)
    if text.lower() in ("infinity", "inf"):
        return math.inf
    if not found:
        raise Complaint(words.format(text))
    return float(f"{found[1]}e{found[2] or 0}") * UNITS[found[3]]


@program("sleep [N]...")
async def sleep(process: Process) -> int:
    operands = parse(process, "").operands
    if not operands:
        raise Complaint("missing operand", usage=True)
    words = "invalid number '{}'" if is_busybox(process) else "invalid time interval '{}'"
    left = sum(seconds(text, words) for text in operands)
    end = clock.monotonic() + left
    while left > 0:
        await process.sleep(min(left, FOREVER))
        left = end - clock.monotonic() if math.isfinite(left) else left
    return 0


@program("usleep N")
async def usleep(process: Process) -> int:
    operands = parse(process, "").operands
    if not operands or not operands[0].isdigit():
        raise Complaint("missing operand" if not operands else f"invalid number '{operands[0]}'", usage=not operands)
    await process.sleep(int(operands[0]) / 1_000_000)
    return 0


async def run(process: Process, argv: list[str], env: dict[str, str] | None = None) -> int:
    """Become another command; 127 and 126 when that cannot be."""
    try:
        return await process.exec(argv, env)
    except OSError as error:
        if is_busybox(process):
            await process.complain(f"can't execute '{argv[0]}': {reason(error)}")
        elif process.name == "env":
            await process.complain(f"'{argv[0]}': {reason(error)}")
        else:
            await process.complain(f"failed to run command '{argv[0]}': {reason(error)}")
        return 127 if error.errno == errno.ENOENT else 126


@program("timeout [-s SIG] [-k SECS] SECS PROG ARGS", failure=125)
async def timeout(process: Process) -> int:
    arguments = parse(
        process,
        "s:k:t:v",
        {"signal:": "s", "kill-after:": "k", "preserve-status": "p", "foreground": "f", "verbose": "v"},
        permute=False,
    )
    operands = list(arguments.operands)
    limit_text = arguments.last("t") or (operands.pop(0) if operands else "")
    if not limit_text or not operands:
        raise Complaint("missing operand", usage=True)
    limit = seconds(limit_text)
    signal = number_of(arguments.last("s") or "TERM")
    if signal is None:
        raise Complaint(f"'{arguments.last('s')}': invalid signal")
    try:
        child = process.spawn(operands)
    except OSError as error:
        words = f"can't execute '{operands[0]}'" if is_busybox(process) else f"failed to run command '{operands[0]}'"
        await process.complain(f"{words}: {reason(error)}")
        return 127 if error.errno == errno.ENOENT else 126
    # A helper of our own sleeps; the first of the two to end decides
    watcher = process.spawn(["timeout"], program=sleeper(limit)) if limit else None
    first, status = await process.wait()
    if first is child:
        if watcher is not None:
            process.kill(watcher.pid, 9)
            await process.wait(watcher)
        return status.shell_code()
    kill_after = arguments.last("k")
    process.kill(child.pid, signal)
    if kill_after is not None:
        killer = process.spawn(["timeout"], program=sleeper(seconds(kill_after)))
        first, status = await process.wait()
        if first is killer:
            process.kill(child.pid, 9)
            await process.wait(child)
            return 137
        process.kill(killer.pid, 9)
        await process.wait(killer)
    else:
        _, status = await process.wait(child)
    if arguments.has("p"):
        return status.shell_code()
    if signal == 9:
        return 137
    return 143 if is_busybox(process) else 124


def sleeper(limit: float) -> Program:
    async def main(process: Process) -> int:
        await process.sleep(min(limit, FOREVER))
        return 0

    return main


@program("time [-p] PROG ARGS")
async def time(process: Process) -> int:
    arguments = parse(process, "pvo:f:a", permute=False)
    if not arguments.operands:
        raise Complaint("", usage=True)
    begin = clock.monotonic()
    try:
        child = process.spawn(arguments.operands)
        code = (await process.wait(child))[1].shell_code()
        used = process.container.cpu_seconds(child.pid)
    except OSError as error:
        await process.complain(f"{arguments.operands[0]}: {reason(error)}")
        code, used = 127, 0.0
    elapsed = clock.monotonic() - begin
    rows = [("real", elapsed), ("user", used), ("sys", 0.0)]
    if arguments.has("p"):
        report = "".join(f"{name} {value:.2f}\n" for name, value in rows)
    else:
        report = "".join(f"{name}\t{int(value // 60)}m {value % 60:.2f}s\n" for name, value in rows)
    await process.stderr.write(encode(report))
    return code


@program("nice [-n ADJUST] [PROG ARGS]", failure=125)
async def nice(process: Process) -> int:
    arguments = parse(process, "n:", {"adjustment:": "n"}, permute=False)
    if not arguments.operands:
        await process.print("0")
        return 0
    return await run(process, arguments.operands)


@program("nohup PROG ARGS", failure=125)
async def nohup(process: Process) -> int:
    arguments = parse(process, "", permute=False)
    if not arguments.operands:
        raise Complaint("missing operand", usage=True)
    process.on_signal(1, Ignore)
    if process.stdout.is_terminal():
        await process.complain(
            "appending output to nohup.out"
            if is_busybox(process)
            else "ignoring input and appending output to 'nohup.out'"
        )
        before = process.files[1]
        process.files[1] = process.open("nohup.out", "a", 0o600)
        before.release()
    return await run(process, arguments.operands)


@program("setsid [-cfw] PROG ARGS")
async def setsid(process: Process) -> int:
    arguments = parse(process, "cfw", {"fork": "f", "wait": "w", "ctty": "c"}, permute=False)
    if not arguments.operands:
        raise Complaint("no command specified", usage=True)
    child = process.spawn(arguments.operands, new_group=True)
    if arguments.has("f"):
        return 0
    return (await process.wait(child))[1].shell_code()


@program("env [-i0] [-u NAME]... [NAME=VALUE]... [PROG ARGS]", failure=125)
async def env(process: Process) -> int:
    arguments = parse(
        process,
        "iu:0C:S:v",
        {"ignore-environment": "i", "unset:": "u", "null": "0", "chdir:": "C", "split-string:": "S"},
        permute=False,
    )
    operands = list(arguments.operands)
    if operands[:1] == ["-"]:
        operands.pop(0)
        arguments.options.append(("i", ""))
    split = arguments.last("S")
    if split:
        operands = split.split() + operands
    variables = {} if arguments.has("i") else dict(process.env)
    for name in arguments.all("u"):
        variables.pop(name, None)
    while operands and "=" in operands[0] and not operands[0].startswith("="):
        name, _, value = operands.pop(0).partition("=")
        variables[name] = value
    folder = arguments.last("C")
    if folder:
        process.chdir(folder)
    if operands:
        return await run(process, operands, variables)
    end = "\0" if arguments.has("0") else "\n"
    await process.stdout.write(encode("".join(f"{name}={value}{end}" for name, value in variables.items())))
    return 0


@program("printenv [VARIABLE]...", failure=2)
async def printenv(process: Process) -> int:
    arguments = parse(process, "0", {"null": "0"})
    end = "\0" if arguments.has("0") else "\n"
    code = 0
    if not arguments.operands:
        await process.stdout.write(encode("".join(f"{name}={value}{end}" for name, value in process.env.items())))
    for name in arguments.operands:
        if name in process.env:
            await process.print(process.env[name], end=end)
        else:
            code = 1
    return code


@program("watch [-n SEC] [-t] PROG ARGS")
async def watch(process: Process) -> int:
    arguments = parse(
        process,
        "n:tdegxcb",
        {"interval:": "n", "no-title": "t", "differences::": "d", "exec": "x", "color": "c"},
        permute=False,
    )
    if not arguments.operands:
        raise Complaint("", usage=True)
    interval = seconds(arguments.last("n") or "2")
    command = " ".join(arguments.operands)
    while True:
        head = ""
        if not arguments.has("t"):
            from minikube_edu.container_runtime.simulated.tools.date import formatted

            now = formatted(
                "%a %b %e %H:%M:%S %Y" if not is_busybox(process) else "%Y-%m-%d %H:%M:%S",
                clock.now(),
                process.env.get("TZ", ""),
            )
            title = f"Every {interval:.1f}s: {command}"
            head = f"{title}{now:>{max(1, 80 - len(title))}}\n\n"
        await process.stdout.write(encode("\x1b[H\x1b[J" + head))
        argv = arguments.operands if arguments.has("x") else ["sh", "-c", command]
        await process.wait(process.spawn(argv))
        await process.sleep(interval)
