"""The pieces of which a shell's pattern is written: `[...]`, and `(a|b)` behind one of bash's five signs."""

from __future__ import annotations

import re

_CLASSES = {
    "alpha": "a-zA-Z",
    "digit": "0-9",
    "alnum": "a-zA-Z0-9",
    "upper": "A-Z",
    "lower": "a-z",
    "space": r" \t\n\r\f\v",
    "blank": r" \t",
    "punct": r"!-/:-@\[-`{-~",
    "print": " -~",
    "graph": "!-~",
    "cntrl": r"\x00-\x1f\x7f",
    "xdigit": "0-9A-Fa-f",
    "word": "a-zA-Z0-9_",
}


def bracket(pattern: str, start: int) -> tuple[str, int] | None:
    """`[...]` at `start`: its expression and where it ends."""
    position = start + 1
    negated = pattern[position : position + 1] in ("!", "^")
    position += negated
    items: list[str] = []
    first = True
    while position < len(pattern):
        character = pattern[position]
        if character == "]" and not first:
            if not items:
                return ("." if negated else r"(?!)"), position + 1
            return f"[{'^' if negated else ''}{''.join(items)}]", position + 1
        first = False
        named = re.compile(r"\[:(\w+):\]|\[\.(.)\.\]|\[=(.)=\]", re.DOTALL).match(pattern, position)
        if named:
            if named[1] is None:
                items.append(re.escape(named[2] or named[3]))
            elif named[1] not in _CLASSES:
                return None
            else:
                items.append(_CLASSES[named[1]])
            position = named.end()
            continue
        low, position = _character(pattern, position)
        if pattern[position : position + 1] == "-" and pattern[position + 1 : position + 2] not in ("]", ""):
            high, position = _character(pattern, position + 1)
            if low <= high:
                items.append(f"{re.escape(low)}-{re.escape(high)}")
        else:
            items.append(re.escape(low))
    return None


def _character(pattern: str, position: int) -> tuple[str, int]:
    if pattern[position] == "\\" and position + 1 < len(pattern):
        return pattern[position + 1], position + 2
    return pattern[position], position + 1


def closing(pattern: str, start: int) -> int | None:
    """Of the parenthesis at `start`."""
    depth, position = 0, start
    while position < len(pattern):
        character = pattern[position]
        if character == "\\":
            position += 1
        elif character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
            if depth == 0:
                return position
        position += 1
    return None


def alternatives(pattern: str) -> list[str]:
    pieces, depth, current, position = [], 0, "", 0
    while position < len(pattern):
        character = pattern[position]
        if character == "\\":
            current += pattern[position : position + 2]
            position += 2
            continue
        depth += (character == "(") - (character == ")")
        if character == "|" and depth == 0:
            pieces.append(current)
            current = ""
        else:
            current += character
        position += 1
    return [*pieces, current]
