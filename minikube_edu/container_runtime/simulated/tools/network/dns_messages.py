"""DNS messages (RFC 1035): what nslookup, dig and host send and read."""

from __future__ import annotations

import asyncio
import ipaddress
import struct
from collections.abc import Sequence

from msgspec import Struct, field

from minikube_edu.cni.contract import Address
from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.lib import clock, ids
from minikube_edu.lib.dns_messages import over_stream

TYPES = {
    "A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33, "ANY": 255,
}  # fmt: skip
NAMES = {number: name for name, number in TYPES.items()}
STATUSES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED"}


TRUNCATED = 0x02  # in the third byte of a message


class BadMessage(ValueError):
    """Not a DNS message."""


class NoServer(Exception):
    """No answer; `refused` when nobody listens there."""


class Record(Struct):
    name: str
    type: str
    ttl: int
    data: str  # as dig writes it; names with their last dot


class Reply(Struct):
    id: int
    flags: int
    question: tuple[str, str]
    answers: list[Record] = field(default_factory=list)
    authorities: list[Record] = field(default_factory=list)
    additional: list[Record] = field(default_factory=list)
    size: int = 0
    seconds: float = 0.0

    @property
    def status(self) -> str:
        return STATUSES.get(self.flags & 15, f"RESERVED{self.flags & 15}")

    @property
    def authoritative(self) -> bool:
        return bool(self.flags & 0x400)

    def of_type(self, *types: str) -> list[Record]:
        return [record for record in self.answers if record.type in types]


def query(name: str, kind: str, number: int, recursion: bool = True) -> bytes:
    """ValueError when the name cannot be one."""
    packed = struct.pack(">HHHHHH", number, 0x100 if recursion else 0, 1, 0, 0, 0)
    for label in name.rstrip(".").split(".") if name.rstrip(".") else []:
        encoded = label.encode("utf-8", "surrogateescape")
        if not 0 < len(encoded) < 64:
            raise ValueError(f"'{name}' is not a legal name (label too long)")
        packed += bytes([len(encoded)]) + encoded
    return packed + b"\0" + struct.pack(">HH", TYPES[kind], 1)


def parse(data: bytes) -> Reply:
    try:
        return _parse(data)
    except (struct.error, IndexError, RecursionError) as error:
        raise BadMessage(str(error)) from None


def _parse(data: bytes) -> Reply:
    number, flags, questions, *counts = struct.unpack_from(">HHHHHH", data)
    at = 12
    question = ("", "")
    for _ in range(questions):
        name, at = _name(data, at)
        (kind,) = struct.unpack_from(">H", data, at)
        question = (name, NAMES.get(kind, f"TYPE{kind}"))
        at += 4
    reply = Reply(number, flags, question, size=len(data))
    for section, count in zip((reply.answers, reply.authorities, reply.additional), counts, strict=True):
        for _ in range(count):
            name, at = _name(data, at)
            kind, _, ttl, length = struct.unpack_from(">HHIH", data, at)
            at += 10
            if kind != 41:  # OPT is no record
                section.append(Record(name, NAMES.get(kind, f"TYPE{kind}"), ttl, _data(data, at, kind, length)))
            at += length
    return reply


def _name(data: bytes, at: int, depth: int = 0) -> tuple[str, int]:
    labels: list[str] = []
    while (length := data[at]) != 0:
        if length >= 0xC0:
            if depth > 20:
                raise BadMessage("a name that points at itself")
            rest, _ = _name(data, ((length & 0x3F) << 8) | data[at + 1], depth + 1)
            return ".".join([*labels, rest.rstrip(".")]).strip(".") + ".", at + 2
        labels.append(data[at + 1 : at + 1 + length].decode("utf-8", "surrogateescape"))
        at += 1 + length
    return ".".join(labels) + ".", at + 1


def _data(data: bytes, at: int, kind: int, length: int) -> str:
    raw = data[at : at + length]
    if (kind, length) in ((1, 4), (28, 16)):
        return str(ipaddress.ip_address(raw))
    if kind in (2, 5, 12):
        return _name(data, at)[0]
    if kind == 15:
        return f"{struct.unpack_from('>H', raw)[0]} {_name(data, at + 2)[0]}"
    if kind == 33:
        priority, weight, port = struct.unpack_from(">HHH", raw)
        return f"{priority} {weight} {port} {_name(data, at + 6)[0]}"
    if kind == 6:
        first, after = _name(data, at)
        second, after = _name(data, after)
        return " ".join([first, second, *map(str, struct.unpack_from(">IIIII", data, after))])
    if kind == 16:
        texts, position = [], 0
        while position < length:
            texts.append(f'"{raw[position + 1 : position + 1 + raw[position]].decode("utf-8", "replace")}"')
            position += 1 + raw[position]
        return " ".join(texts)
    return f"\\# {length} {raw.hex().upper()}"


def reverse_name(ip: str) -> str:
    return ipaddress.ip_address(ip).reverse_pointer + "."


class ResolverFile(Struct):
    """/etc/resolv.conf."""

    servers: list[str] = field(default_factory=list)
    searches: list[str] = field(default_factory=list)
    dots: int = 1
    timeout: float = 5.0
    attempts: int = 2

    def candidates(self, name: str) -> list[str]:
        """The names that are tried, in order."""
        if name.endswith("."):
            return [name]
        searched = [f"{name}.{suffix.rstrip('.')}." for suffix in self.searches]
        return [f"{name}.", *searched] if name.count(".") >= self.dots else [*searched, f"{name}."]


async def resolver_file(process: Process) -> ResolverFile:
    result = ResolverFile()
    try:
        lines = (await process.read_file("/etc/resolv.conf")).decode("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        words = line.split()
        if words[:1] == ["nameserver"] and len(words) > 1:
            result.servers.append(words[1])
        elif words[:1] in (["search"], ["domain"]):
            result.searches = words[1:]
        elif words[:1] == ["options"]:
            for option in words[1:]:
                name, _, value = option.partition(":")
                if name in ("ndots", "timeout", "attempts") and value.isdigit():
                    setattr(result, {"ndots": "dots"}.get(name, name), int(value))
    result.servers = result.servers or ["127.0.0.1"]
    return result


async def ask(
    process: Process, server: str, name: str, kind: str = "A", *, port: int = 53, timeout: float = 5.0, tries: int = 2
) -> Reply:
    """NoServer when nothing comes back."""
    socket = process.network.datagrams()
    number = ids.integer(1, 65535)
    packet = query(name, kind, number)
    try:
        for _ in range(max(1, tries)):
            began = clock.monotonic()
            socket.send(packet, Address(server, port))
            try:
                async with asyncio.timeout(timeout):
                    while True:
                        data, _ = await socket.receive()
                        try:
                            reply = parse(data)
                        except BadMessage:
                            continue
                        if reply.id == number:
                            if data[2] & TRUNCATED:  # the rest comes over TCP
                                reply = parse(await _over_tcp(process, server, port, packet))
                            reply.seconds = clock.monotonic() - began
                            return reply
            except TimeoutError:
                continue
    finally:
        socket.close()
    raise NoServer


async def _over_tcp(process: Process, server: str, port: int, packet: bytes) -> bytes:
    answer = await over_stream(await process.network.connect(server, port), packet)
    if answer is None:
        raise TimeoutError
    return answer


async def ask_any(process: Process, servers: Sequence[str], name: str, kind: str, timeout: float, tries: int) -> Reply:
    for server in servers:
        try:
            return await ask(process, server, name, kind, timeout=timeout, tries=tries)
        except NoServer:
            continue
    raise NoServer
