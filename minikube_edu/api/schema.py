"""The fields of every type, and one pass over an object that makes it what Kubernetes would store.

`facts/schema.json` names the fields of each type (made by `generate`). On first use a type is compiled into closures
that walk an object once and return a new one: unknown fields dropped, types checked, zero values left out or filled in
exactly as Go's encoder does, quantities and times in canonical form. That pass is hot, so it keeps no paths: when it
meets something wrong, `diagnose` walks the object again, slowly, and finds the words that the real server has for it.

    decode("apps.v1.Deployment", {...}) -> Decoded(object, unknown=['spec.replicaz'])      raises DecodeError

Field rules, as the encoder of the real one has them: a field marked `always` is written even when it is zero; `pointer`
fields keep an explicit zero; all others vanish when zero or empty.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import orjson

from minikube_edu.api import quantity

Object = dict[str, Any]
Normalizer = Callable[[Any], Any]


class Field:
    """One field of a struct: the facts, with the kind taken apart."""

    __slots__ = (
        "always", "default", "enum", "go", "keys", "kind", "list_type", "map_type", "merge_key", "name",
        "patch_strategy", "pointer", "required", "struct_value", "zero",
    )  # fmt: skip

    def __init__(self, name: str, facts: Object) -> None:
        self.name = name
        self.kind: str = facts["kind"]
        self.required = facts.get("required", False)
        self.always = facts.get("always", False)
        self.struct_value = facts.get("value", False)  # a struct that is there even when nobody set it
        self.pointer = facts.get("pointer", False)
        self.zero: Any = facts.get("zero")
        self.default: Any = facts.get("default")
        self.go: str | None = facts.get("go")
        self.list_type: str | None = facts.get("list")
        self.keys: list[str] = facts.get("keys", [])
        self.map_type: str | None = facts.get("map")
        self.merge_key: str | None = facts.get("merge")
        self.patch_strategy: list[str] = facts.get("patch", "").split(",") if facts.get("patch") else []
        self.enum: list[str] = facts.get("enum", [])


class Struct:
    """One type. `map_type == "atomic"` means that its fields are owned and replaced as one."""

    __slots__ = ("fields", "gvk", "map_type", "name", "unions")

    def __init__(self, name: str, facts: Object) -> None:
        self.name = name
        self.map_type: str | None = facts.get("map")
        self.unions: list[Object] = facts.get("unions", [])
        self.gvk: list[list[str]] = facts.get("gvk", [])
        self.fields = {field: Field(field, value) for field, value in facts["fields"].items()}

    def __repr__(self) -> str:
        return f"Struct({self.name})"


@cache
def _facts() -> dict[str, Object]:
    return dict(orjson.loads(files("minikube_edu.api").joinpath("facts/schema.json").read_bytes()))


def type_names() -> list[str]:
    return list(_facts())


@cache
def struct(name: str) -> Struct:
    """The type called `name`; KeyError when there is none."""
    return Struct(name, _facts()[name])


@cache
def _by_kind() -> dict[tuple[str, ...], str]:
    found: dict[tuple[str, ...], str] = {}
    for name, facts in _facts().items():
        for gvk in facts.get("gvk", ()):
            found.setdefault(tuple(gvk), name)
    return found


def type_of(group: str, version: str, kind: str) -> str | None:
    """The schema name of a kind: ("apps", "v1", "Deployment") -> "apps.v1.Deployment"."""
    return _by_kind().get((group, version, kind))


# ---------------------------------------------------------------- the fast pass


class DecodeError(Exception):
    """The object cannot be read as its type; the message is the real decoder's."""


class Mismatch(Exception):
    """Something is not of its type; `diagnose` says what."""


class Decoded(NamedTuple):
    object: Object
    unknown: list[str]  # paths of fields that the type does not have


_saw_unknown = False  # set by the pass under way; the pass is synchronous


def _string(value: Any) -> Any:
    if value.__class__ is not str:
        raise Mismatch
    return value


def _bool(value: Any) -> Any:
    if value.__class__ is not bool:
        raise Mismatch
    return value


def _int32(value: Any) -> Any:
    if value.__class__ is not int or not -0x80000000 <= value <= 0x7FFFFFFF:
        raise Mismatch
    return value


def _int64(value: Any) -> Any:
    if value.__class__ is not int or not -0x8000000000000000 <= value <= 0x7FFFFFFFFFFFFFFF:
        raise Mismatch
    return value


def _float(value: Any) -> Any:
    if value.__class__ is not int and value.__class__ is not float:
        raise Mismatch
    return value


def _any(value: Any) -> Any:
    return value


def _intstr(value: Any) -> Any:
    return value if value.__class__ is str else _int32(value)


def _quantity(value: Any) -> Any:
    if value.__class__ is int or value.__class__ is float:
        value = str(value)
    elif value.__class__ is not str:
        raise Mismatch
    try:
        return quantity.canonical(value)
    except ValueError:
        raise Mismatch from None


_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?\Z")


def _bytes(value: Any) -> Any:
    if value.__class__ is not str:
        raise Mismatch
    if "\n" in value or "\r" in value:  # as encoding/base64 does
        value = value.replace("\n", "").replace("\r", "")
    if not _BASE64.match(value):
        raise Mismatch
    return value


_TIME = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d")
_ZONE = re.compile(r"(?:\.\d+)?(?:Z|[+-][01]\d:[0-5]\d)\Z")


def _time(value: Any, micro: bool = False) -> Any:
    """RFC 3339, in UTC, whole seconds; microseconds for MicroTime."""
    if value.__class__ is not str:
        raise Mismatch
    if value == "":
        return None
    if not micro and len(value) == 20 and value[19] == "Z" and _TIME.match(value):
        return value
    if not _TIME.match(value) or not _ZONE.match(value, 19):
        raise Mismatch
    if micro and len(value) == 27 and value[26] == "Z":
        return value
    from datetime import UTC, datetime

    try:
        moment = datetime.fromisoformat(value).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Mismatch from None
    text = moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ" if micro else "%Y-%m-%dT%H:%M:%SZ")
    return text.zfill(27 if micro else 20)


def _microtime(value: Any) -> Any:
    return _time(value, micro=True)


_SCALARS: dict[str, Normalizer] = {
    "string": _string, "bool": _bool, "int32": _int32, "int64": _int64, "float": _float, "bytes": _bytes,
    "time": _time, "microtime": _microtime, "quantity": _quantity, "intstr": _intstr, "any": _any,
}  # fmt: skip
_ZERO: Object = {"string": "", "bool": False, "int32": 0, "int64": 0, "float": 0, "quantity": "0", "intstr": 0}


def zero(kind: str) -> Any:
    """Go's zero value of a kind, as its encoder writes it."""
    return normalizer(kind)({}) if kind[0] == "=" else _ZERO.get(kind)


@cache
def normalizer(kind: str) -> Normalizer:
    """The compiled pass for a kind: `=apps.v1.Deployment`, `[]string`, …"""
    if kind[0] == "=":
        return _compile_struct(struct(kind[1:]))
    if kind.startswith("[]"):
        return _compile_list(kind[2:])
    if kind.startswith("{}"):
        return _compile_map(kind[2:])
    return _SCALARS[kind]


def _compile_list(item_kind: str) -> Normalizer:
    if item_kind == "string":
        strings = {str}

        def string_list(value: Any) -> Any:
            if value.__class__ is not list:
                raise Mismatch
            if not set(map(type, value)) <= strings:
                return [_string("" if item is None else item) for item in value]
            return value

        return string_list
    item = _Lazy(item_kind)

    def a_list(value: Any) -> Any:
        if value.__class__ is not list:
            raise Mismatch
        one = item.normalize or item.compile()
        return [zero(item_kind) if element is None else one(element) for element in value]

    return a_list


def _compile_map(item_kind: str) -> Normalizer:
    item = _Lazy(item_kind)
    blank = {"bytes": "", "[]string": []}.get(item_kind)  # what a null becomes where that is not Go's zero

    def a_map(value: Any) -> Any:
        if value.__class__ is not dict:
            raise Mismatch
        one = item.normalize or item.compile()
        return {
            key: (zero(item_kind) if blank is None else blank) if element is None else one(element)
            for key, element in value.items()
        }

    return a_map


class _Lazy:
    """A kind that is compiled when first met: types may contain themselves."""

    __slots__ = ("kind", "normalize")

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.normalize: Normalizer | None = None

    def compile(self) -> Normalizer:
        self.normalize = normalizer(self.kind)
        return self.normalize


def _compile_struct(shape: Struct) -> Normalizer:
    entries: dict[str, list[Any]] = {}  # name -> [normalizer or None until first met, keep zero, kind]
    fillers: list[tuple[str, Normalizer | None, Any]] = []  # what is written even when it was not given
    for field in shape.fields.values():
        pointer_struct = field.kind[0] == "=" and not field.struct_value
        keep = field.always or field.pointer or pointer_struct or field.kind in ("any", "intstr", "quantity")
        entries[field.name] = [_SCALARS.get(field.kind), keep, field.kind]
        if field.always:
            if field.struct_value or (field.kind[0] == "=" and field.required and field.default == {}):
                fillers.append((field.name, _zero_struct(field.kind), None))
            elif field.zero is not None or field.pointer or field.kind in ("time", "microtime"):
                fillers.append((field.name, None, field.zero))
            else:
                fillers.append((field.name, None, _ZERO.get(field.kind)))

    def a_struct(value: Any) -> Any:
        if value.__class__ is not dict:
            raise Mismatch
        out = {}
        for name, item in value.items():
            entry = entries.get(name)
            if entry is None:
                global _saw_unknown
                _saw_unknown = True
            elif item is not None:
                normalize = entry[0]
                if normalize is None:
                    normalize = entry[0] = normalizer(entry[2])
                item = normalize(item)
                if item or entry[1]:
                    out[name] = item
        for name, make, constant in fillers:
            if name not in out:
                out[name] = constant if make is None else make(None)
        return out

    return a_struct


def _zero_struct(kind: str) -> Normalizer:
    def make(_: Any) -> Any:
        return normalizer(kind)({})

    return make


def decode(type_name: str, value: Any) -> Decoded:
    """`value` as an object of the type, as Kubernetes would store it; `value` itself is left alone."""
    global _saw_unknown
    _saw_unknown = False
    try:
        out = normalizer("=" + type_name)(value)
    except Mismatch:
        from minikube_edu.api.diagnosis import diagnose

        raise DecodeError(
            diagnose(type_name, value).error or "the object does not have the shape of its type"
        ) from None
    if _saw_unknown:
        from minikube_edu.api.diagnosis import diagnose

        return Decoded(out, diagnose(type_name, value).unknown)
    return Decoded(out, [])
