"""How Go writes values inside messages: the real system's error texts are full of it.

`quote` is %q of a string, `number_problem` the complaint of strconv, `words` the %v of a list of strings.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_PLAIN = re.compile(r"[ !#-\[\]-~]*")
_SHORT = {
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    "\\": "\\\\",
    '"': '\\"',
}
_INTEGER = re.compile(r"[+-]?[0-9]+")


def quote(text: str) -> str:
    """`text` between double quotes, as strconv.Quote."""
    if _PLAIN.fullmatch(text):
        return f'"{text}"'
    return '"' + "".join(_SHORT.get(char) or _escaped(char) for char in text) + '"'


def _escaped(char: str) -> str:
    if char.isprintable():
        return char
    point = ord(char)
    if point < 0x80:
        return f"\\x{point:02x}"
    if 0xD800 <= point < 0xE000:
        return "\\ufffd"
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"


def words(items: Sequence[str]) -> str:
    """`[a b c]`."""
    return "[" + " ".join(items) + "]"


def parse_int(text: str, bits: int = 64) -> int:
    """strconv.ParseInt in base 10: no blanks, no underscores, a limited range; ValueError says `invalid syntax` or
    `value out of range`, which is what strconv puts behind its colon."""
    if not _INTEGER.fullmatch(text):
        raise ValueError("invalid syntax")
    number = int(text) if len(text) < 4000 else 1 << bits
    if not -(1 << (bits - 1)) <= number < 1 << (bits - 1):
        raise ValueError("value out of range")
    return number


def atoi(text: str) -> int:
    """strconv.Atoi, with its whole message."""
    try:
        return parse_int(text)
    except ValueError as error:
        raise ValueError(f"strconv.Atoi: parsing {quote(text)}: {error}") from None
