"""The node's files where a course says they are: /etc/kubernetes, /var/lib/kubelet, /var/log/pods, …

In a mount namespace of the shell's own, each of a few folders of the host is replaced by a copy made of bind mounts:
what the host has, and over it what the node's directory has. Writing goes to the one or the other, as it lies. The
host itself sees nothing of it, and it is gone with the shell. Linux lets every user do this in a user namespace of
their own, in which they are root; where it does not, `enter` says why, and the shell does without.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

FOLDERS = ("etc", "var/lib", "var/log", "opt", "run")
NEW_USER, NEW_MOUNTS, NEW_NAME = 0x10000000, 0x00020000, 0x04000000
BIND, MOVE, RECURSIVE, PRIVATE = 4096, 8192, 16384, 1 << 18
OURS_ALONE = ("mtab", "resolv.conf")  # of the host's /etc, links that must stay links
VARIABLE = "MINIKUBE_EDU_MOUNTS"  # set in the shell: a command that runs elsewhere must come here first


class NoMounts(Exception):
    """The system does not let us; the text says why."""


def enter(root: Path, name: str) -> None:
    """This process, and all that it starts, sees the node's files. Raises NoMounts before anything was changed."""
    if sys.platform != "linux":
        raise NoMounts("only Linux can show a node's files at their own paths")
    libc = ctypes.CDLL(None, use_errno=True)
    uid, gid = os.geteuid(), os.getegid()
    if libc.unshare((NEW_USER if uid else 0) | NEW_MOUNTS | NEW_NAME) != 0:
        raise NoMounts(os.strerror(ctypes.get_errno()))
    if uid:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
        Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
    libc.sethostname(name.encode(), len(name.encode()))
    mounter = Mounter(libc)
    mounter.mount("none", "/", "", RECURSIVE | PRIVATE)
    staging = root / "run/.staging"
    staging.mkdir(parents=True, exist_ok=True)
    for folder in FOLDERS:
        host, node = Path("/") / folder, root / folder
        if node.is_dir() and host.is_dir():
            mounter.mount("tmpfs", str(staging), "tmpfs", 0)
            mounter.merge(host, node, staging)
            mounter.mount(str(staging), str(host), "", MOVE)


class Mounter:
    def __init__(self, libc: ctypes.CDLL) -> None:
        self._libc = libc

    def mount(self, source: str, target: str, kind: str, flags: int) -> None:
        result = self._libc.mount(
            source.encode(),
            target.encode(),
            kind.encode() or None,
            ctypes.c_ulong(flags),
            b"mode=755" if kind else None,
        )
        if result != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), target)

    def merge(self, host: Path, node: Path, target: Path) -> None:
        """What either has; where both have a folder, that is merged too; of two files the node's counts."""
        names = {entry.name for entry in os.scandir(host)} | {entry.name for entry in os.scandir(node)}
        for name in sorted(names - {".staging"}):
            one, other, place = host / name, node / name, target / name
            if one.is_dir() and other.is_dir() and not one.is_symlink():
                place.mkdir()
                self.merge(one, other, place)
            else:
                self.bind(other if other.exists() else one, place)

    def bind(self, source: Path, place: Path) -> None:
        if source.is_symlink():
            place.symlink_to(os.readlink(source))
            return
        if source.is_dir():
            place.mkdir()
        else:
            place.touch()
        try:
            self.mount(str(source), str(place), "", BIND | RECURSIVE)
        except OSError:
            return  # it went away meanwhile, or may not be bound: an empty place is left


def join(descriptors: list[int]) -> None:
    """See what the process that gave its namespaces (user, mnt, uts) sees."""
    libc = ctypes.CDLL(None, use_errno=True)
    for number in descriptors:
        libc.setns(number, 0)  # the user namespace is refused when it is ours already; then there is nothing to do
