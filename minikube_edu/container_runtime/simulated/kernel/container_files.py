"""A container's files put together: the image's root, /dev, and what the kubelet mounts."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from minikube_edu.container_runtime.simulated.contract import OpenFile, Stat, failure
from minikube_edu.container_runtime.simulated.filesystem.device_tree import DEVICES, open_device
from minikube_edu.container_runtime.simulated.filesystem.layer import Layer
from minikube_edu.container_runtime.simulated.filesystem.memory_tree import MemoryTree
from minikube_edu.container_runtime.simulated.filesystem.path_walk import KERNEL, FileView
from minikube_edu.container_runtime.simulated.filesystem.tree import Access, Caller, Node, Tree

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.kernel.machine import Machine


@dataclass(frozen=True)
class ContainerMount:
    """`tree` at `path`."""

    path: str
    tree: Tree
    readonly: bool = False

    @property
    def is_directory(self) -> bool:
        return stat.S_ISDIR(self.tree.stat(self.tree.root).mode)


def container_view(
    machine: Machine, layer: Layer, mounts: Sequence[ContainerMount], readonly: bool
) -> tuple[MemoryTree, FileView]:
    ordered = sorted(mounts, key=lambda mount: mount.path.count("/"))
    points = [("/dev", True), *((mount.path, mount.is_directory) for mount in ordered)]
    root = MemoryTree(layer.with_mountpoints(points))
    view = FileView(root, readonly=readonly, open_special=open_special)
    view.mount("/dev", MemoryTree(DEVICES, type="tmpfs", source="tmpfs", device=51), options="nosuid")
    for mount in ordered:
        view.mount(mount.path, mount.tree, readonly=mount.readonly)
    return root, view


def open_special(caller: Caller, tree: Tree, node: Node, file: Stat, access: Access, name: str) -> OpenFile:
    if stat.S_ISCHR(file.mode):
        return open_device(caller, file, access, name)
    raise failure(6, name)


def put(view: FileView, path: str, content: bytes, mode: int = 0o644) -> None:
    """Write a file on the kernel's own behalf, its directories too."""
    parts = path.strip("/").split("/")
    for depth in range(1, len(parts)):
        try:
            view.mkdir("/" + "/".join(parts[:depth]), 0o755, KERNEL)
        except FileExistsError:
            continue
    file = view.open(path, "w", mode, KERNEL)
    try:
        step = file.write(content)
        try:
            step.send(None)  # type: ignore[attr-defined]  # files in memory never wait
        except StopIteration:
            pass
    finally:
        file.release()
    view.chmod(path, mode, KERNEL)
