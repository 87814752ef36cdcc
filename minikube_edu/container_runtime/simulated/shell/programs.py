"""Programs: how a name becomes one, in a child or in this process's place, and what is said when it does not.

The search along PATH is the kernel's, except where `hash` remembers a path; a file that is no program and has no #!
is a script for this shell.
"""

from __future__ import annotations

import errno
import stat
from typing import TYPE_CHECKING

from minikube_edu.container_runtime.simulated.contract import OpenFile, reason
from minikube_edu.container_runtime.simulated.shell.errors import Become, Leave
from minikube_edu.container_runtime.simulated.shell.foreground import in_foreground, terminal_of
from minikube_edu.container_runtime.simulated.shell.pipelines import tell_signal

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.shell.state import Shell


async def start(
    shell: Shell, argv: list[str], env: dict[str, str], files: dict[int, OpenFile], last: bool, source: str = ""
) -> int:
    """Run a program in the foreground, or become it."""
    shell.error_file = files.get(2)
    try:
        return await _start(shell, argv, env, files, last, source)
    finally:
        shell.error_file = None


async def _start(
    shell: Shell, argv: list[str], env: dict[str, str], files: dict[int, OpenFile], last: bool, source: str
) -> int:
    if len(argv) > 100_000 or sum(map(len, argv)) > 2 << 20:
        await shell.complain(f"{argv[0]}: Argument list too long")
        return 126
    if not argv[0]:
        return await not_found(shell, argv[0])
    try:
        words = argv
        if "/" not in argv[0] and ("PATH" not in env or argv[0] in shell.hashed):
            path = find_program(shell, argv[0], env.get("PATH", shell.variables.get("PATH") or ""))
            if path is None:
                return await not_found(shell, argv[0])
            words = [path, *argv[1:]]
        if shell.dialect.bash:
            env["_"] = find_program(shell, argv[0], env.get("PATH", "")) or argv[0]
        if last:
            return await become(shell, words, env, files)
        process = shell.process.spawn(words, env=env, files=files, new_group=terminal_of(shell) is not None)
    except OSError as error:
        return await _not_started(shell, argv, env, files, error, last, source)
    ended = (await in_foreground(shell, [process], source))[-1]
    if shell.process.pid == 1:
        await shell.jobs.reap(shell)
    if ended.signal:
        await tell_signal(shell, ended.signal, process.pid, source)
    return ended.shell_code()


async def become(shell: Shell, argv: list[str], env: dict[str, str], files: dict[int, OpenFile]) -> int:
    """exec: this process's files become those."""
    own = shell.process.files
    for descriptor, file in list(files.items()):
        before = own.get(descriptor)
        if before is not file:
            own[descriptor] = file.retain()
            if before is not None:
                before.release()
    for descriptor in [number for number in own if number not in files]:
        own.pop(descriptor).release()
    if await _is_sure(shell, argv[0], env):
        raise Become(argv, env)
    raise Leave(await shell.process.exec(argv, env))


async def _is_sure(shell: Shell, name: str, env: dict[str, str]) -> bool:
    """Will exec(2) take it? Then the shell can be forgotten first: thousands of idle containers were one once."""
    path = find_program(shell, name, env.get("PATH", ""))
    if path is None or not _is_program(shell, path):
        return False
    return (await shell.process.read_file(path)).startswith(b"\x7fELF")


def find_program(shell: Shell, name: str, search: str) -> str | None:
    """The path that would run; the name itself when it has a slash."""
    if "/" in name:
        return name
    hashed = shell.hashed.get(name)
    if hashed is not None and _is_program(shell, hashed):
        return hashed
    denied: str | None = None
    for folder in search.split(":"):
        path = f"{folder or '.'}/{name}" if folder != "/" else f"/{name}"
        if _is_program(shell, path):
            return path
        if denied is None and _is_file(shell, path):
            denied = path
    if denied is not None:
        raise PermissionError(errno.EACCES, "Permission denied", denied)
    return None


def _is_file(shell: Shell, path: str) -> bool:
    try:
        return stat.S_ISREG(shell.process.stat(path).mode)
    except OSError:
        return False


def _is_program(shell: Shell, path: str) -> bool:
    return _is_file(shell, path) and shell.process.access(path, 1)


async def not_found(shell: Shell, name: str) -> int:
    if shell.dialect.bash:
        handler = shell.functions.get("command_not_found_handle")
        if handler is not None:
            from minikube_edu.container_runtime.simulated.shell.simple import call

            return await call(shell, handler, ["command_not_found_handle", name])
    if "/" in name and shell.dialect.bash:
        await shell.complain(f"{name}: No such file or directory")
    else:
        known_as = "command not found" if shell.dialect.bash and not shell.within else "not found"
        await shell.complain(f"{name}: {known_as}", shell.within)
    return 127


async def _not_started(
    shell: Shell,
    argv: list[str],
    env: dict[str, str],
    files: dict[int, OpenFile],
    error: OSError,
    last: bool,
    source: str,
) -> int:
    """The program is there, but: no permission, a directory, no #! (then it is a script for this shell)."""
    name = argv[0]
    if error.errno == errno.ENOENT:
        return await not_found(shell, name)
    if error.errno == errno.ENOEXEC:
        path = error.filename or find_program(shell, name, env.get("PATH", "")) or name
        data = await shell.process.read_file(path)
        if b"\0" in data[:80]:
            words = (
                f"{name}: cannot execute binary file: Exec format error"
                if shell.dialect.bash
                else (f"{name}: Exec format error")
            )
            await shell.complain(words)
            return 126
        return await start(shell, [_own_path(shell), path, *argv[1:]], env, files, last, source)
    words = reason(error)
    if error.errno in (errno.EACCES, errno.EISDIR):
        words = "Permission denied"
        try:
            if shell.dialect.bash and "/" in name and stat.S_ISDIR(shell.process.stat(name).mode):
                words = "Is a directory"
        except OSError:
            pass
    await shell.complain(f"{name}: {words}")
    return 126


def _own_path(shell: Shell) -> str:
    name = "bash" if shell.dialect.bash else "sh"
    for path in (f"/bin/{name}", f"/usr/bin/{name}"):
        if _is_program(shell, path):
            return path
    return name
