"""An open regular file of the node."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from minikube_edu.container_runtime.simulated.contract import Stat, failure
from minikube_edu.container_runtime.simulated.filesystem.open_description import OpenDescription
from minikube_edu.container_runtime.simulated.filesystem.pace import pace
from minikube_edu.container_runtime.simulated.filesystem.tree import Access, Node

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.filesystem.host_tree import HostTree

MOST_AT_ONCE = 1 << 20


class HostFile(OpenDescription):
    __slots__ = ("descriptor", "node", "tree")

    def __init__(self, tree: HostTree, node: Node, descriptor: int, access: Access, name: str) -> None:
        super().__init__(name, access.read, access.write)
        self.tree = tree
        self.node = node
        self.descriptor = descriptor

    async def read(self, size: int = 65536) -> bytes:
        if not self.readable or self.descriptor < 0:
            raise failure(errno.EBADF)
        await pace()
        return os.read(self.descriptor, min(size, MOST_AT_ONCE))

    async def write(self, data: bytes) -> None:
        if not self.writable or self.descriptor < 0:
            raise failure(errno.EBADF)
        view = memoryview(data)
        while view:
            await pace()
            view = view[os.write(self.descriptor, view[:MOST_AT_ONCE]) :]

    def seek(self, offset: int, whence: int = 0) -> int:
        return os.lseek(self.descriptor, offset, whence)

    def truncate(self, size: int) -> None:
        if not self.writable:
            raise failure(errno.EINVAL)
        os.ftruncate(self.descriptor, size)

    def stat(self) -> Stat:
        return self.tree.described(self.descriptor)

    def close(self) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def __del__(self) -> None:
        self.close()
