"""The node's files where a course says they are: /etc/kubernetes, /var/lib/kubelet, /var/log/pods, …

In a mount namespace of the shell's own, a few folders of the host are replaced: what the host has, and over it what the
node's directory has. What is new there (`/etc/team.conf`, `/var/lib/etcd-backup`), and what was the host's and is
changed, goes into the node's directory, where the node's programs and the next shell find it. The host itself sees
nothing of it. Linux lets every user do this in a user namespace of their own, in which they are root; where it does
not, `enter` says why, and the shell does without.

Two layers: an overlay of the node's folder on the host's, for what is new; and on it, bind mounts of the folders that
seats write as well, so that shells, seats and kubeadm see each other's changes at once (an overlay remembers names).
Where the system has no overlay here, the folder is put together of bind mounts, and `Kept` carries what is new in it
into the node's directory when the shell ends.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path

from msgspec import Struct, field

FOLDERS = ("etc", "var", "opt", "run")
BOUND = ("run",)  # sockets of the host would not answer through an overlay
BUSY = (
    *("etc/cni", "etc/containerd", "etc/kubernetes", "etc/minikube-edu", "etc/systemd/system/kubelet.service.d"),
    *("opt/cni", "var/lib/containerd", "var/lib/kubelet", "var/lib/minikube-edu"),
    *("var/log/containers", "var/log/journal", "var/log/pods"),
)
WORK = ".shell"  # in the node's directory: what overlays need besides, a folder for each shell
NEW_USER, NEW_MOUNTS, NEW_NAME = 0x10000000, 0x00020000, 0x04000000
BIND, MOVE, RECURSIVE, PRIVATE = 4096, 8192, 16384, 1 << 18
VARIABLE = "MINIKUBE_EDU_MOUNTS"  # set in the shell: a command that runs elsewhere must come here first


class NoMounts(Exception):
    """The system does not let us; the text says why."""


class Kept(Struct):
    """Folders put together of bind mounts: (as it is seen, in the node's directory, the names it began with)."""

    folders: list[tuple[Path, Path, set[str]]] = field(default_factory=list)

    def save(self) -> None:
        for seen, node, names in self.folders:
            for name in set(os.listdir(seen)) - names:
                source, place = seen / name, node / name
                if source.is_symlink() or not source.is_dir():
                    shutil.copy2(source, place, follow_symlinks=False)
                else:
                    shutil.copytree(source, place, symlinks=True, dirs_exist_ok=True)


def enter(root: Path, name: str) -> Kept:
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
            show(mounter, root, folder, staging)
    return mounter.kept


def work_of(root: Path, pid: int) -> Path:
    return root / WORK / str(pid)


def leave(root: Path, pid: int) -> None:
    """After the end of a shell: what its overlays needed goes."""
    work = work_of(root, pid)
    for folder in FOLDERS:  # the system's own folder in each is empty, and closed to all
        for path in (work / folder / "work", work / folder):
            with suppress(OSError):  # not there, or a job in the background still needs it
                path.rmdir()
    for path in (work, root / WORK):
        with suppress(OSError):
            path.rmdir()


def show(mounter: Mounter, root: Path, folder: str, staging: Path) -> None:
    host, node = Path("/") / folder, root / folder
    if folder not in BOUND and mounter.overlay(host, node, work_of(root, os.getpid()) / folder, staging):
        mounter.bind_mounts_of(host, node, staging)
        mounter.bind_busy(root, folder, staging)
    else:
        mounter.mount("tmpfs", str(staging), "tmpfs", 0, "mode=755")
        mounter.merge(host, node, staging, host)
    mounter.mount(str(staging), str(host), "", MOVE)


class Mounter:
    def __init__(self, libc: ctypes.CDLL) -> None:
        self._libc = libc
        self.kept = Kept()

    def mount(self, source: str, target: str, kind: str, flags: int, options: str = "") -> None:
        result = self._libc.mount(
            os.fsencode(source),
            os.fsencode(target),
            kind.encode() or None,
            ctypes.c_ulong(flags),
            os.fsencode(options) or None,
        )
        if result != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), target)

    def overlay(self, host: Path, node: Path, work: Path, target: Path) -> bool:
        """Not every file system can carry one, nor every name: paths are divided by commas and colons."""
        if any(letter in str(work) for letter in ",:\\"):
            return False
        work.mkdir(parents=True, exist_ok=True)
        try:
            self.mount("overlay", str(target), "overlay", 0, f"lowerdir={host},upperdir={node},workdir={work}")
        except OSError:
            return False
        return True

    def bind_mounts_of(self, host: Path, node: Path, target: Path) -> None:
        """What is mounted below the host's folder (a container's /etc/hosts) is not part of an overlay."""
        for line in Path("/proc/self/mountinfo").read_text().splitlines():
            place = Path(line.split()[4].encode().decode("unicode_escape").encode("latin-1").decode())
            if place != host and place.is_relative_to(host):
                inside = place.relative_to(host)
                if (target / inside).exists() and not (node / inside).exists():
                    self._bind(place, target / inside)

    def bind_busy(self, root: Path, folder: str, target: Path) -> None:
        """The folders that seats write, where the host has none of that name."""
        for path in BUSY:
            if path.startswith(folder + "/") and (root / path).is_dir() and not (Path("/") / path).exists():
                self._bind(root / path, target / path.removeprefix(folder + "/"))

    def merge(self, host: Path, node: Path, target: Path, seen: Path) -> None:
        """What either has; where both have a folder, that is merged too; of two files the node's counts."""
        names = {entry.name for entry in os.scandir(host)} | {entry.name for entry in os.scandir(node)}
        self.kept.folders.append((seen, node, names))
        for name in sorted(names - {".staging"}):
            one, other, place = host / name, node / name, target / name
            if one.is_dir() and other.is_dir() and not one.is_symlink():
                place.mkdir()
                self.merge(one, other, place, seen / name)
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
        self._bind(source, place)

    def _bind(self, source: Path, place: Path) -> None:
        try:
            self.mount(str(source), str(place), "", BIND | RECURSIVE)
        except OSError:
            return  # it went away meanwhile, or may not be bound: what is below stays


def join(descriptors: list[int]) -> None:
    """See what the process that gave its namespaces (user, mnt, uts) sees."""
    libc = ctypes.CDLL(None, use_errno=True)
    for number in descriptors:
        libc.setns(number, 0)  # the user namespace is refused when it is ours already; then there is nothing to do
