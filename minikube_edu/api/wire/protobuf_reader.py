"""Reading protobuf messages into the JSON form.

A message is compiled into one closure when it is first met; the loop over the bytes is flat, a call a field. Errors
are those of the generated Go decoders.
"""

from __future__ import annotations

import struct
from base64 import b64encode
from collections.abc import Callable
from functools import cache
from typing import Any

from minikube_edu.api.wire.protobuf_facts import LIST, MAGIC, MAP, SINGLE, Slot, WireError, fields_of
from minikube_edu.lib import clock

Object = dict[str, Any]
Reader = Callable[[bytes, int, int], Any]  # data, start, end -> value

_DOUBLE = struct.Struct("<d")
EOF = "unexpected EOF"


class _ReadSlot(Slot):
    __slots__ = ("reader",)

    def __init__(self, name: str, kind: str) -> None:
        super().__init__(name, kind)
        self.reader: Reader | None = None  # compiled when first met: messages may contain themselves

    def compile(self) -> Reader:
        self.reader = _reader(self.kind)
        return self.reader


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if shift >= 64:
            raise WireError("proto: integer overflow")
        if at >= end:
            raise WireError(EOF)
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
        shift += 7


def _span(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Start and end of a length-delimited value."""
    length, at = _varint(data, at, end)
    if length >= 1 << 63:
        raise WireError("proto: negative length found during unmarshaling")
    if at + length > end:
        raise WireError(EOF)
    return at, at + length


def _skip(data: bytes, at: int, end: int, wire: int) -> int:
    depth = 0
    while True:
        if wire == 0:
            _, at = _varint(data, at, end)
        elif wire == 1:
            at += 8
        elif wire == 2:
            _, at = _span(data, at, end)
        elif wire == 3:
            depth += 1
        elif wire == 4:
            if depth == 0:
                raise WireError("proto: unexpected end of group")
            depth -= 1
        elif wire == 5:
            at += 4
        else:
            raise WireError(f"proto: illegal wireType {wire}")
        if at > end:
            raise WireError(EOF)
        if depth == 0:
            return at
        tag, at = _varint(data, at, end)
        wire = tag & 7


@cache
def message(type_name: str) -> Reader:
    short = type_name.rpartition(".")[2]
    slots = {int(number): _ReadSlot(name, kind) for number, (name, kind) in fields_of(type_name).items()}

    def read(data: bytes, at: int, end: int) -> Object:
        out: Object = {}
        while at < end:
            tag = data[at]
            if tag < 0x80:
                at += 1
            else:
                tag, at = _varint(data, at, end)
            wire, number = tag & 7, tag >> 3
            slot = slots.get(number)
            if slot is None or slot.wire != wire:
                at = _odd_field(short, slot, number, data, at, end, wire, out)
                continue
            reader = slot.reader or slot.compile()
            if wire == 2:
                start, at = _span(data, at, end)
                if slot.mode == SINGLE:
                    value = reader(data, start, at)
                    if value is not None:
                        out[slot.name] = value
                elif slot.mode == LIST:
                    out.setdefault(slot.name, []).append(reader(data, start, at))
                elif slot.mode == MAP:
                    key, value = _entry(data, start, at, slot, reader)
                    out.setdefault(slot.name, {})[key] = value
                else:
                    out.update(reader(data, start, at))
                continue
            if wire == 0:
                number, at = _varint(data, at, end)
                value = reader(b"", number, 0)
            else:
                if at + 8 > end:
                    raise WireError(EOF)
                value = reader(data, at, at + 8)
                at += 8
            if slot.mode == LIST:
                out.setdefault(slot.name, []).append(value)
            else:
                out[slot.name] = value
        return out

    return read


def _odd_field(
    short: str, slot: _ReadSlot | None, number: int, data: bytes, at: int, end: int, wire: int, out: Object
) -> int:
    """A field that the message does not have, or that is written differently."""
    if wire == 4:
        raise WireError(f"proto: {short}: wiretype end group for non-group")
    if number == 0:
        raise WireError(f"proto: {short}: illegal tag {number} (wire type {wire})")
    if slot is None:
        return _skip(data, at, end, wire)
    if slot.mode == LIST and slot.wire == 0 and wire == 2:  # packed numbers
        reader = slot.reader or slot.compile()
        start, stop = _span(data, at, end)
        values = out.setdefault(slot.name, [])
        while start < stop:
            value, start = _varint(data, start, stop)
            values.append(reader(b"", value, 0))
        return stop
    raise WireError(f"proto: wrong wireType = {wire} for field {slot.name[:1].upper()}{slot.name[1:]}")


def _entry(data: bytes, at: int, end: int, slot: _ReadSlot, reader: Reader) -> tuple[str, Any]:
    """One entry of a map: field 1 is the key, field 2 the value."""
    key = ""
    value: Any = _ABSENT
    while at < end:
        tag, at = _varint(data, at, end)
        if tag == 10:
            start, at = _span(data, at, end)
            key = data[start:at].decode(errors="replace")
        elif tag == 18:
            start, at = _span(data, at, end)
            value = reader(data, start, at)
        else:
            at = _skip(data, at, end, tag & 7)
    if value is _ABSENT:
        value = reader(b"", 0, 0)
    return key, value


_ABSENT = object()


@cache
def _reader(kind: str) -> Reader:
    return message(kind[1:]) if kind[0] == "=" else _READERS[kind]


def _read_string(data: bytes, at: int, end: int) -> str:
    return data[at:end].decode(errors="replace")


def _read_int32(_: bytes, value: int, __: int) -> int:
    value &= 0xFFFFFFFF
    return value - 0x100000000 if value >= 0x80000000 else value


def _read_int64(_: bytes, value: int, __: int) -> int:
    return value - 0x10000000000000000 if value >= 0x8000000000000000 else value


def _read_bool(_: bytes, value: int, __: int) -> bool:
    return value != 0


def _read_float(data: bytes, at: int, end: int) -> float | int:
    value: float = _DOUBLE.unpack_from(data, at)[0]
    return int(value) if value.is_integer() and abs(value) < 1e21 else value


def _read_bytes(data: bytes, at: int, end: int) -> str:
    return b64encode(data[at:end]).decode()


def _read_quantity(data: bytes, at: int, end: int) -> str:
    return str(message("api.resource.Quantity")(data, at, end).get("string") or "0")


def _read_time(data: bytes, at: int, end: int) -> str | None:
    if at == end:
        return None
    moment = message("meta.v1.Timestamp")(data, at, end)
    return _moment(moment.get("seconds", 0), clock.rfc3339)


def _read_microtime(data: bytes, at: int, end: int) -> str | None:
    if at == end:
        return None
    moment = message("meta.v1.Timestamp")(data, at, end)
    whole = _moment(moment.get("seconds", 0), clock.rfc3339)
    return f"{whole[:-1]}.{moment.get('nanos', 0) // 1000 % 1_000_000:06d}Z"


def _moment(seconds: int, show: Callable[[float], str]) -> str:
    try:
        return show(seconds).zfill(20)
    except (ValueError, OverflowError, OSError):
        raise WireError("Time.MarshalJSON: year outside of range [0,9999]") from None


def _read_intstr(data: bytes, at: int, end: int) -> int | str:
    value = message("util.intstr.IntOrString")(data, at, end)
    found: int | str = value.get("strVal", "") if value.get("type") == 1 else value.get("intVal", 0)
    return found


def _read_raw(data: bytes, at: int, end: int) -> Any:
    """Embedded JSON: RawExtension, FieldsV1, apiextensions JSON all keep their bytes in field 1."""
    raw: bytes = message("(raw)")(data, at, end).get("raw", b"")
    if not raw:
        return None
    if raw[:4] == MAGIC:
        from minikube_edu.api.wire.protobuf import decode

        return decode(raw)
    from minikube_edu.api.wire import json_form

    try:
        return json_form.parse(raw)
    except json_form.JsonError as error:
        raise WireError(str(error)) from None


def _read_raw_bytes(data: bytes, at: int, end: int) -> bytes:
    return data[at:end]


def _read_strings(data: bytes, at: int, end: int) -> list[str]:
    found: list[str] = message("(strings)")(data, at, end).get("items", [])
    return found


def _read_schema_or_list(data: bytes, at: int, end: int) -> Any:
    value = message("apiextensions.v1.JSONSchemaPropsOrArray")(data, at, end)
    return value.get("jSONSchemas") or value.get("schema")


def _read_schema_or_bool(data: bytes, at: int, end: int) -> Any:
    value = message("apiextensions.v1.JSONSchemaPropsOrBool")(data, at, end)
    return value["schema"] if "schema" in value else value.get("allows", False)


def _read_schema_or_strings(data: bytes, at: int, end: int) -> Any:
    value = message("apiextensions.v1.JSONSchemaPropsOrStringArray")(data, at, end)
    return value.get("property") or value.get("schema")


_READERS: dict[str, Reader] = {
    "string": _read_string, "int32": _read_int32, "int64": _read_int64, "bool": _read_bool, "float": _read_float,
    "bytes": _read_bytes, "quantity": _read_quantity, "time": _read_time, "microtime": _read_microtime,
    "intstr": _read_intstr, "raw": _read_raw, "rawbytes": _read_raw_bytes, "strings": _read_strings,
    "schema_or_list": _read_schema_or_list, "schema_or_bool": _read_schema_or_bool,
    "schema_or_strings": _read_schema_or_strings,
}  # fmt: skip
