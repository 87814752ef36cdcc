"""Field selectors: `?fieldSelector=status.phase!=Running,metadata.name=web`.

Only `=`, `==` and `!=` exist; which fields may be asked for is the business of each kind. A value may hold `,`, `=` and
`\\` behind a backslash. Terms come back in the order of their text, as in the real parser, so that the first error is
the same. Errors are ValueErrors with the real text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple


class Term(NamedTuple):
    field: str
    operator: str  # "=" or "!="
    value: str

    def __str__(self) -> str:
        return f"{self.field}{self.operator}{escape(self.value)}"


def parse(text: str) -> list[Term]:
    return list(_parse(text))


@lru_cache(maxsize=1024)
def _parse(text: str) -> tuple[Term, ...]:
    found = []
    for part in sorted(_split(text)):
        if not part:
            continue
        field, operator, value = _operator(part)
        if not operator:
            raise ValueError(f"invalid selector: '{text}'; can't understand '{part}'")
        term = Term(field, operator, _unescape(value))
        if term.field or term.value:  # a bare operator restricts nothing
            found.append(term)
    return tuple(found)


def matches(terms: Iterable[Term], fields: Mapping[str, str]) -> bool:
    """A field that the object has not counts as empty."""
    return all((fields.get(term.field, "") == term.value) == (term.operator == "=") for term in terms)


def exact_value(terms: Iterable[Term], field: str) -> str | None:
    """The one value demanded of a field, None when there is none."""
    for term in terms:
        if term.field == field and term.operator == "=":
            return term.value
    return None


def text_of(terms: Iterable[Term]) -> str:
    return ",".join(map(str, terms))


def escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=")


def _split(text: str) -> list[str]:
    parts, start, escaped = [], 0, False
    for at, char in enumerate(text):
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == ",":
            parts.append(text[start:at])
            start = at + 1
    parts.append(text[start:])
    return parts


def _operator(part: str) -> tuple[str, str, str]:
    for at, char in enumerate(part):
        if part.startswith("!=", at):
            return part[:at], "!=", part[at + 2 :]
        if char == "=":
            length = 2 if part.startswith("==", at) else 1
            return part[:at], "=", part[at + length :]
    return "", "", ""


def _unescape(value: str) -> str:
    out, escaped = [], False
    for char in value:
        if escaped:
            if char not in "\\,=":
                raise ValueError(f"invalid field selector: invalid escape sequence: \\{char}")
            out.append(char)
            escaped = False
        elif char == "\\":
            escaped = True
        elif char in ",=":
            # The real message prints the character's number.
            raise ValueError(f"invalid field selector: unescaped character in value: {ord(char)}")
        else:
            out.append(char)
    if escaped:
        raise ValueError("invalid field selector: invalid escape sequence: \\")
    return "".join(out)
