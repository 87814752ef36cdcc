"""What is mounted where in a container.

A mount covers one node of the file system below it. `..` never leaves through a mount's root the wrong way, because the
walk keeps the places that it came by. A mount may be read-only, may show a part of a tree (`root`), and may be a single
file.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from minikube_edu.container_runtime.simulated.contract import FilesystemStat
from minikube_edu.container_runtime.simulated.filesystem.tree import Node, Tree


class Mount(Struct, eq=False):
    tree: Tree
    root: Node
    mountpoint: str
    readonly: bool = False
    options: str = "relatime"
    covers: dict[Node, Mount] | None = None  # nodes of this mount that others cover
    parent: Mount | None = None
    shown_root: str = "/"  # in mountinfo: which part of the file system it is

    def flags(self) -> str:
        return ("ro," if self.readonly else "rw,") + self.options

    def described(self) -> FilesystemStat:
        return replace(self.tree.statfs(), mountpoint=self.mountpoint, options=self.flags())


class Place(Struct):
    """A node in a mount: what a path leads to."""

    mount: Mount
    node: Node
