"""An open regular file of the node.

A container must not fill the host's disk: zeros beyond the end become a hole, and when little is left, it is full.
"""

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
LEAST_FREE = 1 << 30  # bytes of the host's disk that containers leave alone
LOOK_EVERY = 16 << 20  # bytes written between two looks at it
BLOCK = 4096


class HostFile(OpenDescription):
    __slots__ = ("_unseen", "append", "descriptor", "node", "tree")

    def __init__(self, tree: HostTree, node: Node, descriptor: int, access: Access, name: str) -> None:
        super().__init__(name, access.read, access.write)
        self.tree = tree
        self.node = node
        self.descriptor = descriptor
        self.append = access.append
        self._unseen = 0
        tree.opened += 1

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
            piece = view[:MOST_AT_ONCE]
            view = view[self._hole(piece) or self._written(piece) :]

    def _written(self, piece: memoryview) -> int:
        self._unseen += len(piece)
        if self._unseen >= LOOK_EVERY:
            disk = os.fstatvfs(self.descriptor)
            if disk.f_bavail * disk.f_frsize < LEAST_FREE:
                raise failure(errno.ENOSPC)
            self._unseen = 0
        return os.write(self.descriptor, piece)

    def _hole(self, piece: memoryview) -> int:
        """Nothing but zeros at the file's end: it grows without taking space."""
        if len(piece) < BLOCK or any(piece[:64]) or bytes(piece) != bytes(len(piece)):
            return 0
        end = os.fstat(self.descriptor).st_size
        if not self.append and os.lseek(self.descriptor, 0, os.SEEK_CUR) != end:
            return 0
        os.ftruncate(self.descriptor, end + len(piece))
        os.lseek(self.descriptor, end + len(piece), os.SEEK_SET)
        return len(piece)

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
            self.tree.opened -= 1
