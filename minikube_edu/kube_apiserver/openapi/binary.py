"""OpenAPI v2 as protobuf: `application/com.github.proto-openapi.spec.v2@v1.0+protobuf`, which older kubectls insist on.

The messages are gnostic's; its numbers are the whole of this file. A map is a list of (name, value) pairs, whatever
begins with `x-` is a vendor extension, and any value is given as the text of its YAML (JSON is YAML).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import orjson

Object = dict[str, Any]
Encoder = Callable[[Any], bytes]

MEDIA_TYPES = (
    "application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
    "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
)
CONTENT_TYPE = b"application/com.github.proto-openapi.spec.v2.v1.0+protobuf"


def document(swagger: Object) -> bytes:
    key = _fields({1: ("type", _text), 2: ("name", _text), 3: ("in", _text), 4: ("description", _text)})
    requirement = _pairs(1, lambda scopes: b"".join(_part(1, _text(scope)) for scope in scopes))
    info = _fields({1: ("title", _text), 2: ("version", _text)})
    return b"".join(
        (
            _part(1, _text(swagger["swagger"])),
            _part(2, info(swagger["info"])),
            _part(8, _pairs(2, _path_item)(swagger["paths"])),
            _part(9, _pairs(1, _schema)(swagger["definitions"])),
            *(_part(12, requirement(one)) for one in swagger["security"]),
            _part(13, _pairs(1, lambda item: _part(2, key(item)))(swagger["securityDefinitions"])),
        )
    )


# ---------------------------------------------------------------- the wire


def _number(value: int) -> bytes:
    value &= 0xFFFFFFFFFFFFFFFF
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _part(number: int, value: bytes) -> bytes:
    return _number(number << 3 | 2) + _number(len(value)) + value


def _text(value: Any) -> bytes:
    return str(value).encode()


def _any(value: Any) -> bytes:
    return _part(2, orjson.dumps(value))


def _pairs(number: int, encode: Encoder) -> Encoder:
    def pairs(value: Object) -> bytes:
        return b"".join(_part(number, _part(1, name.encode()) + _part(2, encode(item))) for name, item in value.items())

    return pairs


def _many(encode: Encoder) -> tuple[str, Encoder]:
    return "many", encode


def _fields(table: dict[int, Any], extensions: int = 0) -> Encoder:
    """A message: number -> (name, encoder), the encoder `_many(…)` for lists, bool, int or float for numbers."""

    def message(value: Object) -> bytes:
        out: list[bytes] = []
        for number, (name, encode) in table.items():
            item = value.get(name)
            if item is None:
                continue
            if encode in (bool, int):
                out.append(_number(number << 3) + _number(int(item)))
            elif encode is float:
                out.append(_number(number << 3 | 1) + struct.pack("<d", item))
            elif isinstance(encode, tuple):
                out += [_part(number, encode[1](one)) for one in item]
            else:
                out.append(_part(number, encode(item)))
        if extensions:
            extra = {name: item for name, item in value.items() if name.startswith("x-")}
            out.append(_pairs(extensions, _any)(extra))
        return b"".join(out)

    return message


# ---------------------------------------------------------------- the messages


def _additional(value: Any) -> bytes:
    return _number(2 << 3) + _number(int(value)) if isinstance(value, bool) else _part(1, _schema(value))


def _items(value: Any) -> bytes:
    return b"".join(_part(1, _schema(one)) for one in (value if isinstance(value, list) else [value]))


def _types(value: Any) -> bytes:
    return b"".join(_part(1, _text(one)) for one in (value if isinstance(value, list) else [value]))


def _schema(value: Object) -> bytes:
    return _SCHEMA(value)


_SCHEMA = _fields(
    {
        1: ("$ref", _text), 2: ("format", _text), 3: ("title", _text), 4: ("description", _text), 5: ("default", _any),
        6: ("multipleOf", float), 7: ("maximum", float), 8: ("exclusiveMaximum", bool), 9: ("minimum", float),
        10: ("exclusiveMinimum", bool), 11: ("maxLength", int), 12: ("minLength", int), 13: ("pattern", _text),
        14: ("maxItems", int), 15: ("minItems", int), 16: ("uniqueItems", bool), 17: ("maxProperties", int),
        18: ("minProperties", int), 19: ("required", _many(_text)), 20: ("enum", _many(_any)),
        21: ("additionalProperties", _additional), 22: ("type", _types), 23: ("items", _items),
        25: ("properties", _pairs(1, _schema)),
    },
    extensions=31,
)  # fmt: skip
_BODY = _fields(
    {1: ("description", _text), 2: ("name", _text), 3: ("in", _text), 4: ("required", bool), 5: ("schema", _schema)}
)
_QUERY = _fields(
    {1: ("required", bool), 2: ("in", _text), 3: ("description", _text), 4: ("name", _text), 6: ("type", _text),
     20: ("uniqueItems", bool)}
)  # fmt: skip
_PATH = _fields(
    {1: ("required", bool), 2: ("in", _text), 3: ("description", _text), 4: ("name", _text), 5: ("type", _text),
     19: ("uniqueItems", bool)}
)  # fmt: skip


def _parameter(value: Object) -> bytes:
    """A choice in a choice: parameter, body or not, in the query or the path."""
    if value["in"] == "body":
        return _part(1, _part(1, _BODY(value)))
    chosen = _part(3, _QUERY(value)) if value["in"] == "query" else _part(4, _PATH(value))
    return _part(1, _part(2, chosen))


_RESPONSE = _fields({1: ("description", _text), 2: ("schema", lambda schema: _part(1, _schema(schema)))})
_OPERATION = _fields(
    {
        1: ("tags", _many(_text)), 3: ("description", _text), 5: ("operationId", _text), 6: ("produces", _many(_text)),
        7: ("consumes", _many(_text)), 8: ("parameters", _many(_parameter)),
        9: ("responses", _pairs(1, lambda response: _part(1, _RESPONSE(response)))), 10: ("schemes", _many(_text)),
    },
    extensions=13,
)  # fmt: skip
_path_item = _fields(
    {
        2: ("get", _OPERATION), 3: ("put", _OPERATION), 4: ("post", _OPERATION), 5: ("delete", _OPERATION),
        6: ("options", _OPERATION), 7: ("head", _OPERATION), 8: ("patch", _OPERATION),
        9: ("parameters", _many(_parameter)),
    },
    extensions=10,
)  # fmt: skip
