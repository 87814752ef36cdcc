"""Users and groups of an image, by its /etc/passwd and /etc/group: who a container's process is.

The pod's runAsUser wins over the image's USER; a number needs no entry, a name does. Groups of a user's name are those
that list him. containerd asks the container's own root file system; so do we, before anything is mounted over it.
"""

from __future__ import annotations

from msgspec import Struct

from minikube_edu.container_runtime.cri import RuntimeFailure, SecurityContext
from minikube_edu.container_runtime.simulated.contract import User
from minikube_edu.container_runtime.simulated.images.entry import Definition

TMPMOUNT = "/var/lib/containerd/tmpmounts/containerd-mount1529471162"

NOTHING_SAID = SecurityContext()
_usual: dict[str, tuple[User, str]] = {}  # by image: who runs it, when nobody says anything


class Account(Struct, frozen=True):
    name: str
    uid: int
    gid: int
    home: str


def _fields(definition: Definition, path: str, count: int) -> list[list[str]]:
    text = definition.files.get(path, "")
    rows = [line.split(":") for line in str(text).splitlines()]
    return [row for row in rows if len(row) >= count and row[2].isdigit()]


def accounts(definition: Definition) -> list[Account]:
    return [
        Account(row[0], int(row[2]), int(row[3]), row[5])
        for row in _fields(definition, "/etc/passwd", 6)
        if row[3].isdigit()
    ]


def _root(definition: Definition) -> tuple[User, str]:
    rows = _fields(definition, "/etc/group", 3)
    groups = [int(row[2]) for row in rows if len(row) > 3 and "root" in row[3].split(",")]
    return User(0, 0, tuple(dict.fromkeys([0, *groups]))), "/root" if definition.base != "scratch" else "/"


def _refused(what: str) -> RuntimeFailure:
    return RuntimeFailure(f"failed to create containerd container: mount callback failed on {TMPMOUNT}: {what}")


def identify(definition: Definition, security: SecurityContext) -> tuple[User, str]:
    """(who, home directory); RuntimeFailure in containerd's words."""
    wanted, _, group = definition.user.partition(":")
    if security.run_as_user is not None:
        wanted, group = str(security.run_as_user), ""
    elif security.run_as_username:
        wanted, group = security.run_as_username, ""
    elif security.run_as_group is not None and not wanted:
        wanted = "0"
    if not definition.user and security == NOTHING_SAID:
        usual = _usual.get(definition.id)
        if usual is None:
            usual = _usual[definition.id] = _root(definition)
        return usual
    known = accounts(definition)
    wanted = wanted or "0"
    found = next((one for one in known if one.name == wanted), None)
    if found is None and wanted.isdigit():
        found = next((one for one in known if one.uid == int(wanted)), None)
    if found is None and not wanted.isdigit():
        raise _refused("no users found")
    uid = found.uid if found is not None else int(wanted)
    gid = found.gid if found is not None else 0
    groups: list[int] = []
    rows = _fields(definition, "/etc/group", 3)
    if group:
        gid = _group(rows, group)
    elif found is not None:
        groups = [int(row[2]) for row in rows if len(row) > 3 and found.name in row[3].split(",")]
    if security.run_as_group is not None:
        gid = security.run_as_group
    wider = dict.fromkeys([gid, *groups, *security.supplemental_groups])
    home = found.home if found is not None else "/"
    return User(uid, gid, tuple(sorted(wider))), home or "/"  # the kernel sorts them


def _group(rows: list[list[str]], group: str) -> int:
    if group.isdigit():
        return int(group)
    for row in rows:
        if row[0] == group:
            return int(row[2])
    raise _refused("no groups found")
