"""du, df, mount, umount, lsblk, blkid: how full it is and where it hangs."""

from __future__ import annotations

from minikube_edu.container_runtime.simulated.contract import FilesystemStat, Process, reason
from minikube_edu.container_runtime.simulated.tools import modes
from minikube_edu.container_runtime.simulated.tools.arguments import Complaint, is_busybox, parse, program, size
from minikube_edu.container_runtime.simulated.tools.ls import human


@program("du [-aHLdclsxhmkb] [FILE]...")
async def du(process: Process) -> int:
    arguments = parse(
        process,
        "aHLd:clsxhmkbSD0B:",
        {
            "all": "a",
            "max-depth:": "d",
            "total": "c",
            "summarize": "s",
            "human-readable": "h",
            "bytes": "b",
            "apparent-size": "apparent",
            "one-file-system": "x",
            "exclude:": "exclude",
            "block-size:": "B",
        },
    )
    depth = 0 if arguments.has("s") else arguments.number("d", 1 << 30)
    unit = 1 if arguments.has("b") else 1 << 20 if arguments.has("m") else size(arguments.last("B") or "1k")
    exact = arguments.has("b", "apparent")
    code = total = 0

    async def show(count: int, path: str) -> None:
        text = human(count) if arguments.has("h") else str(-(-count // unit))
        await process.print(f"{text}\t{path}")

    async def measure(path: str, level: int, device: int | None, seen: set[int]) -> int:
        nonlocal code
        await process.breathe()
        stat = process.lstat(path)
        if arguments.has("L") or (level == 0 and arguments.has("H", "D")):
            stat = process.stat(path)
        if stat.inode in seen and stat.links > 1 and not modes.is_directory(stat.mode):
            return 0
        seen.add(stat.inode)
        if not modes.is_directory(stat.mode):
            count = stat.size if exact else 0 if modes.is_link(stat.mode) else -(-stat.size // 4096) * 4096
            if (arguments.has("a") and level <= depth) or level == 0:
                await show(count, path)
            return count
        if arguments.has("x") and device is not None and stat.device != device:
            return 0
        count = 4096
        try:
            names = process.listdir(path)
        except OSError as error:
            words = f"can't open '{path}'" if is_busybox(process) else f"cannot read directory '{path}'"
            await process.complain(f"{words}: {reason(error)}")
            code = 1
            names = []
        for name in names:
            try:
                count += await measure(f"{path.rstrip('/')}/{name}", level + 1, stat.device, seen)
            except FileNotFoundError:
                continue  # gone while we looked: /proc
        if level <= depth:
            await show(count, path)
        return count

    for path in arguments.operands or ["."]:
        try:
            total += await measure(path, 0, None, set())
        except OSError as error:
            words = path if is_busybox(process) else f"cannot access '{path}'"
            await process.complain(f"{words}: {reason(error)}")
            code = 1
    if arguments.has("c"):
        await show(total, "total")
    return code


@program("df [-PkmhTai] [-t TYPE] [FILE]...")
async def df(process: Process) -> int:
    arguments = parse(
        process,
        "PkmhHTait:B:x:l",
        {
            "portability": "P",
            "human-readable": "h",
            "print-type": "T",
            "all": "a",
            "inodes": "i",
            "type:": "t",
            "block-size:": "B",
            "exclude-type:": "x",
            "output::": "output",
            "total": "total",
        },
    )
    code = 0
    found: list[FilesystemStat] = []
    if arguments.operands:
        for path in arguments.operands:
            try:
                found.append(process.statfs(path))
            except OSError as error:
                words = f"{path}: {reason(error)}"
                await process.complain(words)
                code = 1
        if not found:
            return code
    else:
        seen: set[str] = set()
        for mount in reversed(process.mounts()):
            if mount.mountpoint in seen or (mount.total_bytes == 0 and not arguments.has("a")):
                continue
            seen.add(mount.mountpoint)
            found.insert(0, mount)
    kinds, excluded = arguments.all("t"), arguments.all("x")
    found = [mount for mount in found if (not kinds or mount.type in kinds) and mount.type not in excluded]
    await print_table(
        process,
        rows_of(
            found,
            arguments.has("h", "H"),
            arguments.has("m"),
            arguments.has("i"),
            arguments.has("T"),
            is_busybox(process),
        ),
        is_busybox(process),
    )
    return code


def rows_of(
    found: list[FilesystemStat], readable: bool, mega: bool, inodes: bool, types: bool, busybox: bool
) -> list[list[str]]:
    unit = 1 << 20 if mega else 1024
    title = "1M-blocks" if mega else "1K-blocks"
    heads = [title, "Used", "Available", "Use%"]
    if readable:
        heads = ["Size", "Used", "Available" if busybox else "Avail", "Use%"]
    if inodes:
        heads = [
            "Inodes",
            "Used" if busybox else "IUsed",
            "Available" if busybox else "IFree",
            "Use%" if busybox else "IUse%",
        ]
    rows = [["Filesystem", *(["Type"] if types else []), *heads, "Mounted on"]]
    for mount in found:
        total, used = (mount.total_inodes, mount.used_inodes) if inodes else (mount.total_bytes, mount.used_bytes)
        free = max(0, total - used)
        share = f"{-(-used * 100 // (used + free))}%" if used + free else ("0%" if busybox else "-")
        if inodes:
            cells = [str(total), str(used), str(free), share]
        elif readable:
            cells = [human(number) for number in (total, used, free)] + [share]
        else:
            cells = [str(-(-number // unit)) for number in (total, used, free)] + [share]
        rows.append([mount.source, *([mount.type] if types else []), *cells, mount.mountpoint])
    return rows


async def print_table(process: Process, rows: list[list[str]], busybox: bool) -> None:
    last = len(rows[0]) - 1
    first_numbers = last - 4
    widths = [max(len(row[column]) for row in rows) for column in range(last)]
    if busybox:
        widths[0] = 20
        widths[-4:] = [9, 9, 9, 4]
    else:
        widths[0] = max(widths[0], 14)
        widths[-4:-1] = [max(width, 5) for width in widths[-4:-1]]
    for row in rows:
        line = ""
        for column, cell in enumerate(row[:-1]):
            if busybox and column == 0 and len(cell) > 20:
                line += f"{cell}\n{'':20} "
                continue
            line += f"{cell:<{widths[column]}} " if column < first_numbers else f"{cell:>{widths[column]}} "
        await process.print(line + row[-1])


@program("mount [OPTIONS] [-o OPTS] DEVICE NODE")
async def mount(process: Process) -> int:
    arguments = parse(
        process,
        "art:o:nvfwsil",
        {
            "bind": "bind",
            "rbind": "bind",
            "types:": "t",
            "options:": "o",
            "make-shared": "make",
            "make-rshared": "make",
            "make-rprivate": "make",
            "move": "move",
        },
    )
    if not arguments.operands:
        kind = arguments.last("t")
        for entry in process.mounts():
            if kind is None or entry.type == kind:
                await process.print(f"{entry.source} on {entry.mountpoint} type {entry.type} ({entry.options})")
        return 0
    target = arguments.operands[-1]
    if not may_administer(process):
        if is_busybox(process):
            raise Complaint(
                "permission denied (are you root?)" if process.user.uid == 0 else "must be superuser to use mount", 1
            )
        raise Complaint(
            f"{target}: permission denied." if process.user.uid == 0 else f"{target}: must be superuser to use mount.",
            32,
        )
    process.stat(target)
    raise Complaint(f"{target}: unknown filesystem type '{arguments.last('t') or 'auto'}'.", 32)


def may_administer(process: Process) -> bool:
    return process.user.uid == 0 and (process.container.privileged or "CAP_SYS_ADMIN" in process.container.capabilities)


@program("umount [-rlf] DEVICE|DIRECTORY")
async def umount(process: Process) -> int:
    arguments = parse(process, "rlfand")
    if not arguments.operands:
        raise Complaint("", usage=True)
    target = arguments.operands[0]
    mounted = {entry.mountpoint for entry in process.mounts()}
    if target.rstrip("/") not in mounted and target != "/":
        raise Complaint(
            f"can't unmount {target}: Invalid argument" if is_busybox(process) else f"{target}: not mounted.",
            1 if is_busybox(process) else 32,
        )
    if not may_administer(process):
        raise Complaint(
            f"can't unmount {target}: Operation not permitted"
            if is_busybox(process)
            else f"{target}: must be superuser to unmount.",
            1 if is_busybox(process) else 32,
        )
    raise Complaint(f"{target}: target is busy.", 32)


@program("lsblk [-f]", version="util-linux 2.38.1")
async def lsblk(process: Process) -> int:
    await process.print("NAME   MAJ:MIN RM SIZE RO TYPE MOUNTPOINTS")
    whole = process.statfs("/").total_bytes
    await process.print(f"sda      8:0    0 {human(whole):>4}  0 disk ")
    mounts = [entry.mountpoint for entry in process.mounts() if entry.source.startswith("/dev/sda")]
    await process.print(f"`-sda1   8:1    0 {human(whole):>4}  0 part {mounts[0] if mounts else ''}")
    return 0


@program("blkid")
async def blkid(process: Process) -> int:
    return 0 if process.container.privileged else 2  # without the host's devices there is nothing to tell
