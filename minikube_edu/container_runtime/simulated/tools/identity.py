"""id, whoami, groups, users, who, logname, getent: who one is."""

from __future__ import annotations

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.tools.accounts import (
    Names,
    lines,
)
from minikube_edu.container_runtime.simulated.tools.accounts import (
    groups as all_groups,
)
from minikube_edu.container_runtime.simulated.tools.accounts import (
    users as all_users,
)
from minikube_edu.container_runtime.simulated.tools.arguments import Complaint, is_busybox, parse, program

COMMANDS = {"users": "users", "who": "who", "w": "who", "last": "last"}


@program("id [-ugGnr] [USER]")
async def id(process: Process) -> int:
    arguments = parse(process, "ugGnrz", {"user": "u", "group": "g", "groups": "G", "name": "n", "real": "r"})
    names = await Names(process).load()
    user, group, extra = process.user.uid, process.user.gid, list(process.user.groups)
    if arguments.operands:
        name = arguments.operands[0]
        account = next((one for one in await all_users(process) if one.name == name or str(one.uid) == name), None)
        if account is None:
            raise Complaint(f"unknown user {name}" if is_busybox(process) else f"'{name}': no such user")
        user, group = account.uid, account.gid
        extra = [one.gid for one in await all_groups(process) if account.name in one.members]
    kernels = is_busybox(process) and not arguments.operands  # as the kernel keeps them; others put the first one first
    every = sorted({*extra}) if kernels and extra else list(dict.fromkeys([group, *extra]))
    if arguments.has("u"):
        await process.print(names.of_user(user) if arguments.has("n") else str(user))
    elif arguments.has("g"):
        await process.print(names.of_group(group) if arguments.has("n") else str(group))
    elif arguments.has("G"):
        await process.print(" ".join(names.of_group(one) if arguments.has("n") else str(one) for one in every))
    else:

        def shown(number: int, table: dict[int, str]) -> str:
            return f"{number}({table[number]})" if number in table else str(number)

        line = f"uid={shown(user, names.user)} gid={shown(group, names.group)}"
        if extra or not is_busybox(process) or arguments.operands:
            line += " groups=" + ",".join(shown(one, names.group) for one in every)
        await process.print(line)
    return 0


@program("whoami")
async def whoami(process: Process) -> int:
    names = await Names(process).load()
    if process.user.uid not in names.user:
        if is_busybox(process):
            raise Complaint(f"unknown uid {process.user.uid}")
        raise Complaint(f"cannot find name for user ID {process.user.uid}")
    await process.print(names.of_user(process.user.uid))
    return 0


@program("groups [USER]")
async def groups(process: Process) -> int:
    names = await Names(process).load()
    operands = parse(process, "").operands
    if not operands:
        every = dict.fromkeys([process.user.gid, *process.user.groups])
        await process.print(" ".join(names.of_group(one) for one in every))
    for name in operands:
        account = next((one for one in await all_users(process) if one.name == name), None)
        if account is None:
            raise Complaint(f"unknown user {name}" if is_busybox(process) else f"'{name}': no such user")
        found = [names.of_group(account.gid), *(one.name for one in await all_groups(process) if name in one.members)]
        text = " ".join(dict.fromkeys(found))
        await process.print(text if is_busybox(process) else f"{name} : {text}")
    return 0


@program("logname")
async def logname(process: Process) -> int:
    raise Complaint("no login name" if not is_busybox(process) else "getlogin: No such file or directory")


@program("users")
async def users(process: Process) -> int:
    return 0  # nobody logs in to a container


@program("who [-a]")
async def who(process: Process) -> int:
    if is_busybox(process):
        await process.print("USER\t\tTTY\t\tIDLE\tTIME\t\t HOST")
    return 0


@program("last")
async def last(process: Process) -> int:
    return 0


@program("getent passwd|group|hosts|services [KEY]...", failure=2)
async def getent(process: Process) -> int:
    operands = parse(process, "s:").operands
    if not operands:
        raise Complaint("wrong number of arguments", 1, usage=True)
    database, keys = operands[0], operands[1:]
    if database in ("hosts", "ahosts", "ahostsv4"):
        return await hosts(process, keys)
    if database not in ("passwd", "group", "shadow", "services", "protocols", "networks"):
        raise Complaint(f"Unknown database: {database}", 1, usage=True)
    rows = await lines(process, f"/etc/{database}")
    if not keys:
        for row in rows:
            await process.print(":".join(row))
        return 0
    code = 0
    for key in keys:
        found = next((row for row in rows if row[0].split()[0] == key or (len(row) > 2 and row[2] == key)), None)
        if found is None:
            code = 2
        else:
            await process.print(":".join(found))
    return code


async def hosts(process: Process, keys: list[str]) -> int:
    if not keys:
        for row in await lines(process, "/etc/hosts"):
            words = ":".join(row).split()
            if words:
                await process.print(f"{words[0]:<15} {' '.join(words[1:])}")
        return 0
    for key in keys:
        try:
            addresses = await process.resolve(key)
        except OSError:
            return 2
        for address in addresses:
            await process.print(f"{address:<15} {key}")
    return 0
