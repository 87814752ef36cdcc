"""The private protocol: what goes over the socket between our API server and the store in its own process.

A frame is `length, number, type` (9 bytes) and one packed message. The number pairs an answer with its question;
answers come in any order. The type says which message it is: a request of the contract, one of the small ones below,
or a result.

Packing is derived from the messages' classes, so the contract is the protocol's description: the fixed parts of all
fields in one struct (numbers, flags, and the lengths of what follows), then the bytes, texts and nested messages in
field order. gRPC would do the same for ten times the price. Both ends are of one version; there is no other
compatibility than that.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from enum import IntEnum
from functools import partial
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, NamedTuple, TypeAlias, Union, get_args, get_origin, get_type_hints

from msgspec import Struct

from minikube_edu.etcd import contract
from minikube_edu.etcd.contract import StoreError


class Hello(Struct, frozen=True):
    """The first frame of a connection; `exclusive` asks for the promise to be the only writer (delegation.py)."""

    version: int
    exclusive: bool


class Exclusive(Struct, frozen=True):
    """To the client: you are the only writer; the current revision."""

    revision: int


class Recall(Struct, frozen=True):
    """To the client: you are not the only writer any more; answer Recalled."""


class Recalled(Struct, frozen=True): ...


class CurrentRevision(Struct, frozen=True): ...


class CancelWatch(Struct, frozen=True):
    """The watch whose request bore this frame's number."""


class RequestProgress(Struct, frozen=True):
    """Of the watch whose request bore this frame's number."""


class Compact(Struct, frozen=True):
    revision: int
    physical: bool


class Grant(Struct, frozen=True):
    ttl: int
    id: int


class Revoke(Struct, frozen=True):
    id: int


class KeepAlive(Struct, frozen=True):
    id: int


class TimeToLive(Struct, frozen=True):
    id: int
    keys: bool


class Leases(Struct, frozen=True): ...


class GetStatus(Struct, frozen=True): ...


class Defragment(Struct, frozen=True): ...


class TakeSnapshot(Struct, frozen=True):
    """Answered by Chunks, the last of them empty."""


class Disarm(Struct, frozen=True): ...


class Done(Struct, frozen=True): ...


class Number(Struct, frozen=True):
    number: int


class Numbers(Struct, frozen=True):
    numbers: Sequence[int]


class Names(Struct, frozen=True):
    names: Sequence[str]


class Chunk(Struct, frozen=True):
    data: bytes
    remaining: int


class Failure(Struct, frozen=True):
    """A StoreError of the contract: the name of its class, its message, its code, and Compacted's revision."""

    name: str
    message: str
    code: str
    compact_revision: int


MESSAGES: tuple[type[Any], ...] = (
    *(contract.KeyValue, contract.Event, contract.LeaseStatus, contract.Status, contract.Compare),
    *(contract.Range, contract.RangeResult, contract.Put, contract.PutResult, contract.Delete, contract.DeleteResult),
    *(contract.Txn, contract.TxnResult, contract.WatchRequest, contract.WatchBatch),
    *(
        Hello,
        Exclusive,
        Recall,
        Recalled,
        CurrentRevision,
        CancelWatch,
        RequestProgress,
        Compact,
        Grant,
        Revoke,
        KeepAlive,
    ),
    *(TimeToLive, Leases, GetStatus, Defragment, TakeSnapshot, Disarm, Done, Number, Numbers, Names, Chunk, Failure),
    contract.Member,
)  # the place is the type: append only
TYPES = {message: place for place, message in enumerate(MESSAGES)}
PROTOCOL = 2
HEADER = struct.Struct("<IIB")  # length of the message, number, type


class Malformed(Exception):
    """The bytes are no message."""


def failure(error: StoreError) -> Failure:
    return Failure(type(error).__name__, str(error), error.code, getattr(error, "compact_revision", 0))


def error(failed: Failure) -> StoreError:
    """The exception again: of the contract's class where there is one, with the code in any case."""
    kind = getattr(contract, failed.name, StoreError)
    if not (isinstance(kind, type) and issubclass(kind, StoreError)):
        kind = StoreError
    made: StoreError = StoreError.__new__(kind)
    Exception.__init__(made, failed.message)
    if made.code != failed.code:
        made.code = failed.code
    if isinstance(made, contract.Compacted):
        made.compact_revision = failed.compact_revision
    return made


def frame(number: int, message: Any) -> bytes:
    parts: list[bytes] = []
    _PACKERS[type(message)].pack(message, parts.append)
    body = b"".join(parts)
    return HEADER.pack(len(body), number, TYPES[type(message)]) + body


def message(type_: int, body: bytes) -> Any:
    """The message of a frame; Malformed when the bytes are not exactly one."""
    try:
        found, end = _PACKERS[MESSAGES[type_]].unpack(body, 0)
    except (struct.error, IndexError, ValueError, TypeError) as error:
        raise Malformed(str(error)) from error
    if end != len(body):
        raise Malformed(f"{len(body) - end} bytes too many")
    return found


# Packing

Write: TypeAlias = Callable[[bytes], None]
UNSIGNED = frozenset({"member_id", "cluster_id"})  # hashes: half of them are beyond what a signed number holds


class Part(NamedTuple):
    """How one field is packed: its letter in the struct; `measure` makes the number that stands there; `write` appends
    what follows, `read` takes it off (both None: the number is the value)."""

    letter: str
    measure: Callable[[Any], Any] | None = None
    write: Callable[[Any, Write], None] | None = None
    read: Callable[[Any, bytes, int], tuple[Any, int]] | None = None


class Packer:
    def __init__(self, message: type[Any]) -> None:
        self.message = message

    def compile(self) -> None:
        hints = get_type_hints(self.message)
        names = self.message.__struct_fields__
        self.parts = [Part("Q") if name in UNSIGNED else _part(hints[name]) for name in names]
        self.head = struct.Struct("<" + "".join(part.letter for part in self.parts))
        self.get: Callable[[Any], tuple[Any, ...]] = lambda value: tuple(getattr(value, name) for name in names)
        if len(names) > 1:  # the same, faster; for one name it would not give a tuple
            self.get = attrgetter(*names)
        self.measures = [(place, part.measure) for place, part in enumerate(self.parts) if part.measure]
        self.writes = [(place, part.write) for place, part in enumerate(self.parts) if part.write]
        self.reads = [(place, part.read) for place, part in enumerate(self.parts) if part.read]

    def pack(self, value: Any, write: Write) -> None:
        values = self.get(value)
        numbers = list(values)
        for place, measure in self.measures:
            numbers[place] = measure(numbers[place])
        write(self.head.pack(*numbers))
        for place, follow in self.writes:
            follow(values[place], write)

    def unpack(self, data: bytes, at: int) -> tuple[Any, int]:
        values = list(self.head.unpack_from(data, at))
        at += self.head.size
        for place, read in self.reads:
            values[place], at = read(values[place], data, at)
        return self.message(*values), at


def _is_message(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, Struct)


def _part(hint: Any) -> Part:
    if hint is bool:
        return Part("?")
    if hint is int:
        return Part("q")
    if hint is bytes:
        return Part("I", len, lambda value, write: write(value), _read_bytes)
    if hint is str:
        return Part("I", lambda text: len(text.encode()), lambda text, write: write(text.encode()), _read_text)
    if isinstance(hint, type) and issubclass(hint, IntEnum):
        return Part("B", None, None, partial(_read_enum, hint))
    if _is_message(hint):
        return _union(Union[hint, None])  # noqa: UP007 (a type that is known at run time only)
    if get_origin(hint) in (Union, UnionType):
        return _union(hint)
    (item,) = get_args(hint)
    return _sequence(item)


def _union(hint: Any) -> Part:
    """`X | None`, or one of several messages, which is told by its type."""
    choices = [choice for choice in get_args(hint) if choice is not NoneType]
    if choices == [StoreError]:
        write_failure, read_failure = _nested([Failure])
        return Part(
            "B",
            lambda value: value is not None,
            lambda value, write: None if value is None else write_failure(failure(value), write),
            lambda there, data, at: _fail(read_failure(data, at)) if there else (None, at),
        )
    pack, unpack = _nested(choices)
    return Part(
        "B",
        lambda value: value is not None,
        lambda value, write: None if value is None else pack(value, write),
        lambda there, data, at: unpack(data, at) if there else (None, at),
    )


def _fail(read: tuple[Any, int]) -> tuple[StoreError, int]:
    return error(read[0]), read[1]


def _nested(
    choices: list[type[Any]],
) -> tuple[Callable[[Any, Write], None], Callable[[bytes, int], tuple[Any, int]]]:
    if len(choices) == 1:
        packer = _PACKERS[choices[0]]
        return packer.pack, packer.unpack
    allowed = {TYPES[choice] for choice in choices}

    def pack(value: Any, write: Write) -> None:
        write(bytes((TYPES[type(value)],)))
        _PACKERS[type(value)].pack(value, write)

    def unpack(data: bytes, at: int) -> tuple[Any, int]:
        if data[at] not in allowed:
            raise ValueError(f"message type {data[at]} does not belong here")
        return _PACKERS[MESSAGES[data[at]]].unpack(data, at + 1)

    return pack, unpack


def _sequence(item: Any) -> Part:
    if _is_message(item) or get_origin(item) in (Union, UnionType):
        pack, unpack = _nested([item] if isinstance(item, type) else list(get_args(item)))
    else:
        part = _part(item)
        alone = struct.Struct("<" + part.letter)
        pack, unpack = _plain(part, alone)

    def write_all(values: Sequence[Any], write: Write) -> None:
        for value in values:
            pack(value, write)

    def read_all(count: int, data: bytes, at: int) -> tuple[tuple[Any, ...], int]:
        if count > len(data) - at:  # every item takes a byte at least
            raise ValueError(f"{count} items announced, {len(data) - at} bytes there")
        found = []
        for _ in range(count):
            value, at = unpack(data, at)
            found.append(value)
        return tuple(found), at

    return Part("I", len, write_all, read_all)


def _plain(
    part: Part, alone: struct.Struct
) -> tuple[Callable[[Any, Write], None], Callable[[bytes, int], tuple[Any, int]]]:
    """A number or text that stands alone in a sequence."""

    def pack(value: Any, write: Write) -> None:
        write(alone.pack(part.measure(value) if part.measure else value))
        if part.write:
            part.write(value, write)

    def unpack(data: bytes, at: int) -> tuple[Any, int]:
        (value,) = alone.unpack_from(data, at)
        at += alone.size
        return part.read(value, data, at) if part.read else (value, at)

    return pack, unpack


def _read_enum(enum: type[IntEnum], number: int, data: bytes, at: int) -> tuple[IntEnum, int]:
    return enum(number), at


def _read_bytes(length: int, data: bytes, at: int) -> tuple[bytes, int]:
    end = at + length
    if end > len(data):
        raise ValueError("the frame is too short")
    return data[at:end], end


def _read_text(length: int, data: bytes, at: int) -> tuple[str, int]:
    value, at = _read_bytes(length, data, at)
    return value.decode(), at


_PACKERS = {message: Packer(message) for message in MESSAGES}
for _packer in _PACKERS.values():
    _packer.compile()
