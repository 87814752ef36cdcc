"""The `format` of strings: names that the real validator knows, and what they mean. Unknown formats say nothing."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from datetime import date
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from minikube_edu.api import durations
from minikube_edu.api import names as name_rules

_HEX = "[0-9a-f]"


def _matches(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern, re.IGNORECASE)
    return lambda text: compiled.fullmatch(text) is not None


def _date(text: str) -> bool:
    try:
        return len(text) == 10 and bool(date.fromisoformat(text))
    except ValueError:
        return False


_datetime = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ]([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)([.,]\d+)?([Zz]|[+-]([01]\d|2[0-3]):?[0-5]\d)?"
)


def _date_time(text: str) -> bool:
    found = _datetime.fullmatch(text)
    return found is not None and _date(found[1])


def _address(kind: type[IPv4Address] | type[IPv6Address]) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            return isinstance(ip_address(text), kind)
        except ValueError:
            return False

    return check


def _cidr(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return "/" in text


def _byte(text: str) -> bool:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _duration(text: str) -> bool:
    try:
        durations.parse(text.replace(" ", ""))
    except ValueError:
        return re.fullmatch(r"-?\d+(\.\d+)?\s*(d|day|w|week|hour|minute|second|milli|micro|nano)s?", text) is not None
    return True


def _uuid(version: str = "") -> Callable[[str], bool]:
    third = f"{version}{_HEX}{{3}}" if version else f"{_HEX}{{4}}"
    fourth = f"[89ab]{_HEX}{{3}}" if version in ("4", "5") else f"{_HEX}{{4}}"
    return _matches(f"{_HEX}{{8}}-?{_HEX}{{4}}-?{third}-?{fourth}-?{_HEX}{{12}}")


def _isbn10(text: str) -> bool:
    digits = re.sub(r"[\s-]", "", text)
    if not re.fullmatch(r"\d{9}[\dX]", digits):
        return False
    return sum((10 - i) * (10 if c == "X" else int(c)) for i, c in enumerate(digits)) % 11 == 0


def _isbn13(text: str) -> bool:
    digits = re.sub(r"[\s-]", "", text)
    return bool(re.fullmatch(r"\d{13}", digits)) and sum(int(c) * (1, 3)[i % 2] for i, c in enumerate(digits)) % 10 == 0


FORMATS: dict[str, Callable[[str], bool]] = {
    "bsonobjectid": _matches(f"{_HEX}{{24}}"),
    "uri": _matches(r"[a-z][a-z0-9+.-]*:[^\s]*|/[^\s]*"),
    "email": _matches(r"[^@\s]+@[^@\s]+|[^<>]*<[^@\s]+@[^@\s]+>"),
    "hostname": _matches(
        r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*\.?"
    ),
    "ipv4": _address(IPv4Address),
    "ipv6": _address(IPv6Address),
    "cidr": _cidr,
    "mac": _matches(
        f"({_HEX}{{2}}[:-]){{5}}{_HEX}{{2}}|({_HEX}{{2}}[:-]){{7}}{_HEX}{{2}}|({_HEX}{{4}}\\.){{2,3}}{_HEX}{{4}}"
    ),
    "uuid": _uuid(),
    "uuid3": _uuid("3"),
    "uuid4": _uuid("4"),
    "uuid5": _uuid("5"),
    "isbn": lambda text: _isbn10(text) or _isbn13(text),
    "isbn10": _isbn10,
    "isbn13": _isbn13,
    "creditcard": _matches(r"[\d -]*(\d[ -]*){13,19}"),
    "ssn": _matches(r"\d{3}[- ]?\d{2}[- ]?\d{4}"),
    "hexcolor": _matches(f"#?({_HEX}{{3}}|{_HEX}{{6}})"),
    "rgbcolor": _matches(r"rgb\(\s*\d{1,3}\s*,\s*\d{1,3}\s*,\s*\d{1,3}\s*\)"),
    "byte": _byte,
    "password": lambda _: True,
    "date": _date,
    "duration": _duration,
    "datetime": _date_time,
    "k8sshortname": lambda text: not name_rules.dns1123_label(text),
    "k8slongname": lambda text: not name_rules.dns1123_subdomain(text),
}
NUMBERS = {"integer": ("int32", "int64"), "number": ("float", "double")}


def is_known(kind: str, name: str) -> bool:
    """Whether the format means anything for this type."""
    if kind in ("", "string"):
        return name.replace("-", "") in FORMATS
    return name in NUMBERS.get(kind, ())


def fits(text: str, name: str) -> bool:
    check = FORMATS.get(name.replace("-", ""))
    return check is None or check(text)
