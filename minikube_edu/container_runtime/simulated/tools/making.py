"""mkdir, touch, ln, mktemp, truncate, mkfifo, mknod, chmod, chown, chgrp, sync: files that begin, and what they are.

The file is long because these are many small tools that share the reading of modes and owners.
"""

from __future__ import annotations

import errno
import re
import stat as kinds

from minikube_edu.container_runtime.simulated.contract import Process, failure, reason
from minikube_edu.container_runtime.simulated.tools import modes
from minikube_edu.container_runtime.simulated.tools.accounts import group_number, user_number
from minikube_edu.container_runtime.simulated.tools.arguments import Complaint, is_busybox, parse, program, size
from minikube_edu.container_runtime.simulated.tools.copying import make_parents
from minikube_edu.lib import clock, ids


@program("mkdir [-m MODE] [-p] DIRECTORY...")
async def mkdir(process: Process) -> int:
    arguments = parse(process, "m:pvZ", {"mode:": "m", "parents": "p", "verbose": "v"})
    if not arguments.operands:
        raise Complaint("missing operand", usage=True)
    code = 0
    for path in arguments.operands:
        try:
            if arguments.has("p"):
                made = make_parents(process, path)
            else:
                process.mkdir(path)
                made = [path]
            if arguments.has("v"):
                for name in made:
                    await process.print(f"mkdir: created directory '{name}'")
            spec = arguments.last("m")
            if spec and made:
                process.chmod(path, modes.changed(spec, 0o040777, 0))
        except ValueError:
            raise Complaint(f"invalid mode '{arguments.last('m')}'") from None
        except OSError as error:
            words = "can't create" if is_busybox(process) else "cannot create"
            name = error.filename if arguments.has("p") and error.filename and not is_busybox(process) else path
            await process.complain(f"{words} directory '{name}': {reason(error)}")
            code = 1
    return code


@program("touch [-cham] [-d DATE] [-t DATE] [-r FILE] FILE...")
async def touch(process: Process) -> int:
    arguments = parse(
        process,
        "chamd:t:r:f",
        {"no-create": "c", "date:": "d", "reference:": "r", "no-dereference": "h", "time:": "time"},
    )
    from minikube_edu.container_runtime.simulated.tools.date import understood, zone_of

    atime = mtime = clock.now()
    zone = zone_of(process.env.get("TZ", ""))
    text = arguments.last("d")
    if text is not None:
        try:
            atime = mtime = understood(text, zone, mtime)
        except (ValueError, OverflowError):
            raise Complaint(
                f"invalid date '{text}'" if is_busybox(process) else f"invalid date format '{text}'"
            ) from None
    stamp = arguments.last("t")
    if stamp is not None:
        found = re.fullmatch(r"(\d{2}|\d{4})?(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d\d))?", stamp)
        try:
            if not found:
                raise ValueError(stamp)
            year = found[1] or clock.rfc3339()[:4]
            year = ("20" if int(year) < 69 else "19") + year if len(year) == 2 else year
            iso = f"{year}-{found[2]}-{found[3]} {found[4]}:{found[5]}:{found[6] or '00'}"
            atime = mtime = understood(iso, zone, mtime)
        except ValueError:
            raise Complaint(f"invalid date format '{stamp}'") from None
    reference = arguments.last("r")
    if reference is not None:
        stat = process.stat(reference)
        atime, mtime = stat.atime, stat.mtime
    if not arguments.operands:
        raise Complaint("missing file operand", usage=True)
    code = 0
    for path in arguments.operands:
        try:
            try:
                stat = process.stat(path)
            except FileNotFoundError:
                if arguments.has("c"):
                    continue
                process.open(path, "a").release()
                stat = process.stat(path)
            only_a, only_m = (
                arguments.has("a") and not arguments.has("m"),
                arguments.has("m") and not arguments.has("a"),
            )
            process.utime(path, stat.atime if only_m else atime, stat.mtime if only_a else mtime)
        except OSError as error:
            words = f"{path}" if is_busybox(process) else f"cannot touch '{path}'"
            await process.complain(f"{words}: {reason(error)}")
            code = 1
    return code


@program("ln [-sfnbtv] [-S SUFFIX] TARGET... LINK|DIR")
async def ln(process: Process) -> int:
    arguments = parse(
        process,
        "sfnbvt:TrS:i",
        {
            "symbolic": "s",
            "force": "f",
            "no-dereference": "n",
            "verbose": "v",
            "target-directory:": "t",
            "no-target-directory": "T",
            "relative": "r",
        },
    )
    operands = list(arguments.operands)
    if not operands:
        raise Complaint("missing file operand", usage=True)
    folder = arguments.last("t") or (operands.pop() if len(operands) > 1 else ".")
    symbolic, code = arguments.has("s"), 0

    def is_folder(path: str) -> bool:
        try:
            follow = not arguments.has("n", "T")
            return modes.is_directory((process.stat if follow else process.lstat)(path).mode)
        except OSError:
            return False

    into = is_folder(folder) and not arguments.has("T")
    if len(operands) > 1 and not into:
        raise Complaint(f"target '{folder}' is not a directory")
    for target in operands:
        link = f"{folder.rstrip('/')}/{target.rstrip('/').rsplit('/', 1)[-1]}" if into else folder
        link = link.removeprefix("./")
        try:
            if arguments.has("f"):
                try:
                    if not modes.is_directory(process.lstat(link).mode):
                        process.unlink(link)
                except FileNotFoundError:
                    pass
            if symbolic:
                process.symlink(relative(process, target, link) if arguments.has("r") else target, link)
            else:
                if modes.is_directory(process.stat(target).mode):
                    await process.complain(f"{target}: hard link not allowed for directory")
                    code = 1
                    continue
                process.link(target, link)
            if arguments.has("v"):
                await process.print(f"'{link}' -> '{target}'" if symbolic else f"'{link}' => '{target}'")
        except OSError as error:
            code = 1
            if is_busybox(process):
                await process.complain(f"{link}: {reason(error)}")
            elif not symbolic and error.errno == errno.ENOENT:
                await process.complain(f"failed to access '{target}': {reason(error)}")
            else:
                kind = "symbolic" if symbolic else "hard"
                await process.complain(f"failed to create {kind} link '{link}': {reason(error)}")
    return code


def relative(process: Process, target: str, link: str) -> str:
    there = process.realpath(target).split("/")
    here = process.realpath(link.rpartition("/")[0] or ".").split("/")
    while there and here and there[0] == here[0]:
        there.pop(0)
        here.pop(0)
    return "/".join([".."] * len([part for part in here if part]) + there) or "."


@program("mktemp [-dtuq] [-p DIR] [TEMPLATE]")
async def mktemp(process: Process) -> int:
    arguments = parse(
        process, "dtuqp:", {"directory": "d", "tmpdir::": "p", "dry-run": "u", "quiet": "q", "suffix:": "suffix"}
    )
    template = (
        arguments.operands[0] if arguments.operands else "tmp.XXXXXXXXXX" if not is_busybox(process) else "tmp.XXXXXX"
    )
    suffix = arguments.last("suffix") or ""
    marks = re.search(r"X+(?=[^X]*\Z)", template)
    if not marks or len(marks[0]) < (3 if not is_busybox(process) else 6):
        words = f"too few X's in template '{template}'" if not is_busybox(process) else f"{template}: Invalid argument"
        raise Complaint(words)
    if not arguments.operands or arguments.has("t", "p"):
        folder = arguments.last("p") or process.env.get("TMPDIR", "") or "/tmp"
        template = f"{folder.rstrip('/')}/{template}"
    for _ in range(100):
        letters = "".join(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"[ids.integer(0, 61)] for _ in marks[0]
        )
        path = re.sub(r"X+(?=[^X]*\Z)", letters, template) + suffix
        try:
            if arguments.has("u"):
                process.lstat(path)
                continue
            if arguments.has("d"):
                process.mkdir(path, 0o700)
            else:
                process.open(path, "x", 0o600).release()
        except FileExistsError:
            continue
        except OSError as error:
            if not (arguments.has("u") and error.errno == errno.ENOENT):
                what = "directory" if arguments.has("d") else "file"
                words = f"failed to create {what} via template '{template}'" if not is_busybox(process) else template
                raise Complaint(f"{words}: {reason(error)}") from None
        await process.print(path)
        return 0
    raise Complaint(f"failed to create file via template '{template}': File exists")


@program("truncate [-c] -s SIZE FILE...")
async def truncate(process: Process) -> int:
    arguments = parse(process, "cs:r:o", {"size:": "s", "no-create": "c", "reference:": "r"})
    spec = arguments.last("s")
    reference = arguments.last("r")
    if spec is None and reference is None:
        raise Complaint("you must specify either '--size' or '--reference'", usage=True)
    if not arguments.operands:
        raise Complaint("missing file operand", usage=True)
    for path in arguments.operands:
        try:
            if arguments.has("c"):
                process.stat(path)
            file = process.open(path, "a")
        except FileNotFoundError:
            continue
        now = file.stat().size
        operator = spec[0] if spec and spec[0] in "+-<>/%" else ""
        value = size(spec[len(operator) :], "Invalid number") if spec else process.stat(reference or "").size
        wanted = {
            "+": now + value,
            "-": max(0, now - value),
            "<": min(now, value),
            ">": max(now, value),
            "/": now - now % (value or 1),
            "%": -(-now // (value or 1)) * value,
        }.get(operator, value)
        try:
            file.truncate(wanted)
        finally:
            file.release()
    return 0


@program("mkfifo [-m MODE] NAME...")
async def mkfifo(process: Process) -> int:
    arguments = parse(process, "m:Z", {"mode:": "m"})
    if not arguments.operands:
        raise Complaint("missing operand", usage=True)
    code = 0
    for path in arguments.operands:
        try:
            process.mkfifo(path)
            if arguments.has("m"):
                process.chmod(path, modes.changed(arguments.last("m") or "", 0o666))
        except OSError as error:
            words = path if is_busybox(process) else f"cannot create fifo '{path}'"
            await process.complain(f"{words}: {reason(error)}")
            code = 1
    return code


@program("mknod [-m MODE] NAME TYPE [MAJOR MINOR]")
async def mknod(process: Process) -> int:
    arguments = parse(process, "m:Z", {"mode:": "m"})
    if len(arguments.operands) < 2:
        raise Complaint("missing operand", usage=True)
    path, kind = arguments.operands[:2]
    if kind == "p":
        process.mkfifo(path)
        return 0
    if kind not in ("b", "c", "u"):
        raise Complaint(f"invalid device type '{kind}'")
    raise failure(errno.EPERM, path)  # devices of the host are not for containers


@program("chmod [-Rcvf] MODE[,MODE]... FILE...")
async def chmod(process: Process) -> int:
    # -x, -w and the like are modes and no options
    argv = process.argv[1:]
    at = next((i for i, word in enumerate(argv) if re.fullmatch(r"-[rwxXst]+(,.*)?|-[0-7]+", word)), None)
    minus = argv.pop(at) if at is not None else None
    arguments = parse(
        process,
        "Rcvf",
        {"recursive": "R", "verbose": "v", "changes": "c", "quiet": "f", "silent": "f", "reference:": "reference"},
        argv=argv,
    )
    operands = list(arguments.operands)
    reference = arguments.last("reference")
    spec = minus or (f"{process.stat(reference).mode & 0o7777:o}" if reference else operands.pop(0) if operands else "")
    if not spec or not operands:
        raise Complaint("missing operand" if not spec else f"missing operand after '{spec}'", usage=True)
    try:
        modes.changed(spec, 0)
    except ValueError:
        raise Complaint(
            f"invalid mode '{spec}'" if is_busybox(process) else f"invalid mode: '{spec}'",
            usage=not is_busybox(process),
        ) from None
    code = 0
    waiting = list(reversed(operands))
    while waiting:
        path = waiting.pop()
        await process.breathe()
        try:
            stat = process.lstat(path)
            if modes.is_link(stat.mode):
                if path not in operands:
                    continue
                stat = process.stat(path)
            new = modes.changed(spec, stat.mode, process.umask)
            process.chmod(path, new)
            if arguments.has("v") or (arguments.has("c") and new != stat.mode & 0o7777):
                old = stat.mode & 0o7777
                await process.print(
                    f"mode of '{path}' changed from {old:04o} ({modes.shown(stat.mode)[1:]}) to {new:04o} "
                    f"({modes.shown(kinds.S_IFMT(stat.mode) | new)[1:]})"
                    if new != old
                    else f"mode of '{path}' retained as {new:04o} ({modes.shown(stat.mode)[1:]})"
                )
            if arguments.has("R") and modes.is_directory(stat.mode):
                waiting += [f"{path.rstrip('/')}/{name}" for name in reversed(process.listdir(path))]
        except OSError as error:
            code = 1
            if not arguments.has("f"):
                words = path
                if not is_busybox(process):
                    words = (
                        f"cannot access '{path}'"
                        if error.errno == errno.ENOENT
                        else f"changing permissions of '{path}'"
                    )
                await process.complain(f"{words}: {reason(error)}")
    return code


async def change_owner(process: Process, group_only: bool) -> int:
    arguments = parse(
        process,
        "RhcvfHLPx",
        {
            "recursive": "R",
            "no-dereference": "h",
            "verbose": "v",
            "reference:": "reference",
            "changes": "c",
            "quiet": "f",
            "silent": "f",
        },
    )
    operands = list(arguments.operands)
    reference = arguments.last("reference")
    if not reference and len(operands) < 2:
        raise Complaint("missing operand" if not operands else f"missing operand after '{operands[0]}'", usage=True)
    if reference:
        stat = process.stat(reference)
        uid, gid = -1 if group_only else stat.uid, stat.gid
    else:
        uid, gid = await owner(process, operands.pop(0), group_only)
    code = 0
    waiting = list(reversed(operands))
    while waiting:
        path = waiting.pop()
        await process.breathe()
        try:
            stat = process.lstat(path)
            follow = not arguments.has("h") and path in operands
            process.chown(path, uid, gid, follow=follow)
            if arguments.has("v"):
                await process.print(
                    f"ownership of '{path}' changed" if not group_only else f"changed group of '{path}'"
                )
            if arguments.has("R") and modes.is_directory(stat.mode):
                waiting += [f"{path.rstrip('/')}/{name}" for name in reversed(process.listdir(path))]
        except OSError as error:
            code = 1
            if not arguments.has("f"):
                words = path
                if not is_busybox(process):
                    words = (
                        f"cannot access '{path}'"
                        if error.errno == errno.ENOENT
                        else (f"changing {'group' if group_only else 'ownership'} of '{path}'")
                    )
                await process.complain(f"{words}: {reason(error)}")
    return code


async def owner(process: Process, spec: str, group_only: bool) -> tuple[int, int]:
    """`user`, `user:group`, `:group`, `user:` (and with a dot)."""
    busybox = is_busybox(process)
    if group_only:
        gid = await group_number(process, spec)
        if gid is None:
            raise Complaint(f"unknown group {spec}" if busybox else f"invalid group: '{spec}'")
        return -1, gid
    name, colon, group = spec.partition(":")
    if not colon and "." in spec and await user_number(process, spec) is None:
        name, colon, group = spec.partition(".")
    uid: int | None = -1
    gid = -1
    if name:
        uid = await user_number(process, name)
        if uid is None:
            raise Complaint(f"unknown user {name}" if busybox else f"invalid user: '{spec}'")
    if group:
        gid = await group_number(process, group)
        if gid is None:
            raise Complaint(f"unknown group {group}" if busybox else f"invalid group: '{spec}'")
    elif colon and name:
        from minikube_edu.container_runtime.simulated.tools.accounts import users

        gid = next((account.gid for account in await users(process) if account.uid == uid), -1)
    return (uid if uid is not None else -1), gid


@program("chown [-Rhcvf] USER[:[GRP]] FILE...")
async def chown(process: Process) -> int:
    return await change_owner(process, False)


@program("chgrp [-Rhcvf] GROUP FILE...")
async def chgrp(process: Process) -> int:
    return await change_owner(process, True)


@program("sync [FILE]...")
async def sync(process: Process) -> int:
    for path in parse(process, "df").operands:
        process.stat(path)
    return 0
