"""bash's {a,b} and {1..9}: one word becomes several, before anything else is expanded."""

from __future__ import annotations

import re
from typing import TypeAlias

from minikube_edu.container_runtime.simulated.shell.errors import ScriptError
from minikube_edu.container_runtime.simulated.shell.syntax import Literal, Part, Word

Atom: TypeAlias = "str | Part"  # a bare character, or what stands in quotes or is expanded later
_NUMBERS = re.compile(r"(-?\d+)\.\.(-?\d+)(?:\.\.(-?\d+))?\Z")
_LETTERS = re.compile(r"([A-Za-z])\.\.([A-Za-z])(?:\.\.(-?\d+))?\Z")
_MOST = 100_000


def expand_braces(word: Word) -> list[Word]:
    atoms: list[Atom] = []
    for part in word.parts:
        if isinstance(part, Literal) and not part.quoted:
            atoms.extend(part.text)
        else:
            atoms.append(part)
    if "{" not in atoms:
        return [word]
    expanded = _expand(atoms)
    return [word] if len(expanded) == 1 and expanded[0] == atoms else [_word(each) for each in expanded]


def _word(atoms: list[Atom]) -> Word:
    parts: list[Part] = []
    for atom in atoms:
        if not isinstance(atom, str):
            parts.append(atom)
        elif parts and isinstance(parts[-1], Literal) and not parts[-1].quoted:
            parts[-1] = Literal(parts[-1].text + atom)
        else:
            parts.append(Literal(atom))
    return Word(parts)


def _expand(atoms: list[Atom]) -> list[list[Atom]]:
    for start, atom in enumerate(atoms):
        if atom != "{":
            continue
        end = _closing(atoms, start)
        if end is None:
            continue
        choices = _choices(atoms[start + 1 : end])
        if choices is None:
            continue
        tails = _expand(atoms[end + 1 :])
        if len(choices) * len(tails) > _MOST:
            raise ScriptError("brace expansion: too many words", 0)
        return [atoms[:start] + choice + tail for choice in choices for tail in tails]
    return [atoms]


def _closing(atoms: list[Atom], start: int) -> int | None:
    depth = 0
    for position in range(start, len(atoms)):
        if atoms[position] == "{":
            depth += 1
        elif atoms[position] == "}":
            depth -= 1
            if depth == 0:
                return position
    return None


def _choices(inside: list[Atom]) -> list[list[Atom]] | None:
    """None: these braces are only characters."""
    pieces: list[list[Atom]] = [[]]
    depth = 0
    for atom in inside:
        if atom == "," and depth == 0:
            pieces.append([])
            continue
        depth += (atom == "{") - (atom == "}")
        pieces[-1].append(atom)
    if len(pieces) > 1:
        return [expanded for piece in pieces for expanded in _expand(piece)]
    if all(isinstance(atom, str) for atom in inside):
        return _sequence("".join(str(atom) for atom in inside))
    return None


def _sequence(text: str) -> list[list[Atom]] | None:
    if found := _NUMBERS.match(text):
        first, last, step = int(found[1]), int(found[2]), abs(int(found[3] or 1)) or 1
        padded = any(re.match(r"-?0\d", number) for number in found.groups()[:2])
        width = max(len(found[1]), len(found[2])) if padded else 0
        if abs(last - first) // step > _MOST:
            raise ScriptError("brace expansion: too many words", 0)
        values = range(first, last + 1, step) if first <= last else range(first, last - 1, -step)
        return [list(f"{value:0{width}d}") for value in values]
    if found := _LETTERS.match(text):
        begin, end, step = ord(found[1]), ord(found[2]), abs(int(found[3] or 1)) or 1
        values = range(begin, end + 1, step) if begin <= end else range(begin, end - 1, -step)
        return [[chr(value)] for value in values]
    return None
