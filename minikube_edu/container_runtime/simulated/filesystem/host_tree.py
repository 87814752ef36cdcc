"""A directory (or one file) of the node, mounted into a container: what the kubelet's volumes are.

Nothing inside leads out of it. The walk (`path_walk`) resolves symbolic links in the container's own view and hands
down plain relative paths; here each step from the mounted directory down is opened by descriptor, without following
links, so that not even a link that appears between two steps is followed by the host. Only regular files are ever
opened; a device, socket or fifo in the directory is shown, and what a container opens there is its own kernel's.

Files are the host's own: what the kubelet, or another container, writes is seen at once, and the kubelet's swap of a
`..data` link changes all files together. Owners are what `lib.file_owners` says: root, unless somebody gave them away.
"""

from __future__ import annotations

import contextlib
import errno
import os
import posixpath
import stat
from collections.abc import Iterator

from minikube_edu.container_runtime.simulated.contract import FilesystemStat, OpenFile, Stat, User, failure
from minikube_edu.container_runtime.simulated.filesystem.host_file import HostFile
from minikube_edu.container_runtime.simulated.filesystem.memory_file import DirectoryFile
from minikube_edu.container_runtime.simulated.filesystem.tree import LARGEST_AT_ONCE, Access, Caller, Node, Tree
from minikube_edu.lib import file_owners

DIRECTORY = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
PLAIN = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
GIB = 1 << 30
MOST_OPEN = 128  # files of one mount at a time: the host's descriptors are for everybody


class HostTree(Tree):
    __slots__ = ("device", "opened", "path", "size", "source", "type")

    def __init__(
        self,
        path: str,
        *,
        inside: str | None = None,
        type: str = "ext4",
        source: str = "/dev/vda1",
        device: int = 65025,
        size: int = 100 * GIB,
    ) -> None:
        """`inside`: the directory (the node's) that `path`, its links followed, must not leave: EPERM."""
        self.path = os.path.realpath(path)
        if inside is not None:
            boundary = os.path.realpath(inside)
            if os.path.commonpath([boundary, self.path]) != boundary:
                raise failure(errno.EPERM, path)
        self.opened = 0  # descriptors of the host in use
        self.type = type
        self.source = source
        self.device = device
        self.size = size

    # -- from the mounted directory down -----------------------------------------------------------------------------

    @contextlib.contextmanager
    def _directory(self, node: Node) -> Iterator[int]:
        """A descriptor of a directory inside."""
        descriptor = os.open(self.path, DIRECTORY)
        try:
            for name in self._names(node):
                below = os.open(name, DIRECTORY, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = below
            yield descriptor
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def _at(self, node: Node) -> Iterator[tuple[int, str]]:
        """The descriptor of the directory that has it, and its name there."""
        names = self._names(node)
        if names:
            with self._directory("/".join(names[:-1])) as directory:
                yield directory, names[-1]
            return
        above, name = os.path.split(self.path)  # the mounted thing itself, which may be a file
        directory = os.open(above, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        try:
            yield directory, name or "."
        finally:
            os.close(directory)

    @staticmethod
    def _names(node: Node) -> list[str]:
        assert isinstance(node, str)
        return [_name(part) for part in node.split("/")] if node else []

    # -- looking -----------------------------------------------------------------------------------------------------

    def stat(self, node: Node, caller: Caller | None = None) -> Stat:
        with self._at(node) as (directory, name):
            found = os.stat(name, dir_fd=directory, follow_symlinks=False)
            owner = file_owners.read(_place(directory, name), found)
            if stat.S_ISLNK(found.st_mode) and owner == file_owners.ROOT:
                owner = self._links_owner(directory)
            return self._shown(found, owner)

    @staticmethod
    def _links_owner(directory: int) -> file_owners.Owner:
        """A link of another process's making: its group is its directory's, where that gives it to all that is new."""
        above = os.fstat(directory)
        owner = file_owners.read(directory, above)
        return file_owners.Owner(0, owner.gid if owner.shown(above.st_mode) & stat.S_ISGID else 0)

    def mode(self, node: Node, caller: Caller | None = None) -> int:
        with self._at(node) as (directory, name):
            found = os.stat(name, dir_fd=directory, follow_symlinks=False)
            return file_owners.read(_place(directory, name), found).shown(found.st_mode)

    def _shown(self, found: os.stat_result, owner: file_owners.Owner) -> Stat:
        return Stat(
            found.st_ino,
            self.device,
            owner.shown(found.st_mode),
            found.st_nlink,
            owner.uid,
            owner.gid,
            found.st_size,
            found.st_atime,
            found.st_mtime,
            found.st_ctime,
        )

    def lookup(self, directory: Node, name: str, caller: Caller | None = None) -> Node:
        node = posixpath.join(str(directory), _name(name))
        with self._directory(directory) as descriptor:
            os.stat(name, dir_fd=descriptor, follow_symlinks=False)
        return node

    def entries(self, directory: Node, caller: Caller | None = None) -> list[str]:
        with self._directory(directory) as descriptor:
            return sorted(os.listdir(descriptor))

    def readlink(self, node: Node, caller: Caller | None = None) -> str:
        with self._at(node) as (directory, name):
            return os.readlink(name, dir_fd=directory)

    def open(self, node: Node, access: Access, name: str, caller: Caller | None = None) -> OpenFile:
        with self._at(node) as (directory, last):
            found = os.stat(last, dir_fd=directory, follow_symlinks=False)
            if stat.S_ISDIR(found.st_mode):
                return DirectoryFile(self, node, name)
            if self.opened >= MOST_OPEN:
                raise failure(errno.EMFILE)
            flags = os.O_RDWR if access.write and access.read else os.O_WRONLY if access.write else os.O_RDONLY
            flags |= os.O_APPEND if access.append else 0
            descriptor = self._plain(last, flags, directory)
            if access.truncate:
                os.ftruncate(descriptor, 0)
            return HostFile(self, node, descriptor, access, name)

    @staticmethod
    def _plain(name: str, flags: int, directory: int) -> int:
        """Open a regular file and nothing else."""
        descriptor = os.open(name, flags | PLAIN, dir_fd=directory)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise failure(errno.ENXIO)
        return descriptor

    def described(self, descriptor: int) -> Stat:
        """Of an open file, which may have lost its name."""
        found = os.fstat(descriptor)
        return self._shown(found, file_owners.read(descriptor, found))

    def read_now(self, node: Node, most: int = LARGEST_AT_ONCE) -> bytes:
        with self._at(node) as (directory, name):
            descriptor = self._plain(name, os.O_RDONLY, directory)
        with os.fdopen(descriptor, "rb") as file:
            return file.read(most)

    def statfs(self) -> FilesystemStat:
        return FilesystemStat(self.source, self.type, "", "", self.size, self.size // 5, 6_553_600, 250_000)

    # -- changing ----------------------------------------------------------------------------------------------------

    def _give(self, directory: int, name: str, owner: User, mode: int, above: Stat) -> None:
        """A new file's owner and mode: the caller's, the group the directory's where that has its set-group bit."""
        gid = above.gid if above.mode & stat.S_ISGID else owner.gid
        found = os.stat(name, dir_fd=directory, follow_symlinks=False)
        if stat.S_ISDIR(found.st_mode) and above.mode & stat.S_ISGID:
            mode |= stat.S_ISGID
        self._set(directory, name, file_owners.Owner(owner.uid, gid), mode)

    @staticmethod
    def _set(directory: int, name: str, owner: file_owners.Owner, mode: int) -> None:
        found = os.stat(name, dir_fd=directory, follow_symlinks=False)
        if stat.S_ISLNK(found.st_mode):
            if (owner.uid, owner.gid) != (0, 0):
                _write_owner(directory, name, found, owner)
            return
        mode &= 0o7777
        real = file_owners.livable(mode, stat.S_ISDIR(found.st_mode))
        _chmod(directory, name, real)
        shown = None if mode == real else mode
        if (
            shown is not None
            or (owner.uid, owner.gid) != (0, 0)
            or file_owners.read(_place(directory, name), found) != file_owners.ROOT
        ):
            _write_owner(directory, name, found, file_owners.Owner(owner.uid, owner.gid, shown, real))

    def create(self, directory: Node, name: str, mode: int, owner: User, rdev: int = 0) -> Node:
        above = self.stat(directory)
        name = _name(name)
        with self._directory(directory) as descriptor:
            if stat.S_ISFIFO(mode):
                os.mkfifo(name, 0o600, dir_fd=descriptor)
            elif stat.S_ISREG(mode):
                os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | PLAIN, 0o600, dir_fd=descriptor))
            else:
                raise failure(errno.EPERM)  # no devices and sockets on the node's own disk
            self._give(descriptor, name, owner, stat.S_IMODE(mode), above)
        return posixpath.join(str(directory), name)

    def mkdir(self, directory: Node, name: str, mode: int, owner: User) -> Node:
        above = self.stat(directory)
        with self._directory(directory) as descriptor:
            os.mkdir(_name(name), 0o700, dir_fd=descriptor)
            self._give(descriptor, name, owner, mode, above)
        return posixpath.join(str(directory), name)

    def symlink(self, directory: Node, name: str, target: str, owner: User) -> Node:
        above = self.stat(directory)
        with self._directory(directory) as descriptor:
            os.symlink(target, _name(name), dir_fd=descriptor)
            self._give(descriptor, name, owner, 0o777, above)
        return posixpath.join(str(directory), name)

    def link(self, node: Node, directory: Node, name: str) -> None:
        with self._at(node) as (old, old_name), self._directory(directory) as new:
            os.link(old_name, _name(name), src_dir_fd=old, dst_dir_fd=new, follow_symlinks=False)

    def unlink(self, directory: Node, name: str) -> None:
        with self._directory(directory) as descriptor:
            found = os.stat(_name(name), dir_fd=descriptor, follow_symlinks=False)
            os.unlink(name, dir_fd=descriptor)
            if found.st_nlink == 1:
                file_owners.forget(found)

    def rmdir(self, directory: Node, name: str) -> None:
        with self._directory(directory) as descriptor:
            found = os.stat(_name(name), dir_fd=descriptor, follow_symlinks=False)
            os.rmdir(name, dir_fd=descriptor)
            file_owners.forget(found)

    def rename(self, old_directory: Node, old: str, new_directory: Node, new: str) -> None:
        with self._directory(old_directory) as here, self._directory(new_directory) as there:
            os.rename(_name(old), _name(new), src_dir_fd=here, dst_dir_fd=there)

    def chmod(self, node: Node, mode: int) -> None:
        with self._at(node) as (directory, name):
            found = os.stat(name, dir_fd=directory, follow_symlinks=False)
            self._set(directory, name, file_owners.read(_place(directory, name), found), mode)

    def chown(self, node: Node, uid: int, gid: int) -> None:
        with self._at(node) as (directory, name):
            found = os.stat(name, dir_fd=directory, follow_symlinks=False)
            now = file_owners.read(_place(directory, name), found)
            owner = file_owners.Owner(now.uid if uid < 0 else uid, now.gid if gid < 0 else gid, now.mode, now.real)
            _write_owner(directory, name, found, owner)

    def utime(self, node: Node, atime: float, mtime: float) -> None:
        with self._at(node) as (directory, name):
            os.utime(name, (atime, mtime), dir_fd=directory, follow_symlinks=False)


def _name(name: str) -> str:
    """One name of an entry; anything else would be a fault of the walk."""
    if not name or name in (".", "..") or "/" in name or "\0" in name:
        raise failure(errno.EINVAL, name)
    return name


def _place(directory: int, name: str) -> str:
    """A path to what a directory's descriptor has, for calls that know no descriptors of directories."""
    return f"/proc/self/fd/{directory}/{name}"


@contextlib.contextmanager
def _pinned(directory: int, name: str) -> Iterator[str]:
    """A path to this very file, which no link put in its place can lead astray."""
    if not hasattr(os, "O_PATH"):  # not Linux: there are no attributes to write either
        yield name
        return
    descriptor = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _chmod(directory: int, name: str, mode: int) -> None:
    with _pinned(directory, name) as place:
        if place == name:
            os.chmod(name, mode, dir_fd=directory)
        elif not stat.S_ISLNK(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode):
            os.chmod(place, mode)


def _write_owner(directory: int, name: str, found: os.stat_result, owner: file_owners.Owner) -> None:
    with _pinned(directory, name) as place:
        file_owners.write(place, found, owner)
