"""dig and host: questions to a DNS server, with everything it said."""

from __future__ import annotations

from datetime import UTC, datetime

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.tools.arguments import Complaint, parse, program
from minikube_edu.container_runtime.simulated.tools.network.dialing import addresses, is_address
from minikube_edu.container_runtime.simulated.tools.network.dns_messages import (
    TYPES,
    NoServer,
    Record,
    Reply,
    ask,
    resolver_file,
    reverse_name,
)
from minikube_edu.lib import clock

VERSION = "9.18.39-0ubuntu0.24.04.2-Ubuntu"


class Wanted:
    """The command line of dig."""

    def __init__(self, argv: list[str]) -> None:
        self.name, self.kind, self.server, self.port = "", "", "", 53
        self.flags: dict[str, str] = {}
        words = list(argv)
        while words:
            word = words.pop(0)
            if word.startswith("@"):
                self.server = word[1:]
            elif word.startswith("+"):
                flag, _, value = word[1:].partition("=")
                self.flags[flag] = value
            elif word in ("-t", "-p", "-q", "-x") and words:
                value = words.pop(0)
                if word == "-t":
                    self.kind = value.upper()
                elif word == "-p":
                    self.port = int(value) if value.isdigit() else 53
                elif word == "-q":
                    self.name = value
                else:
                    self.name, self.kind = (reverse_name(value) if is_address(value) else value), "PTR"
            elif word.upper() in TYPES and (self.name or words):
                self.kind = word.upper()
            elif word.upper() == "IN":
                continue
            elif not word.startswith("-"):
                self.name = word

    def on(self, flag: str) -> bool:
        return flag in self.flags and f"no{flag}" not in self.flags

    def shows(self, section: str) -> bool:
        if section in self.flags or f"no{section}" in self.flags:
            return section in self.flags
        return "noall" not in self.flags


@program("dig [@global-server] [domain] [q-type] [q-class] {q-opt}", failure=1, version="DiG")
async def dig(process: Process) -> int:
    if process.argv[1:2] == ["-v"]:
        await process.stderr.write(f"DiG {VERSION}\n".encode())
        return 0
    wanted = Wanted(process.argv[1:])
    kind = wanted.kind or ("A" if wanted.name else "NS")
    if kind not in TYPES:
        raise Complaint(f"unknown type {kind}")
    settings = await resolver_file(process)
    servers = settings.servers
    if wanted.server:
        try:
            servers = await addresses(process, wanted.server)
        except OSError:
            await process.stderr.write(f"dig: couldn't get address for '{wanted.server}': not found\n".encode())
            return 10
    names = settings.candidates(wanted.name) if wanted.on("search") else [wanted.name.rstrip(".") + "."]
    seconds = wanted.flags.get("timeout") or wanted.flags.get("time") or "5"
    tries = wanted.flags.get("tries") or "3"
    reply: Reply | None = None
    for name in names:
        try:
            reply = await ask(
                process, servers[0], name, kind, port=wanted.port, timeout=float(seconds), tries=int(tries)
            )
        except NoServer:
            return await _nobody(process, wanted, servers[0], int(tries))
        if reply.answers:
            break
    assert reply is not None
    if wanted.on("short"):
        for record in reply.answers:
            await process.print(record.data)
        return 0
    await process.print(_report(wanted, reply, servers[0]), end="")
    return 0


async def _nobody(process: Process, wanted: Wanted, server: str, tries: int) -> int:
    for _ in range(tries):
        await process.print(f";; communications error to {server}#{wanted.port}: timed out")
    if not wanted.on("short"):
        words = " ".join(process.argv[1:])
        await process.print(f"\n; <<>> DiG {VERSION} <<>> {words}\n;; global options: +cmd")
    await process.print(";; no servers could be reached")
    return 9


def _report(wanted: Wanted, reply: Reply, server: str) -> str:
    words = " ".join(filter(None, [f"@{wanted.server}" if wanted.server else "", *_words(wanted)]))
    lines = []
    if wanted.shows("cmd") and "nocmd" not in wanted.flags:
        lines += ["", f"; <<>> DiG {VERSION} <<>> {words}", ";; global options: +cmd"]
    if wanted.shows("comments"):
        flags = " ".join(
            name for name, bit in (("qr", 15), ("aa", 10), ("tc", 9), ("rd", 8), ("ra", 7)) if reply.flags >> bit & 1
        )
        counts = f"QUERY: 1, ANSWER: {len(reply.answers)}, AUTHORITY: {len(reply.authorities)}"
        lines += [
            ";; Got answer:",
            f";; ->>HEADER<<- opcode: QUERY, status: {reply.status}, id: {reply.id}",
            f";; flags: {flags}; {counts}, ADDITIONAL: {len(reply.additional)}",
            "",
        ]
    if wanted.shows("question"):
        lines += [";; QUESTION SECTION:", f";{reply.question[0]:<24}\tIN\t{reply.question[1]}", ""]
    sections = (("answer", reply.answers), ("authority", reply.authorities), ("additional", reply.additional))
    for title, records in sections:
        if records and wanted.shows(title):
            head = [f";; {title.upper()} SECTION:"] if wanted.shows("comments") else []
            lines += [*head, *map(_line, records), ""]
    if wanted.shows("stats"):
        when = datetime.fromtimestamp(clock.now(), UTC).strftime("%a %b %d %H:%M:%S UTC %Y")
        lines += [
            f";; Query time: {round(reply.seconds * 1000)} msec",
            f";; SERVER: {server}#{wanted.port}({server}) (UDP)",
            f";; WHEN: {when}",
            f";; MSG SIZE  rcvd: {reply.size}",
            "",
        ]
    return "".join(f"{line}\n" for line in lines)


def _words(wanted: Wanted) -> list[str]:
    flags = [f"+{name}={value}" if value else f"+{name}" for name, value in wanted.flags.items()]
    return [wanted.name, wanted.kind if wanted.kind not in ("", "A") else "", *flags]


def _line(record: Record) -> str:
    """Columns at 24, 32, 40, 48, reached by tabs; what is too long is followed by a space."""
    line = ""
    for word, column in ((record.name, 24), (str(record.ttl), 32), ("IN", 40), (record.type, 48)):
        line += word
        width = len(line.expandtabs())
        line += "\t" * -(-(column - width) // 8) if width < column else " "
    return line + record.data


@program("host [-t type] name [server]", failure=1)
async def host(process: Process) -> int:
    arguments = parse(process, "t:avW:R:46", permute=True)
    if not arguments.operands:
        raise Complaint("", usage=True)
    name = arguments.operands[0]
    settings = await resolver_file(process)
    servers = settings.servers
    if len(arguments.operands) > 1:
        servers = await addresses(process, arguments.operands[1])
        shown = arguments.operands[1]
        await process.print(f"Using domain server:\nName: {shown}\nAddress: {servers[0]}#53\nAliases: \n")
    kind = (arguments.last("t") or "").upper()
    if is_address(name):
        names, kinds = [reverse_name(name)], ["PTR"]
    else:
        names, kinds = settings.candidates(name), [kind] if kind else ["A", "AAAA", "MX"]
    reply: Reply | None = None
    found: list[Record] = []
    for candidate in names:
        for one in kinds:
            try:
                reply = await ask(process, servers[0], candidate, one, timeout=float(arguments.last("W") or 5), tries=2)
            except NoServer:
                await process.print(";; communications error to " + f"{servers[0]}#53: timed out")
                await process.print(";; no servers could be reached")
                return 1
            found += reply.answers
        if found:
            break
    for record in found:
        await process.print(_sentence(record))
    if not found:
        assert reply is not None
        if reply.status == "NOERROR":
            await process.print(f"{name} has no {kinds[0]} record")
        else:
            await process.print(
                f"Host {names[0].rstrip('.') if kinds == ['PTR'] else name} not found: 3({reply.status})"
            )
        return 1
    return 0


def _sentence(record: Record) -> str:
    name = record.name.rstrip(".")
    words = {
        "A": "has address",
        "AAAA": "has IPv6 address",
        "CNAME": "is an alias for",
        "PTR": "domain name pointer",
        "MX": "mail is handled by",
        "NS": "name server",
        "TXT": "descriptive text",
        "SRV": "has SRV record",
        "SOA": "has SOA record",
    }
    return f"{name} {words.get(record.type, 'has ' + record.type + ' record')} {record.data}"
