"""A file system in memory, copy on write over a layer: a container's root, /dev, /dev/shm, a tmpfs.

`changed` holds the inodes that differ from the layer below, under the same numbers: a directory that gets an entry is
copied once (its names, not its files), a file when it is written to. What the container has written is counted in
`used_bytes` and `used_inodes`; beyond the limits ENOSPC (EDQUOT, where the limit is a quota). `held_limit` bounds what
the host really keeps: zeros cost nothing there.
"""

from __future__ import annotations

import errno
import stat
from typing import Any

from minikube_edu.container_runtime.simulated.contract import FilesystemStat, OpenFile, Stat, User, failure
from minikube_edu.container_runtime.simulated.filesystem.content import Content
from minikube_edu.container_runtime.simulated.filesystem.inode import Body, Inode
from minikube_edu.container_runtime.simulated.filesystem.layer import ROOT, Layer
from minikube_edu.container_runtime.simulated.filesystem.memory_file import DirectoryFile, MemoryFile
from minikube_edu.container_runtime.simulated.filesystem.tree import LARGEST_AT_ONCE, Access, Caller, Node, Tree
from minikube_edu.lib import clock

GIB = 1 << 30


class MemoryTree(Tree):
    __slots__ = (
        "below",
        "changed",
        "device",
        "full_errno",
        "held",
        "held_limit",
        "inode_limit",
        "next_number",
        "opened",
        "size_limit",
        "source",
        "type",
        "used_bytes",
        "used_inodes",
    )

    def __init__(
        self,
        below: Layer,
        *,
        type: str = "overlay",
        source: str = "overlay",
        device: int = 50,
        size_limit: int = 100 * GIB,
        inode_limit: int = 6_553_600,
        held_limit: int = GIB // 4,
        quota: bool = False,
    ) -> None:
        self.below = below
        self.changed: dict[int, Inode] = {}
        self.next_number = below.next_number
        self.type = type
        self.source = source
        self.device = device
        self.size_limit = size_limit
        self.inode_limit = inode_limit
        self.held_limit = held_limit
        self.full_errno = errno.EDQUOT if quota else errno.ENOSPC
        self.used_bytes = 0
        self.used_inodes = 0
        self.held = 0
        self.opened: dict[int, int] = {}  # inodes that are open for some program, and how often

    @property
    def root(self) -> Node:
        return ROOT

    @property
    def ways(self) -> dict[str, Any] | None:
        return self.below.ways

    def has_untouched(self, nodes: tuple[Node, ...]) -> bool:
        return self.changed.keys().isdisjoint(nodes)

    def get(self, node: Node) -> Inode:
        return self.changed.get(node) or self.below.get(node)  # type: ignore[arg-type]  # all its nodes are numbers

    def mode(self, node: Node, caller: Caller | None = None) -> int:
        return self.get(node).mode

    def own(self, node: Node) -> Inode:
        """The inode, to be changed."""
        assert isinstance(node, int)
        inode = self.changed.get(node)
        if inode is None:
            inode = self.below.get(node).copy()
            size = 0 if inode.is_directory else inode.size
            self.charge(size, 1)
            self.changed[node] = inode
        return inode

    def charge(self, size: int, inodes: int = 0, held: int = 0) -> None:
        """Count what is written (or, below zero, given back); refuses what does not fit."""
        if size > 0 and (self.used_bytes + size > self.size_limit):
            raise failure(self.full_errno)
        if inodes > 0 and self.used_inodes + inodes > self.inode_limit:
            raise failure(self.full_errno)
        if held > 0 and self.held + held > self.held_limit:
            raise failure(self.full_errno)
        self.used_bytes += size
        self.used_inodes += inodes
        self.held += held

    # -- looking -----------------------------------------------------------------------------------------------------

    def stat(self, node: Node, caller: Caller | None = None) -> Stat:
        assert isinstance(node, int)
        one = self.get(node)
        return Stat(
            node,
            self.device,
            one.mode,
            one.links,
            one.uid,
            one.gid,
            one.size,
            one.atime,
            one.mtime,
            one.ctime,
            one.rdev,
        )

    def _names(self, node: Node) -> dict[str, int]:
        body = self.get(node).body
        if not isinstance(body, dict):
            raise failure(errno.ENOTDIR)
        return body

    def lookup(self, directory: Node, name: str, caller: Caller | None = None) -> Node:
        body = self.get(directory).body
        if not isinstance(body, dict):
            raise failure(errno.ENOTDIR)
        found = body.get(name)
        if found is None:
            raise failure(errno.ENOENT)
        return found

    def step(self, directory: Node, name: str, caller: Caller | None = None) -> tuple[Node, int] | None:
        changed, below = self.changed, self.below
        body = (changed.get(directory) or below.get(directory)).body  # type: ignore[arg-type]
        if not isinstance(body, dict):
            raise failure(errno.ENOTDIR)
        found = body.get(name)
        return None if found is None else (found, (changed.get(found) or below.get(found)).mode)

    def entries(self, directory: Node, caller: Caller | None = None) -> list[str]:
        return list(self._names(directory))

    def readlink(self, node: Node, caller: Caller | None = None) -> str:
        body = self.get(node).body
        if not isinstance(body, str):
            raise failure(errno.EINVAL)
        return body

    def open(self, node: Node, access: Access, name: str, caller: Caller | None = None) -> OpenFile:
        assert isinstance(node, int)
        if self.get(node).is_directory:
            return DirectoryFile(self, node, name)
        file = MemoryFile(self, node, access, name)
        if access.truncate:
            file.truncate(0)
        self.opened[node] = self.opened.get(node, 0) + 1
        return file

    def closed(self, node: int) -> None:
        """An open file has gone; its inode goes as well when no name is left."""
        left = self.opened[node] - 1
        if left:
            self.opened[node] = left
            return
        del self.opened[node]
        inode = self.changed.get(node)
        if inode is not None and inode.links == 0:
            self._drop(node)

    def read_now(self, node: Node, most: int = LARGEST_AT_ONCE) -> bytes:
        body = self.get(node).body
        if isinstance(body, bytes):
            return body
        if isinstance(body, Content):
            return body.read(0, min(body.size, most))
        if isinstance(body, dict):
            raise failure(errno.EISDIR)
        return b"" if body is None or isinstance(body, str) else body.make()

    def statfs(self) -> FilesystemStat:
        return FilesystemStat(
            self.source, self.type, "", "", self.size_limit, self.used_bytes, self.inode_limit, self.used_inodes
        )

    # -- changing ----------------------------------------------------------------------------------------------------

    def _new(self, directory: Node, name: str, mode: int, body: Body, owner: User, rdev: int = 0) -> int:
        if name in self._names(directory):
            raise failure(errno.EEXIST)
        parent = self.get(directory)
        gid = parent.gid if parent.mode & stat.S_ISGID else owner.gid
        if stat.S_ISDIR(mode) and parent.mode & stat.S_ISGID:
            mode |= stat.S_ISGID
        self.charge(0, 1)
        number = self.next_number
        self.next_number += 1
        links = 2 if stat.S_ISDIR(mode) else 1
        self.changed[number] = Inode(mode, body, owner.uid, gid, clock.now(), links, rdev)
        self._enter(directory, name, number)
        if stat.S_ISDIR(mode):
            self.own(directory).links += 1
        return number

    def _enter(self, directory: Node, name: str, number: int) -> None:
        inode = self.own(directory)
        assert isinstance(inode.body, dict)
        inode.body[name] = number
        inode.mtime = inode.ctime = clock.now()

    def _leave(self, directory: Node, name: str) -> None:
        inode = self.own(directory)
        assert isinstance(inode.body, dict)
        del inode.body[name]
        inode.mtime = inode.ctime = clock.now()

    def create(self, directory: Node, name: str, mode: int, owner: User, rdev: int = 0) -> Node:
        return self._new(directory, name, mode, b"" if stat.S_ISREG(mode) else None, owner, rdev)

    def mkdir(self, directory: Node, name: str, mode: int, owner: User) -> Node:
        return self._new(directory, name, stat.S_IFDIR | mode, {}, owner)

    def symlink(self, directory: Node, name: str, target: str, owner: User) -> Node:
        return self._new(directory, name, stat.S_IFLNK | 0o777, target, owner)

    def link(self, node: Node, directory: Node, name: str) -> None:
        assert isinstance(node, int)
        if name in self._names(directory):
            raise failure(errno.EEXIST)
        inode = self.own(node)
        self._enter(directory, name, node)
        inode.links += 1
        inode.ctime = clock.now()

    def unlink(self, directory: Node, name: str) -> None:
        node = self.lookup(directory, name)
        if self.get(node).is_directory:
            raise failure(errno.EISDIR)
        self._leave(directory, name)
        self._unlinked(node)

    def rmdir(self, directory: Node, name: str) -> None:
        node = self.lookup(directory, name)
        if self._names(node):
            raise failure(errno.ENOTEMPTY)
        self._leave(directory, name)
        self.own(directory).links -= 1
        self._drop(node)

    def _unlinked(self, node: Node) -> None:
        assert isinstance(node, int)
        if self.get(node).links > 1:
            inode = self.own(node)
            inode.links -= 1
            inode.ctime = clock.now()
        elif node in self.opened:
            self.own(node).links = 0
        else:
            self._drop(node)

    def _drop(self, node: Node) -> None:
        """The inode is nobody's any more."""
        assert isinstance(node, int)
        inode = self.changed.pop(node, None)
        if inode is not None:
            body = inode.body
            held = body.held if isinstance(body, Content) else 0
            self.charge(0 if inode.is_directory else -inode.size, -1, -held)

    def rename(self, old_directory: Node, old: str, new_directory: Node, new: str) -> None:
        node = self.lookup(old_directory, old)
        assert isinstance(node, int)
        moving = self.get(node).is_directory
        there = self._names(new_directory).get(new)
        if there == node:
            return
        if there is not None:
            target = self.get(there)
            if target.is_directory and not moving:
                raise failure(errno.EISDIR)
            if moving and not target.is_directory:
                raise failure(errno.ENOTDIR)
            if target.is_directory:
                self.rmdir(new_directory, new)
            else:
                self.unlink(new_directory, new)
        self._leave(old_directory, old)
        self._enter(new_directory, new, node)
        if moving and old_directory != new_directory:
            self.own(old_directory).links -= 1
            self.own(new_directory).links += 1
        self.own(node).ctime = clock.now()

    def chmod(self, node: Node, mode: int) -> None:
        inode = self.own(node)
        inode.mode = stat.S_IFMT(inode.mode) | (mode & 0o7777)
        inode.ctime = clock.now()

    def chown(self, node: Node, uid: int, gid: int) -> None:
        inode = self.own(node)
        inode.uid = inode.uid if uid < 0 else uid
        inode.gid = inode.gid if gid < 0 else gid
        inode.ctime = clock.now()

    def utime(self, node: Node, atime: float, mtime: float) -> None:
        inode = self.own(node)
        inode.atime, inode.mtime, inode.ctime = atime, mtime, clock.now()
