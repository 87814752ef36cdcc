"""Patterns of case, ${x#p}, [[ == ]] and of file names, as regular expressions.

A pattern arrives as text in which a backslash makes the next character an ordinary one; quoted parts of a word were
given such backslashes by `expansion`. Between two stars a piece is taken where it first fits and never again
elsewhere (an atomic group), so that no pattern takes more than linear time. Patterns with bash's `+(...)` and its like
are matched otherwise: `choices`. Who has a long text lets this work give way: kernel.baton.in_turns.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Protocol

from minikube_edu.container_runtime.simulated.kernel.baton import give_way, in_turns
from minikube_edu.container_runtime.simulated.shell.choices import Choices
from minikube_edu.container_runtime.simulated.shell.pattern_pieces import bracket

STAR = "\0"
AT_ONCE = 500  # characters that are matched without a pause
_HAS_CHOICES = re.compile(r"[?*+@!]\(")
MAGIC = re.compile(r"[*?\[]")
_ESCAPED = re.compile(r"([\\*?\[\]!@+|()^-])")


class Whole(Protocol):
    """What says whether a whole text matches."""

    def match(self, text: str, /) -> object: ...


def escape(text: str) -> str:
    """As a pattern that matches only this text."""
    return _ESCAPED.sub(r"\\\1", text)


def unescape(pattern: str) -> str:
    return re.sub(r"\\(.)", r"\1", pattern, flags=re.DOTALL)


def is_magic(pattern: str, extended: bool = False) -> bool:
    bare = re.sub(r"\\.", "", pattern, flags=re.DOTALL)
    return bool(MAGIC.search(bare)) or (extended and bool(re.search(r"[@+!]\(", bare)))


def _segments(pattern: str) -> list[str]:
    """Expressions between the stars; a star is the element `STAR`."""
    out: list[str] = []
    position = 0
    while position < len(pattern):
        character = pattern[position]
        position += 1
        if character == "*":
            if not out or out[-1] != STAR:
                out.append(STAR)
        elif character == "?":
            out.append(".")
        elif character == "[" and (found := bracket(pattern, position - 1)):
            expression, position = found
            out.append(expression)
        elif character == "\\" and position < len(pattern):
            out.append(re.escape(pattern[position]))
            position += 1
        else:
            out.append(re.escape(character))
    return out


@functools.lru_cache(maxsize=2048)
def _translated(pattern: str, longest: bool = True) -> str:
    """The body of the regular expression. `longest` decides about the last star when the end is open."""
    return _joined(_between_stars(_segments(pattern)), longest)


def _between_stars(pieces: list[str]) -> list[str]:
    groups: list[str] = [""]
    for piece in pieces:
        if piece == STAR:
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
def compiled(pattern: str, extended: bool = False, fold: bool = False) -> Whole:
    """Matches whole texts (use .match)."""
    if extended and _HAS_CHOICES.search(pattern):
        return Choices(pattern, fold)
    return re.compile(_translated(pattern) + r"\Z", re.DOTALL | (re.IGNORECASE if fold else 0))


async def whole(text: str, pattern: str, extended: bool, fold: bool) -> bool:
    """Whether all of the text matches; others have their turns meanwhile."""
    expression = compiled(pattern, extended, fold)
    if len(text) <= AT_ONCE:
        return expression.match(text) is not None
    return await in_turns(lambda: expression.match(text) is not None)


@functools.lru_cache(maxsize=1024)
def _choices(pattern: str) -> Choices:
    return Choices(pattern)


@functools.lru_cache(maxsize=1024)
def _prefix(pattern: str, longest: bool) -> re.Pattern[str]:
    return re.compile(_translated(pattern, longest), re.DOTALL)


@functools.lru_cache(maxsize=1024)
def _suffix(pattern: str, longest: bool) -> re.Pattern[str]:
    """For the text read backwards: from the front, every place would have to be tried."""
    return re.compile(_joined(_between_stars(_segments(pattern)[::-1]), longest), re.DOTALL)


def _prefix_end(text: str, pattern: str, longest: bool, extended: bool) -> int | None:
    if extended and _HAS_CHOICES.search(pattern):
        return _choices(pattern).prefix(text, longest)
    found = _prefix(pattern, longest).match(text)
    return found.end() if found else None


def _suffix_start(text: str, pattern: str, longest: bool, extended: bool) -> int | None:
    if extended and _HAS_CHOICES.search(pattern):
        return _choices(pattern).suffix(text, longest)
    found = _suffix(pattern, longest).match(text[::-1])
    return len(text) - found.end() if found else None


def without_prefix(text: str, pattern: str, longest: bool, extended: bool = False) -> str:
    end = _prefix_end(text, pattern, longest, extended)
    return text if end is None else text[end:]


def without_suffix(text: str, pattern: str, longest: bool, extended: bool = False) -> str:
    start = _suffix_start(text, pattern, longest, extended)
    return text if start is None else text[:start]


@functools.lru_cache(maxsize=1024)
def _anywhere(pattern: str) -> re.Pattern[str]:
    """Group 1 is what stands before it. Where the piece before the first star fits first, the rest fits or nowhere."""
    groups = _between_stars(_segments(pattern))
    if len(groups) == 1:
        return re.compile(f"(.*?){groups[0]}", re.DOTALL)
    return re.compile(f"(?>(.*?)(?={groups[0]})){_joined(groups, longest=True)}", re.DOTALL)


def _places(text: str, pattern: str, extended: bool) -> Iterator[tuple[int, int]]:
    """Where the pattern is found, one behind the other."""
    if extended and _HAS_CHOICES.search(pattern):
        yield from _choices(pattern).places(text)
        return
    expression = _anywhere(pattern)
    position = 0
    while found := expression.match(text, position):
        give_way()
        start, end = found.end(1), found.end()
        if start < end:
            yield start, end
        elif end >= len(text):
            break
        position = max(end, start + 1)


def replaced(text: str, pattern: str, replacement: str, how: str, extended: bool = False) -> str:
    """${x/p/r} and its like; `how` is what follows the first slash: "", "/", "#" or "%"."""
    if not pattern:
        return replacement + text if how == "#" else text + replacement if how == "%" else text
    if how == "#":
        end = _prefix_end(text, pattern, True, extended)
        return text if end is None else replacement + text[end:]
    if how == "%":
        start = _suffix_start(text, pattern, True, extended)
        return text if start is None else text[:start] + replacement
    if how == "/" and not is_magic(pattern, extended):
        return text.replace(unescape(pattern), replacement)
    if not text:
        return replacement if pattern.startswith("*") and compiled(pattern, extended).match(text) is not None else text
    out: list[str] = []
    position = 0
    for start, end in _places(text, pattern, extended):
        out += (text[position:start], replacement)
        position = end
        if how != "/":
            break
    return "".join([*out, text[position:]])
