"""Protobuf bodies, as kubectl and most controllers send them: `application/vnd.kubernetes.protobuf`.

A body is the four bytes `k8s\\0` and an envelope (runtime.Unknown) that names apiVersion and kind; inside it lies the
message. `decode` gives the object in its JSON form, `encode` goes the other way. Field numbers are facts
(`facts/protobuf.json`); a message is compiled into closures when it is first met.

The JSON form differs from the message in places: times and quantities are text, bytes are base64, IntOrString is one
of its two, embedded JSON is JSON, inline structs vanish. Go writes zero values of all that is no pointer; they appear
in the result, and the pass of `schema` drops them as Go's JSON encoder would. Unknown fields are skipped. Errors are
WireErrors in the words of the generated Go decoders (a "wrong wireType" names the field as JSON does, with a capital).
"""

from __future__ import annotations

import struct
from base64 import b64decode, b64encode
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

import orjson

from minikube_edu.api import schema
from minikube_edu.lib import clock

Object = dict[str, Any]
Reader = Callable[[bytes, int, int], Any]  # data, start, end -> value
Writer = Callable[[Any], bytes]

MAGIC = b"k8s\x00"
MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
_DOUBLE = struct.Struct("<d")
# Which wire type a kind has when it stands alone; all others are length-delimited.
_WIRE = {"int32": 0, "int64": 0, "bool": 0, "float": 1}
_EOF = "unexpected EOF"


class WireError(ValueError):
    """The bytes are no such message."""


class NotRegistered(WireError):
    """`no kind "X" is registered for version "v1" in scheme …`"""

    def __init__(self, api_version: str, kind: str) -> None:
        where = 'in scheme "pkg/runtime/scheme.go:111"'
        super().__init__(f'no kind "{kind}" is registered for version "{api_version}" {where}')


@cache
def _facts() -> dict[str, dict[str, list[str]]]:
    return dict(orjson.loads(files("minikube_edu.api").joinpath("facts/protobuf.json").read_bytes()))


def message_types() -> list[str]:
    return list(_facts())


@cache
def type_of(api_version: str, kind: str) -> str | None:
    """The message type of a kind, None when it has no protobuf form (custom resources, Table)."""
    group, _, version = api_version.rpartition("/")
    name = schema.type_of(group, version, kind)
    if name is None:
        # Options and meta kinds are served in every group.
        for guess in (f"meta.v1.{kind}", f"{group.partition('.')[0]}.{version}.{kind}"):
            if guess in _facts():
                return guess
    return name if name in _facts() else None


# ---------------------------------------------------------------- the envelope


def decode(data: bytes, api_version: str = "", kind: str = "") -> Object:
    """A body in JSON form, with apiVersion and kind; the arguments stand in for an envelope without them."""
    if not data:
        raise WireError("empty data")
    if data[:4] != MAGIC:
        raise WireError("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")
    if len(data) == 4:
        raise WireError("empty body")
    envelope = _message("runtime.Unknown")(data, 4, len(data))
    type_meta = envelope.get("typeMeta", {})
    api_version = type_meta.get("apiVersion") or api_version
    kind = type_meta.get("kind") or kind
    shown = f'runtime.TypeMeta{{APIVersion:"{type_meta.get("apiVersion", "")}", Kind:"{type_meta.get("kind", "")}"}}'
    if not kind:
        raise WireError(f"Object 'Kind' is missing in '{shown}'")
    if not api_version:
        raise WireError(f"Object 'apiVersion' is missing in '{shown}'")
    type_name = type_of(api_version, kind)
    if type_name is None:
        raise NotRegistered(api_version, kind)
    raw: bytes = envelope.get("raw", b"")
    return {"apiVersion": api_version, "kind": kind, **_message(type_name)(raw, 0, len(raw))}


def encode(obj: Object) -> bytes:
    """A body of an object in JSON form; KeyError when its kind has no protobuf form."""
    type_name = type_of(obj["apiVersion"], obj["kind"])
    if type_name is None:
        raise KeyError(obj["kind"])
    type_meta = _delimited(1, obj["apiVersion"].encode()) + _delimited(2, obj["kind"].encode())
    inner = _message_writer(type_name)(obj)
    return b"".join((MAGIC, _delimited(1, type_meta), _delimited(2, inner), _delimited(3, b""), _delimited(4, b"")))


def decode_message(type_name: str, data: bytes) -> Object:
    """A bare message, without an envelope."""
    found: Object = _message(type_name)(data, 0, len(data))
    return found


def encode_message(type_name: str, obj: Object) -> bytes:
    return _message_writer(type_name)(obj)


# ---------------------------------------------------------------- reading

_SINGLE, _LIST, _MAP, _INLINE = range(4)


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if shift >= 64:
            raise WireError("proto: integer overflow")
        if at >= end:
            raise WireError(_EOF)
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
        raise WireError(_EOF)
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
            raise WireError(_EOF)
        if depth == 0:
            return at
        tag, at = _varint(data, at, end)
        wire = tag & 7


class _Slot:
    """How to read one field."""

    __slots__ = ("kind", "mode", "name", "reader", "wire")

    def __init__(self, name: str, kind: str) -> None:
        self.name = name
        self.mode = _SINGLE
        if kind.startswith("[]"):
            self.mode, kind = _LIST, kind[2:]
        elif kind.startswith("{}"):
            self.mode, kind = _MAP, kind[2:]
        elif not name:
            self.mode = _INLINE
        self.kind = kind
        self.wire = 2 if self.mode == _MAP else _WIRE.get(kind, 2)
        self.reader: Reader | None = None  # compiled when first met: messages may contain themselves

    def compile(self) -> Reader:
        self.reader = _reader(self.kind)
        return self.reader


@cache
def _message(type_name: str) -> Reader:
    short = type_name.rpartition(".")[2]
    slots = {int(number): _Slot(name, kind) for number, (name, kind) in _fields(type_name).items()}

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
                if slot.mode == _SINGLE:
                    value = reader(data, start, at)
                    if value is not None:
                        out[slot.name] = value
                elif slot.mode == _LIST:
                    out.setdefault(slot.name, []).append(reader(data, start, at))
                elif slot.mode == _MAP:
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
                    raise WireError(_EOF)
                value = reader(data, at, at + 8)
                at += 8
            if slot.mode == _LIST:
                out.setdefault(slot.name, []).append(value)
            else:
                out[slot.name] = value
        return out

    return read


def _odd_field(
    short: str, slot: _Slot | None, number: int, data: bytes, at: int, end: int, wire: int, out: Object
) -> int:
    """A field that the message does not have, or that is written differently."""
    if wire == 4:
        raise WireError(f"proto: {short}: wiretype end group for non-group")
    if number == 0:
        raise WireError(f"proto: {short}: illegal tag {number} (wire type {wire})")
    if slot is None:
        return _skip(data, at, end, wire)
    if slot.mode == _LIST and slot.wire == 0 and wire == 2:  # packed numbers
        reader = slot.reader or slot.compile()
        start, stop = _span(data, at, end)
        values = out.setdefault(slot.name, [])
        while start < stop:
            value, start = _varint(data, start, stop)
            values.append(reader(b"", value, 0))
        return stop
    raise WireError(f"proto: wrong wireType = {wire} for field {slot.name[:1].upper()}{slot.name[1:]}")


def _entry(data: bytes, at: int, end: int, slot: _Slot, reader: Reader) -> tuple[str, Any]:
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
    return _message(kind[1:]) if kind[0] == "=" else _READERS[kind]


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
    return str(_message("api.resource.Quantity")(data, at, end).get("string") or "0")


def _read_time(data: bytes, at: int, end: int) -> str | None:
    if at == end:
        return None
    moment = _message("meta.v1.Timestamp")(data, at, end)
    return _moment(moment.get("seconds", 0), clock.rfc3339)


def _read_microtime(data: bytes, at: int, end: int) -> str | None:
    if at == end:
        return None
    moment = _message("meta.v1.Timestamp")(data, at, end)
    whole = _moment(moment.get("seconds", 0), clock.rfc3339)
    return f"{whole[:-1]}.{moment.get('nanos', 0) // 1000 % 1_000_000:06d}Z"


def _moment(seconds: int, show: Callable[[float], str]) -> str:
    try:
        return show(seconds).zfill(20)
    except (ValueError, OverflowError, OSError):
        raise WireError("Time.MarshalJSON: year outside of range [0,9999]") from None


def _read_intstr(data: bytes, at: int, end: int) -> int | str:
    value = _message("util.intstr.IntOrString")(data, at, end)
    found: int | str = value.get("strVal", "") if value.get("type") == 1 else value.get("intVal", 0)
    return found


def _read_raw(data: bytes, at: int, end: int) -> Any:
    """Embedded JSON: RawExtension, FieldsV1, apiextensions JSON all keep their bytes in field 1."""
    raw: bytes = _message("(raw)")(data, at, end).get("raw", b"")
    if not raw:
        return None
    if raw[:4] == MAGIC:
        return decode(raw)
    from minikube_edu.api.wire import json_form

    try:
        return json_form.parse(raw)
    except json_form.JsonError as error:
        raise WireError(str(error)) from None


def _read_raw_bytes(data: bytes, at: int, end: int) -> bytes:
    return data[at:end]


def _read_strings(data: bytes, at: int, end: int) -> list[str]:
    found: list[str] = _message("(strings)")(data, at, end).get("items", [])
    return found


def _read_schema_or_list(data: bytes, at: int, end: int) -> Any:
    value = _message("apiextensions.v1.JSONSchemaPropsOrArray")(data, at, end)
    return value.get("jSONSchemas") or value.get("schema")


def _read_schema_or_bool(data: bytes, at: int, end: int) -> Any:
    value = _message("apiextensions.v1.JSONSchemaPropsOrBool")(data, at, end)
    return value["schema"] if "schema" in value else value.get("allows", False)


def _read_schema_or_strings(data: bytes, at: int, end: int) -> Any:
    value = _message("apiextensions.v1.JSONSchemaPropsOrStringArray")(data, at, end)
    return value.get("property") or value.get("schema")


_READERS: dict[str, Reader] = {
    "string": _read_string, "int32": _read_int32, "int64": _read_int64, "bool": _read_bool, "float": _read_float,
    "bytes": _read_bytes, "quantity": _read_quantity, "time": _read_time, "microtime": _read_microtime,
    "intstr": _read_intstr, "raw": _read_raw, "rawbytes": _read_raw_bytes, "strings": _read_strings,
    "schema_or_list": _read_schema_or_list, "schema_or_bool": _read_schema_or_bool,
    "schema_or_strings": _read_schema_or_strings,
}  # fmt: skip

# The small messages behind the special kinds; they are part of the format, not of the API.
_SMALL: dict[str, dict[str, list[str]]] = {
    "runtime.Unknown": {"1": ["typeMeta", "=runtime.TypeMeta"], "2": ["raw", "rawbytes"]},
    "runtime.TypeMeta": {"1": ["apiVersion", "string"], "2": ["kind", "string"]},
    "api.resource.Quantity": {"1": ["string", "string"]},
    "util.intstr.IntOrString": {"1": ["type", "int64"], "2": ["intVal", "int32"], "3": ["strVal", "string"]},
    "(raw)": {"1": ["raw", "rawbytes"]},
    "(strings)": {"1": ["items", "[]string"]},
    "apiextensions.v1.JSONSchemaPropsOrArray": {
        "1": ["schema", "=apiextensions.v1.JSONSchemaProps"],
        "2": ["jSONSchemas", "[]=apiextensions.v1.JSONSchemaProps"],
    },
    "apiextensions.v1.JSONSchemaPropsOrBool": {
        "1": ["allows", "bool"],
        "2": ["schema", "=apiextensions.v1.JSONSchemaProps"],
    },
    "apiextensions.v1.JSONSchemaPropsOrStringArray": {
        "1": ["schema", "=apiextensions.v1.JSONSchemaProps"],
        "2": ["property", "[]string"],
    },
}


def _fields(type_name: str) -> dict[str, list[str]]:
    return _SMALL.get(type_name) or _facts()[type_name]


# ---------------------------------------------------------------- writing


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


def _delimited(number: int, value: bytes) -> bytes:
    return _number(number << 3 | 2) + _number(len(value)) + value


@cache
def _message_writer(type_name: str) -> Writer:
    parts = []
    for number, (name, kind) in _fields(type_name).items():
        slot = _Slot(name, kind)
        parts.append((slot.name, slot.mode, slot.kind, _number(int(number) << 3 | slot.wire)))

    def write(obj: Any) -> bytes:
        out: list[bytes] = []
        for name, mode, kind, tag in parts:
            value = obj if mode == _INLINE else obj.get(name)
            if value is None:
                continue
            writer = _writer(kind)
            if mode == _MAP:
                for key in sorted(value):
                    pair = _delimited(1, key.encode()) + _delimited(2, writer(value[key]))
                    out += (tag, _number(len(pair)), pair)
                continue
            for item in value if mode == _LIST else (value,):
                written = writer(item)
                out += (tag, written) if kind in _WIRE else (tag, _number(len(written)), written)
        return b"".join(out)

    return write


@cache
def _writer(kind: str) -> Writer:
    return _message_writer(kind[1:]) if kind[0] == "=" else _WRITERS[kind]


def _write_time(value: str | None) -> bytes:
    if not value:
        return b""
    seconds = clock.parse_rfc3339(value)
    whole = int(seconds // 1)
    nanos = int(value.partition(".")[2].rstrip("Z").ljust(9, "0")[:9] or 0) if "." in value else 0
    return _message_writer("meta.v1.Timestamp")({"seconds": whole, "nanos": nanos})


def _write_intstr(value: int | str) -> bytes:
    kind = isinstance(value, str)
    fields = {"type": int(kind), "intVal": 0 if kind else value, "strVal": value if kind else ""}
    return _message_writer("util.intstr.IntOrString")(fields)


def _write_schema_or(name: str, other: str) -> Writer:
    def write(value: Any) -> bytes:
        if isinstance(value, dict):
            extra = {"allows": True} if other == "allows" else {}
            return _message_writer(name)({"schema": value, **extra})
        return _message_writer(name)({other: value})

    return write


_WRITERS: dict[str, Writer] = {
    "string": str.encode, "int32": _number, "int64": _number, "bool": lambda value: b"\1" if value else b"\0",
    "float": _DOUBLE.pack, "bytes": b64decode, "rawbytes": bytes, "time": _write_time, "microtime": _write_time,
    "quantity": lambda value: _delimited(1, str(value).encode()), "intstr": _write_intstr,
    "raw": lambda value: b"" if value is None else _delimited(1, orjson.dumps(value)),
    "strings": lambda value: b"".join(_delimited(1, item.encode()) for item in value),
    "schema_or_list": _write_schema_or("apiextensions.v1.JSONSchemaPropsOrArray", "jSONSchemas"),
    "schema_or_bool": _write_schema_or("apiextensions.v1.JSONSchemaPropsOrBool", "allows"),
    "schema_or_strings": _write_schema_or("apiextensions.v1.JSONSchemaPropsOrStringArray", "property"),
}  # fmt: skip


def encode_watch_event(kind: str, obj: Object) -> bytes:
    """A WatchEvent, as it is framed in a stream: without an envelope, but with the object in one."""
    return _delimited(1, kind.encode()) + _delimited(2, _delimited(1, encode(obj)))
