"""Redirections: files opened, doubled and closed, in the order in which they are written.

They work on a table of open files: a copy of it for a child that is about to start, the shell's own for builtins and
`exec`. `Undo` remembers what stood there before.
"""

from __future__ import annotations

import errno
import re
import stat
from typing import TYPE_CHECKING

from minikube_edu.cni.contract import NameNotFound
from minikube_edu.container_runtime.simulated.contract import OpenFile, reason
from minikube_edu.container_runtime.simulated.shell.errors import Failure
from minikube_edu.container_runtime.simulated.shell.expansion import arguments, text_of
from minikube_edu.container_runtime.simulated.shell.syntax import Redirect

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.shell.state import Shell

_MODES = {"<": "r", ">": "w", ">|": "w", ">>": "a", "<>": "r+", "&>": "w", "&>>": "a"}


_NETWORK = re.compile(r"/dev/(tcp)/([^/]+)/(\d+)\Z")  # bash's own: these files are nowhere


class Undo:
    """Which files stood at which descriptors before; None where none did."""

    def __init__(self, files: dict[int, OpenFile]) -> None:
        self.files = files
        self.before: dict[int, OpenFile | None] = {}

    def put(self, descriptor: int, file: OpenFile | None) -> None:
        """The table holds one reference of `file` from now on."""
        if descriptor not in self.before:
            self.before[descriptor] = self.files.get(descriptor)
        elif (current := self.files.get(descriptor)) is not None:
            current.release()
        if file is None:
            self.files.pop(descriptor, None)
        else:
            self.files[descriptor] = file

    def back(self) -> None:
        for descriptor, file in self.before.items():
            current = self.files.get(descriptor)
            if current is not None and current is not file:
                current.release()
            elif current is not None and current is file:
                current.release()  # doubled onto itself: one reference too many
            if file is None:
                self.files.pop(descriptor, None)
            else:
                self.files[descriptor] = file
        self.before.clear()

    def keep(self) -> None:
        """exec: what was there before is closed."""
        for file in self.before.values():
            if file is not None:
                file.release()
        self.before.clear()


async def redirect(shell: Shell, redirects: list[Redirect], undo: Undo) -> None:
    try:
        for each in redirects:
            await _one(shell, each, undo)
    except BaseException:
        undo.back()
        raise


async def _one(shell: Shell, redirect: Redirect, undo: Undo) -> None:
    operator = redirect.operator
    if operator in ("<<", "<<-", "<<<"):
        text = await text_of(shell, redirect.target)
        await _here_document(shell, text + ("\n" if operator == "<<<" else ""), redirect.descriptor or 0, undo)
        return
    target = await _target(shell, redirect)
    if operator in ("<&", ">&"):
        if _is_both(shell, redirect, target):
            operator = "&>"
        else:
            _double(shell, redirect, target, undo)
            return
    file = await _open(shell, target, operator)
    descriptor = redirect.descriptor
    if descriptor is None:
        descriptor = 0 if operator in ("<", "<>") else 1
    undo.put(descriptor, file)
    if operator in ("&>", "&>>"):
        undo.put(2, file.retain())


def _is_both(shell: Shell, redirect: Redirect, target: str) -> bool:
    """bash: >&file is &>file."""
    return (
        shell.dialect.more_than_posix
        and redirect.operator == ">&"
        and redirect.descriptor is None
        and not target.rstrip("-").isdigit()
        and target != "-"
    )


async def _target(shell: Shell, redirect: Redirect) -> str:
    if shell.dialect.bash:
        found = await arguments(shell, [redirect.target])
        if len(found) != 1:
            raise Failure(f"{_written(redirect)}: ambiguous redirect", 1, fatal=False)
        return found[0]
    return await text_of(shell, redirect.target)


def _written(redirect: Redirect) -> str:
    return "".join(getattr(part, "text", "") for part in redirect.target.parts) or '""'


def _double(shell: Shell, redirect: Redirect, target: str, undo: Undo) -> None:
    """n>&m, n>&-, n>&m-"""
    descriptor = redirect.descriptor
    if descriptor is None:
        descriptor = 0 if redirect.operator == "<&" else 1
    if target == "-":
        undo.put(descriptor, None)
        return
    move = target.endswith("-") and shell.dialect.bash
    number = target.rstrip("-") if move else target
    if not number.isdigit():
        if shell.dialect.dash:
            raise Failure("Syntax error: Bad fd number", 2)
        if shell.dialect.busybox:
            raise Failure("bad fd number", 2)
        raise Failure(f"{target}: ambiguous redirect", 1, fatal=False)
    file = undo.files.get(int(number))
    if file is None:
        if shell.dialect.busybox:
            raise Failure(f"dup2({number},{descriptor}): Bad file descriptor", 1, fatal=False)
        raise Failure(f"{number}: Bad file descriptor", None if shell.dialect.dash else 1, fatal=False)
    undo.put(descriptor, file.retain())
    if move:
        undo.put(int(number), None)


async def _open(shell: Shell, path: str, operator: str) -> OpenFile:
    process = shell.process
    mode = _MODES[operator]
    try:
        if path.startswith(("/dev/fd/", "/proc/self/fd/")) and path.rpartition("/")[2].isdigit():
            file = process.files.get(int(path.rpartition("/")[2]))
            if file is not None:
                return file.retain()
        if shell.dialect.bash and (found := _NETWORK.match(path)):
            address = found[2] if re.fullmatch(r"[0-9.]+|.*:.*", found[2]) else (await process.resolve(found[2]))[0]
            return process.as_file(await process.network.connect(address, int(found[3])))
        if operator == "<>":
            try:
                return process.open(path, "r+")
            except FileNotFoundError:
                process.open(path, "w").release()
                return process.open(path, "r+")
        if mode == "w" and operator != ">|" and shell.options.noclobber:
            return _open_new(shell, path)
        return process.open(path, mode)
    except NameNotFound as error:
        raise Failure(f"{error}\n{path}: Invalid argument", 1, fatal=False) from None
    except OSError as error:
        raise _failure(shell, path, error, reading=mode == "r") from None


def _open_new(shell: Shell, path: str) -> OpenFile:
    """set -C: an ordinary file that exists is not written over."""
    try:
        if not stat.S_ISREG(shell.process.stat(path).mode):
            return shell.process.open(path, "w")
    except FileNotFoundError:
        return shell.process.open(path, "w")
    raise OSError(errno.EEXIST, "cannot overwrite existing file")


def _failure(shell: Shell, path: str, error: OSError, reading: bool) -> Failure:
    dialect = shell.dialect
    words = reason(error)
    if dialect.bash:
        if error.errno == errno.EEXIST:
            words = "cannot overwrite existing file"
        return Failure(f"{path}: {words}", 1, fatal=False)
    if dialect.dash:
        if error.errno == errno.ENOENT:
            words = "No such file" if reading else "Directory nonexistent"
        return Failure(f"cannot {'open' if reading else 'create'} {path}: {words}", 2, fatal=False)
    if error.errno == errno.ENOENT:
        words = "no such file" if reading else "nonexistent directory"
    return Failure(f"can't {'open' if reading else 'create'} {path}: {words}", 1, fatal=False)


async def _here_document(shell: Shell, text: str, descriptor: int, undo: Undo) -> None:
    """A pipe that a child fills, when the text is more than a pipe holds; the child is reaped with the shell."""
    data = text.encode("utf-8", "surrogateescape")
    reader, writer = shell.process.pipe()
    undo.put(descriptor, reader)
    if len(data) <= 4096:
        await writer.write(data)
        writer.release()
        return

    async def fill(process: object) -> int:
        await writer.write(data)
        return 0

    from minikube_edu.container_runtime.simulated.shell.substitution import reap_later

    child = shell.process.spawn(["sh"], program=fill, files={1: writer})
    writer.release()
    reap_later(shell, child)
