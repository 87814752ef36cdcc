"""Why a plain map cannot become an object of its type, in the words of Go's reflective converter.

Strategic merge and apply patches go this way in the real server, not through the JSON decoder, and it has words of its
own: `unrecognized type: int32` for a string where a number belongs.
"""

from __future__ import annotations

from typing import Any

from minikube_edu.api import quantity, schema
from minikube_edu.api.diagnosis import base64_fault, json_name, time_fault

_SCALARS = {"string": "string", "bool": "bool", "int32": "int32", "int64": "int64", "float": "float64"}


def misfit(type_name: str, value: Any) -> str | None:
    """The first thing that does not fit; None when all does. Unknown fields are no misfits."""
    return _misfit("=" + type_name, value, None)


def _kind_of(value: Any) -> str:
    """reflect.Kind of a decoded JSON value."""
    names = {dict: "map", list: "slice", str: "string", bool: "bool", int: "int64"}
    return names.get(type(value), "float64")


def _misfit(kind: str, value: Any, field: schema.Field | None) -> str | None:
    if value is None:
        return None
    if kind in _SCALARS:
        return _scalar(kind, value, field)
    if kind[0] == "=":
        if not isinstance(value, dict):
            return f"cannot restore struct from: {_kind_of(value)}"
        fields = schema.struct(kind[1:]).fields
        pairs = ((fields[name].kind, value[name], fields[name]) for name in fields if name in value)
        return next((found for pair in pairs if (found := _misfit(*pair))), None)
    if kind.startswith("{}"):
        if not isinstance(value, dict):
            return f"cannot restore map from {_kind_of(value)}"
        return next((found for item in value.values() if (found := _misfit(kind[2:], item, None))), None)
    if kind.startswith("[]") or (kind == "bytes" and not isinstance(value, str)):
        if not isinstance(value, list):
            return f"cannot restore slice from {_kind_of(value)}"
        return next((found for item in value if (found := _misfit(kind[2:], item, None))), None)
    return _unmarshal(kind, value)


def _scalar(kind: str, value: Any, field: schema.Field | None) -> str | None:
    source, target = _kind_of(value), _SCALARS[kind]
    if source == target or (source == "int64" and target in ("int32", "float64")):
        return None
    if source == "float64" and target in ("int32", "int64"):
        return None if float(value).is_integer() else f"cannot convert float64 to {target}"
    if source == "int64" and target == "string":
        return f"cannot convert int64 to {(field and field.go) or target}"
    return f"unrecognized type: {target}"


def _unmarshal(kind: str, value: Any) -> str | None:
    """Of kinds that read themselves from JSON."""
    try:
        schema.normalizer(kind)(value)
    except schema.Mismatch:
        pass
    else:
        return None
    if kind == "bytes":
        return f"error decoding from json: illegal base64 data at input byte {base64_fault(value)}"
    if kind == "quantity":
        try:
            quantity.parse(str(value))
        except ValueError as error:
            return str(error)
    if kind in ("time", "microtime") and isinstance(value, str):
        return time_fault(value, micro=kind == "microtime")
    target = "int32" if kind == "intstr" else "string"
    return f"json: cannot unmarshal {json_name(value)} into Go value of type {target}"
