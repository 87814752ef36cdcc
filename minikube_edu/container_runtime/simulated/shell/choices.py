"""Patterns with choices, as bash's extglob has them: `?(a|b)` `*(a|b)` `+(a|b)` `@(a|b)` `!(a|b)`.

Tried one way after the other such a pattern can take longer than the universe lasts, so all ways are gone at once: a
set of places in the text is one big number (bit i: before character i), and a piece of a pattern takes the set of
places where it may begin to the set of those where it may end. Whatever the pattern, the work is about its length
times that of the text, a machine word of places at a time.

`kernel.baton.give_way` is called in between, for whoever has a long text. bash itself tries one way after the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from minikube_edu.container_runtime.simulated.kernel.baton import give_way
from minikube_edu.container_runtime.simulated.shell.pattern_pieces import alternatives, bracket, closing


class Letter(Struct, frozen=True):
    expression: str  # of one character


class Star(Struct, frozen=True):
    pass


class Choice(Struct, frozen=True):
    kind: str
    among: tuple[tuple[Piece, ...], ...]


Piece = Letter | Star | Choice
Row = tuple[Piece, ...]


def row_of(pattern: str) -> Row:
    row: list[Piece] = []
    position = 0
    while position < len(pattern):
        character = pattern[position]
        if character in "?*+@!" and pattern[position + 1 : position + 2] == "(":
            end = closing(pattern, position + 1)
            if end is not None:
                inside = pattern[position + 2 : end]
                row.append(Choice(character, tuple(row_of(each) for each in alternatives(inside))))
                position = end + 1
                continue
        position += 1
        if character == "*":
            row.append(Star())
        elif character == "?":
            row.append(Letter("."))
        elif character == "[" and (found := bracket(pattern, position - 1)):
            expression, position = found
            row.append(Letter(expression))
        else:
            if character == "\\" and position < len(pattern):
                character = pattern[position]
                position += 1
            row.append(Letter(re.escape(character)))
    return tuple(row)


def backwards(row: Row) -> Row:
    return tuple(
        Choice(piece.kind, tuple(map(backwards, piece.among))) if isinstance(piece, Choice) else piece
        for piece in reversed(row)
    )


class Walk:
    """Through one text."""

    def __init__(self, text: str, flags: int) -> None:
        self.text, self.flags = text, flags
        self.every = (1 << (len(text) + 1)) - 1
        self._letters = set(text)
        self._backwards = text[::-1]
        self._where: dict[str, int] = {}

    def where(self, expression: str) -> int:
        """Before which characters that match."""
        found = self._where.get(expression)
        if found is None:
            match = re.compile(expression, self.flags).match
            digits = {ord(letter): "1" if match(letter) else "0" for letter in self._letters}
            found = self._where[expression] = int(self._backwards.translate(digits) or "0", 2)
        return found

    def ends(self, row: Row, places: int) -> int:
        for piece in row:
            give_way()
            if not places:
                break
            if isinstance(piece, Letter):
                places = (places & self.where(piece.expression)) << 1
            elif isinstance(piece, Star):
                places = self.every ^ ((places & -places) - 1)
            else:
                places = self._chosen(piece, places)
        return places

    def _chosen(self, choice: Choice, places: int) -> int:
        if choice.kind == "!":
            return self._others(choice, places)
        if choice.kind == "*":
            return self._repeated(choice, places)
        once = 0
        for row in choice.among:
            once |= self.ends(row, places)
        if choice.kind == "+":
            return self._repeated(choice, once)
        return once | places if choice.kind == "?" else once

    def _repeated(self, choice: Choice, places: int) -> int:
        if len(choice.among) == 1 and len(choice.among[0]) == 1 and isinstance(letter := choice.among[0][0], Letter):
            where = self.where(letter.expression)
            return (((places & where) + where) ^ where) | places  # the carry runs through those that match
        reached = new = places
        while new:
            once = 0
            for row in choice.among:
                once |= self.ends(row, new)
            new = once & ~reached
            reached |= new
        return reached

    def _others(self, choice: Choice, places: int) -> int:
        """Every end but those of the choice, from any of the places: mostly the first few of them say it all."""
        found, lowest = 0, places & -places
        most = self.every ^ (lowest - 1)
        while places and found != most:
            first = places & -places
            once = 0
            for row in choice.among:
                once |= self.ends(row, first)
            found |= (self.every ^ (first - 1)) & ~once
            places ^= first
        return found


class Choices:
    def __init__(self, pattern: str, fold: bool = False) -> None:
        self.row = row_of(pattern)
        self.back = backwards(self.row)
        self.flags = re.DOTALL | (re.IGNORECASE if fold else 0)

    def match(self, text: str) -> str | None:
        """The whole of it."""
        return text if Walk(text, self.flags).ends(self.row, 1) >> len(text) else None

    def prefix(self, text: str, longest: bool) -> int | None:
        """Where it ends."""
        return _one(Walk(text, self.flags).ends(self.row, 1), longest)

    def suffix(self, text: str, longest: bool) -> int | None:
        """Where it begins."""
        length = _one(Walk(text[::-1], self.flags).ends(self.back, 1), longest)
        return None if length is None else len(text) - length

    def places(self, text: str) -> Iterator[tuple[int, int]]:
        """Where it is found, one behind the other, each as long as can be; empty at the end it is none."""
        walk, size = Walk(text[::-1], self.flags), len(text)
        begins = walk.ends(self.back, walk.every)  # counted from the end
        walk = Walk(text, self.flags)
        position = 0
        while begins:
            start = size - (begins.bit_length() - 1)
            begins &= (1 << (size - start)) - 1
            if start < position:
                continue
            end = _one(walk.ends(self.row, 1 << start), longest=True)
            if end is not None and start < size:
                yield start, end
                position = max(end, start + 1)
                begins &= (2 << (size - position)) - 1


def _one(places: int, longest: bool) -> int | None:
    if not places:
        return None
    return (places if longest else places & -places).bit_length() - 1
