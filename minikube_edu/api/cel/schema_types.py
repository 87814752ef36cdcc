"""The types of custom resources, as expressions see them: from a structural schema, with how large its values may grow.

A field whose type is not known (no type, preserved unknown fields) is not there for expressions. Names that are no
identifiers are escaped: `a-b` is `a__dash__b`, `namespace` is `__namespace__`.
"""

from __future__ import annotations

import re

from msgspec import Struct, field

from minikube_edu.api.cel import types
from minikube_edu.api.cel.parser import RESERVED
from minikube_edu.api.cel.types import ObjectType, Type
from minikube_edu.api.structural import EMBEDDED, INT_OR_STRING, Object, additional

MAX_REQUEST = 3 * 1024 * 1024  # bytes of the largest object that can be sent
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SCALARS = {"boolean": (types.BOOL, 4), "number": (types.DOUBLE, 1), "integer": (types.INT, 1)}
# format of a string -> type, size of the smallest, of the largest
_FORMATS = {
    "duration": (types.DURATION, 2, 32),
    "date": (types.TIMESTAMP, 12, 12),
    "date-time": (types.TIMESTAMP, 21, 37),
}


class Declared(Struct):
    """A type, and the most elements (characters, items, entries) that a value of it has."""

    type: Type
    most: int = 1
    smallest: int = 1  # bytes in JSON
    item: Declared | None = None
    fields: dict[str, Declared] = field(default_factory=dict)


def escape(name: str) -> str | None:
    """The name of a field in expressions; None when it cannot have one."""
    if name in RESERVED or name in ("true", "false", "null", "in"):
        return f"__{name}__"
    text = (
        name.replace("__", "__underscores__").replace(".", "__dot__").replace("-", "__dash__").replace("/", "__slash__")
    )
    return text if _NAME.fullmatch(text) else None


def declare(schema: Object | None, *, root: bool = False) -> Declared | None:
    if schema is None:
        return None
    if schema.get(INT_OR_STRING):
        longest = schema.get("maxLength")
        return Declared(types.DYN, MAX_REQUEST - 2 if longest is None else longest * 4)
    if root or schema.get(EMBEDDED):
        schema = _with_metadata(schema)
    match schema.get("type"):
        case "array":
            return _array(schema)
        case "object":
            return _map(schema) if additional(schema) is not None else _object(schema)
        case "string":
            return _string(schema)
        case str() as name if name in _SCALARS:
            kind, size = _SCALARS[name]
            return Declared(kind, 1, size)
    return None


def _with_metadata(schema: Object) -> Object:
    text = {"type": "string"}
    metadata = {"type": "object", "properties": {"name": text, "generateName": text}}
    ours = {"kind": text, "apiVersion": text, "metadata": metadata}
    return {**schema, "type": schema.get("type", "object"), "properties": {**schema.get("properties", {}), **ours}}


def _array(schema: Object) -> Declared | None:
    inner = schema.get("items")
    item = declare(inner) if isinstance(inner, dict) else None
    if item is None:
        return None
    most = schema.get("maxItems")
    most = (MAX_REQUEST - 2) // (item.smallest + 1) if most is None else max(most, 0)
    return Declared(types.list_of(item.type), most, 2, item)


def _map(schema: Object) -> Declared | None:
    item = declare(additional(schema))
    if item is None:
        return None
    most = schema.get("maxProperties")
    most = (MAX_REQUEST - 2) // (item.smallest + 6) if most is None else max(most, 0)
    return Declared(types.map_of(types.STRING, item.type), most, 2, item)


def _object(schema: Object) -> Declared:
    fields: dict[str, Declared] = {}
    smallest = 2
    for name, inner in schema.get("properties", {}).items():
        found = declare(inner)
        if found is None:
            continue
        if (escaped := escape(name)) is not None:
            fields[escaped] = found
        if name in schema.get("required", ()) and inner.get("default") is None:
            smallest += len(name) + found.smallest + 4
    kind = ObjectType("object", fields={name: each.type for name, each in fields.items()})
    return Declared(kind, MAX_REQUEST, smallest, None, fields)


def _string(schema: Object) -> Declared:
    wanted, longest = schema.get("format", ""), schema.get("maxLength")
    if wanted in _FORMATS:
        kind, smallest, largest = _FORMATS[wanted]
        return Declared(kind, largest, smallest)
    if wanted == "byte":
        return Declared(types.BYTES, MAX_REQUEST - 2 if longest is None else max(longest, 0), 2)
    if longest is not None:
        return Declared(types.STRING, max(longest, 0) * 4, 2)
    if enum := schema.get("enum"):
        return Declared(types.STRING, max((len(each.encode()) for each in enum if isinstance(each, str)), default=0), 2)
    return Declared(types.STRING, MAX_REQUEST - 2, 2)
