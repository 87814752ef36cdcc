"""What an unquoted word means in YAML 1.1 as Go reads it, and how Go writes a number."""

from __future__ import annotations

import re
from typing import Any

WORDS: dict[str, Any] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
}
_INTEGER = re.compile(r"[+-]?(?:0[xX][0-9a-fA-F]+|0[oO]?[0-7]+|0[bB][01]+|0|[1-9][0-9]*)\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_CLOCK = r"(?:[01]?\d|2[0-3]):[0-5]?\d:[0-5]?\d(?:\.\d+)?"
TIMESTAMP = re.compile(
    rf"\d{{4}}-(?:0?[1-9]|1[0-2])-(?:0?[1-9]|[12]\d|3[01])(?:[Tt]{_CLOCK}(?:Z|[-+]\d\d:\d\d)| {_CLOCK})?\Z"
)
BASE60 = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?\Z")


def resolve(text: str) -> Any:
    """The value of an unquoted scalar."""
    if text in WORDS:
        return WORDS[text]
    if text[0] not in "+-.0123456789" or TIMESTAMP.match(text):
        return text
    plain = text if text[0] == "." else text.replace("_", "")
    if _INTEGER.match(plain):
        number = _integer(plain)
        if -(1 << 63) <= number < 1 << 64:
            return number
    if _FLOAT.match(plain) and (fraction := float(plain)) - fraction == 0:  # not infinite
        return fraction
    return text


def _integer(plain: str) -> int:
    sign = -1 if plain[0] == "-" else 1
    digits = plain.lstrip("+-")
    if len(digits) > 1 and digits[0] == "0" and digits[1] in "01234567":
        return sign * int(digits, 8)
    return sign * int(digits, 0)


def go_float(value: float) -> str:
    """strconv.FormatFloat(value, 'g', -1, 64)."""
    text = repr(value)
    mantissa, _, exponent = text.partition("e")
    if exponent:
        number = int(exponent)
        return f"{mantissa.removesuffix('.0')}e{'-' if number < 0 else '+'}{abs(number):02d}"
    if value.is_integer() and abs(value) >= 1e21:
        mantissa, _, exponent = f"{value:e}".partition("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e+{int(exponent):02d}"
    return text.removesuffix(".0")
