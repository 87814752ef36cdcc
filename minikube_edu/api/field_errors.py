"""What validation finds: an error has a kind, the path of the field, the offending value and a sentence.

`Errors` collects them in the order of the real validation. Paths are plain strings, built where the error is:
f"{path}.containers[{i}].image", f"{path}.labels[{key}]" by `key`. Values are printed as Go prints them: strings
quoted, numbers bare, structs as JSON.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Any

import orjson

OMIT = object()  # the bad value is not shown


class Kind(Enum):
    """(reason of the cause, words of the message)"""

    NOT_FOUND = ("FieldValueNotFound", "Not found")
    REQUIRED = ("FieldValueRequired", "Required value")
    DUPLICATE = ("FieldValueDuplicate", "Duplicate value")
    INVALID = ("FieldValueInvalid", "Invalid value")
    NOT_SUPPORTED = ("FieldValueNotSupported", "Unsupported value")
    FORBIDDEN = ("FieldValueForbidden", "Forbidden")
    TOO_LONG = ("FieldValueTooLong", "Too long")
    TOO_MANY = ("FieldValueTooMany", "Too many")
    INTERNAL = ("InternalError", "Internal error")
    TYPE_INVALID = ("FieldValueTypeInvalid", "Invalid value")


_WITHOUT_VALUE = {Kind.REQUIRED, Kind.FORBIDDEN, Kind.TOO_LONG, Kind.INTERNAL}


def go_quote(text: str) -> str:
    """Go's %q of a string."""
    out = []
    for letter in text:
        if letter in '"\\':
            out.append("\\" + letter)
        elif letter == "\n":
            out.append("\\n")
        elif letter == "\t":
            out.append("\\t")
        elif letter == "\r":
            out.append("\\r")
        elif letter.isprintable():
            out.append(letter)
        elif ord(letter) < 0x80:
            out.append(f"\\x{ord(letter):02x}")
        elif ord(letter) < 0x10000:
            out.append(f"\\u{ord(letter):04x}")
        else:
            out.append(f"\\U{ord(letter):08x}")
    return '"' + "".join(out) + '"'


def shown(value: Any) -> str:
    """The value as field.Error prints it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return go_quote(value)
    if isinstance(value, int | float):
        return str(value)
    text = orjson.dumps(value).decode()
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


class FieldError:
    """One thing that is wrong with one field."""

    __slots__ = ("detail", "field", "kind", "origin", "value")

    def __init__(self, kind: Kind, field: str, value: Any = OMIT, detail: str = "", origin: str = "") -> None:
        self.kind = kind
        self.field = field
        self.value = value
        self.detail = detail
        self.origin = origin

    def body(self) -> str:
        """The message without the field's path."""
        words = self.kind.value[1]
        if self.kind not in _WITHOUT_VALUE and self.value is not OMIT:
            words = f"{words}: {shown(self.value)}"
        return f"{words}: {self.detail}" if self.detail else words

    def __str__(self) -> str:
        return f"{self.field}: {self.body()}"

    def __repr__(self) -> str:
        return f"FieldError({self})"


def key(path: str, name: str) -> str:
    """The path of one entry of a map."""
    return f"{path}[{name}]"


class Errors(list[FieldError]):
    """The errors of one object, in order."""

    def required(self, field: str, detail: str = "") -> None:
        self.append(FieldError(Kind.REQUIRED, field, OMIT, detail))

    def invalid(self, field: str, value: Any, detail: str = "") -> None:
        self.append(FieldError(Kind.INVALID, field, value, detail))

    def invalid_each(self, field: str, value: Any, details: Iterable[str]) -> None:
        for detail in details:
            self.invalid(field, value, detail)

    def type_invalid(self, field: str, value: Any, detail: str = "") -> None:
        self.append(FieldError(Kind.TYPE_INVALID, field, value, detail))

    def not_supported(self, field: str, value: Any, supported: Sequence[str]) -> None:
        """The supported values are listed in sorted order by the caller, or as the real code has them."""
        detail = ""
        if supported:
            detail = "supported values: " + ", ".join(go_quote(one) for one in supported)
        self.append(FieldError(Kind.NOT_SUPPORTED, field, value, detail))

    def duplicate(self, field: str, value: Any) -> None:
        self.append(FieldError(Kind.DUPLICATE, field, value))

    def forbidden(self, field: str, detail: str = "") -> None:
        self.append(FieldError(Kind.FORBIDDEN, field, OMIT, detail))

    def not_found(self, field: str, value: Any) -> None:
        self.append(FieldError(Kind.NOT_FOUND, field, value))

    def too_long(self, field: str, limit: int) -> None:
        self.append(FieldError(Kind.TOO_LONG, field, OMIT, f"may not be more than {limit} bytes"))

    def too_many(self, field: str, count: int, limit: int) -> None:
        self.append(
            FieldError(Kind.TOO_MANY, field, count, f"must have at most {limit} item{'s' if limit != 1 else ''}")
        )

    def internal(self, field: str, why: object) -> None:
        self.append(FieldError(Kind.INTERNAL, field, OMIT, str(why)))
