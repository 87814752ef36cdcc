"""Who owns a file of a node's directory, in the eyes of its containers.

A node's processes run as one ordinary user of the host and cannot give files away. So the owner that a container (or
the kubelet, for an fsGroup) gives a file is written beside it, as an extended attribute; where the file system has
none, in this process's memory. A file without a word about it belongs to root:root, mode as it is.

A mode that the host's own process could not live with (no reading for the owner, set-id bits) is written down as well
and is valid as long as the real mode is the one that was set with it: a later chmod by anyone wins.
"""

from __future__ import annotations

import os
import stat

from msgspec import Struct

ATTRIBUTE = "user.minikube_edu.owner"
_remembered: dict[tuple[int, int], str] = {}  # (device, inode): where there are no attributes


class Owner(Struct, frozen=True):
    uid: int = 0
    gid: int = 0
    mode: int | None = None  # permissions to show in place of the real ones
    real: int = 0  # the real permissions that went with them

    def shown(self, real_mode: int) -> int:
        if self.mode is None or stat.S_IMODE(real_mode) != self.real:
            return real_mode
        return stat.S_IFMT(real_mode) | self.mode


ROOT = Owner()


def read(place: str | int, found: os.stat_result) -> Owner:
    """`place`: a path or a descriptor; `found` its stat."""
    text = _remembered.get((found.st_dev, found.st_ino)) if _remembered else None
    if text is None and (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)) and hasattr(os, "getxattr"):
        try:
            text = os.getxattr(place, ATTRIBUTE).decode()
        except OSError:
            return ROOT
    return ROOT if text is None else _parsed(text)


def _parsed(text: str) -> Owner:
    try:
        uid, gid, mode, real = text.split(":")
        return Owner(int(uid), int(gid), int(mode, 8) if mode else None, int(real, 8) if real else 0)
    except ValueError:
        return ROOT


def write(place: str | int, found: os.stat_result, owner: Owner) -> None:
    mode = "" if owner.mode is None else f"{owner.mode:o}"
    text = f"{owner.uid}:{owner.gid}:{mode}:{owner.real:o}"
    if hasattr(os, "setxattr") and (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        try:
            os.setxattr(place, ATTRIBUTE, text.encode())
            return
        except OSError:
            pass
    _remembered[found.st_dev, found.st_ino] = text


def give(path: str, uid: int = -1, gid: int = -1, mode: int | None = None) -> None:
    """Owner and permissions that a file or directory shows from now on (-1, None: as they were)."""
    found = os.lstat(path)
    if stat.S_ISLNK(found.st_mode):
        return  # a link has no owner of its own to read in another process
    now = read(path, found)
    uid, gid = now.uid if uid < 0 else uid, now.gid if gid < 0 else gid
    mode = stat.S_IMODE(now.shown(found.st_mode)) if mode is None else mode
    real = mode if mode & 0o400 and (mode & 0o100 or not stat.S_ISDIR(found.st_mode)) else livable(mode, True)
    os.chmod(path, real)
    owner = Owner(uid, gid, None if mode == real else mode, real)
    if owner != now and (now != ROOT or (uid, gid) != (0, 0) or mode != real):
        write(path, found, owner)


def forget(found: os.stat_result) -> None:
    """The file is gone: its number may be given to another."""
    _remembered.pop((found.st_dev, found.st_ino), None)


def livable(mode: int, directory: bool) -> int:
    """The nearest mode with which the host's own process can still do its work, and which gives nobody else a say."""
    return (mode & 0o777) | (0o700 if directory else 0o600)
