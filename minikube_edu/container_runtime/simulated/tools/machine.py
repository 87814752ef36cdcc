"""uname, hostname, arch, nproc, uptime, free, sysctl, dmesg, lsof: what machine this seems to be."""

from __future__ import annotations

import os
import platform

from minikube_edu.container_runtime.simulated.contract import Process, reason
from minikube_edu.container_runtime.simulated.tools.arguments import Complaint, is_busybox, parse, program
from minikube_edu.container_runtime.simulated.tools.ls import human
from minikube_edu.container_runtime.simulated.tools.streams import decode
from minikube_edu.lib import clock

RELEASE = "6.8.0-60-generic"
BUILD = "#63-Ubuntu SMP PREEMPT_DYNAMIC Tue Apr 15 19:04:15 UTC 2025"


def architecture() -> str:
    """What kubelet reports for the node as well."""
    return {"arm64": "aarch64", "AMD64": "x86_64", "ARM64": "aarch64"}.get(
        platform.machine(), platform.machine() or "x86_64"
    )


@program("uname [-amnrspvio]")
async def uname(process: Process) -> int:
    arguments = parse(
        process, "amnrspvio",
        {"all": "a", "machine": "m", "nodename": "n", "kernel-release": "r", "kernel-name": "s", "processor": "p",
         "kernel-version": "v", "operating-system": "o", "hardware-platform": "i"},
    )  # fmt: skip
    if arguments.operands:
        raise Complaint(f"extra operand '{arguments.operands[0]}'", usage=True)
    values = {
        "s": "Linux", "n": process.container.hostname, "r": RELEASE, "v": BUILD, "m": architecture(), "p": "unknown",
        "i": "unknown", "o": "GNU/Linux" if not musl(process) else "Linux",
    }  # fmt: skip
    letters = "snrvmo" if arguments.has("a") else [letter for letter in "snrvmpio" if arguments.has(letter)] or ["s"]
    await process.print(" ".join(values[letter] for letter in letters))
    return 0


def musl(process: Process) -> bool:
    return process.access("/etc/alpine-release", os.F_OK) or (
        is_busybox(process) and process.access("/lib/ld-musl-x86_64.so.1", os.F_OK)
    )


@program("arch")
async def arch(process: Process) -> int:
    await process.print(architecture())
    return 0


@program("hostname [-sidf] [HOSTNAME]")
async def hostname(process: Process) -> int:
    arguments = parse(
        process,
        "sidfIF:yA",
        {"short": "s", "ip-address": "i", "all-ip-addresses": "I", "fqdn": "f", "long": "f", "domain": "d"},
    )
    name = process.container.hostname
    if arguments.operands or arguments.has("F"):
        raise Complaint(
            "sethostname: Operation not permitted"
            if is_busybox(process)
            else "you must be root to change the host name"
        )
    if arguments.has("i", "I"):
        await process.print(" ".join(process.network.ips) + (" " if arguments.has("I") else ""))
    elif arguments.has("s"):
        await process.print(name.partition(".")[0])
    elif arguments.has("f"):
        await process.print(await full_name(process, name))
    elif arguments.has("d"):
        domain = (await full_name(process, name)).partition(".")[2]
        if domain:
            await process.print(domain)
    else:
        await process.print(name)
    return 0


async def full_name(process: Process, name: str) -> str:
    """/etc/hosts knows: the first name of the line that has ours."""
    try:
        text = decode(await process.read_file("/etc/hosts"))
    except OSError:
        return name
    for line in text.split("\n"):
        words = line.partition("#")[0].split()
        if name in words[1:]:
            return words[1]
    return name


@program("nproc [--all] [--ignore=N]")
async def nproc(process: Process) -> int:
    arguments = parse(process, "", {"all": "all", "ignore:": "ignore"})
    await process.print(str(max(1, process.container.host_cpus - arguments.number("ignore", 0))))
    return 0


async def uptime_seconds(process: Process) -> float:
    try:
        return float(decode(await process.read_file("/proc/uptime")).split()[0])
    except (OSError, ValueError, IndexError):
        first = min((other.started_at for other in process.container.processes.values()), default=clock.now())
        return clock.now() - first


async def load_average(process: Process) -> list[str]:
    try:
        return decode(await process.read_file("/proc/loadavg")).split()[:3]
    except OSError:
        return ["0.00", "0.00", "0.00"]


@program("uptime [-ps]")
async def uptime(process: Process) -> int:
    arguments = parse(process, "ps", {"pretty": "p", "since": "s"})
    from minikube_edu.container_runtime.simulated.tools.date import formatted

    zone = process.env.get("TZ", "")
    since = await uptime_seconds(process)
    days, hours, minutes = int(since // 86400), int(since // 3600 % 24), int(since // 60 % 60)
    if arguments.has("s"):
        await process.print(formatted("%Y-%m-%d %H:%M:%S", clock.now() - since, zone))
    elif arguments.has("p"):
        parts = [
            f"{count} {word}{'s' if count != 1 else ''}"
            for count, word in ((days, "day"), (hours, "hour"), (minutes, "minute"))
            if count
        ]
        await process.print("up " + (", ".join(parts) or "0 minutes"))
    else:
        await process.print(await uptime_line(process, zone))
    return 0


async def uptime_line(process: Process, zone: str) -> str:
    from minikube_edu.container_runtime.simulated.tools.date import formatted

    since = await uptime_seconds(process)
    days, hours, minutes = int(since // 86400), int(since // 3600 % 24), int(since // 60 % 60)
    span = f"{days} day{'s' if days != 1 else ''}, " if days else ""
    span += f"{hours:2d}:{minutes:02d}" if hours else f"{minutes} min"
    load = ", ".join(await load_average(process))
    return f" {formatted('%H:%M:%S', clock.now(), zone)} up {span}, 0 users,  load average: {load}"


@program("free [-bkmgh]", version="procps-ng 4.0.2")
async def free(process: Process) -> int:
    arguments = parse(
        process, "bkmghtwls:c:", {"human": "h", "mebi": "m", "gibi": "g", "kibi": "k", "bytes": "b", "total": "t"}
    )
    world = process.container
    total = world.host_memory
    used = world.memory_used() + total // 10  # the machine's other tenants hold something as well
    cache = total // 20
    numbers = [total, used, max(0, total - used - cache), 0, cache, max(0, total - used)]
    unit = {"b": 1, "k": 1024, "m": 1 << 20, "g": 1 << 30}[arguments.last_of("b", "k", "m", "g") or "k"]

    def shown(value: int) -> str:
        if not arguments.has("h"):
            return str(value // unit)
        text = human(value)
        return text if value < 1024 or is_busybox(process) else text + "i"

    width = 12
    heads = ["total", "used", "free", "shared", "buff/cache", "available"]
    first = 7
    await process.print(" " * first + "".join(f"{head:>{width if i else 13}}" for i, head in enumerate(heads)))
    await process.print(
        f"{'Mem:':<{first}}" + "".join(f"{shown(n):>{width if i else 13}}" for i, n in enumerate(numbers))
    )
    await process.print(f"{'Swap:':<{first}}" + "".join(f"{shown(0):>{width if i else 13}}" for i in range(3)))
    return 0


@program("sysctl [-aenq] [KEY[=VALUE]]...", version="procps-ng 4.0.2")
async def sysctl(process: Process) -> int:
    arguments = parse(process, "aenqwp::N", {"all": "a", "values": "n", "quiet": "q", "write": "w"})
    code = 0
    keys = list(arguments.operands)
    if arguments.has("a"):
        keys = everything(process, "/proc/sys")
    for key in keys:
        name, equals, value = key.partition("=")
        path = "/proc/sys/" + name.replace(".", "/")
        try:
            if equals:
                await process.write_file(path, value.encode() + b"\n")
                text = value
            else:
                text = decode(await process.read_file(path)).rstrip("\n")
        except OSError as error:
            code = 1 if is_busybox(process) else 255
            if is_busybox(process):
                await process.complain(
                    f"error: '{name}' is an unknown key"
                    if error.errno == 2
                    else f"error setting key '{name}': {reason(error)}"
                )
            elif error.errno == 2:
                await process.complain(f"cannot stat {path}: {reason(error)}")
            else:
                await process.complain(
                    f'permission denied on key "{name}"' + ("" if error.errno != 30 else ", ignoring")
                )
            continue
        if not arguments.has("q"):
            await process.print(text if arguments.has("n") else f"{name} = {text}")
    return code


def everything(process: Process, folder: str) -> list[str]:
    found = []
    try:
        for name in sorted(process.listdir(folder)):
            path = f"{folder}/{name}"
            if process.stat(path).mode & 0o170000 == 0o040000:
                found += everything(process, path)
            else:
                found.append(path.removeprefix("/proc/sys/").replace("/", "."))
    except OSError:
        pass
    return found


@program("dmesg [-cr] [-n LEVEL] [-s SIZE]")
async def dmesg(process: Process) -> int:
    raise Complaint(
        "klogctl: Operation not permitted"
        if is_busybox(process)
        else "read kernel buffer failed: Operation not permitted"
    )


@program("lsof [-p PID]")
async def lsof(process: Process) -> int:
    arguments = parse(process, "p:i::nPu:t")
    busybox = is_busybox(process)
    if not busybox:
        await process.print(f"{'COMMAND':<10}{'PID':>5} {'USER':>6} {'FD':>4} {'TYPE':>6} NAME")
    for pid, other in sorted(process.container.processes.items()):
        if arguments.has("p") and str(pid) != arguments.last("p"):
            continue
        for number, file in sorted(other.files.items()):
            if busybox:
                await process.print(f"{pid}\t{other.argv[0] if other.argv else other.name}\t{file.name}")
            else:
                mode = "u" if file.readable and file.writable else "r" if file.readable else "w"
                await process.print(
                    f"{other.name[:9]:<10}{pid:>5} {other.user.uid:>6} {f'{number}{mode}':>4} {'REG':>6} {file.name}"
                )
    return 0
