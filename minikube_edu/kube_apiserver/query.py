"""Query parameters: parsed once, judged as the real server judges them."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import parse_qsl

from minikube_edu.api.errors import BadRequest

Query = dict[str, list[str]]

TRUE = {"1", "t", "T", "TRUE", "true", "True"}
FALSE = {"0", "f", "F", "FALSE", "false", "False"}


@lru_cache(maxsize=2048)
def _parse(text: str) -> tuple[tuple[str, str], ...]:
    return tuple(parse_qsl(text, keep_blank_values=True))


def parse(text: str) -> Query:
    found: Query = {}
    if text:
        for key, value in _parse(text):
            found.setdefault(key, []).append(value)
    return found


def first(query: Query, key: str) -> str:
    values = query.get(key)
    return values[0] if values else ""


def boolean(query: Query, key: str) -> bool:
    """Absent, "0" and "false" are false; anything else that is there is true, an empty value too."""
    values = query.get(key)
    return values is not None and values[0].lower() not in ("0", "false")


def optional_boolean(query: Query, key: str) -> bool | None:
    return boolean(query, key) if key in query else None


def integer(query: Query, key: str) -> int | None:
    text = first(query, key)
    if not text:
        return None
    try:
        value = int(text)
    except ValueError:
        raise BadRequest(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None
    if not -(2**63) <= value < 2**63:
        raise BadRequest(f'strconv.ParseInt: parsing "{text}": value out of range')
    return value
