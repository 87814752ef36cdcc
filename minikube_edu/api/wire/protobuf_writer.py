"""Writing the JSON form as protobuf messages: fields in the order of their numbers, maps in the order of their keys."""

from __future__ import annotations

import struct
from base64 import b64decode
from collections.abc import Callable
from functools import cache
from typing import Any

import orjson

from minikube_edu.api.wire.protobuf_facts import INLINE, LIST, MAP, WIRE, Slot, fields_of
from minikube_edu.lib import clock

Writer = Callable[[Any], bytes]

_DOUBLE = struct.Struct("<d")


def _number(value: int) -> bytes:
    value &= 0xFFFFFFFFFFFFFFFF
    if value < 0x80:
        return bytes((value,))
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def delimited(number: int, value: bytes) -> bytes:
    return _number(number << 3 | 2) + _number(len(value)) + value


@cache
def message_writer(type_name: str) -> Writer:
    parts = []
    for number, (name, kind) in fields_of(type_name).items():
        slot = Slot(name, kind)
        parts.append((slot.name, slot.mode, slot.kind, _number(int(number) << 3 | slot.wire)))

    def write(obj: Any) -> bytes:
        out: list[bytes] = []
        for name, mode, kind, tag in parts:
            value = obj if mode == INLINE else obj.get(name)
            if value is None:
                continue
            writer = _writer(kind)
            if mode == MAP:
                for key in sorted(value):
                    pair = delimited(1, key.encode()) + delimited(2, writer(value[key]))
                    out += (tag, _number(len(pair)), pair)
                continue
            for item in value if mode == LIST else (value,):
                written = writer(item)
                out += (tag, written) if kind in WIRE else (tag, _number(len(written)), written)
        return b"".join(out)

    return write


@cache
def _writer(kind: str) -> Writer:
    return message_writer(kind[1:]) if kind[0] == "=" else _WRITERS[kind]


def _write_time(value: str | None) -> bytes:
    if not value:
        return b""
    seconds = clock.parse_rfc3339(value)
    whole = int(seconds // 1)
    nanos = int(value.partition(".")[2].rstrip("Z").ljust(9, "0")[:9] or 0) if "." in value else 0
    return message_writer("meta.v1.Timestamp")({"seconds": whole, "nanos": nanos})


def _write_intstr(value: int | str) -> bytes:
    kind = isinstance(value, str)
    fields = {"type": int(kind), "intVal": 0 if kind else value, "strVal": value if kind else ""}
    return message_writer("util.intstr.IntOrString")(fields)


def _write_schema_or(name: str, other: str) -> Writer:
    def write(value: Any) -> bytes:
        if isinstance(value, dict):
            extra = {"allows": True} if other == "allows" else {}
            return message_writer(name)({"schema": value, **extra})
        return message_writer(name)({other: value})

    return write


_WRITERS: dict[str, Writer] = {
    "string": str.encode, "int32": _number, "int64": _number, "bool": lambda value: b"\1" if value else b"\0",
    "float": _DOUBLE.pack, "bytes": b64decode, "rawbytes": bytes, "time": _write_time, "microtime": _write_time,
    "quantity": lambda value: delimited(1, str(value).encode()), "intstr": _write_intstr,
    "raw": lambda value: b"" if value is None else delimited(1, orjson.dumps(value)),
    "strings": lambda value: b"".join(delimited(1, item.encode()) for item in value),
    "schema_or_list": _write_schema_or("apiextensions.v1.JSONSchemaPropsOrArray", "jSONSchemas"),
    "schema_or_bool": _write_schema_or("apiextensions.v1.JSONSchemaPropsOrBool", "allows"),
    "schema_or_strings": _write_schema_or("apiextensions.v1.JSONSchemaPropsOrStringArray", "property"),
}  # fmt: skip
