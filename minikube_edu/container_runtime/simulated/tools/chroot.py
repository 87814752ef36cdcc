"""busybox (APPLET ARGS), and chroot, unshare, nsenter, crond: what a container may not do, or need not."""

from __future__ import annotations

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.tools.arguments import BUSYBOX, Complaint, is_busybox, parse, program
from minikube_edu.container_runtime.simulated.tools.waiting import FOREVER

COMMANDS = {"busybox": "busybox", "crond": "crond", "cron": "crond"}


@program("chroot NEWROOT [PROG ARGS]", failure=125)
async def chroot(process: Process) -> int:
    """To / it is a plain exec; another root is not simulated and is refused as without CAP_SYS_CHROOT."""
    operands = parse(process, "", permute=False).operands
    if not operands:
        raise Complaint("missing operand", usage=True)
    if process.realpath(operands[0]) == "/":
        return await process.exec(operands[1:] or ["/bin/sh", "-i"])
    process.stat(operands[0])
    words = "can't change root directory to" if is_busybox(process) else "cannot change root directory to"
    raise Complaint(f"{words} '{operands[0]}': Operation not permitted", 1 if is_busybox(process) else 125)


@program("unshare [OPTIONS] [PROG ARGS]")
async def unshare(process: Process) -> int:
    raise Complaint(
        "unshare(0x20000): Operation not permitted"
        if is_busybox(process)
        else "unshare failed: Operation not permitted"
    )


@program("nsenter [OPTIONS] [PROG ARGS]")
async def nsenter(process: Process) -> int:
    raise Complaint(
        "can't open '/proc/1/ns/mnt': Permission denied"
        if is_busybox(process)
        else "cannot open /proc/1/ns/mnt: Permission denied"
    )


@program("crond [-fbS]")
async def crond(process: Process) -> int:
    """It runs and waits; crontabs are not read."""
    while True:
        await process.sleep(FOREVER)


async def busybox(process: Process) -> int:
    """`busybox wget …` is wget."""
    words = process.argv[1:]
    if not words or words[0] in ("--help", "--list"):
        await process.print(f"{BUSYBOX}\n\nUsage: busybox [function [arguments]...]" if words != ["--list"] else "sh")
        return 0
    name = words[0].rsplit("/", 1)[-1]
    found = process.container.program_of(name) if name != "busybox" else busybox
    if found is None:
        await process.stderr.write(f"{name}: applet not found\n".encode())
        return 127
    process.argv, process.name = words, name
    return await found(process)
