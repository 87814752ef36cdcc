"""Names to addresses, as libc does it: /etc/hosts, then the servers of /etc/resolv.conf.

A name with at least `ndots` dots is tried as it is first, then under each domain of the search list; one with fewer the
other way round; one that ends with a dot only as it is. A and AAAA are asked together. A server that does not answer
in `timeout` seconds is followed by the next, `attempts` times round. NXDOMAIN and empty answers go on along the search
list; when nothing is found, the last word counts.

`query` is what nslookup and dig use: one question, one server, the whole answer.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from minikube_edu.cni.contract import Address, NameNotFound, Namespace
from minikube_edu.container_runtime.simulated.filesystem.path_walk import KERNEL
from minikube_edu.lib import dns_messages as dns
from minikube_edu.lib import ids

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.kernel.machine import Machine

PORT = 53
MOST_SERVERS = 3
MOST_ALIASES = 8


class ResolvConf(Struct, frozen=True):
    servers: Sequence[str] = ()
    search: Sequence[str] = ()
    ndots: int = 1
    timeout: float = 5.0
    attempts: int = 2


def parse_resolv_conf(text: str) -> ResolvConf:
    servers: list[str] = []
    search: list[str] = []
    options: dict[str, int] = {}
    for line in text.splitlines():
        words = line.split("#")[0].split(";")[0].split()
        if len(words) < 2:
            continue
        if words[0] == "nameserver":
            servers.append(words[1])
        elif words[0] in ("search", "domain"):
            search = words[1:]
        elif words[0] == "options":
            for option in words[1:]:
                name, _, value = option.partition(":")
                if value.isdigit():
                    options[name] = int(value)
    return ResolvConf(
        servers[:MOST_SERVERS] or ["127.0.0.1"],
        search,
        min(options.get("ndots", 1), 15),
        float(min(max(options.get("timeout", 5), 1), 30)),
        min(max(options.get("attempts", 2), 1), 5),
    )


def parse_hosts(text: str, name: str) -> list[str]:
    """Addresses that /etc/hosts has for a name."""
    wanted = name.rstrip(".").lower()
    found: list[str] = []
    for line in text.splitlines():
        words = line.split("#")[0].split()
        if wanted in (word.lower() for word in words[1:]) and words[0] not in found:
            found.append(words[0])
    return found


def candidates(name: str, conf: ResolvConf) -> list[str]:
    """The absolute names to ask for, in order."""
    if name.endswith("."):
        return [name]
    below = [f"{name}.{domain.strip('.')}." for domain in conf.search if domain.strip(".")]
    plain = f"{name}."
    return [plain, *below] if name.count(".") >= conf.ndots else [*below, plain]


def read_text(machine: Machine, path: str) -> str:
    try:
        return machine.view.read_now(path, KERNEL).decode(errors="replace")
    except OSError:
        return ""


async def resolve(machine: Machine, name: str) -> list[str]:
    """IPv4 addresses first. Raises NameNotFound."""
    literal = name.strip("[]")
    try:
        return [str(ipaddress.ip_address(literal))]
    except ValueError:
        pass
    hosts = parse_hosts(read_text(machine, "/etc/hosts"), name)
    if hosts:
        return sorted(hosts, key=lambda ip: ":" in ip)
    if name.rstrip(".").lower() == "localhost":
        return ["127.0.0.1", "::1"]
    conf = parse_resolv_conf(read_text(machine, "/etc/resolv.conf"))
    failed = "NXDOMAIN"
    for absolute in candidates(name, conf):
        addresses, word = await _addresses(machine.network, conf, absolute)
        if addresses:
            return addresses
        if word not in ("NXDOMAIN", "NOERROR"):
            failed = word
            if word == "TIMEOUT":
                break
    raise NameNotFound(name, failed)


async def _addresses(network: Namespace, conf: ResolvConf, name: str) -> tuple[list[str], str]:
    four, six = await asyncio.gather(ask(network, conf, name, dns.A), ask(network, conf, name, dns.AAAA))
    found = [*addresses_in(four, name), *addresses_in(six, name)]
    word = next((one for one in (four, six) if isinstance(one, str)), None)
    if word is None and not isinstance(four, str):
        word = dns.RCODES[four.rcode] if four.rcode < len(dns.RCODES) else "SERVFAIL"
    return found, word or "SERVFAIL"


def addresses_in(answer: dns.Message | str, name: str) -> list[str]:
    """Of a name in an answer, along its aliases."""
    if isinstance(answer, str):
        return []
    wanted = {name.lower()}
    for _ in range(MOST_ALIASES):
        aliases = {
            str(record.data).lower()
            for record in answer.answers
            if record.type == dns.CNAME and record.name.lower() in wanted
        }
        if aliases <= wanted:
            break
        wanted |= aliases
    return [
        str(record.data)
        for record in answer.answers
        if record.type in (dns.A, dns.AAAA) and record.name.lower() in wanted
    ]


async def ask(network: Namespace, conf: ResolvConf, name: str, type: int) -> dns.Message | str:
    """One question to the servers in turn; TIMEOUT or SERVFAIL when none has an answer."""
    word = "TIMEOUT"
    for _ in range(conf.attempts):
        for server in conf.servers:
            try:
                answer = await query(network, server, name, type, conf.timeout)
            except TimeoutError:
                continue
            except OSError:
                word = "SERVFAIL"
                continue
            if answer.rcode in (dns.NOERROR, dns.NXDOMAIN):
                return answer
            word = "SERVFAIL"
        if word == "SERVFAIL":
            break
    return word


async def query(
    network: Namespace, server: str, name: str, type: int, timeout: float = 5.0, port: int = PORT
) -> dns.Message:
    """One question, one server. TimeoutError when there is no answer; over TCP when it is too long for a datagram."""
    question = dns.Message.query(ids.integer(0, 65535), name, type)
    async with asyncio.timeout(timeout):
        socket = network.datagrams()
        try:
            socket.send(question.encode(), Address(server, port))
            answer = await _answer(socket.receive, question)
        finally:
            socket.close()
        return await _over_tcp(network, server, port, question) if answer.truncated else answer


async def _answer(receive: Callable[[], Awaitable[tuple[bytes, Address]]], question: dns.Message) -> dns.Message:
    """The first datagram that answers this question; others are thrown away."""
    while True:
        data, _ = await receive()
        try:
            answer = dns.Message.decode(data)
        except dns.Malformed:
            continue
        if answer.response and answer.id == question.id:
            return answer


async def _over_tcp(network: Namespace, server: str, port: int, question: dns.Message) -> dns.Message:
    answer = await dns.over_stream(await network.connect(server, port), question.encode())
    if answer is None:
        raise TimeoutError
    return dns.Message.decode(answer)
