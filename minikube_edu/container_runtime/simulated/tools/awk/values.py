"""awk's values: numbers (float), strings (str), and strings from outside that look like numbers (`Looks`)."""

from __future__ import annotations

import math
import re

NUMBER = re.compile(r"\s*([-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?))")
WHOLE = re.compile(r"\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s*\Z")


class Looks(str):
    """A field, or another string from outside, that looks like a number: compared as one."""


class Nothing(str):
    """The value of what was never set: "" and 0."""


UNSET = Nothing()
Value = float | str
Array = dict[str, Value]


class Fatal(Exception):
    """Ends the program with a message and code 2."""


def from_outside(text: str) -> Value:
    return Looks(text) if WHOLE.match(text) else text


def number(value: Value) -> float:
    if isinstance(value, float):
        return value
    found = NUMBER.match(value)
    if found:
        return float(found[1])
    special = re.match(r"\s*([-+])(inf|nan)", value, re.IGNORECASE)
    return float(special[1] + special[2]) if special else 0.0


def text(value: Value, conversion: str = "%.6g") -> str:
    if isinstance(value, str):
        return value
    if value == value and abs(value) < 1e16 and value == int(value):
        return str(int(value))
    if math.isnan(value):
        return "-nan" if math.copysign(1, value) < 0 else "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if value == int(value):
        return str(int(value)) if abs(value) < 1e19 else conversion % value
    return sprintf(conversion, [value])


def truth(value: Value) -> bool:
    if isinstance(value, float):
        return value != 0
    if isinstance(value, Looks):
        return number(value) != 0
    return value != ""


def compare(left: Value, right: Value) -> int:
    numeric = (float, Looks, Nothing)
    if isinstance(left, numeric) and isinstance(right, numeric):
        one, other = number(left), number(right)
        return (one > other) - (one < other)
    a, b = text(left), text(right)
    return (a > b) - (a < b)


DIRECTIVE = re.compile(r"%([-+ #0']*)(\*|\d+)?(?:\.(\*|\d*))?[hlLqjzt]*(.)|%\Z", re.DOTALL)
MOST = 1 << 24  # no result of one expression is longer


def sprintf(template: str, values: list[Value]) -> str:
    """C's printf; missing values are empty, surplus ones are ignored."""
    waiting = iter(values)

    def following() -> Value:
        return next(waiting, UNSET)

    def size(found: str) -> str:
        if found == "*":
            found = str(int(number(following())))
        if found and abs(int(found)) > MOST:
            raise Fatal("sprintf: width is too big")
        return found

    def one(found: re.Match[str]) -> str:
        if found[4] is None or found[4] == "%":
            return "%"
        flags = (found[1] or "").replace("'", "")
        width = size(found[2] or "")
        precision = "" if found[3] is None else "." + (size(found[3]) or "0")
        kind = found[4]
        head = f"%{flags}{width}{precision}"
        if kind in "di":
            value = number(following())
            if math.isinf(value) or math.isnan(value):
                return f"%{flags.replace('0', '')}{width}s" % text(value)
            return (head + "d") % int(value)
        if kind in "oxXu":
            value = number(following())
            whole = int(value) if math.isfinite(value) else 0
            return (head + ("d" if kind == "u" else kind)) % (whole & (1 << 64) - 1 if whole < 0 else whole)
        if kind in "eEfFgG":
            return (head + kind) % number(following())
        if kind == "c":
            given = following()
            letter = chr(int(given) % 0x110000) if isinstance(given, float) else str(given)[:1]
            return f"%{flags}{width}s" % letter
        if kind == "s":
            return (head + "s") % text(following())
        return found[0]

    return DIRECTIVE.sub(one, template)
