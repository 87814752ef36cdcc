"""fmt.Sprintf for what JSON can hold: `printf "%-10s %5d %v"` in templates."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from minikube_edu.lib.gotext import quote
from minikube_edu.lib.govalue import show, syntax, type_name

_VERB = re.compile(r"%([-+# 0]*)(\*|\d+)?(?:\.(\*|\d+)?)?(.?)", re.DOTALL)


def sprint(values: Sequence[Any], line: bool = False) -> str:
    """Print puts a blank between two values when neither is text; Println always."""
    out = ""
    for index, value in enumerate(values):
        bare = not isinstance(value, str) and not (index and isinstance(values[index - 1], str))
        out += " " if index and (line or bare) else ""
        out += show(value)
    return out + "\n" if line else out


def sprintf(template: str, values: Sequence[Any]) -> str:
    queue = list(values)
    used = 0

    def replace(found: re.Match[str]) -> str:
        nonlocal used
        flags, width, precision, verb = found[1], found[2], found[3], found[4]
        dotted = "." in found[0][: len(found[0]) - len(verb)]
        if verb == "%":
            return "%"
        if not verb:
            return "%!(NOVERB)"
        if width == "*" or precision == "*":
            star = int(queue[used]) if used < len(queue) and isinstance(queue[used], int) else 0
            used += 1
            width, precision = (str(star), precision) if width == "*" else (width, str(star))
        if used >= len(queue):
            return f"%!{verb}(MISSING)"
        value = queue[used]
        used += 1
        digits = int(precision) if precision else (0 if dotted else None)
        return _pad(_verb(verb, value, flags, digits), flags, int(width or 0), value)

    out = _VERB.sub(replace, template)
    if used < len(queue):
        extra = ", ".join(f"{type_of(value)}={show(value)}" if value is not None else "<nil>" for value in queue[used:])
        out += f"%!(EXTRA {extra})"
    return out


def _pad(text: str, flags: str, width: int, value: Any) -> str:
    if "-" in flags:
        return text.ljust(width)
    if "0" in flags and isinstance(value, int | float) and not isinstance(value, bool):
        sign = text[:1] if text[:1] in ("+", "-") else ""
        return sign + text[len(sign) :].rjust(width - len(sign), "0")
    return text.rjust(width)


def _verb(verb: str, value: Any, flags: str, precision: int | None) -> str:
    if verb == "v":
        return syntax(value) if "#" in flags else show(value)
    if verb == "T":
        return type_of(value)
    text: str | None = None
    if isinstance(value, bool):
        text = show(value) if verb == "t" else None
    elif isinstance(value, int):
        text = _integer(verb, value, flags)
    elif isinstance(value, float):
        text = _float(verb, value, flags, precision)
    elif isinstance(value, str):
        text = _string(verb, value, flags, precision)
    elif isinstance(value, list):
        return "[" + " ".join(_verb(verb, item, flags, precision) for item in value) + "]"
    elif isinstance(value, dict):
        pairs = (f"{_verb(verb, k, flags, precision)}:{_verb(verb, value[k], flags, precision)}" for k in sorted(value))
        return "map[" + " ".join(pairs) + "]"
    if text is None:
        return f"%!{verb}({type_of(value)}={show(value)})" if value is not None else f"%!{verb}(<nil>)"
    return text


class Constant(int):
    """A number of the template, or one that a function counted: an int to Go, where those of the data are int64."""


def type_of(value: Any) -> str:
    """%T."""
    return "int" if isinstance(value, Constant) else type_name(value)


def _integer(verb: str, value: int, flags: str) -> str | None:
    plus = "+" if "+" in flags and value >= 0 else " " if " " in flags and value >= 0 else ""
    match verb:
        case "d":
            return plus + str(value)
        case "x" | "X" | "o" | "b":
            prefix = {"x": "0x", "X": "0X", "o": "0", "b": "0b"}[verb] if "#" in flags else ""
            return ("-" if value < 0 else plus) + prefix + format(abs(value), verb)
        case "c":
            return chr(value)
        case "q":
            return f"'{chr(value)}'"
        case "U":
            return f"U+{value:04X}"
    return None


def _float(verb: str, value: float, flags: str, precision: int | None) -> str | None:
    plus = "+" if "+" in flags and value >= 0 else ""
    if verb in "fFeE":
        return plus + format(value, f".{6 if precision is None else precision}{verb}")
    if verb in "gG":
        return plus + (show(value) if precision is None else format(value, f".{precision}{verb}"))
    return None


def _string(verb: str, value: str, flags: str, precision: int | None) -> str | None:
    cut = value if precision is None else value[:precision]
    match verb:
        case "s":
            return cut
        case "q":
            return f"`{cut}`" if "#" in flags and "`" not in cut else quote(cut)
        case "x" | "X":
            digits = value.encode().hex(" " if " " in flags else "") if " " in flags else value.encode().hex()
            return digits if verb == "x" else digits.upper()
    return None
