"""The program: sh, ash, dash and bash, by whatever name the image has them.

    sh [-eux…] [-c TEXT [NAME [ARG…]]] | [FILE [ARG…]] | [-s [ARG…]]

Which dialect answers is decided by the name and by what /bin/sh is a link to: busybox's images have ash, Debian's
dash. A terminal on stdin, or -i, makes it interactive.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from minikube_edu.container_runtime.simulated.contract import Process, reason
from minikube_edu.container_runtime.simulated.shell.dialect import BASH, BUSYBOX, DASH, Dialect
from minikube_edu.container_runtime.simulated.shell.errors import Failure, Successor
from minikube_edu.container_runtime.simulated.shell.specials import install
from minikube_edu.container_runtime.simulated.shell.state import Shell
from minikube_edu.container_runtime.simulated.shell.variables import Variable

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.shell.startup import Call

DEPTH = 12_000  # Python frames: functions that call each other a thousand deep need about eight each


async def main(process: Process) -> int:
    ended = await _shell(process)
    return ended if isinstance(ended, int) else await process.exec(*ended)


async def _shell(process: Process) -> int | Successor:
    from minikube_edu.container_runtime.simulated.shell.startup import Refused, read_call

    if sys.getrecursionlimit() < DEPTH:
        sys.setrecursionlimit(DEPTH)
    name = os.path.basename(process.argv[0]) if process.argv else "sh"
    dialect = dialect_of(process, name.removeprefix("-"))
    shell = Shell(process, dialect, process.argv[0] if process.argv else "sh")
    from minikube_edu.container_runtime.simulated.shell.builtin import table

    shell.builtins = table(dialect)
    if process.env.get("SHELLOPTS") or name.startswith("-"):
        shell.name = shell.title = process.argv[0]
    await _surroundings(shell)
    try:
        call = read_call(shell, list(process.argv[1:]))
    except Refused as refused:
        await shell.write_error(refused.text) if refused.code else await shell.write(refused.text)
        return refused.code
    return await _lived(shell, call)


def dialect_of(process: Process, name: str) -> Dialect:
    if name in ("bash", "rbash"):
        return BASH
    if name in ("ash", "busybox"):
        return BUSYBOX
    if name == "dash":
        return DASH
    try:
        target = os.path.basename(process.realpath("/bin/sh"))
    except OSError:
        target = ""
    if target in ("bash", "dash", "busybox", "ash"):
        return {"bash": BASH, "dash": DASH}.get(target, BUSYBOX)
    image = process.container.image
    if "busybox" in image or "alpine" in image:
        return BUSYBOX
    if any(process.access(path, 0) for path in ("/bin/busybox", "/etc/alpine-release")):
        return BUSYBOX
    return DASH


async def _surroundings(shell: Shell) -> None:
    """Variables of the environment, and those that a shell sets itself."""
    process, table = shell.process, shell.variables.table
    for name, value in process.env.items():
        if name.isidentifier() and name.isascii():
            table[name] = Variable(value, exported=True)
    install(shell)
    table["IFS"] = Variable(" \t\n")
    table["OPTIND"] = Variable("1")
    table["PPID"] = Variable(str(process.parent_pid))
    table.setdefault("PATH", Variable("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"))
    known = shell.variables.get("PWD")
    pwd = table["PWD"] = Variable(process.cwd, exported=True)
    if known and known.startswith("/"):
        try:
            if process.realpath(known) == process.realpath("."):
                pwd.value = known
        except OSError:
            pass
    table.setdefault("PS4", Variable("+ "))
    try:
        shell.passwd_rows = (await process.read_file("/etc/passwd")).decode("utf-8", "replace").splitlines()
    except OSError:
        shell.passwd_rows = []
    if not shell.dialect.dash:
        level = shell.variables.get("SHLVL") or "0"
        table["SHLVL"] = Variable(str(int(level) + 1 if level.isdigit() else 1), exported=True)
        table.setdefault("HOSTNAME", Variable(process.container.hostname))
    if shell.dialect.bash:
        _bash_variables(shell)


def _bash_variables(shell: Shell) -> None:
    table = shell.variables.table
    user = shell.process.user
    for name, value in (("UID", user.uid), ("EUID", user.uid)):
        table[name] = Variable(str(value))
        table[name].readonly = table[name].integer = True
    table["BASH"] = Variable("/bin/bash")
    table["BASH_VERSION"] = Variable("5.2.15(1)-release")
    version = ("5", "2", "15", "1", "release", "x86_64-pc-linux-gnu")
    table["BASH_VERSINFO"] = Variable(dict(enumerate(version)))
    table["BASH_VERSINFO"].readonly = True
    table["HOSTTYPE"] = Variable("x86_64")
    table["OSTYPE"] = Variable("linux-gnu")
    table["MACHTYPE"] = Variable("x86_64-pc-linux-gnu")
    table["OPTERR"] = Variable("1")
    table["GROUPS"] = Variable({0: str(user.gid)})
    table["SHELL"] = table.get("SHELL") or Variable("/bin/bash")


async def _lived(shell: Shell, call: Call) -> int | Successor:
    """Run what the call names, to the end."""
    from minikube_edu.container_runtime.simulated.shell.running import run_text, to_the_end
    from minikube_edu.container_runtime.simulated.shell.startup import read_profiles, run_command_string, run_input

    work: Callable[[], Awaitable[int]]
    if call.login:
        await read_profiles(shell)
    if call.text is not None:
        shell.is_command_string = True
        text = call.text
        work = lambda: run_command_string(shell, text)  # noqa: E731  # two closures of one kind side by side
    elif call.file is not None:
        try:
            data = await shell.process.read_file(call.file)
        except OSError as error:
            await shell.write_error(_cannot_open(shell, call.file, error))
            return 127 if shell.dialect.bash else 2
        shell.title = shell.name = call.file
        script = data.decode("utf-8", "surrogateescape").replace("\0", "")
        work = lambda: run_text(shell, script, is_script=True)  # noqa: E731
    elif shell.interactive:
        from minikube_edu.container_runtime.simulated.shell.interactive import converse

        return await to_the_end(shell, lambda: converse(shell))
    else:
        work = lambda: run_input(shell)  # noqa: E731
    try:
        return await to_the_end(shell, work)
    except Failure:
        return 2


def _cannot_open(shell: Shell, file: str, error: OSError) -> str:
    name = shell.name
    if shell.dialect.bash:
        return f"{name}: {file}: {reason(error)}\n"
    if shell.dialect.dash:
        words = "No such file" if isinstance(error, FileNotFoundError) else reason(error)
        return f"{name}: 0: cannot open {file}: {words}\n"
    return f"{name}: can't open '{file}': {reason(error)}\n"
