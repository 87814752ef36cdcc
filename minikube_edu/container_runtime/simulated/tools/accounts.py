"""/etc/passwd and /etc/group, read: whose number is whose name."""

from __future__ import annotations

from msgspec import Struct

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.tools.streams import decode


class Account(Struct):
    name: str
    uid: int
    gid: int
    comment: str
    home: str
    shell: str


class Group(Struct):
    name: str
    gid: int
    members: list[str]


async def lines(process: Process, path: str) -> list[list[str]]:
    try:
        data = await process.read_file(path)
    except OSError:
        return []
    return [line.split(":") for line in decode(data).split("\n") if line and not line.startswith("#")]


async def users(process: Process) -> list[Account]:
    return [
        Account(row[0], int(row[2]), int(row[3]), row[4], row[5], row[6])
        for row in await lines(process, "/etc/passwd")
        if len(row) >= 7 and row[2].isdigit() and row[3].isdigit()
    ]


async def groups(process: Process) -> list[Group]:
    return [
        Group(row[0], int(row[2]), [name for name in row[3].split(",") if name])
        for row in await lines(process, "/etc/group")
        if len(row) >= 4 and row[2].isdigit()
    ]


class Names:
    """Names of numbers, with the numbers themselves for those without a name."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.user: dict[int, str] = {}
        self.group: dict[int, str] = {}

    async def load(self) -> Names:
        self.user = {account.uid: account.name for account in reversed(await users(self.process))}
        self.group = {group.gid: group.name for group in reversed(await groups(self.process))}
        return self

    def of_user(self, uid: int) -> str:
        return self.user.get(uid, str(uid))

    def of_group(self, gid: int) -> str:
        return self.group.get(gid, str(gid))


async def user_number(process: Process, name: str) -> int | None:
    for account in await users(process):
        if account.name == name:
            return account.uid
    return int(name) if name.isdigit() else None


async def group_number(process: Process, name: str) -> int | None:
    for group in await groups(process):
        if group.name == name:
            return group.gid
    return int(name) if name.isdigit() else None
