"""A layer of files that nobody changes any more: an image's, shared by all containers of that image.

Inodes are found by number; a layer upon another answers for its own numbers and asks the one below for the rest. All
containers of an image hold the same objects, so that a container that has written nothing costs its own empty table.
Mount points that an image lacks are made in a layer as well (`with_mountpoints`), once for all containers that have
the same ones.
"""

from __future__ import annotations

import posixpath
import stat
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec import Struct

from minikube_edu.container_runtime.simulated.filesystem.inode import Body, Inode, Lazy

ROOT = 1
IMAGE_TIME = 1_764_547_200.0  # 2025-12-01: when "images were built"


class Entry(Struct, frozen=True):
    """A file of an image with all that can be said of it. `kind` is file, directory, symlink, fifo or device."""

    content: bytes | Callable[[], bytes] = b""
    mode: int | None = None
    uid: int = 0
    gid: int = 0
    target: str = ""  # of a symbolic link, or of a hard link
    kind: str = "file"  # file, directory, symlink, hardlink, fifo, character, block
    size: int | None = None  # of lazy content
    rdev: int = 0
    time: float = IMAGE_TIME


Files = Mapping[str, "bytes | str | Callable[[], bytes] | Entry"]  # str: text


class Layer:
    __slots__ = ("_with_mountpoints", "below", "inodes", "next_number", "ways")

    def __init__(self, inodes: dict[int, Inode], next_number: int, below: Layer | None = None) -> None:
        self.inodes = inodes
        self.next_number = next_number
        self.below = below
        self.ways: dict[str, Any] = {}  # walks that its containers have made (`path_walk`)
        self._with_mountpoints: dict[tuple[tuple[str, bool], ...], Layer] = {}

    def get(self, number: int) -> Inode:
        layer: Layer | None = self
        while layer is not None:
            found = layer.inodes.get(number)
            if found is not None:
                return found
            layer = layer.below
        raise KeyError(number)

    @staticmethod
    def empty(mode: int = 0o755) -> Layer:
        return Layer({ROOT: Inode(stat.S_IFDIR | mode, {}, time=IMAGE_TIME, links=2)}, ROOT + 1)

    def extended(self, files: Files) -> Layer:
        """A layer upon this one with more files; directories on the way are made, owned by root."""
        build = LayerBuild(self)
        for path, entry in files.items():
            build.add(path, as_entry(entry))
        return build.layer()

    def with_mountpoints(self, paths: Iterable[tuple[str, bool]]) -> Layer:
        """(path, is a directory): those that are not there are made."""
        wanted = tuple(sorted(paths))
        layer = self._with_mountpoints.get(wanted)
        if layer is None:
            build = LayerBuild(self)
            for path, directory in wanted:
                build.ensure(path, directory)
            layer = self._with_mountpoints[wanted] = build.layer()
        return layer


def as_entry(value: bytes | str | Callable[[], bytes] | Entry) -> Entry:
    if isinstance(value, Entry):
        return value
    return Entry(value.encode()) if isinstance(value, str) else Entry(value)


def layer_of(files: Files, below: Layer | None = None) -> Layer:
    """`{"/etc/passwd": b"…", "/tmp/": …, "/bin/sh": Entry(…)}`; a path that ends with a slash is a directory."""
    return (below or Layer.empty()).extended(files)


class LayerBuild:
    """A layer in the making."""

    def __init__(self, below: Layer) -> None:
        self.below = below
        self.inodes: dict[int, Inode] = {}
        self.next_number = below.next_number

    def layer(self) -> Layer:
        return Layer(self.inodes, self.next_number, self.below)

    def get(self, number: int) -> Inode:
        return self.inodes.get(number) or self.below.get(number)

    def own(self, number: int) -> Inode:
        inode = self.inodes.get(number)
        if inode is None:
            inode = self.inodes[number] = self.below.get(number).copy()
        return inode

    def add(self, path: str, entry: Entry) -> None:
        directory = path.endswith("/") or entry.kind == "directory"
        names = [name for name in path.split("/") if name not in ("", ".")]
        if not names:
            if entry.mode is not None:
                self.own(ROOT).mode = stat.S_IFDIR | entry.mode
            return
        parent = self._directory(names[:-1])
        present = self._entries(parent).get(names[-1])
        if directory and present is not None and self.get(present).is_directory:
            inode = self.own(present)
            inode.mode = stat.S_IFDIR | (0o755 if entry.mode is None else entry.mode)
            inode.uid, inode.gid = entry.uid, entry.gid
            return
        if entry.kind == "hardlink":
            number = self._find(entry.target)
            self.own(number).links += 1
        else:
            number = self._make(entry, directory)
        self._enter(parent, names[-1], number)

    def ensure(self, path: str, directory: bool) -> None:
        """Make it unless it is there; links on the way are followed, as a runtime does below the root."""
        names = [name for name in path.split("/") if name not in ("", ".")]
        if not names:
            return
        parent = self._directory(names[:-1])
        if names[-1] not in self._entries(parent):
            self._enter(parent, names[-1], self._make(Entry(), directory))

    def _make(self, entry: Entry, directory: bool) -> int:
        number = self.next_number
        self.next_number += 1
        kind = "directory" if directory else entry.kind
        bits, usual = {
            "directory": (stat.S_IFDIR, 0o755),
            "file": (stat.S_IFREG, 0o644),
            "symlink": (stat.S_IFLNK, 0o777),
            "fifo": (stat.S_IFIFO, 0o644),
            "character": (stat.S_IFCHR, 0o666),
            "block": (stat.S_IFBLK, 0o660),
        }[kind]
        content = entry.content
        body: Body = None
        if kind == "directory":
            body = {}
        elif kind == "symlink":
            body = entry.target
        elif kind == "file":
            body = content if isinstance(content, bytes) else Lazy(content, -1 if entry.size is None else entry.size)
            if isinstance(body, Lazy) and body.size < 0:
                body.size = len(body.make())
        mode = bits | (usual if entry.mode is None else entry.mode)
        inode = Inode(mode, body, entry.uid, entry.gid, entry.time, 2 if directory else 1, entry.rdev)
        self.inodes[number] = inode
        return number

    def _entries(self, number: int) -> dict[str, int]:
        body = self.get(number).body
        if not isinstance(body, dict):
            raise ValueError("an image's file is used as a directory")
        return body

    def _enter(self, parent: int, name: str, number: int) -> None:
        inode = self.own(parent)
        assert isinstance(inode.body, dict)
        inode.body[name] = number
        if self.get(number).is_directory:
            inode.links += 1

    def _directory(self, names: list[str]) -> int:
        """Of a path, made where it is missing; symbolic links to directories are followed."""
        place, walked = ROOT, "/"
        for name in names:
            number = self._entries(place).get(name)
            if number is None:
                number = self._make(Entry(), True)
                self._enter(place, name, number)
            target = self.get(number).body
            if isinstance(target, str):
                joined = posixpath.normpath(posixpath.join(walked, target))
                number = self._directory([part for part in joined.split("/") if part])
            place, walked = number, posixpath.join(walked, name)
        return place

    def _find(self, path: str) -> int:
        names = [name for name in path.split("/") if name]
        return self._entries(self._directory(names[:-1]))[names[-1]]
