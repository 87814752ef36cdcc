"""DNS messages as they go over the wire (RFC 1035, with AAAA and SRV): for those who ask and for those who answer.

    query = Message.query(7, "kubernetes.default.svc.cluster.local.", A)
    data = query.encode();  Message.decode(data)

Names are text with dots, absolute, with or without the last dot; comparison is the caller's business (lower case).
A record's `data` is text for A and AAAA (an address), CNAME, PTR and NS (a name), a tuple for SRV, MX and SOA, a tuple
of bytes for TXT, and bytes for all else. `decode` raises `Malformed`, whatever the bytes are.
"""

from __future__ import annotations

import ipaddress
import struct
from typing import Protocol

from msgspec import Struct, field
from msgspec.structs import replace

A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, SRV, OPT, ANY = 1, 2, 5, 6, 12, 15, 16, 28, 33, 41, 255
TYPES = {"A": A, "NS": NS, "CNAME": CNAME, "SOA": SOA, "PTR": PTR, "MX": MX, "TXT": TXT, "AAAA": AAAA, "SRV": SRV}
TYPES["ANY"] = ANY
TYPE_NAMES = {number: name for name, number in TYPES.items()}
INTERNET = 1
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = range(6)
RCODES = ("NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED")
LARGEST = 512  # of an answer over UDP without EDNS
LONGEST_LABEL, LONGEST_NAME, MOST_JUMPS = 63, 255, 64

Data = str | bytes | tuple[int | str | bytes, ...]


class Malformed(ValueError):
    """These bytes are no DNS message."""


class Question(Struct, frozen=True):
    name: str
    type: int = A
    kind: int = INTERNET


class Record(Struct, frozen=True):
    name: str
    type: int
    data: Data
    ttl: int = 30
    kind: int = INTERNET


class Message(Struct, frozen=True):
    id: int = 0
    response: bool = False
    opcode: int = 0
    authoritative: bool = False
    truncated: bool = False
    recursion_desired: bool = True
    recursion_available: bool = False
    rcode: int = NOERROR
    questions: tuple[Question, ...] = ()
    answers: tuple[Record, ...] = ()
    authority: tuple[Record, ...] = ()
    additional: tuple[Record, ...] = field(default=())

    @staticmethod
    def query(id: int, name: str, type: int) -> Message:
        return Message(id, questions=(Question(name, type),))

    def reply(self, rcode: int = NOERROR, answers: tuple[Record, ...] = (), **changes: object) -> Message:
        """An answer to this query."""
        answer = Message(
            self.id,
            True,
            self.opcode,
            recursion_desired=self.recursion_desired,
            rcode=rcode,
            questions=self.questions,
            answers=answers,
        )
        return replace(answer, **changes)

    def encode(self, largest: int = 65535) -> bytes:
        """Beyond `largest` bytes the answer is cut and marked as truncated: the question comes again over TCP."""
        data = _Writer().message(self)
        if len(data) > largest:
            data = _Writer().message(replace(self, truncated=True, answers=(), authority=(), additional=()))
        return data

    @staticmethod
    def decode(data: bytes) -> Message:
        try:
            return _Reader(data).message()
        except (struct.error, IndexError, UnicodeDecodeError, ValueError) as error:
            raise Malformed(str(error)) from None


def reverse_name(ip: str) -> str:
    """The name under which an address's PTR record is found."""
    return ipaddress.ip_address(ip).reverse_pointer + "."


class _Writer:
    def __init__(self) -> None:
        self.data = bytearray()
        self._places: dict[str, int] = {}  # where a name's tail stands already

    def message(self, message: Message) -> bytes:
        flags = (
            message.response << 15
            | (message.opcode & 15) << 11
            | message.authoritative << 10
            | message.truncated << 9
            | message.recursion_desired << 8
            | message.recursion_available << 7
            | message.rcode & 15
        )
        sections = (message.answers, message.authority, message.additional)
        counts = (len(message.questions), *map(len, sections))
        self.data += struct.pack(">HHHHHH", message.id & 0xFFFF, flags, *counts)
        for question in message.questions:
            self.name(question.name)
            self.data += struct.pack(">HH", question.type, question.kind)
        for section in sections:
            for record in section:
                self.record(record)
        return bytes(self.data)

    def name(self, name: str, compress: bool = True) -> None:
        labels = [label for label in name.split(".") if label] if name != "." else []
        if sum(len(label.encode("latin-1", "replace")) + 1 for label in labels) + 1 > LONGEST_NAME:
            raise Malformed(f"{name}: the name is too long")
        for index, label in enumerate(labels):
            tail = ".".join(labels[index:]).lower()
            place = self._places.get(tail)
            if compress and place is not None:
                self.data += struct.pack(">H", 0xC000 | place)
                return
            if len(self.data) < 0x4000:
                self._places.setdefault(tail, len(self.data))
            encoded = label.encode("latin-1", "replace")
            if len(encoded) > LONGEST_LABEL:
                raise Malformed(f"{name}: a label is too long")
            self.data.append(len(encoded))
            self.data += encoded
        self.data.append(0)

    def record(self, record: Record) -> None:
        self.name(record.name)
        self.data += struct.pack(">HHIH", record.type, record.kind, record.ttl, 0)
        start = len(self.data)
        self._data(record.type, record.data)
        struct.pack_into(">H", self.data, start - 2, len(self.data) - start)

    def _data(self, type: int, data: Data) -> None:
        if isinstance(data, str):
            if type in (A, AAAA):
                self.data += ipaddress.ip_address(data).packed
            else:
                self.name(data)
        elif isinstance(data, bytes):
            self.data += data
        elif type == SRV:
            priority, weight, port, target = data
            self.data += struct.pack(">HHH", priority, weight, port)
            self.name(str(target), compress=False)
        elif type == MX:
            preference, exchange = data
            self.data += struct.pack(">H", preference)
            self.name(str(exchange))
        elif type == SOA:
            server, mailbox, *numbers = data
            self.name(str(server))
            self.name(str(mailbox))
            self.data += struct.pack(">IIIII", *numbers)
        else:
            for text in data:
                assert isinstance(text, bytes)
                self.data.append(len(text))
                self.data += text


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def unpack(self, layout: str) -> tuple[int, ...]:
        found = struct.unpack_from(layout, self.data, self.at)
        self.at += struct.calcsize(layout)
        return found

    def message(self) -> Message:
        id, flags, *counts = self.unpack(">HHHHHH")
        questions = tuple(self.question() for _ in range(counts[0]))
        sections = [tuple(self.record() for _ in range(count)) for count in counts[1:]]
        return Message(
            id,
            bool(flags >> 15),
            flags >> 11 & 15,
            bool(flags >> 10 & 1),
            bool(flags >> 9 & 1),
            bool(flags >> 8 & 1),
            bool(flags >> 7 & 1),
            flags & 15,
            questions,
            *sections,
        )

    def question(self) -> Question:
        name = self.name()
        type, kind = self.unpack(">HH")
        return Question(name, type, kind)

    def name(self) -> str:
        labels: list[str] = []
        at, after, length = self.at, -1, 0
        for _ in range(MOST_JUMPS + LONGEST_NAME):
            size = self.data[at]
            if size & 0xC0 == 0xC0:
                after = at + 2 if after < 0 else after
                at = (size & 0x3F) << 8 | self.data[at + 1]
                continue
            if size & 0xC0:
                raise Malformed("a label of an unknown kind")
            at += 1
            if size == 0:
                self.at = at if after < 0 else after
                return ".".join(labels) + "."
            length += size + 1
            if at + size > len(self.data) or length >= LONGEST_NAME:
                raise Malformed("a name goes too far")
            labels.append(self.data[at : at + size].decode("latin-1"))
            at += size
        raise Malformed("a name goes in circles")

    def record(self) -> Record:
        name = self.name()
        type, kind, ttl, length = self.unpack(">HHIH")
        end = self.at + length
        if end > len(self.data):
            raise Malformed("a record goes beyond the end")
        data = self._data(type, self.data[self.at : end])
        self.at = end
        return Record(name, type, data, ttl, kind)

    def _data(self, type: int, raw: bytes) -> Data:
        if type in (A, AAAA):
            return str(ipaddress.ip_address(raw))
        if type in (CNAME, PTR, NS):
            return self.name()
        if type == SRV:
            return (*self.unpack(">HHH"), self.name())
        if type == MX:
            return (*self.unpack(">H"), self.name())
        if type == SOA:
            return (self.name(), self.name(), *self.unpack(">IIIII"))
        if type == TXT:
            texts = []
            while raw:
                texts.append(raw[1 : raw[0] + 1])
                raw = raw[raw[0] + 1 :]
            return tuple(texts)
        return raw


class Stream(Protocol):
    async def write(self, data: bytes, /) -> None: ...

    async def read(self) -> bytes: ...

    def close(self) -> None: ...


async def over_stream(connection: Stream, packet: bytes) -> bytes | None:
    """The answer to a message over TCP, where each has its length before it; None when the server hangs up. The
    connection is closed then."""
    try:
        await connection.write(len(packet).to_bytes(2, "big") + packet)
        got = b""
        while len(got) < 2 or len(got) < 2 + int.from_bytes(got[:2], "big"):
            piece = await connection.read()
            if not piece:
                return None
            got += piece
        return got[2:]
    finally:
        connection.close()
