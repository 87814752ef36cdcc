"""What is wrong with an object, in the words of the real decoder: the slow twin of the pass in `schema`.

Go's decoder goes on after the first value of a wrong type and reports that one; a field's place is told by its
struct's name and the path of field names without indexes (`Container.spec.containers.image`). Unknown fields are told
by paths with indexes (`spec.containers[0].imagePolicy`), in the order of the document.
"""

from __future__ import annotations

import base64
import re
from typing import Any, NamedTuple

from minikube_edu.api import quantity, schema
from minikube_edu.api.schema import Mismatch

_GO_SCALARS = {"bool": "bool", "int32": "int32", "int64": "int64", "float": "float64", "string": "string"}


class Diagnosis(NamedTuple):
    error: str | None  # the first value that is not of its type
    unknown: list[str]


def diagnose(type_name: str, value: Any) -> Diagnosis:
    finder = _Finder()
    finder.visit("=" + type_name, value, "", (), "", None)
    return Diagnosis(finder.error, finder.unknown)


def go_type(kind: str) -> str:
    """The Go name of a kind: `[]v1.Container`, `map[string]string`, `int32`."""
    if kind.startswith("[]"):
        return "[]uint8" if kind == "[]" else "[]" + go_type(kind[2:])
    if kind.startswith("{}"):
        return "map[string]" + go_type(kind[2:])
    if kind[0] == "=":
        parts = kind[1:].split(".")
        return ".".join(parts[-2:])
    named = {"bytes": "[]uint8", "time": "v1.Time", "microtime": "v1.MicroTime", "intstr": "int32"}
    named |= {"quantity": "resource.Quantity", "any": "interface {}"}
    return _GO_SCALARS.get(kind) or named[kind]


def json_name(value: Any) -> str:
    """What Go's decoder calls a JSON value."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object" if isinstance(value, dict) else "null"


class _Finder:
    def __init__(self) -> None:
        self.error: str | None = None
        self.unknown: list[str] = []

    def mismatch(self, value: Any, go: str, owner: str, path: tuple[str, ...], detail: str = "") -> None:
        if self.error is None:
            into = f"Go struct field {owner}.{'.'.join(path)}" if path else "Go value"
            self.error = f"json: cannot unmarshal {json_name(value)}{detail} into {into} of type {go}"

    def fail(self, message: str) -> None:
        if self.error is None:
            self.error = message

    def visit(
        self, kind: str, value: Any, owner: str, path: tuple[str, ...], place: str, field: schema.Field | None
    ) -> None:
        if value is None:
            return
        if kind[0] == "=":
            self.visit_struct(kind, value, owner, path, place)
        elif kind.startswith("[]"):
            if not isinstance(value, list):
                self.mismatch(value, go_type(kind), owner, path)
                return
            for number, item in enumerate(value):
                self.visit(kind[2:], item, owner, path, f"{place}[{number}]", None)
        elif kind.startswith("{}"):
            if not isinstance(value, dict):
                self.mismatch(value, go_type(kind), owner, path)
                return
            for key, item in value.items():
                self.visit(kind[2:], item, owner, path, f"{place}.{key}" if place else key, None)
        else:
            self.visit_scalar(kind, value, owner, path, field)

    def visit_struct(self, kind: str, value: Any, owner: str, path: tuple[str, ...], place: str) -> None:
        if not isinstance(value, dict):
            self.mismatch(value, go_type(kind), owner, path)
            return
        shape = schema.struct(kind[1:])
        short = shape.name.rsplit(".", 1)[1]
        for name, item in value.items():
            below = f"{place}.{name}" if place else name
            field = shape.fields.get(name)
            if field is None:
                self.unknown.append(below)
            else:
                self.visit(field.kind, item, short, (*path, name), below, field)

    def visit_scalar(
        self, kind: str, value: Any, owner: str, path: tuple[str, ...], field: schema.Field | None
    ) -> None:
        try:
            schema.normalizer(kind)(value)
        except Mismatch:
            pass
        else:
            return
        if kind == "quantity" and isinstance(value, str | int | float):
            try:
                quantity.parse(str(value))
            except ValueError as error:
                self.fail(str(error))
        elif kind == "quantity":
            self.fail("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
        elif kind == "bytes" and isinstance(value, str):
            self.fail(f"illegal base64 data at input byte {base64_fault(value)}")
        elif kind in ("time", "microtime") and isinstance(value, str):
            self.fail(time_fault(value, micro=kind == "microtime"))
        elif isinstance(value, int | float) and not isinstance(value, bool) and kind in ("int32", "int64", "intstr"):
            self.mismatch(value, (field and field.go) or go_type(kind), owner, path, f" {value}")
        elif kind in ("time", "microtime"):
            self.fail(f"json: cannot unmarshal {json_name(value)} into Go value of type string")
        else:
            self.mismatch(value, (field and field.go) or go_type(kind), owner, path)


_BASE64 = re.compile(r"[A-Za-z0-9+/]")


def base64_fault(text: str) -> int:
    """Where Go's decoder gives up."""
    body = text.replace("\n", "").replace("\r", "")
    for position, letter in enumerate(body):
        if letter == "=":
            rest = body[position:]
            quantum = position % 4
            if quantum < 2:
                return position
            if rest[: 4 - quantum] != "=" * (4 - quantum):
                return position + len(rest) - len(rest.lstrip("=")) if len(rest) >= 4 - quantum else len(body)
            return position + 4 - quantum
        if not _BASE64.match(letter):
            return position
    try:
        base64.b64decode(body, validate=True)
    except ValueError:
        return len(body) // 4 * 4
    return len(body)


def time_fault(text: str, micro: bool = False) -> str:
    """time.Parse's complaint."""
    layout = "2006-01-02T15:04:05.000000Z07:00" if micro else "2006-01-02T15:04:05Z07:00"
    rest = text
    for pattern, element in (
        (r"\d{4}", "2006"), ("-", "-"), (r"\d{2}", "01"), ("-", "-"), (r"\d{2}", "02"), ("T", "T"), (r"\d{2}", "15"),
        (":", ":"), (r"\d{2}", "04"), (":", ":"), (r"\d{2}", "05"), (r"(?:\.\d+)?", ""), (r"Z|[+-]\d\d:\d\d", "Z07:00"),
    ):  # fmt: skip
        found = re.match(pattern, rest)
        if not found:
            return f'parsing time "{text}" as "{layout}": cannot parse "{rest}" as "{element}"'
        rest = rest[found.end() :]
    if rest:
        return f'parsing time "{text}": extra text: "{rest}"'
    for value, limit, word in ((text[5:7], 12, "month"), (text[8:10], 31, "day"), (text[11:13], 23, "hour")):
        if int(value) > limit or (word != "hour" and int(value) == 0):
            return f'parsing time "{text}": {word} out of range'
    return f'parsing time "{text}": day out of range'
