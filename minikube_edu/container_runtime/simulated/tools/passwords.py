"""su, adduser, useradd, deluser, addgroup, groupadd, delgroup, passwd: who may be here."""

from __future__ import annotations

import re

from minikube_edu.container_runtime.simulated.contract import Process, reason
from minikube_edu.container_runtime.simulated.tools.accounts import Account, groups, users
from minikube_edu.container_runtime.simulated.tools.arguments import Complaint, is_busybox, parse, program
from minikube_edu.container_runtime.simulated.tools.streams import decode, encode

COMMANDS = {
    "useradd": "adduser",
    "adduser": "adduser",
    "userdel": "deluser",
    "deluser": "deluser",
    "addgroup": "addgroup",
    "groupadd": "addgroup",
    "delgroup": "delgroup",
    "groupdel": "delgroup",
    "usermod": "usermod",
}


async def append(process: Process, path: str, line: str) -> None:
    try:
        await process.write_file(path, encode(line + "\n"), append=True)
    except OSError as error:
        raise Complaint(f"{path}: {reason(error)}") from None


async def drop(process: Process, path: str, name: str) -> None:
    try:
        text = decode(await process.read_file(path))
        await process.write_file(
            path, encode("".join(line + "\n" for line in text.split("\n")[:-1] if line.split(":")[0] != name))
        )
    except FileNotFoundError:
        pass


def free_number(taken: set[int], system: bool) -> int:
    numbers = range(100, 1000) if system else range(1000, 60000)
    return next(number for number in numbers if number not in taken)


def allowed(process: Process) -> None:
    if process.user.uid != 0:
        raise Complaint(
            "Only root may add a user or group to the system." if not is_busybox(process) else "must be superuser"
        )


@program("adduser [-h DIR] [-s SHELL] [-G GROUP] [-SDH] [-u UID] USER [GROUP]")
async def adduser(process: Process) -> int:
    gnu = process.name == "useradd"
    arguments = parse(
        process,
        "mrs:d:u:g:G:c:MNUp:e:k:" if gnu else "h:g:s:G:SDHu:k:",
        {
            "home:": "h" if not gnu else "d",
            "shell:": "s",
            "uid:": "u",
            "gid:": "gid",
            "ingroup:": "G",
            "system": "S" if not gnu else "r",
            "disabled-password": "D",
            "no-create-home": "H" if not gnu else "M",
            "gecos:": "c",
            "disabled-login": "D",
            "group": "group",
            "create-home": "m",
            "groups:": "G",
            "home-dir:": "d",
            "comment:": "c",
            "quiet": "q",
            "no-log-init": "l",
        },
    )
    allowed(process)
    if not arguments.operands:
        raise Complaint("", usage=True)
    name = arguments.operands[0]
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*\$?", name):
        raise Complaint(f"invalid user name '{name}'", 3 if gnu else 1)
    known, every = await users(process), await groups(process)
    if len(arguments.operands) > 1 and not gnu:
        return await join(process, name, arguments.operands[1])
    if any(account.name == name for account in known):
        raise Complaint(f"user '{name}' already exists" if gnu else f"user '{name}' in use", 9 if gnu else 1)
    system = arguments.has("S", "r")
    uid = arguments.number("u", free_number({account.uid for account in known}, system))
    wanted = arguments.last("g", "gid") if gnu else arguments.last("G", "gid")
    group = next((one for one in every if wanted in (one.name, str(one.gid))), None)
    if wanted and group is None:
        raise Complaint(f"group '{wanted}' does not exist" if gnu else f"unknown group {wanted}", 6 if gnu else 1)
    gid = group.gid if group else uid
    if group is None:
        await append(process, "/etc/group", f"{name}:x:{gid}:")
    home = arguments.last("d" if gnu else "h") or f"/home/{name}"
    shell = arguments.last("s") or ("/sbin/nologin" if system else "/bin/sh")
    comment = arguments.last("c") or ("Linux User,,," if not gnu else "")
    await append(process, "/etc/passwd", f"{name}:x:{uid}:{gid}:{comment}:{home}:{shell}")
    await append(process, "/etc/shadow", f"{name}:!:20000:0:99999:7:::")
    for extra in (arguments.last("G") or "").split(",") if gnu else ():
        if extra:
            await join(process, name, extra)
    if arguments.has("m") if gnu else not arguments.has("H") and not system:
        try:
            process.mkdir(home)
            process.chown(home, uid, gid)
        except FileExistsError:
            pass
    return 0


async def join(process: Process, name: str, group: str) -> int:
    try:
        text = decode(await process.read_file("/etc/group"))
    except OSError as error:
        raise Complaint(f"/etc/group: {reason(error)}") from None
    lines = text.split("\n")
    for index, line in enumerate(lines):
        row = line.split(":")
        if row[0] == group and len(row) == 4:
            members = [one for one in row[3].split(",") if one]
            lines[index] = ":".join([*row[:3], ",".join(dict.fromkeys([*members, name]))])
            await process.write_file("/etc/group", encode("\n".join(lines)))
            return 0
    raise Complaint(
        f"unknown group {group}" if is_busybox(process) else f"group '{group}' does not exist",
        1 if is_busybox(process) else 6,
    )


@program("usermod [-aG GROUP] USER")
async def usermod(process: Process) -> int:
    arguments = parse(process, "aG:s:d:g:u:LU", {"append": "a", "groups:": "G", "shell:": "s"})
    allowed(process)
    for group in (arguments.last("G") or "").split(","):
        if group and arguments.operands:
            await join(process, arguments.operands[0], group)
    return 0


@program("deluser [--remove-home] USER")
async def deluser(process: Process) -> int:
    arguments = parse(process, "rf", {"remove-home": "r", "remove": "r"})
    allowed(process)
    if not arguments.operands:
        raise Complaint("", usage=True)
    name = arguments.operands[0]
    if not any(account.name == name for account in await users(process)):
        raise Complaint(
            f"user '{name}' does not exist" if process.name == "userdel" else f"unknown user {name}",
            6 if process.name == "userdel" else 1,
        )
    for path in ("/etc/passwd", "/etc/shadow", "/etc/group"):
        await drop(process, path, name)
    return 0


@program("addgroup [-g GID] [-S] [USER] GROUP")
async def addgroup(process: Process) -> int:
    arguments = parse(process, "g:Srf", {"gid:": "g", "system": "S"})
    allowed(process)
    if not arguments.operands:
        raise Complaint("", usage=True)
    if len(arguments.operands) == 2:
        return await join(process, *arguments.operands)
    name = arguments.operands[0]
    every = await groups(process)
    if any(one.name == name for one in every):
        raise Complaint(
            f"group '{name}' already exists" if process.name == "groupadd" else f"group '{name}' in use",
            9 if process.name == "groupadd" else 1,
        )
    gid = arguments.number("g", free_number({one.gid for one in every}, arguments.has("S", "r")))
    await append(process, "/etc/group", f"{name}:x:{gid}:")
    return 0


@program("delgroup GROUP")
async def delgroup(process: Process) -> int:
    arguments = parse(process, "")
    allowed(process)
    if not arguments.operands or not any(one.name == arguments.operands[0] for one in await groups(process)):
        raise Complaint(f"unknown group {(arguments.operands or [''])[0]}")
    await drop(process, "/etc/group", arguments.operands[0])
    return 0


@program("passwd [-dlu] [USER]")
async def passwd(process: Process) -> int:
    arguments = parse(process, "dlua:", {"delete": "d", "lock": "l", "unlock": "u"})
    every = await users(process)
    me = next((account.name for account in every if account.uid == process.user.uid), "root")
    name = (arguments.operands or [me])[0]
    if not any(account.name == name for account in every):
        raise Complaint(f"unknown user {name}" if is_busybox(process) else f"user '{name}' does not exist")
    if process.user.uid != 0 and name != me:
        raise Complaint(f"You may not view or modify password information for {name}.")
    if not arguments.options:
        await process.print("Changing password for " + name + "\nNew password: ", end="")
        first = await process.stdin.read(200)
        await process.print("\nRetype password: ", end="")
        if not first.strip() or await process.stdin.read(200) != first:
            await process.print("")
            raise Complaint(f"password for {name} is unchanged")
        await process.print("")
    await drop(process, "/etc/shadow", name)
    await append(
        process,
        "/etc/shadow",
        f"{name}:{'' if arguments.has('d') else '!' if arguments.has('l') else '$6$simulated'}:20000:0:99999:7:::",
    )
    await process.print(
        f"passwd: password for {name} changed by root"
        if is_busybox(process)
        else "passwd: password updated successfully"
    )
    return 0


@program("su [-lmp] [-c CMD] [-s SHELL] [USER [ARG]...]")
async def su(process: Process) -> int:
    arguments = parse(
        process,
        "lmpc:s:",
        {"login": "l", "command:": "c", "shell:": "s", "preserve-environment": "m"},
        permute=True,
        argv=["-l" if word == "-" else word for word in process.argv[1:]],
    )
    name = (arguments.operands or ["root"])[0]
    account = next((one for one in await users(process) if one.name == name), None)
    if account is None:
        raise Complaint(
            f"unknown user {name}"
            if is_busybox(process)
            else f"user {name} does not exist or the user entry does not contain all the required fields"
        )
    if process.user.uid != 0:
        await process.stderr.write(b"Password: ")
        await process.stdin.read(200)
        raise Complaint("incorrect password" if is_busybox(process) else "Authentication failure")
    return await become(process, account, arguments.last("c"), arguments.last("s") or account.shell, arguments.has("l"))


async def become(process: Process, account: Account, command: str | None, shell: str, login: bool) -> int:
    extra = [group.gid for group in await groups(process) if account.name in group.members]
    process.user.uid, process.user.gid, process.user.groups = account.uid, account.gid, tuple(extra)
    env = {**process.env, "HOME": account.home, "SHELL": shell, "USER": account.name, "LOGNAME": account.name}
    if login:
        try:
            process.chdir(account.home)
        except OSError:
            process.chdir("/")
    try:
        return await process.exec([shell, *(["-c", command] if command is not None else [])], env)
    except OSError as error:
        raise Complaint(
            f"can't execute '{shell}': {reason(error)}"
            if is_busybox(process)
            else f"failed to execute {shell}: {reason(error)}",
            127,
        ) from None
