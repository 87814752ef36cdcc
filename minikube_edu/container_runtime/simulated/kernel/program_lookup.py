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
from typing import TYPE_CHECKING

from msgspec import Struct

from minikube_edu.container_runtime.simulated.contract import Program, failure
from minikube_edu.container_runtime.simulated.filesystem.permission import may
from minikube_edu.container_runtime.simulated.kernel.executable import interpreter, program_named

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.filesystem.path_walk import FileView
    from minikube_edu.container_runtime.simulated.filesystem.tree import Caller
    from minikube_edu.container_runtime.simulated.kernel.machine import Machine
    from minikube_edu.container_runtime.simulated.kernel.process import KernelProcess

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
MOST_INTERPRETERS = 4
HEAD = 4096  # bytes of a file that tell what it is
LONGEST_ARGUMENTS = 2 << 20


class Found(Struct, frozen=True):
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
    view = machine.view
    path = argv[0] if "/" in argv[0] else in_path(view, caller, argv[0], env.get("PATH", PATH), cwd)
    name = posixpath.basename(path)[:15]
    for _ in range(MOST_INTERPRETERS + 1):
        walked = view.walk(path, caller, cwd=cwd)
        if walked.found is None:
            raise failure(errno.ENOENT, path)
        tree, node = walked.found.mount.tree, walked.found.node
        file = tree.stat(node, caller)
        if not stat.S_ISREG(file.mode) or not may(caller.user, caller.privileges, file, os.X_OK):
            raise failure(errno.EACCES, path)
        content = tree.read_now(node, HEAD)
        program = program_named(content)
        if program is not None:
            found = machine.program_of(program)
            if found is None:
                raise failure(errno.ENOEXEC, path)
            set_ids = 0 if machine.no_new_privileges else file.mode & 0o6000
            uid = file.uid if set_ids & stat.S_ISUID else -1
            gid = file.gid if set_ids & stat.S_ISGID else -1
            return Found(found, name, walked.path(), argv, uid, gid)
        words = interpreter(content)
        if words is None:
            raise failure(errno.ENOEXEC, path)
        argv = [*words, path, *argv[1:]]
        path = words[0]
    raise failure(errno.ELOOP, path)


def in_path(view: FileView, caller: Caller, name: str, path: str, cwd: str) -> str:
    """The first executable of that name; EACCES when there are only others, ENOENT when there is none."""
    denied = False
    for directory in path.split(":"):
        candidate = f"{directory or '.'}/{name}"
        try:
            place = view.walk(candidate, caller, cwd=cwd).found
        except OSError:
            continue
        if place is None or not stat.S_ISREG(place.mount.tree.mode(place.node, caller)):
            continue
        if may(caller.user, caller.privileges, place.mount.tree.stat(place.node, caller), os.X_OK):
            return candidate
        denied = True
    raise failure(errno.EACCES if denied else errno.ENOENT, name)
