"""fsGroup: the group that a volume's files belong to, so that a container that is not root may use them.

Directories get the set-group-id bit, so that new files belong to the group as well. A kubelet that does not run as root
cannot give files away: then the group stays, the modes are set all the same.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

Object = dict[str, Any]

READ_WRITE, READ, EXECUTE, SET_GROUP_ID = 0o660, 0o440, 0o110, 0o2000


def group_of(pod: Object) -> int | None:
    found = (pod["spec"].get("securityContext") or {}).get("fsGroup")
    return None if found is None else int(found)


def give(directory: Path, group: int, readonly: bool, on_root_mismatch: bool = False) -> None:
    mask = READ if readonly else READ_WRITE
    if on_root_mismatch and _fits(directory, group, mask):
        return
    for parent, folders, files in os.walk(directory, topdown=False):
        for name in (*files, *folders):
            path = os.path.join(parent, name)
            if not os.path.islink(path):
                _give(path, group, mask)
    _give(str(directory), group, mask)


def _give(path: str, group: int, mask: int) -> None:
    try:
        os.chown(path, -1, group)
    except PermissionError:
        pass
    mode = os.stat(path).st_mode
    more = mask | (EXECUTE | SET_GROUP_ID if os.path.isdir(path) else 0)
    os.chmod(path, (mode & 0o7777) | more)


def _fits(directory: Path, group: int, mask: int) -> bool:
    found = directory.stat()
    wanted = mask | EXECUTE | SET_GROUP_ID
    return found.st_gid == group and found.st_mode & wanted == wanted
