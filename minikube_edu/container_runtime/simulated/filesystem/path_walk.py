"""What a path means in a container, and all that can be done with paths: a container's view of its files.

The walk goes name by name from the container's root and keeps the places it came by: `..` goes back along them and
stops at the root, a symbolic link is read and walked *here*, in the container's view, never by the host. So no
combination of links, `..` and mounts leads out of what is mounted. Forty links are too many (ELOOP).

`FileView` judges permissions (search on each directory, write on the one that changes), sticky bits and read-only
mounts, then asks the tree. Errors carry the path as it was said.

This file is long because it has the whole family of path calls of one object, each a few lines.
"""

from __future__ import annotations

import errno
import os
import posixpath
import stat
from collections.abc import Callable
from typing import TypeVar

from msgspec import Struct

from minikube_edu.container_runtime.simulated.contract import FilesystemStat, OpenFile, Stat, User, failure
from minikube_edu.container_runtime.simulated.filesystem.mounts import Mount, Place
from minikube_edu.container_runtime.simulated.filesystem.permission import ALL, may, owns, sticky_refuses
from minikube_edu.container_runtime.simulated.filesystem.tree import Access, Caller, Node, Tree, access_of

MOST_LINKS = 40
MOST_WAYS = 2000  # that are remembered for an image
LONGEST_NAME = 255
LONGEST_PATH = 4096
T = TypeVar("T")

# Opens a fifo, device or socket that the walk has found: the kernel's business
OpenSpecial = Callable[[Caller, Tree, Node, Stat, Access, str], OpenFile]


class Walked(Struct):
    """Where a path ends: the directory that has the last name, and what is there (None: nothing yet)."""

    trail: list[tuple[Place, str]]  # the directories from the root on, each with its name
    name: str  # the last one; empty when the path ends at a directory of the trail itself
    found: Place | None
    must_be_directory: bool

    @property
    def directory(self) -> Place:
        return self.trail[-1][0]

    def path(self) -> str:
        names = [name for _, name in self.trail[1:]] + ([self.name] if self.name else [])
        return "/" + "/".join(names)


class Way(Struct, frozen=True):
    """A walk through an image's directories alone: it holds where none of them has been changed or covered."""

    nodes: tuple[Node, ...]
    names: tuple[str, ...]
    name: str
    found: Node | None
    must_be_directory: bool


class FileView:
    """The files as one container sees them: its root and its mounts."""

    __slots__ = ("mount_list", "open_special", "root")

    def __init__(self, root: Tree, *, readonly: bool = False, open_special: OpenSpecial | None = None) -> None:
        self.root = Mount(root, root.root, "/", readonly)
        self.mount_list = [self.root]
        self.open_special = open_special

    # -- mounts ------------------------------------------------------------------------------------------------------

    def mount(
        self,
        path: str,
        tree: Tree,
        root: Node | None = None,
        *,
        readonly: bool = False,
        options: str = "relatime",
        shown_root: str = "/",
    ) -> Mount:
        """Cover what is at `path`, which must be there."""
        walked = self.walk(path, KERNEL, follow=True)
        if walked.found is None:
            raise failure(errno.ENOENT, path)
        at, real = walked.found, walked.path()
        real = path if real == path else real  # ten thousand containers share the string
        mount = Mount(tree, tree.root if root is None else root, real, readonly, options)
        mount.shown_root = shown_root
        mount.parent = at.mount
        if at.mount.covers is None:
            at.mount.covers = {}
        at.mount.covers[at.node] = mount
        self.mount_list.append(mount)
        return mount

    def mounts(self) -> list[FilesystemStat]:
        return [mount.described() for mount in self.mount_list]

    # -- the walk ----------------------------------------------------------------------------------------------------

    def walk(self, path: str, caller: Caller, *, cwd: str = "/", follow: bool = True) -> Walked:
        """ENOENT when a directory on the way is missing, ENOTDIR, EACCES, ELOOP, ENAMETOOLONG."""
        ways = self.root.tree.ways
        if ways is None or not path.startswith("/") or "CAP_DAC_OVERRIDE" not in caller.privileges:
            return self._walk(path, caller, cwd, follow)
        way = ways.get(path)
        if way is not None:
            covers = self.root.covers
            if self.root.tree.has_untouched(way.nodes) and (covers is None or covers.keys().isdisjoint(way.nodes)):
                trail = [(Place(self.root, node), name) for node, name in zip(way.nodes, way.names, strict=True)]
                if way.found is None:
                    found = None if way.name else trail[-1][0]
                else:
                    found = self._covered(self.root, way.found)
                return Walked(trail, way.name, found, way.must_be_directory)
        walked = self._walk(path, caller, cwd, follow)
        if way is None and all(place.mount is self.root for place, _ in walked.trail):
            self._remember(ways, path, walked)
        return walked

    def _remember(self, ways: dict[str, Way], path: str, walked: Walked) -> None:
        """Containers of one image walk the same ways: one that meets no link and no mount is told to the others."""
        plain = "/" + "/".join(name for name in path.split("/") if name not in ("", "."))
        found = walked.found
        if plain != walked.path() or (found is not None and found.mount is not self.root):
            return
        nodes = tuple(place.node for place, _ in walked.trail)
        if not self.root.tree.has_untouched(nodes if found is None else (*nodes, found.node)):
            return
        if found is not None and stat.S_ISLNK(self.root.tree.mode(found.node)):
            return
        if len(ways) >= MOST_WAYS:
            ways.clear()
        names = tuple(name for _, name in walked.trail)
        at = found.node if found is not None and walked.name else None
        ways[path] = Way(nodes, names, walked.name, at, walked.must_be_directory)

    def _walk(self, path: str, caller: Caller, cwd: str, follow: bool) -> Walked:
        if not path:
            raise failure(errno.ENOENT, path)
        if len(path) >= LONGEST_PATH:
            raise failure(errno.ENAMETOOLONG, path)
        whole = path if path.startswith("/") else f"{cwd}/{path}"
        names = [name for name in reversed(whole.split("/")) if name not in ("", ".")]
        trail = [(self._covered(self.root, self.root.root), "")]
        must_be_directory = path.endswith(("/", "/.")) or path == "."
        links = 0
        searches_all = "CAP_DAC_OVERRIDE" in caller.privileges
        while names:
            name = names.pop()
            if "\0" in name:
                raise failure(errno.EINVAL, path)
            if len(name) > LONGEST_NAME and len(os.fsencode(name)) > LONGEST_NAME:
                raise failure(errno.ENAMETOOLONG, path)
            here = trail[-1][0]
            if name == "..":
                if len(trail) > 1:
                    trail.pop()
                continue
            if not searches_all:
                self._may_search(here, caller, path)
            try:
                found = here.mount.tree.step(here.node, name, caller)
            except OSError as error:
                raise failure(error.errno or errno.EIO, path) from None
            if found is None:
                if not names:
                    return Walked(trail, name, None, must_be_directory)
                raise failure(errno.ENOENT, path)
            node, mode = found
            covers = here.mount.covers
            if covers is not None and node in covers:
                place = self._covered(here.mount, node)
                mode = place.mount.tree.mode(place.node, caller)
            else:
                place = Place(here.mount, node)
            if stat.S_ISLNK(mode) and (names or follow or must_be_directory):
                if not names and place.mount.tree.jump(place.node, caller) is not None:
                    return Walked(trail, name, place, must_be_directory)
                links += 1
                if links > MOST_LINKS:
                    raise failure(errno.ELOOP, path)
                other = place.mount.tree.enter(place.node, caller)
                if other is not None:
                    trail[1:] = [
                        (self._covered(other.root, other.root.root), "/".join([*(n for _, n in trail[1:]), name]))
                    ]
                    continue
                target = place.mount.tree.readlink(place.node, caller)
                if target.startswith("/"):
                    del trail[1:]
                names += [part for part in reversed(target.split("/")) if part not in ("", ".")]
            elif stat.S_ISDIR(mode):
                trail.append((place, name))
            elif names or must_be_directory:
                raise failure(errno.ENOTDIR, path)
            else:
                return Walked(trail, name, place, must_be_directory)
        return Walked(trail, "", trail[-1][0], must_be_directory)

    @staticmethod
    def _covered(mount: Mount, node: Node) -> Place:
        while mount.covers is not None and (above := mount.covers.get(node)) is not None:
            mount, node = above, above.root
        return Place(mount, node)

    @staticmethod
    def _may_search(place: Place, caller: Caller, path: str) -> None:
        if not may(caller.user, caller.privileges, place.mount.tree.stat(place.node, caller), os.X_OK):
            raise failure(errno.EACCES, path)

    def find(self, path: str, caller: Caller, *, cwd: str = "/", follow: bool = True) -> Place:
        found = self.walk(path, caller, cwd=cwd, follow=follow).found
        if found is None:
            raise failure(errno.ENOENT, path)
        return found

    # -- looking -----------------------------------------------------------------------------------------------------

    def stat(self, path: str, caller: Caller, *, cwd: str = "/", follow: bool = True) -> Stat:
        place = self.find(path, caller, cwd=cwd, follow=follow)
        if follow:
            behind = place.mount.tree.jump(place.node, caller)
            if behind is not None:
                return behind.stat()
        return place.mount.tree.stat(place.node, caller)

    def access(self, path: str, wanted: int, caller: Caller, *, cwd: str = "/") -> bool:
        try:
            place = self.find(path, caller, cwd=cwd)
        except OSError:
            return False
        file = place.mount.tree.stat(place.node, caller)
        if wanted & os.W_OK and place.mount.readonly and (stat.S_ISREG(file.mode) or stat.S_ISDIR(file.mode)):
            return False
        return may(caller.user, caller.privileges, file, wanted)

    def listdir(self, path: str, caller: Caller, *, cwd: str = "/") -> list[str]:
        place = self.find(path, caller, cwd=cwd)
        tree = place.mount.tree
        file = tree.stat(place.node, caller)
        if not stat.S_ISDIR(file.mode):
            raise failure(errno.ENOTDIR, path)
        if not may(caller.user, caller.privileges, file, os.R_OK):
            raise failure(errno.EACCES, path)
        return self._told(path, lambda: tree.entries(place.node, caller))

    def readlink(self, path: str, caller: Caller, *, cwd: str = "/") -> str:
        place = self.find(path, caller, cwd=cwd, follow=False)
        return self._told(path, lambda: place.mount.tree.readlink(place.node, caller))

    def realpath(self, path: str, caller: Caller, *, cwd: str = "/") -> str:
        walked = self.walk(path, caller, cwd=cwd)
        if walked.found is None:
            raise failure(errno.ENOENT, path)
        return walked.path()

    def statfs(self, path: str, caller: Caller, *, cwd: str = "/") -> FilesystemStat:
        return self.find(path, caller, cwd=cwd).mount.described()

    def read_now(self, path: str, caller: Caller, *, cwd: str = "/") -> bytes:
        """A file's content for the kernel's own use: exec, /etc/hosts."""
        place = self.find(path, caller, cwd=cwd)
        return self._told(path, lambda: place.mount.tree.read_now(place.node))

    # -- opening -----------------------------------------------------------------------------------------------------

    def open(self, path: str, flags: str, mode: int, caller: Caller, *, cwd: str = "/") -> OpenFile:
        access = access_of(flags)
        walked = self.walk(path, caller, cwd=cwd)
        name = walked.path()
        if walked.found is None:
            if not access.create:
                raise failure(errno.ENOENT, path)
            if walked.must_be_directory:
                raise failure(errno.EISDIR, path)
            place = self._create(walked, stat.S_IFREG | (mode & ~caller.umask & 0o7777), caller, path)
            return self._told(path, lambda: place.mount.tree.open(place.node, access, name, caller))
        if access.exclusive:
            raise failure(errno.EEXIST, path)
        place = walked.found
        tree = place.mount.tree
        behind = tree.jump(place.node, caller)
        if behind is not None:
            return self._reopen(behind, access, caller, path)
        file = tree.stat(place.node, caller)
        self._may_open(place, file, access, caller, path)
        if stat.S_ISREG(file.mode) or stat.S_ISDIR(file.mode):
            return self._told(path, lambda: tree.open(place.node, access, name, caller))
        if self.open_special is None:
            raise failure(errno.ENXIO, path)
        special = self.open_special
        return self._told(path, lambda: special(caller, tree, place.node, file, access, name))

    @staticmethod
    def _may_open(place: Place, file: Stat, access: Access, caller: Caller, path: str) -> None:
        wanted = (os.R_OK if access.read else 0) | (os.W_OK if access.write else 0)
        if stat.S_ISDIR(file.mode) and access.write:
            raise failure(errno.EISDIR, path)
        if not may(caller.user, caller.privileges, file, wanted):
            raise failure(errno.EACCES, path)
        if access.write and place.mount.readonly and stat.S_ISREG(file.mode):
            raise failure(errno.EROFS, path)

    def _reopen(self, behind: OpenFile, access: Access, caller: Caller, path: str) -> OpenFile:
        """Through /proc/PID/fd: a file is opened anew, from its beginning; what has no name is shared."""
        tree, node = getattr(behind, "tree", None), getattr(behind, "node", None)
        if isinstance(tree, Tree) and node is not None and stat.S_ISREG(behind.stat().mode):
            if not may(caller.user, caller.privileges, tree.stat(node), os.W_OK if access.write else os.R_OK):
                raise failure(errno.EACCES, path)
            return self._told(path, lambda: tree.open(node, access, behind.name, caller))
        return behind.retain()

    def _create(self, walked: Walked, mode: int, caller: Caller, path: str, rdev: int = 0) -> Place:
        directory = self._changing(walked, caller, path)
        node = self._told(
            path, lambda: directory.mount.tree.create(directory.node, walked.name, mode, caller.user, rdev)
        )
        return Place(directory.mount, node)

    # -- changing ----------------------------------------------------------------------------------------------------

    def _changing(self, walked: Walked, caller: Caller, path: str) -> Place:
        """The directory that gets or loses a name: may it?"""
        directory = walked.directory
        if directory.mount.readonly:
            raise failure(errno.EROFS, path)
        file = directory.mount.tree.stat(directory.node, caller)
        if file.links == 0:
            raise failure(errno.ENOENT, path)
        if not may(caller.user, caller.privileges, file, os.W_OK | os.X_OK):
            raise failure(errno.EACCES, path)
        return directory

    def _removing(self, walked: Walked, caller: Caller, path: str) -> Place:
        if walked.found is None:
            raise failure(errno.ENOENT, path)
        directory = self._changing(walked, caller, path)
        tree = directory.mount.tree
        if walked.found.mount is not directory.mount:
            raise failure(errno.EBUSY, path)
        if sticky_refuses(
            caller.user,
            caller.privileges,
            tree.stat(directory.node, caller),
            tree.stat(walked.found.node, caller),
        ):
            raise failure(errno.EPERM, path)
        return directory

    def _last(self, path: str, caller: Caller, cwd: str) -> Walked:
        """Walk to the name itself, which may be a link's or a directory's, and take it apart from its directory."""
        walked = self.walk(path.rstrip("/") or "/", caller, cwd=cwd, follow=False)
        if walked.name:
            return walked
        if len(walked.trail) == 1:
            raise failure(errno.EBUSY, path)
        last = posixpath.basename(path.rstrip("/"))
        if last == ".":
            raise failure(errno.EINVAL, path)
        if last == "..":
            raise failure(errno.ENOTEMPTY, path)
        place, name = walked.trail.pop()
        return Walked(walked.trail, name, place, True)

    def _new_name(self, path: str, caller: Caller, cwd: str) -> Walked:
        walked = self.walk(path.rstrip("/") or "/", caller, cwd=cwd, follow=False)
        if walked.found is not None:
            raise failure(errno.EEXIST, path)
        return walked

    def mkdir(self, path: str, mode: int, caller: Caller, *, cwd: str = "/") -> None:
        walked = self._new_name(path, caller, cwd)
        directory = self._changing(walked, caller, path)
        bits = mode & ~caller.umask & 0o1777
        self._told(path, lambda: directory.mount.tree.mkdir(directory.node, walked.name, bits, caller.user))

    def mknod(self, path: str, mode: int, caller: Caller, *, cwd: str = "/", rdev: int = 0) -> None:
        """`mode` with the type's bits: a fifo, a device."""
        walked = self._new_name(path, caller, cwd)
        self._create(walked, stat.S_IFMT(mode) | (mode & ~caller.umask & 0o7777), caller, path, rdev)

    def symlink(self, target: str, path: str, caller: Caller, *, cwd: str = "/") -> None:
        if not target:
            raise failure(errno.ENOENT, path)
        walked = self._new_name(path, caller, cwd)
        directory = self._changing(walked, caller, path)
        self._told(path, lambda: directory.mount.tree.symlink(directory.node, walked.name, target, caller.user))

    def link(self, old: str, new: str, caller: Caller, *, cwd: str = "/") -> None:
        place = self.find(old, caller, cwd=cwd, follow=False)
        if stat.S_ISDIR(place.mount.tree.stat(place.node, caller).mode):
            raise failure(errno.EPERM, old)
        walked = self._new_name(new, caller, cwd)
        if walked.directory.mount is not place.mount:
            raise failure(errno.EXDEV, old)
        directory = self._changing(walked, caller, new)
        self._told(new, lambda: directory.mount.tree.link(place.node, directory.node, walked.name))

    def unlink(self, path: str, caller: Caller, *, cwd: str = "/") -> None:
        walked = self._last(path, caller, cwd)
        directory = self._removing(walked, caller, path)
        assert walked.found is not None
        is_directory = stat.S_ISDIR(walked.found.mount.tree.stat(walked.found.node, caller).mode)
        if is_directory:
            raise failure(errno.EISDIR, path)
        if path.endswith("/"):
            raise failure(errno.ENOTDIR, path)
        self._told(path, lambda: directory.mount.tree.unlink(directory.node, walked.name))

    def rmdir(self, path: str, caller: Caller, *, cwd: str = "/") -> None:
        walked = self._last(path, caller, cwd)
        directory = self._removing(walked, caller, path)
        assert walked.found is not None
        if not stat.S_ISDIR(walked.found.mount.tree.stat(walked.found.node, caller).mode):
            raise failure(errno.ENOTDIR, path)
        self._told(path, lambda: directory.mount.tree.rmdir(directory.node, walked.name))

    def rename(self, old: str, new: str, caller: Caller, *, cwd: str = "/") -> None:
        source = self._last(old, caller, cwd)
        here = self._removing(source, caller, old)
        target = self._last(new, caller, cwd)
        there = (self._removing if target.found is not None else self._changing)(target, caller, new)
        if here.mount is not there.mount:
            raise failure(errno.EXDEV, old)
        assert source.found is not None
        if source.found in [place for place, _ in target.trail]:
            raise failure(errno.EINVAL, old)  # a directory into itself
        self._told(old, lambda: here.mount.tree.rename(here.node, source.name, there.node, target.name))

    def _attributes(self, path: str, caller: Caller, cwd: str, follow: bool = True) -> tuple[Place, Stat]:
        place = self.find(path, caller, cwd=cwd, follow=follow)
        if place.mount.readonly:
            raise failure(errno.EROFS, path)
        return place, place.mount.tree.stat(place.node, caller)

    def chmod(self, path: str, mode: int, caller: Caller, *, cwd: str = "/") -> None:
        place, file = self._attributes(path, caller, cwd)
        if not owns(caller.user, caller.privileges, file):
            raise failure(errno.EPERM, path)
        user = caller.user
        if "CAP_FSETID" not in caller.privileges and file.gid not in (user.gid, *user.groups):
            mode &= ~stat.S_ISGID
        self._told(path, lambda: place.mount.tree.chmod(place.node, mode & 0o7777))

    def chown(self, path: str, uid: int, gid: int, caller: Caller, *, cwd: str = "/", follow: bool = True) -> None:
        """-1 leaves one of them as it is. An owner may give a file to a group of its own."""
        place, file = self._attributes(path, caller, cwd, follow)
        if "CAP_CHOWN" not in caller.privileges:
            user = caller.user
            own_group = gid in (-1, file.gid, user.gid, *user.groups)
            if user.uid != file.uid or uid not in (-1, file.uid) or not own_group:
                raise failure(errno.EPERM, path)
        self._told(path, lambda: place.mount.tree.chown(place.node, uid, gid))
        if stat.S_ISREG(file.mode) and file.mode & 0o6000:  # as the real kernel: no set-id bits survive
            self._told(path, lambda: place.mount.tree.chmod(place.node, file.mode & 0o1777))

    def utime(self, path: str, atime: float, mtime: float, caller: Caller, *, cwd: str = "/") -> None:
        place, file = self._attributes(path, caller, cwd)
        if not owns(caller.user, caller.privileges, file) and not may(caller.user, caller.privileges, file, os.W_OK):
            raise failure(errno.EACCES, path)
        self._told(path, lambda: place.mount.tree.utime(place.node, atime, mtime))

    @staticmethod
    def _told(path: str, call: Callable[[], T]) -> T:
        """The tree's error with the path as the program said it."""
        try:
            return call()
        except OSError as error:
            raise failure(error.errno or errno.EIO, path) from None


class _Kernel:
    """The kernel itself, on a container's behalf: it may everything."""

    pid = 0
    umask = 0o022
    user = User()
    files: dict[int, OpenFile] = {}  # noqa: RUF012 (empty for ever)
    terminal: OpenFile | None = None

    privileges = ALL


KERNEL = _Kernel()
