"""Regular expressions of nginx's configuration: Perl's, searched by Python, but never for ever.

A pattern in which repetitions can share a text in many ways (`(a*)*b`, `(.*)(.*)x`) may take longer than the universe
lasts; the real one gives up at PCRE's match limit. Here such a pattern is given to the automaton that grep has, which
looks at every character once; where it has what only Perl's have (looking around, lazy repetitions), it is searched in
short texts only, and in long ones not found.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import TypeVar

from msgspec import Struct

from minikube_edu.container_runtime.simulated.kernel.baton import give_way, in_turns
from minikube_edu.container_runtime.simulated.tools import regular_expressions
from minikube_edu.container_runtime.simulated.tools.automaton import Automaton

SHORT = {0: 1 << 20, 1: 4000, 2: 600, 3: 100}  # repetitions -> characters that are searched at once
SHORTEST = 20
LONG = 500
T = TypeVar("T")
_PIECE = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?P?<\w+>|\(\?:|[()]|[*+?]\??|\{\d*,?\d*\}\??|.", re.DOTALL)
_PERLS = re.compile(r"\(\?(?!:|P?<\w)|[*+?}][?+]")
_ENDLESS = re.compile(r"[*+]|\{\d+,\}")
_CLASSES = {r"\d": "[0-9]", r"\D": "[^0-9]", r"\/": "/", r"\-": "-"}


async def at_leisure(work: Callable[[], T], text: str) -> T:
    """What searches the text: others have their turns meanwhile if it is long."""
    return work() if len(text) < LONG else await in_turns(work)


class Found(Struct):
    groups: list[str]  # the whole first
    named: dict[str, str]


@functools.lru_cache(maxsize=256)
def compiled(pattern: str, ignore_case: bool = False) -> re.Pattern[str]:
    """re.error when it is none. Perl's `(?<name>` and `\\z` are written otherwise in Python."""
    pieces = (re.sub(r"^\(\?<(?=\w)", "(?P<", piece) if piece != r"\z" else r"\Z" for piece in _PIECE.findall(pattern))
    return re.compile("".join(pieces), re.I if ignore_case else 0)


@functools.lru_cache(maxsize=256)
def hardness(pattern: str) -> int:
    """How many repetitions without an end; 9 where one is inside of another."""
    count, before, opened, holds = 0, "", [0], False
    for piece in _PIECE.findall(pattern):
        if piece.startswith("("):
            opened.append(count)
        elif piece == ")" and len(opened) > 1:
            holds = count > opened.pop()
        elif _ENDLESS.match(piece):
            if before == ")" and holds:
                return 9
            count += 1
        before = piece
    return count


@functools.lru_cache(maxsize=256)
def _automaton(pattern: str, ignore_case: bool) -> Automaton | None:
    pieces = []
    for piece in _PIECE.findall(pattern):
        if piece.startswith("(?"):
            piece = "("
        pieces.append(_CLASSES.get(piece, piece))
    plain = "".join(pieces)
    if _PERLS.search(pattern):
        return None
    try:
        made = regular_expressions.compile(plain, True, ignore_case)
    except regular_expressions.BadPattern:
        return None
    if isinstance(made, Automaton):
        return made
    source = regular_expressions.source_of(made)
    return source.automaton() if source else None


def search(pattern: str, text: str, ignore_case: bool = False) -> Found | None:
    made = compiled(pattern, ignore_case)
    if len(text) <= SHORT.get(hardness(pattern), SHORTEST):
        match = made.search(text)
        if match is None:
            return None
        named = {name: value or "" for name, value in match.groupdict().items()}
        return Found([match[0], *(group or "" for group in match.groups())], named)
    automaton = _automaton(pattern, ignore_case)
    return None if automaton is None else _stepped(made, automaton, text)


def _stepped(made: re.Pattern[str], automaton: Automaton, text: str) -> Found | None:
    run = automaton.steps(text, 0)
    while True:
        try:
            next(run)
        except StopIteration as end:
            match = end.value
            break
        give_way()
    if match is None:
        return None
    if "(?:" in made.pattern:
        return Found([match.group(0)], {})
    groups = [match.group(number) or "" for number in range(made.groups + 1)]
    return Found(groups, {name: groups[number] for name, number in made.groupindex.items()})
