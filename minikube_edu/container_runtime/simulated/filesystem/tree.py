"""What every file system offers to the walk along a path: look-ups by node, changes of directories, opening.

A node is a tree's own name for one of its files: an inode's number in memory, a relative path in trees that are made
up of something else. Trees judge what is possible (ENOENT, EEXIST, ENOTEMPTY, ENOSPC, …); what is allowed (permissions,
read-only mounts) has been judged before by `path_walk.FileView`. A tree that takes no changes inherits its refusals
from here: EPERM to all that would change it.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct

from minikube_edu.container_runtime.simulated.contract import FilesystemStat, OpenFile, Stat, User, failure

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.filesystem.path_walk import FileView

Node = int | str
LARGEST_AT_ONCE = 16 << 20  # of a file that the kernel reads whole


class Caller(Protocol):
    """Who asks: a process, or the runtime on a container's behalf."""

    @property
    def pid(self) -> int: ...

    @property
    def user(self) -> User: ...

    @property
    def umask(self) -> int: ...

    @property
    def files(self) -> Mapping[int, OpenFile]: ...

    @property
    def privileges(self) -> frozenset[str]:
        """The capabilities in force: CAP_DAC_OVERRIDE, CAP_CHOWN, CAP_FOWNER, …; none but root has any."""

    @property
    def terminal(self) -> OpenFile | None:
        """The controlling one: /dev/tty."""


class Access(Struct, frozen=True):
    """How a file is opened: fopen's letters, taken apart."""

    read: bool = True
    write: bool = False
    append: bool = False
    create: bool = False
    truncate: bool = False
    exclusive: bool = False


MODES = {
    "r": Access(),
    "r+": Access(write=True),
    "w": Access(read=False, write=True, create=True, truncate=True),
    "w+": Access(write=True, create=True, truncate=True),
    "a": Access(read=False, write=True, append=True, create=True),
    "a+": Access(write=True, append=True, create=True),
    "x": Access(read=False, write=True, create=True, exclusive=True),
    "x+": Access(write=True, create=True, exclusive=True),
    "rw": Access(write=True, create=True),  # the shell's <>
}


def access_of(flags: str) -> Access:
    found = MODES.get(flags.replace("b", ""))
    if found is None:
        raise failure(errno.EINVAL)
    return found


class Tree:
    __slots__ = ()
    type: str = "none"
    source: str = "none"
    device: int = 0

    @property
    def ways(self) -> dict[str, Any] | None:
        """Walks that all trees upon the same layer share (`path_walk`); None: this tree's nodes are its own."""
        return None

    def has_untouched(self, nodes: tuple[Node, ...]) -> bool:
        """Whether these directories are still as their layer has them."""
        return False

    @property
    def root(self) -> Node:
        return ""

    def stat(self, node: Node, caller: Caller | None = None) -> Stat:
        raise NotImplementedError

    def mode(self, node: Node, caller: Caller | None = None) -> int:
        """Type and permissions alone: the walk asks for them at every step."""
        return self.stat(node, caller).mode

    def lookup(self, directory: Node, name: str, caller: Caller | None = None) -> Node:
        """The node of an entry: ENOENT. The walk has made sure that it is asked of directories only."""
        raise NotImplementedError

    def step(self, directory: Node, name: str, caller: Caller | None = None) -> tuple[Node, int] | None:
        """What the walk does with every name: the node of an entry and its mode; None when there is none."""
        try:
            node = self.lookup(directory, name, caller)
        except FileNotFoundError:
            return None
        return node, self.mode(node, caller)

    def entries(self, directory: Node, caller: Caller | None = None) -> list[str]:
        raise NotImplementedError

    def readlink(self, node: Node, caller: Caller | None = None) -> str:
        raise failure(errno.EINVAL)

    def jump(self, node: Node, caller: Caller | None = None) -> OpenFile | None:
        """/proc/PID/fd/N leads to what is open, whatever its name says."""
        return None

    def enter(self, node: Node, caller: Caller | None = None) -> FileView | None:
        """/proc/PID/root of another container's process leads into that one's files."""
        return None

    def open(self, node: Node, access: Access, name: str, caller: Caller | None = None) -> OpenFile:
        """A regular file or a directory that is there; `name` is its path, for messages. Fifos and devices are opened
        by the view, which knows what is behind them."""
        raise NotImplementedError

    def statfs(self) -> FilesystemStat:
        return FilesystemStat(self.source, self.type, "", "", 0, 0)

    def read_now(self, node: Node, most: int = LARGEST_AT_ONCE) -> bytes:
        """The content, or its beginning, for the kernel's own needs (exec, /etc/hosts): trees that never wait."""
        raise NotImplementedError

    # -- changes -----------------------------------------------------------------------------------------------------

    def create(self, directory: Node, name: str, mode: int, owner: User, rdev: int = 0) -> Node:
        """A file, fifo or device: `mode` has the type's bits."""
        raise failure(errno.EPERM)

    def mkdir(self, directory: Node, name: str, mode: int, owner: User) -> Node:
        raise failure(errno.EPERM)

    def symlink(self, directory: Node, name: str, target: str, owner: User) -> Node:
        raise failure(errno.EPERM)

    def link(self, node: Node, directory: Node, name: str) -> None:
        raise failure(errno.EPERM)

    def unlink(self, directory: Node, name: str) -> None:
        raise failure(errno.EPERM)

    def rmdir(self, directory: Node, name: str) -> None:
        raise failure(errno.EPERM)

    def rename(self, old_directory: Node, old: str, new_directory: Node, new: str) -> None:
        raise failure(errno.EPERM)

    def chmod(self, node: Node, mode: int) -> None:
        raise failure(errno.EPERM)

    def chown(self, node: Node, uid: int, gid: int) -> None:
        raise failure(errno.EPERM)

    def utime(self, node: Node, atime: float, mtime: float) -> None:
        raise failure(errno.EPERM)
