"""May this user do that with this file: the classic rule of owner, group, others, and root's capabilities.

Exactly one of the three sets of bits counts: an owner whom the owner's bits refuse is refused, whatever the others'
bits say. CAP_DAC_OVERRIDE passes all but executing a file that nobody may execute.
"""

from __future__ import annotations

import os
import stat

from minikube_edu.container_runtime.simulated.contract import Stat, User

ALL = frozenset(
    [
        "CAP_AUDIT_WRITE",
        "CAP_CHOWN",
        "CAP_DAC_OVERRIDE",
        "CAP_FOWNER",
        "CAP_FSETID",
        "CAP_KILL",
        "CAP_MKNOD",
        "CAP_NET_BIND_SERVICE",
        "CAP_NET_RAW",
        "CAP_SETFCAP",
        "CAP_SETGID",
        "CAP_SETPCAP",
        "CAP_SETUID",
        "CAP_SYS_CHROOT",
    ]
)  # what a container's root has by default


def may(user: User, privileges: frozenset[str], file: Stat, wanted: int) -> bool:
    """`wanted`: os.R_OK | os.W_OK | os.X_OK."""
    if "CAP_DAC_OVERRIDE" in privileges:
        if not wanted & os.X_OK or stat.S_ISDIR(file.mode):
            return True
        return bool(file.mode & 0o111)
    if user.uid == file.uid:
        bits = file.mode >> 6
    elif user.gid == file.gid or file.gid in user.groups:
        bits = file.mode >> 3
    else:
        bits = file.mode
    return bits & wanted == wanted


def owns(user: User, privileges: frozenset[str], file: Stat) -> bool:
    """May change mode and times."""
    return user.uid == file.uid or "CAP_FOWNER" in privileges


def sticky_refuses(user: User, privileges: frozenset[str], directory: Stat, file: Stat) -> bool:
    """In /tmp only a file's owner, the directory's, and root may remove it."""
    return bool(directory.mode & stat.S_ISVTX) and not (
        user.uid in (file.uid, directory.uid) or "CAP_FOWNER" in privileges
    )
