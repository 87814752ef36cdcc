"""/proc of one container: its process namespace, and the machine's files.

`/proc/self` is whoever asks. Links of open files (`/proc/PID/fd/N`) lead to what is open (`jump`), whatever their names
say; `cwd` and `root` lead to paths. What belongs to a process is its user's; another user's environment and links are
not to be read.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from minikube_edu.container_runtime.simulated.contract import OpenFile, User, failure
from minikube_edu.container_runtime.simulated.filesystem.generated_tree import ROOT, GeneratedTree
from minikube_edu.container_runtime.simulated.filesystem.tree import Caller, Node
from minikube_edu.container_runtime.simulated.kernel.views import proc_network, proc_process, proc_system
from minikube_edu.container_runtime.simulated.kernel.views.table_tree import directories

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.filesystem.path_walk import FileView
    from minikube_edu.container_runtime.simulated.kernel.machine import Machine
    from minikube_edu.container_runtime.simulated.kernel.process import KernelProcess

NAMESPACES = {"cgroup": 1, "ipc": 2, "mnt": 3, "net": 4, "pid": 5, "time": 6, "user": 7, "uts": 8}
SHAPE = directories(dict.fromkeys((*proc_process.MAKERS, *(f"net/{name}" for name in proc_network.MAKERS))))
SHAPE[""] = sorted([*SHAPE[""], "cwd", "exe", "fd", "fdinfo", "ns", "root", "task"])
SHAPE["task"] = []
ROOT_LINKS = {"self": "", "thread-self": "", "mounts": "self/mounts", "net": "self/net"}
SYSTEM_NAMES = [name for name in proc_system.SHAPE[""] if name != "net"]


class ProcTree(GeneratedTree):
    __slots__ = ("machine",)
    type = "proc"
    source = "proc"
    device = 22

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def _process(self, node: str) -> tuple[KernelProcess | None, str]:
        """`12/fd/0` -> process 12, `fd/0`; None when it is no process's."""
        first, _, rest = node.partition("/")
        found = self.machine.table.processes.get(int(first)) if first.isdigit() and first[0] != "0" else None
        if found is None:
            return None, node
        parts = rest.split("/")
        if parts[0] == "task":  # the one thread of a process is the process
            if len(parts) >= 2 and parts[1] == first:
                return found, "/".join(parts[2:])
            if len(parts) >= 2:
                return None, node
        return found, rest

    def names(self, node: str, caller: Caller | None) -> list[str] | None:
        if not node:
            pids = [str(pid) for pid in sorted(self.machine.table.processes)]
            return [*pids, *SYSTEM_NAMES, *ROOT_LINKS]
        process, rest = self._process(node)
        if process is None:
            found = None if node.split("/")[0] == "net" else proc_system.SHAPE.get(node)
            return None if found is None else list(found)
        if rest in ("fd", "fdinfo"):
            return [str(number) for number in sorted(process.files)] if self._may(process, caller) else []
        if rest == "ns":
            return list(NAMESPACES)
        if "/task/" in node:  # a thread has all that its process has, but threads
            if rest == "task":
                return None
            return [name for name in SHAPE[""] if name != "task"] if not rest else SHAPE.get(rest)
        return [str(process.pid)] if rest == "task" else SHAPE.get(rest)

    def exists(self, node: str, caller: Caller | None) -> bool:
        process, rest = self._process(node)
        if process is None:
            return node in ROOT_LINKS or (node in proc_system.MAKERS and not node.startswith("net/"))
        return (
            rest in proc_process.MAKERS
            or (rest.startswith("net/") and rest[4:] in proc_network.MAKERS)
            or (rest.startswith("fdinfo/") and rest[7:].isdigit() and int(rest[7:]) in process.files)
            or self.target(node, None) is not None
        )

    def content(self, node: str, caller: Caller | None) -> bytes | None:
        process, rest = self._process(node)
        if process is None:
            if node.startswith("sys/") and (value := self.machine.sysctls.get(node[4:].replace("/", "."))) is not None:
                return f"{value}\n".encode()
            maker = proc_system.MAKERS.get(node)
            return None if maker is None else maker(self.machine).encode()
        if rest in proc_process.PRIVATE and not self._may(process, caller):
            raise failure(errno.EACCES)
        if rest.startswith("net/"):
            return proc_network.MAKERS[rest[4:]](self.machine).encode()
        if rest.startswith("fdinfo/"):
            return b"pos:\t0\nflags:\t0100000\nmnt_id:\t500\n"
        return proc_process.MAKERS[rest](process).encode(errors="surrogateescape")

    def target(self, node: str, caller: Caller | None) -> str | None:
        first = ROOT_LINKS.get(node)
        if first is not None:
            if first:
                return first
            if caller is None or caller.pid == 0:
                return "1"
            return str(caller.pid) if node == "self" else f"{caller.pid}/task/{caller.pid}"
        process, rest = self._process(node)
        if process is None:
            return None
        if rest in ("cwd", "root", "exe"):
            return {"cwd": process.cwd, "root": "/", "exe": process.executable}[rest]
        if rest.startswith("ns/") and rest[3:] in NAMESPACES:
            return f"{rest[3:]}:[{4026531834 + 16 * (id(self.machine.table) % 4096) + NAMESPACES[rest[3:]]}]"
        file = self._file(process, rest)
        return None if file is None else file.name

    def readlink(self, node: Node, caller: Caller | None = None) -> str:
        process, _ = self._process(str(node))
        if process is not None and not self._may(process, caller):
            raise failure(errno.EACCES)
        return super().readlink(node, caller)

    def jump(self, node: Node, caller: Caller | None = None) -> OpenFile | None:
        process, rest = self._process(str(node))
        if process is None or not self._may(process, caller):
            return None
        return self._file(process, rest)

    def enter(self, node: Node, caller: Caller | None = None) -> FileView | None:
        process, rest = self._process(str(node))
        if process is None or rest != "root" or process.container is self.machine:
            return None
        if not self._may(process, caller):
            raise failure(errno.EACCES)
        return process.view

    @staticmethod
    def _file(process: KernelProcess, rest: str) -> OpenFile | None:
        kind, _, number = rest.partition("/")
        return process.files.get(int(number)) if kind == "fd" and number.isdigit() else None

    @staticmethod
    def _may(process: KernelProcess, caller: Caller | None) -> bool:
        return caller is None or caller.user.uid in (0, process.user.uid)

    def owner(self, node: str) -> User:
        process, _ = self._process(node)
        return ROOT if process is None else process.user

    def permissions(self, node: str) -> int:
        if node.startswith("sys/") or node.endswith(("/oom_score_adj", "/comm")):
            return 0o644
        return 0o400 if os.path.basename(node) in proc_process.PRIVATE else 0o444

    def put(self, node: str, data: bytes, caller: Caller | None) -> None:
        process, rest = self._process(node)
        if process is not None and rest == "comm":
            process.name = data.decode(errors="surrogateescape").strip("\n")[:15]
        elif process is not None and rest == "oom_score_adj":
            self._adjust(data, caller)
        elif self.machine.privileged and node.startswith("sys/"):
            self.machine.set_sysctl(node[4:].replace("/", "."), data.decode(errors="surrogateescape").strip())
        else:
            raise failure(errno.EROFS)  # /proc/sys is mounted read-only

    def _adjust(self, data: bytes, caller: Caller | None) -> None:
        try:
            value = int(data)
        except ValueError:
            raise failure(errno.EINVAL) from None
        if not -1000 <= value <= 1000:
            raise failure(errno.EINVAL)
        if value < self.machine.oom_score_adj and (caller is None or "CAP_SYS_RESOURCE" not in caller.privileges):
            raise failure(errno.EACCES)
        self.machine.oom_score_adj = value
