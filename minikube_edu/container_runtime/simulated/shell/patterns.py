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
_HAS_CHOICES = re.compile(r"[?*+@!]\(")
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
    if extended and _HAS_CHOICES.search(pattern):
        return (".*" if longest else ".*?").join(_between_stars(pieces))
    return _joined(_between_stars(pieces), longest)


def _between_stars(pieces: list[str]) -> list[str]:
    groups: list[str] = [""]
    for piece in pieces:
        if piece == "\0":
            groups.append("")
        else:
            groups[-1] += piece
    return groups


def _joined(groups: list[str], longest: bool) -> str:
    if len(groups) == 1:
        return groups[0]
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
def _suffix(pattern: str, longest: bool) -> re.Pattern[str]:
    """For the text read backwards: from the front, every place would have to be tried."""
    return re.compile(_joined(_between_stars(_segments(pattern, False)[::-1]), longest), re.DOTALL)


@functools.lru_cache(maxsize=1024)
def _suffix_of_choices(pattern: str, longest: bool) -> re.Pattern[str]:
    before = "(?s:.*?)" if longest else "(?s:.*)"
    return re.compile(f"({before})(?:{translated(pattern, True)})\\Z", re.DOTALL)


def without_prefix(text: str, pattern: str, longest: bool, extended: bool = False) -> str:
    found = _prefix(pattern, extended, longest).match(text)
    return text[found.end() :] if found else text


def without_suffix(text: str, pattern: str, longest: bool, extended: bool = False) -> str:
    end = _without_suffix(text, pattern, longest, extended)
    return text if end is None else text[:end]


def _without_suffix(text: str, pattern: str, longest: bool, extended: bool) -> int | None:
    """Where the suffix begins."""
    if extended and _HAS_CHOICES.search(pattern):
        found = _suffix_of_choices(pattern, longest).match(text)
        return found.end(1) if found else None
    found = _suffix(pattern, longest).match(text[::-1])
    return len(text) - found.end() if found else None


@functools.lru_cache(maxsize=1024)
def _anywhere(pattern: str, extended: bool) -> re.Pattern[str]:
    """Group 1 is what stands before it. Where the piece before the first star fits first, the rest fits or nowhere."""
    if extended and _HAS_CHOICES.search(pattern):
        return re.compile(f"(.*?)(?:{translated(pattern, True)})", re.DOTALL)
    groups = _between_stars(_segments(pattern, extended))
    if len(groups) == 1:
        return re.compile(f"(.*?){groups[0]}", re.DOTALL)
    return re.compile(f"(?>(.*?)(?={groups[0]})){_joined(groups, longest=True)}", re.DOTALL)


def replaced(text: str, pattern: str, replacement: str, how: str, extended: bool = False) -> str:
    """${x/p/r} and its like; `how` is what follows the first slash: "", "/", "#" or "%"."""
    if not pattern:
        return replacement + text if how == "#" else text + replacement if how == "%" else text
    if how == "#":
        found = _prefix(pattern, extended, True).match(text)
        return replacement + text[found.end() :] if found else text
    if how == "%":
        end = _without_suffix(text, pattern, True, extended)
        return text if end is None else text[:end] + replacement
    if how == "/" and not is_magic(pattern, extended):
        return text.replace(unescape(pattern), replacement)
    expression = _anywhere(pattern, extended)
    out: list[str] = []
    position = 0
    while found := expression.match(text, position):
        if found.end(1) == found.end():
            if found.end() >= len(text):
                break
            out.append(text[position : found.end() + 1])
            position = found.end() + 1
            continue
        out.append(found[1])
        out.append(replacement)
        position = found.end()
        if how != "/":
            break
    out.append(text[position:])
    return "".join(out)
