"""Open files and directories of a tree in memory."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from minikube_edu.container_runtime.simulated.contract import Stat, failure
from minikube_edu.container_runtime.simulated.filesystem.content import Content
from minikube_edu.container_runtime.simulated.filesystem.open_description import OpenDescription
from minikube_edu.container_runtime.simulated.filesystem.pace import pace
from minikube_edu.container_runtime.simulated.filesystem.tree import Access, Node, Tree
from minikube_edu.lib import clock

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.filesystem.memory_tree import MemoryTree


class DirectoryFile(OpenDescription):
    """A directory's handle: reading it is EISDIR, as read(2) says."""

    __slots__ = ("node", "tree")

    def __init__(self, tree: Tree, node: Node, name: str) -> None:
        super().__init__(name, True, False)
        self.tree = tree
        self.node = node

    async def read(self, size: int = 65536) -> bytes:
        raise failure(errno.EISDIR, self.name)

    def seek(self, offset: int, whence: int = 0) -> int:
        return 0

    def stat(self) -> Stat:
        return self.tree.stat(self.node)


class MemoryFile(OpenDescription):
    __slots__ = ("append", "node", "position", "tree")

    def __init__(self, tree: MemoryTree, node: int, access: Access, name: str) -> None:
        super().__init__(name, access.read, access.write)
        self.tree = tree
        self.node = node
        self.append = access.append
        self.position = 0

    async def read(self, size: int = 65536) -> bytes:
        if not self.readable:
            raise failure(errno.EBADF)
        await pace()
        body = self.tree.get(self.node).body
        if isinstance(body, Content):
            data = body.read(self.position, size)
        else:
            whole = body if isinstance(body, bytes) else self.tree.read_now(self.node)
            data = whole[self.position : self.position + size]
        self.position += len(data)
        return data

    async def write(self, data: bytes) -> None:
        if not self.writable:
            raise failure(errno.EBADF)
        await pace()
        content = self._content()
        at = content.size if self.append else self.position
        self._charge(content, at + len(data) - content.size, len(data))
        before = content.held
        content.write(at, data)
        self.tree.held += content.held - before
        self.position = at + len(data)
        self._touch()

    def _content(self) -> Content:
        inode = self.tree.own(self.node)
        body = inode.body
        if not isinstance(body, Content):
            body = Content(self.tree.read_now(self.node))
            self.tree.held += body.held
            inode.body = body
        return body

    def _charge(self, content: Content, growth: int, data: int) -> None:
        tree = self.tree
        if tree.held + data > tree.held_limit and growth > 0:
            raise failure(tree.full_errno)
        if growth > 0:
            tree.charge(growth)

    def _touch(self) -> None:
        inode = self.tree.own(self.node)
        inode.mtime = inode.ctime = clock.now()

    def seek(self, offset: int, whence: int = 0) -> int:
        start = (0, self.position, self.tree.get(self.node).size)[whence]
        if start + offset < 0:
            raise failure(errno.EINVAL)
        self.position = start + offset
        return self.position

    def truncate(self, size: int) -> None:
        if not self.writable or size < 0:
            raise failure(errno.EINVAL)
        if size == 0 and self.tree.get(self.node).size == 0:
            return
        content = self._content()
        self.tree.charge(size - content.size)
        before = content.held
        content.truncate(size)
        self.tree.held += content.held - before
        self._touch()

    def stat(self) -> Stat:
        return self.tree.stat(self.node)

    def close(self) -> None:
        self.tree.closed(self.node)
