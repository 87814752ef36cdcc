"""An inode of a tree in memory: what a file is, without its name.

`body` is the content: bytes (shared and frozen, or Lazy), a `Content` that has been written to, a directory's entries
(name -> inode number), a symbolic link's target; None for fifos, sockets and devices. An inode inside a `Layer` is
never changed: whoever wants to write takes a copy first (`MemoryTree.own`).
"""

from __future__ import annotations

import stat
from collections.abc import Callable

from minikube_edu.container_runtime.simulated.filesystem.content import Content


class Lazy:
    """Content that is made when somebody reads it; `size` is known before."""

    __slots__ = ("make", "size")

    def __init__(self, make: Callable[[], bytes], size: int) -> None:
        self.make = make
        self.size = size


Body = bytes | Lazy | Content | dict[str, int] | str | None


class Inode:
    __slots__ = ("atime", "body", "ctime", "gid", "links", "mode", "mtime", "rdev", "uid")

    def __init__(
        self, mode: int, body: Body, uid: int = 0, gid: int = 0, time: float = 0.0, links: int = 1, rdev: int = 0
    ) -> None:
        self.mode = mode
        self.body = body
        self.uid = uid
        self.gid = gid
        self.links = links
        self.atime = self.mtime = self.ctime = time
        self.rdev = rdev

    def copy(self) -> Inode:
        """For writing: a directory's entries are copied, a file's bytes only when they change."""
        body = self.body
        if isinstance(body, dict):
            body = dict(body)
        elif isinstance(body, Content):
            body = body.copy()
        twin = Inode(self.mode, body, self.uid, self.gid, self.mtime, self.links, self.rdev)
        twin.atime, twin.ctime = self.atime, self.ctime
        return twin

    @property
    def is_directory(self) -> bool:
        return stat.S_ISDIR(self.mode)

    @property
    def size(self) -> int:
        body = self.body
        if body is None:
            return 0
        if isinstance(body, dict):
            return 4096
        if isinstance(body, str):
            return len(body.encode(errors="surrogateescape"))
        if isinstance(body, bytes):
            return len(body)
        return body.size
