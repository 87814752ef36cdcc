"""Patterns of case, ${x#p}, [[ == ]] and of file names, as regular expressions.

A pattern arrives as text in which a backslash makes the next character an ordinary one; quoted parts of a word were
given such backslashes by `expansion`. Between two stars a piece is taken where it first fits and never again
elsewhere (an atomic group), so that no pattern takes more than linear time.
"""

from __future__ import annotations

import functools
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
MAGIC = re.compile(r"[*?\[]")
_ESCAPED = re.compile(r"([\\*?\[\]!@+|()^-])")


def escape(text: str) -> str:
    """As a pattern that matches only this text."""
    return _ESCAPED.sub(r"\\\1", text)


def unescape(pattern: str) -> str:
    return re.sub(r"\\(.)", r"\1", pattern, flags=re.DOTALL)


def is_magic(pattern: str, extended: bool = False) -> bool:
    bare = re.sub(r"\\.", "", pattern, flags=re.DOTALL)
    return bool(MAGIC.search(bare)) or (extended and bool(re.search(r"[@+!]\(", bare)))


def _bracket(pattern: str, start: int) -> tuple[str, int] | None:
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
        low, position = _bracket_character(pattern, position)
        if pattern[position : position + 1] == "-" and pattern[position + 1 : position + 2] not in ("]", ""):
            high, position = _bracket_character(pattern, position + 1)
            if low <= high:
                items.append(f"{re.escape(low)}-{re.escape(high)}")
        else:
            items.append(re.escape(low))
    return None


def _bracket_character(pattern: str, position: int) -> tuple[str, int]:
    if pattern[position] == "\\" and position + 1 < len(pattern):
        return pattern[position + 1], position + 2
    return pattern[position], position + 1


def _closing(pattern: str, start: int) -> int | None:
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


def _alternatives(pattern: str) -> list[str]:
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


def _extended(kind: str, inside: str) -> str:
    choices = "|".join("".join(_segments(each, True, ".*")) for each in _alternatives(inside))
    if kind == "!":
        return f"(?:(?!(?:{choices})\\Z).*)"
    if kind in "*+":
        return f"(?:{choices}){kind}+"  # possessive: no second thoughts, so no exponential ones
    return f"(?:{choices}){'?' if kind == '?' else ''}"


def _segments(pattern: str, extended: bool, star: str = "\0") -> list[str]:
    """Expressions between the stars; a star is the element `star`."""
    out: list[str] = []
    position = 0
    while position < len(pattern):
        character = pattern[position]
        if extended and character in "?*+@!" and pattern[position + 1 : position + 2] == "(":
            end = _closing(pattern, position + 1)
            if end is not None:
                out.append(_extended(character, pattern[position + 2 : end]))
                position = end + 1
                continue
        position += 1
        if character == "*":
            if not out or out[-1] != star:
                out.append(star)
        elif character == "?":
            out.append(".")
        elif character == "[" and (bracket := _bracket(pattern, position - 1)):
            expression, position = bracket
            out.append(expression)
        elif character == "\\" and position < len(pattern):
            out.append(re.escape(pattern[position]))
            position += 1
        else:
            out.append(re.escape(character))
    return out


@functools.lru_cache(maxsize=2048)
def translated(pattern: str, extended: bool = False, longest: bool = True) -> str:
    """The body of the regular expression. `longest` decides about the last star when the end is open."""
    pieces = _segments(pattern, extended)
    if "\0" not in pieces:
        return "".join(pieces)
    groups: list[str] = [""]
    for piece in pieces:
        if piece == "\0":
            groups.append("")
        else:
            groups[-1] += piece
    if extended and re.search(r"[?*+@!]\(", pattern):
        return (".*" if longest else ".*?").join(groups)
    middle = "".join(f"(?>.*?{group})" for group in groups[1:-1])
    return groups[0] + middle + (".*" if longest else ".*?") + groups[-1]


@functools.lru_cache(maxsize=2048)
def compiled(pattern: str, extended: bool = False, fold: bool = False) -> re.Pattern[str]:
    """Matches whole texts (use .match)."""
    flags = re.DOTALL | (re.IGNORECASE if fold else 0)
    return re.compile(translated(pattern, extended) + r"\Z", flags)


@functools.lru_cache(maxsize=1024)
def _prefix(pattern: str, extended: bool, longest: bool) -> re.Pattern[str]:
    return re.compile(translated(pattern, extended, longest), re.DOTALL)


@functools.lru_cache(maxsize=1024)
def _suffix(pattern: str, extended: bool, longest: bool) -> re.Pattern[str]:
    before = "(?s:.*?)" if longest else "(?s:.*)"
    return re.compile(f"({before})(?:{translated(pattern, extended)})\\Z", re.DOTALL)


def without_prefix(text: str, pattern: str, longest: bool, extended: bool = False) -> str:
    found = _prefix(pattern, extended, longest).match(text)
    return text[found.end() :] if found else text


def without_suffix(text: str, pattern: str, longest: bool, extended: bool = False) -> str:
    found = _suffix(pattern, extended, longest).match(text)
    return found[1] if found else text


@functools.lru_cache(maxsize=1024)
def _anywhere(pattern: str, extended: bool, anchor: str) -> re.Pattern[str]:
    body = translated(pattern, extended)
    if anchor == "#":
        body = r"\A(?:" + body + ")"
    elif anchor == "%":
        body = "(?:" + body + r")\Z"
    return re.compile(body, re.DOTALL)


def replaced(text: str, pattern: str, replacement: str, how: str, extended: bool = False) -> str:
    """${x/p/r} and its like; `how` is what follows the first slash: "", "/", "#" or "%"."""
    if not pattern:
        return replacement + text if how == "#" else text + replacement if how == "%" else text
    expression = _anywhere(pattern, extended, how if how in ("#", "%") else "")
    if how != "/":
        found = expression.search(text)
        return text[: found.start()] + replacement + text[found.end() :] if found else text
    out: list[str] = []
    position = 0
    for found in expression.finditer(text):
        if found.start() == found.end():
            continue
        out.append(text[position : found.start()])
        out.append(replacement)
        position = found.end()
    out.append(text[position:])
    return "".join(out)
