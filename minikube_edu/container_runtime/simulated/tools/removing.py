"""rm, rmdir, unlink: files that go."""

from __future__ import annotations

import errno

from minikube_edu.container_runtime.simulated.contract import Process, reason
from minikube_edu.container_runtime.simulated.tools import modes
from minikube_edu.container_runtime.simulated.tools.arguments import Complaint, is_busybox, parse, program
from minikube_edu.container_runtime.simulated.tools.streams import confirmed


class Remover:
    def __init__(self, process: Process, force: bool, recursive: bool, ask: bool, empty: bool, verbose: bool) -> None:
        self.process, self.force, self.recursive = process, force, recursive
        self.ask, self.empty, self.verbose = ask, empty, verbose
        self.busybox = is_busybox(process)
        self.code = 0

    async def complain(self, words: str) -> None:
        self.code = 1
        await self.process.complain(words)

    async def failed(self, path: str, error: OSError) -> None:
        if self.force and error.errno in (errno.ENOENT, errno.ENOTDIR):
            return
        await self.complain(f"{'can' + chr(39) + 't' if self.busybox else 'cannot'} remove '{path}': {reason(error)}")

    async def remove(self, path: str) -> bool:
        await self.process.breathe()
        try:
            stat = self.process.lstat(path)
        except OSError as error:
            await self.failed(path, error)
            return False
        if modes.is_directory(stat.mode):
            return await self.remove_directory(path)
        if self.ask:
            kind = "regular empty file" if stat.size == 0 else "regular file"
            words = f"rm: remove '{path}'? " if self.busybox else f"rm: remove {kind} '{path}'? "
            if not await confirmed(self.process, words):
                return False
        try:
            self.process.unlink(path)
        except OSError as error:
            await self.failed(path, error)
            return False
        if self.verbose:
            await self.process.print(f"removed '{path}'")
        return True

    async def remove_directory(self, path: str) -> bool:
        if not self.recursive and not self.empty:
            await self.complain(
                f"'{path}' is a directory" if self.busybox else f"cannot remove '{path}': Is a directory"
            )
            return False
        fine = True
        try:
            names = self.process.listdir(path) if self.recursive else []
            if names and self.ask and not await confirmed(self.process, f"rm: descend into directory '{path}'? "):
                return False
            for name in names:
                fine &= await self.remove(f"{path.rstrip('/')}/{name}")
            if self.ask and not await confirmed(self.process, f"rm: remove directory '{path}'? "):
                return False
            if fine:
                self.process.rmdir(path)
                if self.verbose:
                    await self.process.print(f"removed directory '{path}'")
        except OSError as error:
            await self.failed(path, error)
            return False
        return fine


@program("rm [-irf] FILE...")
async def rm(process: Process) -> int:
    arguments = parse(
        process, "irRfvdI",
        {"force": "f", "recursive": "r", "verbose": "v", "dir": "d", "interactive::": "i", "one-file-system": "x",
         "no-preserve-root": "noroot", "preserve-root::": "root"},
    )  # fmt: skip
    force = arguments.last_of("f", "i") == "f"
    if not arguments.operands:
        if force:
            return 0
        raise Complaint("missing operand", usage=True)
    ask = arguments.last_of("f", "i") == "i"
    remover = Remover(process, force, arguments.has("r", "R"), ask, arguments.has("d"), arguments.has("v"))
    for path in arguments.operands:
        base = path.rstrip("/").rsplit("/", 1)[-1]
        if base in (".", "..") and remover.recursive:
            await remover.complain(f"refusing to remove '.' or '..' directory: skipping '{path}'")
        elif not base and remover.recursive and not arguments.has("noroot") and not is_busybox(process):
            await remover.complain("it is dangerous to operate recursively on '/'")
            await process.complain("use --no-preserve-root to override this failsafe")
        else:
            await remover.remove(path)
    return remover.code


@program("rmdir [-p] DIRECTORY...")
async def rmdir(process: Process) -> int:
    arguments = parse(process, "pv", {"parents": "p", "verbose": "v", "ignore-fail-on-non-empty": "ignore"})
    if not arguments.operands:
        raise Complaint("missing operand", usage=True)
    code = 0
    for path in arguments.operands:
        current = path
        while current:
            try:
                process.rmdir(current)
            except OSError as error:
                if not (arguments.has("ignore") and error.errno == errno.ENOTEMPTY):
                    words = f"'{current}': " if is_busybox(process) else f"failed to remove '{current}': "
                    await process.complain(words + reason(error))
                    code = 1
                break
            current = current.rstrip("/").rpartition("/")[0] if arguments.has("p") else ""
    return code


@program("unlink FILE")
async def unlink(process: Process) -> int:
    operands = parse(process, "").operands
    if len(operands) != 1:
        raise Complaint("missing operand" if not operands else f"extra operand '{operands[1]}'", usage=True)
    try:
        process.unlink(operands[0])
    except OSError as error:
        words = f"can't remove file '{operands[0]}'" if is_busybox(process) else f"cannot unlink '{operands[0]}'"
        raise Complaint(f"{words}: {reason(error)}") from None
    return 0


@program("shred [-fuz] [-n N] FILE...")
async def shred(process: Process) -> int:
    arguments = parse(process, "fuzn:v", {"remove": "u", "zero": "z", "iterations:": "n", "force": "f"})
    for path in arguments.operands:
        size = process.stat(path).size
        await process.write_file(path, bytes(size))
        if arguments.has("u"):
            process.unlink(path)
    return 0
