"""etcdctl's command line: which words are the verb, which flags it knows, and how it ends.

`main` takes the words after `etcdctl`, a function that dials an endpoint, and the endpoints. It returns the exit code.
The verb is looked for as cobra does: flags may stand before it. What is no flag may be in the environment.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import BinaryIO, Literal

from msgspec import Struct

from minikube_edu.etcd.contract import StoreError
from minikube_edu.etcd.etcdctl import delete, endpoint, get, lease, maintenance, members, put, txn, watch
from minikube_edu.etcd.etcdctl.balancer import Dial
from minikube_edu.etcd.etcdctl.forms.fields import Fields
from minikube_edu.etcd.etcdctl.forms.form import Form, NotInThisForm
from minikube_edu.etcd.etcdctl.forms.json_form import Json
from minikube_edu.etcd.etcdctl.forms.simple import Simple
from minikube_edu.etcd.etcdctl.forms.table import Table
from minikube_edu.etcd.etcdctl.session import BAD_CONNECTION, BAD_FEATURE, ERROR, DeadlineExceeded, Exit, Session
from minikube_edu.etcd.etcdctl.words import Flag, Flags, UsageError, parse, read
from minikube_edu.etcd.limits import CLUSTER_VERSION, ETCD_VERSION

Run = Callable[[Session, Flags, list[bytes]], Awaitable[None]]
SIGINT_CODE = 130


class Command(Struct, frozen=True):
    usage: str
    meaning: str
    run: Run
    flags: Sequence[Flag] = ()
    timed: Literal["", "command", "endpoint"] = "command"  # what --command-timeout is the time of; "": of nothing


async def _version(session: Session, flags: Flags, words: list[bytes]) -> None:
    session.say(f"etcdctl version: {ETCD_VERSION}")
    session.say(f"API version: {CLUSTER_VERSION.rpartition('.')[0]}")


COMMANDS: Mapping[str, Command] = {
    "get": Command("get [options] <key> [range_end]", "Gets the key or a range of keys", get.run, get.FLAGS),
    "put": Command("put [options] <key> <value>", "Puts the given key into the store", put.run, put.FLAGS),
    "del": Command("del [options] <key> [range_end]", "Removes the specified key or range of keys", delete.run,
                   delete.FLAGS),
    "txn": Command("txn [options]", "Processes all the requests in one transaction", txn.run, txn.FLAGS, ""),
    "watch": Command("watch [options] [key or prefix] [range_end] [--] [exec-command arg1 arg2 ...]",
                     "Watches events stream on keys or prefixes", watch.run, watch.FLAGS, ""),
    "lease grant": Command("lease grant <ttl>", "Creates leases", lease.grant),
    "lease revoke": Command("lease revoke <leaseID>", "Revokes leases", lease.revoke),
    "lease timetolive": Command("lease timetolive <leaseID> [options]", "Get lease information", lease.time_to_live,
                                lease.KEYS),
    "lease list": Command("lease list", "List all active leases", lease.listing),
    "lease keep-alive": Command("lease keep-alive [options] <leaseID>", "Keeps leases alive (renew)",
                                lease.keep_alive, lease.ONCE, ""),
    "compaction": Command("compaction [options] <revision>", "Compacts the event history in etcd",
                          maintenance.compaction, maintenance.PHYSICAL),
    "defrag": Command("defrag", "Defragments the storage of the etcd member", maintenance.defragment,
                      endpoint.CLUSTER, "endpoint"),
    "alarm list": Command("alarm list", "Lists all alarms", maintenance.alarm_list),
    "alarm disarm": Command("alarm disarm", "Disarms all alarms", maintenance.alarm_disarm),
    "snapshot save": Command("snapshot save <filename>", "Stores an etcd node backend snapshot to a given file",
                             maintenance.snapshot_save, (), ""),
    "endpoint health": Command("endpoint health", "Checks the healthiness of endpoints", endpoint.health,
                               endpoint.CLUSTER, "endpoint"),
    "endpoint status": Command("endpoint status", "Prints out the status of endpoints", endpoint.status,
                               endpoint.CLUSTER, "endpoint"),
    "endpoint hashkv": Command("endpoint hashkv", "Prints the KV history hash for each endpoint", endpoint.hashkv,
                               endpoint.REVISION, "endpoint"),
    "member list": Command("member list", "Lists all members in the cluster", members.member_list,
                           members.CONSISTENCY),
    "version": Command("version", "Prints the version of etcdctl", _version),
}  # fmt: skip
REFUSED = frozenset({"auth", "check", "downgrade", "elect", "lock", "make-mirror", "move-leader", "role", "user"})
REFUSED_PAIRS = frozenset(f"member {verb}" for verb in ("add", "promote", "remove", "update"))  # groups that we have
GROUPS = frozenset(name.partition(" ")[0] for name in COMMANDS if " " in name)
METHODS = {
    "put": "KV/Put", "del": "KV/DeleteRange", "compaction": "KV/Compact", "member list": "Cluster/MemberList",
    "lease grant": "Lease/LeaseGrant", "lease revoke": "Lease/LeaseRevoke", "lease list": "Lease/LeaseLeases",
    "lease timetolive": "Lease/LeaseTimeToLive", "alarm list": "Maintenance/Alarm", "alarm disarm": "Maintenance/Alarm",
    "endpoint health": "Cluster/MemberList", "endpoint status": "Cluster/MemberList",  # with --cluster
    "endpoint hashkv": "Cluster/MemberList", "defrag": "Cluster/MemberList",
}  # fmt: skip
FORMS: Mapping[str, type[Form]] = {form.name: form for form in (Simple, Json, Fields, Table)}

GLOBAL = (
    Flag("write-out", "string", "simple", "set the output format (fields, json, simple, table)", "w"),
    Flag("hex", "bool", False, "print byte strings as hex encoded strings"),
    Flag("command-timeout", "duration", 5.0, "timeout for short running command (excluding dial timeout)"),
    Flag("dial-timeout", "duration", 2.0, "dial timeout for client connections"),
    Flag("help", "bool", False, "help for etcdctl", "h"),
)
# How to reach a server over the network: accepted, without effect on a private socket.
ACCEPTED = (
    Flag("debug", "bool", False, ""),
    Flag("keepalive-time", "duration", 2.0, ""),
    Flag("keepalive-timeout", "duration", 6.0, ""),
    Flag("max-request-bytes", "int", 0, ""),
    Flag("max-recv-bytes", "int", 0, ""),
    Flag("insecure-transport", "bool", True, ""),
    Flag("insecure-discovery", "bool", True, ""),
    Flag("insecure-skip-tls-verify", "bool", False, ""),
)


def main(words: Sequence[str], dial: Dial, endpoints: Sequence[str]) -> int:
    """Run one command; returns the exit code."""
    try:
        return asyncio.run(run(words, dial, endpoints, sys.stdin.buffer, sys.stdout.buffer, sys.stderr.buffer))
    except KeyboardInterrupt:
        return SIGINT_CODE
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


async def run(
    words: Sequence[str],
    dial: Dial,
    endpoints: Sequence[str],
    given: BinaryIO,
    out: BinaryIO,
    err: BinaryIO,
) -> int:
    """The same on streams of the caller's choice."""
    session = Session(dial, endpoints, Simple(out), given, out, err)
    try:
        await _run(session, words)
        return 0
    except UsageError as error:
        session.warn(f"Error: {error}")
        return ERROR
    except Exit as end:
        if str(end):
            session.warn(f"Error: {end}")
        return end.code
    except NotInThisForm as error:
        session.warn(f"Error: {error}")
        return BAD_FEATURE
    except DeadlineExceeded as error:
        session.warn(f"Error: {error}")
        return ERROR
    except StoreError as error:  # it cannot be reached
        session.warn(f"Error: {error}")
        return BAD_CONNECTION
    finally:
        out.flush()
        await session.close()


async def _run(session: Session, words: Sequence[str]) -> None:
    name, rest = find(words)
    if name not in COMMANDS:
        session.say(_overview(name))
        return
    command = COMMANDS[name]
    flags, arguments = parse(rest, (*command.flags, *map(_from_environment, (*GLOBAL, *ACCEPTED))))
    if flags["help"]:
        session.say(_help(command))
        return
    if name == "watch":
        arguments = _with_separator(rest, arguments)
    if flags["write-out"] not in FORMS:
        raise Exit(BAD_FEATURE, "unsupported output format")
    session.form = FORMS[flags["write-out"]](session.out, flags["hex"])
    session.timeout = flags["command-timeout"] if command.timed else 0.0
    session.dial_timeout = flags["dial-timeout"]
    session.method = METHODS.get(name, "KV/Range")
    try:
        async with asyncio.timeout(flags["command-timeout"] if command.timed == "command" else None):
            await command.run(session, flags, [os.fsencode(word) for word in arguments])
    except TimeoutError:
        raise Exit(ERROR, "context deadline exceeded") from None


def _from_environment(flag: Flag) -> Flag:
    """ETCDCTL_COMMAND_TIMEOUT=2s is what --command-timeout is where nobody types it."""
    variable = f"ETCDCTL_{flag.name.upper().replace('-', '_')}"
    text = os.environ.get(variable)
    if not text or flag.name == "help":
        return flag
    try:
        return Flag(flag.name, flag.kind, read(flag.kind, text), flag.meaning, flag.short)
    except ValueError as error:
        raise Exit(ERROR, f'invalid value "{text}" for {variable}: {error}') from None


def find(words: Sequence[str]) -> tuple[str, list[str]]:
    """(the command's name, the other words). A group without a verb of its own, or nothing, is shown as help."""
    takes_value = {f"--{flag.name}" for flag in _all_flags() if flag.kind != "bool"} | {"-w"}
    rest, name, skip = list(words), "", False
    for place, word in enumerate(words):
        if word == "--":
            break
        if skip or word.startswith("-"):
            skip = not skip and word in takes_value
            continue
        del rest[place - len(name.split())]
        name = f"{name} {word}".strip()
        if name not in GROUPS:
            break
    _refuse(name)
    return name, rest


def _refuse(name: str) -> None:
    """What is etcdctl's but not ours, and what is nobody's."""
    first = name.partition(" ")[0]
    if first in REFUSED or name in REFUSED_PAIRS:
        raise Exit(ERROR, f"etcdserver: {name} is not supported by a store of one member without users")
    if name and first not in GROUPS and name not in COMMANDS and first != "help":
        raise Exit(ERROR, f'unknown command "{first}" for "etcdctl"\nRun \'etcdctl --help\' for usage.')


def _all_flags() -> list[Flag]:
    return [*GLOBAL, *ACCEPTED, *(flag for command in COMMANDS.values() for flag in command.flags)]


def _with_separator(rest: Sequence[str], arguments: list[str]) -> list[str]:
    """The arguments with the `--` that the parser has taken out."""
    if "--" not in rest:
        return arguments
    behind = list(rest[rest.index("--") + 1 :])
    return [*arguments[: len(arguments) - len(behind)], "--", *behind]


def _overview(group: str) -> str:
    group = group.partition(" ")[0]
    shown = [command for name, command in COMMANDS.items() if group not in GROUPS or name.startswith(f"{group} ")]
    lines = [f"  {command.usage:<74}{command.meaning}" for command in shown]
    return "\n".join(["A look into the store of a cluster, in etcdctl's words.", "", *lines, "", *_flag_lines(GLOBAL)])


def _help(command: Command) -> str:
    return "\n".join([command.meaning, "", f"  etcdctl {command.usage}", "", *_flag_lines((*command.flags, *GLOBAL))])


def _flag_lines(flags: Sequence[Flag]) -> list[str]:
    return [f"  {f'-{flag.short}, ' if flag.short else '    '}--{flag.name:<20}{flag.meaning}" for flag in flags]
