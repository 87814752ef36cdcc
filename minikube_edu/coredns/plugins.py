"""The small plugins of the chain: errors, log, loadbalance, cache, rewrite, hosts, whoami.

Each is one idea and a few lines; `kubernetes` and `forward` have files of their own.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Awaitable, Callable, Sequence

from msgspec.structs import replace

from minikube_edu.coredns.chain import Failure, Next, Query, matching
from minikube_edu.coredns.corefile import CorefileError, Directive, absolute
from minikube_edu.lib import clock, ids
from minikube_edu.lib import dns_messages as dns
from minikube_edu.lib.dns_messages import Message, Record

Say = Callable[[str], Awaitable[None]]
ADDRESSES = (dns.A, dns.AAAA)


class Errors:
    """Says why a question has no answer."""

    def __init__(self, say: Say) -> None:
        self._say = say

    async def answer(self, query: Query, following: Next) -> Message:
        try:
            return await following(query)
        except Failure as failure:
            await self._say(f"[ERROR] plugin/errors: 2 {query.asked} {query.type_name}: {failure}")
            raise


class Log:
    """A line for each question."""

    def __init__(self, say: Say) -> None:
        self._say = say

    async def answer(self, query: Query, following: Next) -> Message:
        begun = clock.monotonic()
        try:
            answer = await following(query)
        except Failure:
            await self._line(query, query.message.reply(dns.SERVFAIL), begun)
            raise
        await self._line(query, answer, begun)
        return answer

    async def _line(self, query: Query, answer: Message, begun: float) -> None:
        flags = [
            name
            for name, is_set in (
                ("qr", True),
                ("aa", answer.authoritative),
                ("tc", answer.truncated),
                ("rd", answer.recursion_desired),
                ("ra", answer.recursion_available),
            )
            if is_set
        ]
        code = dns.RCODES[answer.rcode] if answer.rcode < len(dns.RCODES) else str(answer.rcode)
        asked = f"{query.type_name} IN {query.asked} {query.transport} {len(query.message.encode())} false 512"
        await self._say(
            f'[INFO] {query.client} - {query.message.id} "{asked}" {code} {",".join(flags)} '
            f"{len(answer.encode())} {clock.monotonic() - begun:.9f}s"
        )


class LoadBalance:
    """Addresses in another order each time: clients take the first."""

    async def answer(self, query: Query, following: Next) -> Message:
        answer = await following(query)
        if len(answer.answers) < 2:
            return answer
        addresses = [one for one in answer.answers if one.type in ADDRESSES]
        others = [one for one in answer.answers if one.type not in ADDRESSES]
        for last in range(len(addresses) - 1, 0, -1):
            other = ids.integer(0, last)
            addresses[last], addresses[other] = addresses[other], addresses[last]
        return replace(answer, answers=(*others, *addresses))


class Cache:
    """Answers for as long as they hold; a name that has none, for as long as the zone says."""

    def __init__(self, directive: Directive, zones: Sequence[str]) -> None:
        args = list(directive.args)
        most = int(args.pop(0)) if args and args[0].isdigit() else 0
        self._zones = tuple(map(absolute, args)) or tuple(zones)
        self._most = {"success": most or 3600, "denial": most or 1800}
        self._off: dict[str, tuple[str, ...]] = {"success": (), "denial": ()}
        for line in directive.options("disable"):
            self._off[line[0]] = tuple(map(absolute, line[1:])) or self._zones
        for kind in self._most:
            for line in directive.options(kind):
                self._most[kind] = int(line[1]) if len(line) > 1 else self._most[kind]
        self._kept: dict[tuple[str, int], tuple[float, float, Message]] = {}
        self.hits = 0

    async def answer(self, query: Query, following: Next) -> Message:
        if not matching(query.name, self._zones):
            return await following(query)
        key, now = (query.name, query.type), clock.monotonic()
        kept = self._kept.get(key)
        if kept is not None and kept[1] > now:
            self.hits += 1
            return _aged(kept[2], int(now - kept[0]), query)
        answer = await following(query)
        kind = "success" if answer.rcode == dns.NOERROR and answer.answers else "denial"
        held = answer.rcode in (dns.NOERROR, dns.NXDOMAIN) and not answer.truncated
        if held and not matching(query.name, self._off[kind]):
            records = answer.answers or answer.authority
            seconds = min([self._most[kind], *(record.ttl for record in records)]) if records else 0
            if seconds > 0:
                if len(self._kept) >= 9984:
                    self._kept = {one: held for one, held in self._kept.items() if held[1] > now}
                self._kept[key] = (now, now + seconds, answer)
        return answer


def _aged(answer: Message, seconds: int, query: Query) -> Message:
    def older(records: tuple[Record, ...]) -> tuple[Record, ...]:
        return tuple(replace(one, ttl=max(0, one.ttl - seconds)) for one in records)

    made = query.message.reply(answer.rcode, older(answer.answers))
    return replace(made, authority=older(answer.authority), additional=older(answer.additional))


class Rewrite:
    """`rewrite name [exact|prefix|suffix|substring|regex] FROM TO`: another question behind the same one."""

    def __init__(self, directives: Sequence[Directive]) -> None:
        self._rules: list[tuple[str, str, str, bool]] = []
        for directive in directives:
            words = list(directive.args) + [word for line in directive.lines for word in line]
            stops = True
            if words and words[0] in ("stop", "continue"):
                stops = words.pop(0) == "stop"
            if len(words) < 3 or words[0] != "name":
                raise CorefileError(f"plugin/rewrite: unsupported rule: {' '.join(directive.args)}")
            how = words[1] if words[1] in ("exact", "prefix", "suffix", "substring", "regex") else "exact"
            start, end = words[2:4] if words[1] == how else words[1:3]
            self._rules.append((how, start.lower(), end.lower(), stops))

    async def answer(self, query: Query, following: Next) -> Message:
        name = query.name
        for how, start, end, stops in self._rules:
            changed = _rewritten(name, how, start, end)
            if changed is not None:
                name = changed
                if stops:
                    break
        if name == query.name:
            return await following(query)
        answer = await following(query.renamed(name))
        records = tuple(replace(one, name=query.asked) if one.name.lower() == name else one for one in answer.answers)
        return replace(answer, questions=query.message.questions, answers=records)


def _rewritten(name: str, how: str, start: str, end: str) -> str | None:
    if how == "exact":
        return absolute(end) if name == absolute(start) else None
    if how == "prefix":
        return end + name.removeprefix(start) if name.startswith(start) else None
    if how == "suffix":
        old, new = absolute(start), absolute(end)
        old, new = (old, new) if start.endswith(".") else (start + ".", new)
        return name.removesuffix(old) + new if name.endswith(old) else None
    if how == "substring":
        return name.replace(start, end) if start in name else None
    found = re.search(start, name)
    if found is None:
        return None
    return absolute(re.sub(r"\{(\d+)\}", lambda group: found[int(group[1])] or "", end))


class Hosts:
    """Lines of /etc/hosts, from a file and from the Corefile."""

    def __init__(self, directive: Directive, file: str, zones: Sequence[str]) -> None:
        self._zones = tuple(map(absolute, directive.args[1:])) or tuple(zones)
        self._ttl = int(directive.option("ttl", "3600"))
        through = directive.options("fallthrough")
        self._fallthrough = tuple(map(absolute, through[-1])) or self._zones if through else None
        self._addresses: dict[str, list[str]] = {}
        self._names: dict[str, list[str]] = {}
        for words in [*directive.lines, *(tuple(line.split("#")[0].split()) for line in file.splitlines())]:
            self._take(words)

    def _take(self, words: Sequence[str]) -> None:
        try:
            ip = str(ipaddress.ip_address(words[0]))
        except (ValueError, IndexError):
            return
        for name in words[1:]:
            self._addresses.setdefault(absolute(name), []).append(ip)
            self._names.setdefault(dns.reverse_name(ip), []).append(absolute(name))

    async def answer(self, query: Query, following: Next) -> Message:
        zone = matching(query.name, self._zones)
        records: list[Record] = []
        if query.type == dns.PTR:
            names = self._names.get(query.name, [])
            records = [Record(query.asked, dns.PTR, name, self._ttl) for name in names]
        elif zone and query.type in ADDRESSES:
            wanted = 4 if query.type == dns.A else 6
            ips = [ip for ip in self._addresses.get(query.name, []) if ipaddress.ip_address(ip).version == wanted]
            records = [Record(query.asked, query.type, ip, self._ttl) for ip in ips]
        if records:
            return query.message.reply(dns.NOERROR, tuple(records), authoritative=True)
        if zone and query.name in self._addresses:
            return query.message.reply(dns.NOERROR, authoritative=True)
        if not zone or query.type == dns.PTR or (self._fallthrough and matching(query.name, self._fallthrough)):
            return await following(query)
        return query.message.reply(dns.NXDOMAIN, authoritative=True)


class WhoAmI:
    """Tells the client its own address."""

    async def answer(self, query: Query, following: Next) -> Message:
        kind = dns.AAAA if ":" in query.client.ip else dns.A
        port = Record(f"_{query.transport}.{query.asked}", dns.SRV, (0, 0, query.client.port, "."), 0)
        here = Record(query.asked, kind, query.client.ip, 0)
        return query.message.reply(dns.NOERROR, additional=(here, port), authoritative=True)
