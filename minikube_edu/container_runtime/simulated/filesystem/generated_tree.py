"""A file system whose files are made when somebody reads them: /proc, /sys, cgroups.

A node is a path below the root, without a slash at its beginning. A subclass says what a directory has (`names`), what
a file says (`content`), where a link leads (`target`), and what may be written (`put`). Content is made once, at
opening, so that a reader sees one moment.
"""

from __future__ import annotations

import errno
import stat
import zlib

from minikube_edu.container_runtime.simulated.contract import OpenFile, Stat, User, failure
from minikube_edu.container_runtime.simulated.filesystem.memory_file import DirectoryFile
from minikube_edu.container_runtime.simulated.filesystem.open_description import OpenDescription
from minikube_edu.container_runtime.simulated.filesystem.pace import pace
from minikube_edu.container_runtime.simulated.filesystem.tree import LARGEST_AT_ONCE, Access, Caller, Node, Tree
from minikube_edu.lib import clock

ROOT = User()


class GeneratedTree(Tree):
    __slots__ = ()

    # -- a subclass's answers ----------------------------------------------------------------------------------------

    def names(self, node: str, caller: Caller | None) -> list[str] | None:
        """Entries of a directory; None: it is none."""
        raise NotImplementedError

    def content(self, node: str, caller: Caller | None) -> bytes | None:
        """Of a file; None: there is none."""
        raise NotImplementedError

    def target(self, node: str, caller: Caller | None) -> str | None:
        """Of a symbolic link; None: it is none."""
        return None

    def exists(self, node: str, caller: Caller | None) -> bool:
        """Of a file or link, without making its content."""
        raise NotImplementedError

    def put(self, node: str, data: bytes, caller: Caller | None) -> None:
        raise failure(errno.EACCES)

    def permissions(self, node: str) -> int:
        return 0o444

    def owner(self, node: str) -> User:
        return ROOT

    # -- Tree --------------------------------------------------------------------------------------------------------

    def stat(self, node: Node, caller: Caller | None = None) -> Stat:
        assert isinstance(node, str)
        if self.target(node, caller) is not None:
            mode, links = stat.S_IFLNK | 0o777, 1
        elif self.names(node, caller) is not None:
            mode, links = stat.S_IFDIR | 0o555, 2
        elif self.exists(node, caller):
            mode, links = stat.S_IFREG | self.permissions(node), 1
        else:
            raise failure(errno.ENOENT)
        owner, now = self.owner(node), clock.now()
        number = zlib.crc32(node.encode(errors="surrogateescape")) + 1
        return Stat(number, self.device, mode, links, owner.uid, owner.gid, 0, now, now, now)

    def lookup(self, directory: Node, name: str, caller: Caller | None = None) -> Node:
        node = f"{directory}/{name}" if directory else name
        if self.names(node, caller) is None and not self.exists(node, caller):
            raise failure(errno.ENOENT)
        return node

    def entries(self, directory: Node, caller: Caller | None = None) -> list[str]:
        found = self.names(str(directory), caller)
        if found is None:
            raise failure(errno.ENOTDIR)
        return found

    def readlink(self, node: Node, caller: Caller | None = None) -> str:
        found = self.target(str(node), caller)
        if found is None:
            raise failure(errno.EINVAL)
        return found

    def open(self, node: Node, access: Access, name: str, caller: Caller | None = None) -> OpenFile:
        assert isinstance(node, str)
        if self.names(node, caller) is not None:
            return DirectoryFile(self, node, name)
        if access.write and not self.permissions(node) & 0o200:
            raise failure(errno.EACCES)
        return GeneratedFile(self, node, access, name, caller)

    def read_now(self, node: Node, most: int = LARGEST_AT_ONCE) -> bytes:
        return self.content(str(node), None) or b""


class GeneratedFile(OpenDescription):
    __slots__ = ("caller", "data", "node", "position", "tree")

    def __init__(self, tree: GeneratedTree, node: str, access: Access, name: str, caller: Caller | None) -> None:
        super().__init__(name, access.read, access.write)
        self.tree = tree
        self.node = node
        self.caller = caller
        self.position = 0
        self.data = (tree.content(node, caller) or b"") if access.read else b""

    async def read(self, size: int = 65536) -> bytes:
        if not self.readable:
            raise failure(errno.EBADF)
        await pace()
        data = self.data[self.position : self.position + size]
        self.position += len(data)
        return data

    async def write(self, data: bytes) -> None:
        if not self.writable:
            raise failure(errno.EBADF)
        await pace()
        self.tree.put(self.node, data, self.caller)

    def seek(self, offset: int, whence: int = 0) -> int:
        self.position = max(0, (0, self.position, len(self.data))[whence] + offset)
        if offset == 0 and whence == 0 and self.readable:
            self.data = self.tree.content(self.node, self.caller) or b""
        return self.position

    def stat(self) -> Stat:
        return self.tree.stat(self.node, self.caller)
