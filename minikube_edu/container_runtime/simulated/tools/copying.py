"""cp, mv, install: files to other places, with what they are."""

from __future__ import annotations

import errno
import os

from minikube_edu.container_runtime.simulated.contract import Process, Stat, failure, reason
from minikube_edu.container_runtime.simulated.tools import modes
from minikube_edu.container_runtime.simulated.tools.accounts import group_number, user_number
from minikube_edu.container_runtime.simulated.tools.arguments import Arguments, Complaint, is_busybox, parse, program
from minikube_edu.container_runtime.simulated.tools.streams import BLOCK, confirmed

LONG = {
    "recursive": "r", "archive": "a", "force": "f", "interactive": "i", "no-clobber": "n", "update": "u",
    "verbose": "v", "preserve::": "P=", "no-dereference": "P", "dereference": "L", "target-directory:": "t",
    "no-target-directory": "T", "symbolic-link": "s", "link": "l", "parents": "parents", "backup::": "b",
    "reflink::": "reflink", "remove-destination": "f", "sparse:": "sparse",
}  # fmt: skip


class Copier:
    """cp's work, and mv's across file systems."""

    def __init__(self, process: Process, arguments: Arguments, preserve: bool, follow: bool, recursive: bool) -> None:
        self.process, self.arguments = process, arguments
        self.preserve, self.follow, self.recursive = preserve, follow, recursive
        self.busybox = is_busybox(process)
        self.code = 0

    async def complain(self, words: str) -> None:
        self.code = 1
        await self.process.complain(words)

    async def failed(self, what: str, error: OSError) -> None:
        if isinstance(error, BrokenPipeError | InterruptedError):
            raise error
        await self.complain(f"{what}: {reason(error)}")

    async def copy(self, source: str, target: str, top: bool = True) -> bool:
        process, can_not = self.process, "can't" if self.busybox else "cannot"
        await process.breathe()
        try:
            link = modes.is_link(process.lstat(source).mode)
            stat = process.stat(source) if self.follow or not link else process.lstat(source)
        except OSError as error:
            await self.failed(f"{can_not} stat '{source}'", error)
            return False
        existing = self.existing(target)
        if existing and (existing.device, existing.inode) == (stat.device, stat.inode) and not modes.is_link(stat.mode):
            await self.complain(f"'{source}' and '{target}' are the same file")
            return False
        if modes.is_directory(stat.mode):
            return await self.copy_directory(source, target, stat, existing)
        if existing and modes.is_directory(existing.mode):
            await self.complain(f"cannot overwrite directory '{target}' with non-directory")
            return False
        if existing and not await self.may_replace(target, stat, existing):
            return True
        try:
            await self.copy_file(source, target, stat, existing)
        except OSError as error:
            what = f"can't create '{target}'" if self.busybox else f"cannot create regular file '{target}'"
            if error.filename == source:
                what = f"can't open '{source}'" if self.busybox else f"cannot open '{source}' for reading"
            await self.failed(what, error)
            return False
        if self.arguments.has("v"):
            await process.print(f"'{source}' -> '{target}'")
        return True

    def existing(self, target: str) -> Stat | None:
        try:
            return self.process.stat(target)
        except OSError:
            return None

    async def may_replace(self, target: str, stat: Stat, existing: Stat) -> bool:
        if self.arguments.has("n"):
            return False
        if self.arguments.has("u") and existing.mtime >= stat.mtime:
            return False
        if self.arguments.has("i"):
            return await confirmed(self.process, f"{self.process.name}: overwrite '{target}'? ")
        return True

    async def copy_file(self, source: str, target: str, stat: Stat, existing: Stat | None) -> None:
        process = self.process
        kind = modes.shown(stat.mode)[0]
        if self.arguments.has("s") and process.name == "cp":
            process.symlink(source, target)
            return
        if self.arguments.has("l") and process.name == "cp":
            process.link(source, target)
            return
        if kind == "l":
            if existing or self.is_dangling(target):
                process.unlink(target)
            process.symlink(process.readlink(source), target)
            return
        if kind == "p" and self.recursive:
            process.mkfifo(target, stat.mode & 0o777)
            return
        reader = process.open(source)
        try:
            try:
                writer = process.open(target, "w", stat.mode & 0o777)
            except OSError:
                if not self.arguments.has("f") or existing is None:
                    raise
                process.unlink(target)
                writer = process.open(target, "w", stat.mode & 0o777)
            try:
                while block := await reader.read(BLOCK):
                    await writer.write(block)
                    await process.breathe()
            finally:
                writer.release()
        finally:
            reader.release()
        if self.preserve:
            self.keep(target, stat)

    def is_dangling(self, target: str) -> bool:
        try:
            self.process.lstat(target)
        except OSError:
            return False
        return True

    def keep(self, target: str, stat: Stat) -> None:
        try:
            self.process.chown(target, stat.uid, stat.gid)
        except OSError:
            pass  # only root may give files away
        self.process.chmod(target, stat.mode & 0o7777)
        self.process.utime(target, stat.atime, stat.mtime)

    async def copy_directory(self, source: str, target: str, stat: Stat, existing: Stat | None) -> bool:
        process = self.process
        if not self.recursive:
            await self.complain(f"omitting directory '{source}'" if self.busybox
                                else f"-r not specified; omitting directory '{source}'")  # fmt: skip
            return False
        if existing and not modes.is_directory(existing.mode):
            await self.complain(f"cannot overwrite non-directory '{target}' with directory '{source}'")
            return False
        inside = process.realpath(source)
        try:
            if existing is None:
                process.mkdir(target, stat.mode & 0o777 | 0o700)
            if f"{process.realpath(target)}/".startswith(f"{inside}/"):
                await self.complain(f"cannot copy a directory, '{source}', into itself, '{target}'" if not self.busybox
                                    else f"recursion detected, omitting directory '{target}'")  # fmt: skip
                if existing is None:
                    process.rmdir(target)
                return False
            if self.arguments.has("v"):
                await process.print(f"'{source}' -> '{target}'")
            fine = True
            for name in process.listdir(source):
                fine &= await self.copy(f"{source.rstrip('/')}/{name}", f"{target.rstrip('/')}/{name}", top=False)
            if self.preserve:
                self.keep(target, stat)
            elif existing is None:
                process.chmod(target, stat.mode & 0o777 & ~process.umask)
        except OSError as error:
            await self.failed(f"can't create directory '{target}'" if self.busybox
                              else f"cannot create directory '{target}'", error)  # fmt: skip
            return False
        return fine


def targets(process: Process, arguments: Arguments) -> list[tuple[str, str]]:
    """(source, target) of each operand: into a directory, or to a name."""
    operands = list(arguments.operands)
    folder = arguments.last("t")
    if folder is None:
        if not operands:
            raise Complaint("missing file operand", usage=True)
        if len(operands) == 1:
            raise Complaint(f"missing destination file operand after '{operands[0]}'", usage=True)
        folder = operands.pop()
    try:
        is_folder = modes.is_directory(process.stat(folder).mode) and not arguments.has("T")
    except OSError:
        is_folder = False
    if not is_folder:
        if len(operands) > 1 or arguments.last("t") is not None:
            words = f"target '{folder}' is not a directory"
            raise Complaint(words)
        if folder.endswith("/") and process.name != "mv":
            try:
                source_is_folder = modes.is_directory(process.stat(operands[0]).mode)
            except OSError:
                source_is_folder = True
            if not source_is_folder:
                raise Complaint(f"cannot create regular file '{folder}': Not a directory")
        return [(operands[0], folder)]
    pairs = []
    for source in operands:
        if arguments.has("parents"):
            base = source.lstrip("/")
        else:
            base = source.rstrip("/").rsplit("/", 1)[-1]
        pairs.append((source, f"{folder.rstrip('/')}/{base}" if base not in (".", "..", "") else folder))
    return pairs


@program("cp [-arPLHpfinlsTuv] SOURCE... DEST")
async def cp(process: Process) -> int:
    arguments = parse(process, "arRPLHpfinlsTt:uvdbxS:", LONG)
    recursive = arguments.has("a", "r", "R")
    follow = arguments.last_of("P", "L", "d", "a") in (None, "L") and not (recursive and not arguments.has("L", "H"))
    copier = Copier(process, arguments, arguments.has("a", "p", "P="), follow, recursive)
    for source, target in targets(process, arguments):
        if arguments.has("parents") and "/" in target:
            make_parents(process, target.rpartition("/")[0])
        await copier.copy(source, target)
    return copier.code


def make_parents(process: Process, path: str, mode: int = 0o777) -> list[str]:
    """mkdir -p; the directories that were made."""
    made = []
    current = "/" if path.startswith("/") else ""
    for part in path.split("/"):
        if not part:
            continue
        current = f"{current.rstrip('/')}/{part}" if current else part
        try:
            process.mkdir(current, mode)
            made.append(current)
        except FileExistsError:
            if not modes.is_directory(process.stat(current).mode):
                raise failure(errno.EEXIST if current == path.rstrip("/") else errno.ENOTDIR, current) from None
    return made


@program("mv [-finTuv] SOURCE... DEST")
async def mv(process: Process) -> int:
    arguments = parse(process, "finTt:uvb", LONG)
    busybox = is_busybox(process)
    code = 0
    for source, target in targets(process, arguments):
        try:
            stat = process.lstat(source)
        except OSError as error:
            await process.complain(f"can't rename '{source}': {reason(error)}" if busybox
                                   else f"cannot stat '{source}': {reason(error)}")  # fmt: skip
            code = 1
            continue
        copier = Copier(process, arguments, True, False, True)
        existing = copier.existing(target)
        last = arguments.last_of("f", "i", "n")
        if existing and last == "n":
            continue
        if existing and arguments.has("u") and existing.mtime >= stat.mtime:
            continue
        if existing and last == "i" and not await confirmed(process, f"mv: overwrite '{target}'? "):
            continue
        if existing and (existing.device, existing.inode) == (stat.device, stat.inode):
            await process.complain(f"'{source}' and '{target}' are the same file")
            code = 1
            continue
        try:
            process.rename(source, target)
        except OSError as error:
            if error.errno == errno.EXDEV:
                quiet = Copier(process, Arguments(), True, False, True)
                if await quiet.copy(source, target):
                    await remove_tree(process, source)
                else:
                    code = 1
                continue
            code = 1
            if error.errno == errno.EINVAL:
                words = f"cannot move '{source}' to a subdirectory of itself, '{target}'"
                await process.complain(f"can't rename '{source}': Invalid argument" if busybox else words)
            elif existing and modes.is_directory(existing.mode) and not modes.is_directory(stat.mode):
                await process.complain(f"cannot overwrite directory '{target}' with non-directory")
            elif existing and modes.is_directory(stat.mode) and not modes.is_directory(existing.mode):
                await process.complain(f"cannot overwrite non-directory '{target}' with directory '{source}'")
            else:
                await process.complain(f"can't rename '{source}': {reason(error)}" if busybox
                                       else f"cannot move '{source}' to '{target}': {reason(error)}")  # fmt: skip
            continue
        if arguments.has("v"):
            await process.print(f"renamed '{source}' -> '{target}'")
    return code


async def remove_tree(process: Process, path: str) -> None:
    if modes.is_directory(process.lstat(path).mode):
        for name in process.listdir(path):
            await remove_tree(process, f"{path}/{name}")
        await process.breathe()
        process.rmdir(path)
    else:
        process.unlink(path)


@program("install [-cdDsp] [-o USER] [-g GRP] [-m MODE] [-t DIR] [SOURCE]... DEST")
async def install(process: Process) -> int:
    arguments = parse(
        process, "cdDspo:g:m:t:Tvb",
        {"directory": "d", "mode:": "m", "owner:": "o", "group:": "g", "target-directory:": "t", "verbose": "v",
         "preserve-timestamps": "p"},
    )  # fmt: skip
    try:
        mode = modes.changed(arguments.last("m") or "755", 0o040755 if arguments.has("d") else 0)
    except ValueError:
        raise Complaint(f"invalid mode '{arguments.last('m')}'") from None
    uid = await user_number(process, arguments.last("o") or "") if arguments.has("o") else -1
    gid = await group_number(process, arguments.last("g") or "") if arguments.has("g") else -1
    if uid is None or gid is None:
        raise Complaint(f"invalid {'user' if uid is None else 'group'} '{arguments.last('o' if uid is None else 'g')}'")
    made = []
    if arguments.has("d"):
        for path in arguments.operands:
            make_parents(process, path, 0o755)
            made.append(path)
    else:
        if arguments.has("D") and arguments.operands and not arguments.has("t"):
            make_parents(process, os.path.dirname(arguments.operands[-1]))
        copier = Copier(process, arguments, arguments.has("p"), True, False)
        for source, target in targets(process, arguments):
            if copier.existing(target):
                process.unlink(target)
            if await copier.copy(source, target):
                made.append(target)
        if copier.code:
            return copier.code
    for path in made:
        if uid != -1 or gid != -1:
            process.chown(path, uid, gid)
        process.chmod(path, mode)
    return 0
