"""/dev/pts: the container's terminals by number."""

from __future__ import annotations

import errno
import stat
from typing import TYPE_CHECKING

from minikube_edu.container_runtime.simulated.contract import Stat, failure
from minikube_edu.container_runtime.simulated.filesystem.memory_file import DirectoryFile
from minikube_edu.container_runtime.simulated.filesystem.tree import Access, Caller, Node, Tree
from minikube_edu.lib import clock

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.kernel.machine import Machine

MAJOR = 136


class DevptsTree(Tree):
    __slots__ = ("machine",)
    type = "devpts"
    source = "devpts"
    device = 53

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def stat(self, node: Node, caller: Caller | None = None) -> Stat:
        now = clock.now()
        if node == "":
            return Stat(1, self.device, stat.S_IFDIR | 0o755, 2, 0, 0, 0, now, now, now)
        number = int(node)
        uid = self.machine.terminals[number].uid
        return Stat(number + 3, self.device, stat.S_IFCHR | 0o620, 1, uid, 5, 0, now, now, now, MAJOR << 8 | number)

    def lookup(self, directory: Node, name: str, caller: Caller | None = None) -> Node:
        if not name.isdigit() or int(name) not in self.machine.terminals:
            raise failure(errno.ENOENT)
        return name

    def entries(self, directory: Node, caller: Caller | None = None) -> list[str]:
        return [str(number) for number in sorted(self.machine.terminals)]

    def open(self, node: Node, access: Access, name: str, caller: Caller | None = None) -> DirectoryFile:
        return DirectoryFile(self, node, name)
