"""nslookup: busybox's way to say it, and bind's."""

from __future__ import annotations

import re

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.tools.arguments import Complaint, is_busybox, program
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


@program("nslookup [-type=QUERY_TYPE] [-debug] HOST [DNS_SERVER]")
async def nslookup(process: Process) -> int:
    kinds: list[str] = []
    operands: list[str] = []
    port, timeout, tries = 53, 5.0, 2
    for word in process.argv[1:]:
        name, _, value = word.lstrip("-").partition("=")
        if not word.startswith("-"):
            operands.append(word)
        elif name in ("type", "query", "querytype", "q") and value:
            if value.upper() not in TYPES:
                raise Complaint(
                    f'invalid query type "{value}"' if is_busybox(process) else f"unknown query type: {value}"
                )
            kinds.append(value.upper())
        elif name == "port" and value.isdigit():
            port = int(value)
        elif name == "timeout" and value.isdigit():
            timeout = float(value)
        elif name == "retry" and value.isdigit():
            tries = int(value)
    if not operands:
        raise Complaint("", usage=True) if is_busybox(process) else Complaint("interactive mode is not simulated")
    settings = await resolver_file(process)
    servers = settings.servers
    if len(operands) > 1:
        try:
            servers = await addresses(process, operands[1])
        except OSError:
            if is_busybox(process):
                raise Complaint(f"bad address '{operands[1]}'") from None
            await process.print(f"nslookup: couldn't get address for '{operands[1]}': not found")
            return 1
    asked = Question(process, operands[0], kinds, servers, port, timeout, tries)
    asked.searches = settings.searches
    if is_busybox(process) and old_busybox(process) and not kinds:
        return await asked.old_busybox()
    return await (asked.busybox() if is_busybox(process) else asked.bind(settings.candidates(operands[0])))


def old_busybox(process: Process) -> bool:
    """Until 1.28 it asked as libc does, search list and all; why tutorials keep that version."""
    found = re.search(r"busybox:1\.(\d+)", process.container.image)
    return found is not None and int(found[1]) <= 28


class Question:
    def __init__(
        self, process: Process, name: str, kinds: list[str], servers: list[str], port: int, timeout: float, tries: int
    ) -> None:
        self.searches: list[str] = []  # busybox: for names without dots
        self.process = process
        self.name = name
        self.kinds = kinds
        self.servers = servers
        self.port = port
        self.timeout = timeout
        self.tries = tries

    async def get(self, name: str, kind: str) -> tuple[Reply, str] | None:
        for server in self.servers:
            try:
                reply = await ask(
                    self.process, server, name, kind, port=self.port, timeout=self.timeout, tries=self.tries
                )
            except NoServer:
                continue
            return reply, server
        return None

    def names(self) -> list[str]:
        """busybox asks for a name without dots below every domain of the search list, and for no other."""
        if "." in self.name or not self.searches:
            return [self.name]
        return [f"{self.name}.{domain.rstrip('.')}" for domain in self.searches]

    # -- busybox until 1.28: getaddrinfo, and a name for every address ----------------------------------------------

    async def named(self, ip: str) -> str:
        found = await self.get(reverse_name(ip), "PTR")
        names = [one.data.rstrip(".") for one in found[0].answers if one.type == "PTR"] if found else []
        return f"{ip} {names[0]}" if names else ip

    async def old_busybox(self) -> int:
        say = self.process.print
        server = self.servers[0]
        await say(f"Server:    {server}\nAddress 1: {await self.named(server)}\n")
        try:
            ips = [self.name] if is_address(self.name) else await addresses(self.process, self.name)
        except OSError:
            await self.process.stderr.write(f"nslookup: can't resolve '{self.name}'\n".encode())
            return 1
        await say(f"Name:      {self.name}")
        for number, ip in enumerate(ips, 1):
            await say(f"Address {number}: {await self.named(ip)}")
        return 0

    # -- busybox: A and AAAA, one after the other --------------------------------------------------------------------

    async def busybox(self) -> int:
        say = self.process.print
        reverse = is_address(self.name)
        kinds = self.kinds or (["PTR"] if reverse else ["A", "AAAA"])
        replies: list[tuple[Reply, str]] = []
        server = self.servers[0]
        for kind in kinds:
            for name in [reverse_name(self.name)] if reverse else self.names():
                found = await self.get(name, kind)
                if found is not None:
                    replies.append((found[0], self.name if reverse else name))
                    server = found[1]
        if not replies:
            await say(";; connection timed out; no servers could be reached\n")
            return 1
        await say(f"Server:\t\t{server}\nAddress:\t{server}:{self.port}\n")
        failed = 0
        shown = False
        for reply, name in replies:
            if reply.status != "NOERROR":
                await say(f"** server can't find {name}: {reply.status}\n")
                failed += 1
                continue
            if not reply.answers:
                if not self.kinds and (shown or reply is not replies[-1][0]):
                    await say("")
                    continue
                await say(f"*** Can't find {name}: No answer\n")
                continue
            if not reply.authoritative:
                await say("Non-authoritative answer:")
            shown = True
            for record in reply.answers:
                await say(_busybox_line(record))
            await say("")
        return int(failed > 0)

    # -- bind --------------------------------------------------------------------------------------------------------

    async def bind(self, candidates: list[str]) -> int:
        say = self.process.print
        if is_address(self.name):
            candidates, kinds = [reverse_name(self.name)], ["PTR"]
        else:
            kinds = self.kinds or ["A", "AAAA"]
        best: tuple[Reply, str, str] | None = None
        for name in candidates:
            found = await self.get(name, kinds[0])
            if found is None:
                for server in self.servers:
                    await say(f";; communications error to {server}#{self.port}: timed out")
                await say(";; no servers could be reached\n")
                return 1
            best = (*found, name)
            if found[0].status == "NOERROR" and (found[0].answers or len(candidates) == 1):
                break
        assert best is not None
        reply, server, name = best
        await say(f"Server:\t\t{server}\nAddress:\t{server}#{self.port}\n")
        if reply.status != "NOERROR":
            await say(
                f"** server can't find {self.name if len(candidates) > 1 else name.rstrip('.')}: {reply.status}\n"
            )
            return 1
        replies = [reply]
        for kind in kinds[1:]:
            more = await self.get(name, kind)
            replies += [more[0]] if more else []
        records = [record for one in replies for record in one.answers]
        if not reply.authoritative and records and "PTR" not in kinds:
            await say("Non-authoritative answer:")
        if not records:
            await say(f"*** Can't find {name.rstrip('.')}: No answer\n")
            return 0
        for record in records:
            await say(_bind_line(record))
        await say("")
        return 0


def _busybox_line(record: Record) -> str:
    name = record.name.rstrip(".")
    data = record.data.rstrip(".")
    if record.type in ("A", "AAAA"):
        return f"Name:\t{name}\nAddress: {data}"
    label = {"CNAME": "canonical name", "PTR": "name", "MX": "mail exchanger", "NS": "nameserver", "TXT": "text"}
    if record.type == "SRV":
        return f"{name}\tservice = {data}"
    return f"{name}\t{label.get(record.type, record.type)} = {data}"


def _bind_line(record: Record) -> str:
    name = record.name.rstrip(".")
    if record.type in ("A", "AAAA"):
        return f"Name:\t{name}\nAddress: {record.data}"
    if record.type == "PTR":
        return f"{name}\tname = {record.data}"
    label = {"CNAME": "canonical name", "MX": "mail exchanger", "NS": "nameserver", "TXT": "text", "SRV": "service"}
    return f"{name}\t{label.get(record.type, record.type)} = {record.data}"
