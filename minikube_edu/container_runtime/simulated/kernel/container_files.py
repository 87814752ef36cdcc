"""A container's files put together: the image's root, /proc, /dev, /sys, and what the kubelet mounts.

Mount points that the image lacks are made in a layer that all containers with the same mounts share; those inside
another mount are made there, as the real runtime makes them.
"""

from __future__ import annotations

import errno
import stat
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct

from minikube_edu.container_runtime.simulated.contract import OpenFile, Stat, failure
from minikube_edu.container_runtime.simulated.filesystem.device_tree import DEVICES, open_device
from minikube_edu.container_runtime.simulated.filesystem.host_tree import HostTree
from minikube_edu.container_runtime.simulated.filesystem.layer import Layer
from minikube_edu.container_runtime.simulated.filesystem.memory_tree import MemoryTree
from minikube_edu.container_runtime.simulated.filesystem.pace import without_turns
from minikube_edu.container_runtime.simulated.filesystem.path_walk import KERNEL, FileView
from minikube_edu.container_runtime.simulated.filesystem.tree import Access, Caller, Node, Tree
from minikube_edu.container_runtime.simulated.kernel.fifo import open_fifo
from minikube_edu.container_runtime.simulated.kernel.views.cgroup import cgroup_tree
from minikube_edu.container_runtime.simulated.kernel.views.devpts import DevptsTree
from minikube_edu.container_runtime.simulated.kernel.views.proc_tree import ProcTree
from minikube_edu.container_runtime.simulated.kernel.views.sys_tree import sys_tree

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.kernel.machine import Machine

SHM = Layer.empty(0o1777)
SHM_SIZE = 64 << 20
OWN = ("/proc", "/dev", "/sys")
QUIET = "nosuid,nodev,noexec,relatime"


class ContainerMount(Struct, frozen=True):
    """`tree` at `path`: `HostTree("/node/…/volumes/data")`, a tmpfs (`MemoryTree(Layer.empty(), type="tmpfs", …)`)."""

    path: str
    tree: Tree
    readonly: bool = False
    options: str = "relatime"
    shown_root: str = "/"

    @property
    def is_directory(self) -> bool:
        return stat.S_ISDIR(self.tree.stat(self.tree.root).mode)


def host_mount(path: str, host_path: str, readonly: bool = False) -> ContainerMount:
    """A directory or file of the node."""
    return ContainerMount(path, HostTree(host_path), readonly)


def tmpfs_mount(path: str, size: int, readonly: bool = False) -> ContainerMount:
    tree = MemoryTree(SHM, type="tmpfs", source="tmpfs", device=60, size_limit=size)
    return ContainerMount(path, tree, readonly)


def container_view(
    machine: Machine, layer: Layer, mounts: Sequence[ContainerMount], readonly: bool
) -> tuple[MemoryTree, MemoryTree, FileView]:
    """The root that the container writes to, its /dev/shm, and the whole."""
    ordered = sorted(mounts, key=lambda mount: mount.path.rstrip("/").count("/"))
    in_dev = [(mount.path[4:], mount.is_directory) for mount in ordered if mount.path.startswith("/dev/")]
    in_root = [
        (mount.path, mount.is_directory)
        for mount in ordered
        if not mount.path.startswith(tuple(f"{own}/" for own in OWN))
    ]
    disk = machine.limits.disk or 100 << 30
    root = MemoryTree(
        layer.with_mountpoints([*((own, True) for own in OWN), *in_root]),
        size_limit=disk,
        inode_limit=machine.limits.inodes or 6_553_600,
        quota=bool(machine.limits.disk),
    )
    view = FileView(root, readonly=readonly, open_special=partial(open_special, machine))
    guarded = not machine.privileged
    view.mount("/proc", ProcTree(machine), options=QUIET)
    devices = DEVICES.with_mountpoints(in_dev) if in_dev else DEVICES
    view.mount(
        "/dev", MemoryTree(devices, type="tmpfs", source="tmpfs", device=51), options="nosuid,size=65536k,mode=755"
    )
    view.mount("/dev/pts", DevptsTree(machine), options="nosuid,noexec,relatime,gid=5,mode=620,ptmxmode=666")
    view.mount("/sys", sys_tree(machine), readonly=guarded, options=QUIET)
    view.mount("/sys/fs/cgroup", cgroup_tree(machine), readonly=guarded, options=QUIET)
    shm = MemoryTree(SHM, type="tmpfs", source="shm", device=52, size_limit=SHM_SIZE)
    view.mount("/dev/shm", shm, options=f"nosuid,nodev,noexec,relatime,size={SHM_SIZE >> 10}k")
    for mount in ordered:
        _mount(view, mount)
    return root, shm, view


def _mount(view: FileView, mount: ContainerMount) -> None:
    def attach() -> None:
        view.mount(mount.path, mount.tree, readonly=mount.readonly, options=mount.options, shown_root=mount.shown_root)

    try:
        attach()
    except FileNotFoundError:
        if mount.is_directory:
            make_directories(view, mount.path)
        else:
            put(view, mount.path, b"")
        attach()


def open_special(
    machine: Machine, caller: Caller, tree: Tree, node: Node, file: Stat, access: Access, name: str
) -> OpenFile:
    """A fifo's ends meet by its inode; a terminal's device is the terminal; sockets cannot be opened."""
    if stat.S_ISFIFO(file.mode):
        return open_fifo(tree, file, access, name)
    if stat.S_ISCHR(file.mode):
        major, minor = file.rdev >> 8, file.rdev & 0xFF
        if major == 136 and minor in machine.terminals:
            return machine.terminals[minor].retain()
        return open_device(caller, file, access, name)
    raise failure(errno.ENXIO)


def make_directories(view: FileView, path: str) -> None:
    parts = path.strip("/").split("/")
    for depth in range(1, len(parts) + 1):
        try:
            view.mkdir("/" + "/".join(parts[:depth]), 0o755, KERNEL)
        except FileExistsError:
            continue


def put(view: FileView, path: str, content: bytes, mode: int = 0o644) -> None:
    """Write a file on the kernel's own behalf, its directories too."""
    above = path.rstrip("/").rpartition("/")[0]
    if above:
        make_directories(view, above)
    file = view.open(path, "w", mode, KERNEL)
    try:
        writing = file.write(content)
        with without_turns():
            try:
                writing.send(None)
            except StopIteration:
                pass
            else:  # no file that the kernel itself writes makes its writer wait
                writing.close()
    finally:
        file.release()
    view.chmod(path, mode, KERNEL)
