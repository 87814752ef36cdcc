"""From words to a program: what exec(2) and PATH do.

`argv[0]` with a slash is a file; without one it is looked for along PATH. A file is a program of ours (`executable`),
or a script whose `#!` names an interpreter that gets the script's path; anything else is ENOEXEC, which a shell answers
by reading the file itself.
"""

from __future__ import annotations

import errno
import os
import posixpath
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from minikube_edu.container_runtime.simulated.contract import Program, failure
from minikube_edu.container_runtime.simulated.kernel.executable import interpreter, program_named

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.filesystem.path_walk import FileView
    from minikube_edu.container_runtime.simulated.filesystem.tree import Caller
    from minikube_edu.container_runtime.simulated.kernel.machine import Machine
    from minikube_edu.container_runtime.simulated.kernel.process import KernelProcess

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
MOST_INTERPRETERS = 4
LONGEST_ARGUMENTS = 2 << 20


@dataclass(frozen=True, slots=True)
class Found:
    program: Program
    name: str  # comm
    path: str  # of the executable, for /proc/PID/exe
    argv: list[str]
    setuid: int = -1  # whose privileges it brings: the owner's of a set-user-id file
    setgid: int = -1


def look_up(process: KernelProcess, argv: list[str], env: Mapping[str, str], cwd: str) -> Found:
    return look_up_for(process.container, process, argv, env, cwd)


def look_up_for(machine: Machine, caller: Caller, argv: list[str], env: Mapping[str, str], cwd: str) -> Found:
    if not argv or not argv[0]:
        raise failure(errno.ENOENT, "")
    if sum(map(len, argv)) > LONGEST_ARGUMENTS:
        raise failure(errno.E2BIG, argv[0])
    path = argv[0] if "/" in argv[0] else in_path(machine.view, caller, argv[0], env.get("PATH", PATH), cwd)
    name = posixpath.basename(path)[:15]
    for _ in range(MOST_INTERPRETERS + 1):
        content = _read(machine.view, caller, path, cwd)
        program = program_named(content)
        if program is not None:
            found = machine.program_of(program)
            if found is None:
                raise failure(errno.ENOEXEC, path)
            file = machine.view.stat(path, caller, cwd=cwd)
            allowed = file.mode & 0o6000 and not machine.no_new_privileges
            return Found(
                found,
                name,
                machine.view.realpath(path, caller, cwd=cwd),
                argv,
                file.uid if allowed and file.mode & stat.S_ISUID else -1,
                file.gid if allowed and file.mode & stat.S_ISGID else -1,
            )
        words = interpreter(content)
        if words is None:
            raise failure(errno.ENOEXEC, path)
        argv = [*words, path, *argv[1:]]
        path = words[0]
    raise failure(errno.ELOOP, path)


def _read(view: FileView, caller: Caller, path: str, cwd: str) -> bytes:
    file = view.stat(path, caller, cwd=cwd)
    if not stat.S_ISREG(file.mode) or not view.access(path, os.X_OK, caller, cwd=cwd):
        raise failure(errno.EACCES, path)
    return view.read_now(path, caller, cwd=cwd)


def in_path(view: FileView, caller: Caller, name: str, path: str, cwd: str) -> str:
    """The first executable of that name; EACCES when there are only others, ENOENT when there is none."""
    denied = False
    for directory in path.split(":"):
        candidate = f"{directory or '.'}/{name}"
        try:
            file = view.stat(candidate, caller, cwd=cwd)
        except OSError:
            continue
        if stat.S_ISREG(file.mode):
            if view.access(candidate, os.X_OK, caller, cwd=cwd):
                return candidate
            denied = True
    raise failure(errno.EACCES if denied else errno.ENOENT, name)
