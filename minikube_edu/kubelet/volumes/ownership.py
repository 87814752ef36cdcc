"""fsGroup: the group that a volume's files belong to, so that a container that is not root may use them.

Directories get the set-group-id bit, so that new files belong to the group as well. A file's owner is written down for
the containers to see (`lib.file_owners`): the node's processes are an ordinary user's and give nothing away.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

from minikube_edu.kubelet import pod_facts
from minikube_edu.lib import file_owners

Object = dict[str, Any]

READ_WRITE, READ, EXECUTE, SET_GROUP_ID = 0o660, 0o440, 0o110, 0o2000


def group_of(pod: Object) -> int | None:
    found = (pod["spec"].get("securityContext") or {}).get("fsGroup")
    return None if found is None else int(found)


def user_of(pod: Object) -> int | None:
    """Whom a private file can be given to: the user that all containers run as, if they say it and it is one."""
    whole = (pod["spec"].get("securityContext") or {}).get("runAsUser")
    users = {
        (container.get("securityContext") or {}).get("runAsUser", whole) for container in pod_facts.every_container(pod)
    }
    user = users.pop() if len(users) == 1 else None
    return None if user is None else int(user)


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
    mode = _shown(path)
    more = mask | (EXECUTE | SET_GROUP_ID if stat.S_ISDIR(mode) else 0)
    file_owners.give(path, gid=group, mode=stat.S_IMODE(mode) | more)


def _shown(path: str) -> int:
    found = os.stat(path)
    return file_owners.read(path, found).shown(found.st_mode)


def _fits(directory: Path, group: int, mask: int) -> bool:
    wanted = mask | EXECUTE | SET_GROUP_ID
    return file_owners.read(str(directory), directory.stat()).gid == group and _shown(str(directory)) & wanted == wanted
