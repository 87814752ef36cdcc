"""Field splitting: the pieces of a word become the arguments of a command.

A field is kept as pieces with the note whether they were quoted, until it is known whether it is a pattern of file
names. White space in IFS ends a field and is swallowed; any other character of IFS ends exactly one field.
"""

from __future__ import annotations

import functools
import re

from minikube_edu.container_runtime.simulated.shell import patterns

Field = list[tuple[str, bool]]  # text, quoted
DEFAULT_IFS = " \t\n"


@functools.lru_cache(maxsize=64)
def _separators(ifs: str) -> re.Pattern[str]:
    white = "".join(character for character in " \t\n" if character in ifs)
    other = "".join(character for character in ifs if character not in " \t\n")
    all_of = re.escape(ifs)
    parts = [f"(?P<text>[^{all_of}]+)"]
    if white:
        parts.append(f"(?P<white>[{white}]+)")
    if other:
        parts.append(f"(?P<other>[{re.escape(other)}])")
    return re.compile("|".join(parts), re.DOTALL)


class Fields:
    def __init__(self, ifs: str | None) -> None:
        self.ifs = DEFAULT_IFS if ifs is None else ifs
        self.done: list[Field] = []
        self.current: Field | None = None
        self._white = False  # the last field was ended by white space: one other separator belongs to it

    def add(self, text: str, quoted: bool) -> None:
        if not text and not quoted:
            return
        self._white = False
        if self.current is None:
            self.current = []
        self.current.append((text, quoted))

    def end(self) -> None:
        if self.current is not None:
            self.done.append(self.current)
            self.current = None

    def split(self, text: str) -> None:
        if not self.ifs:
            self.add(text, False)
            return
        for found in _separators(self.ifs).finditer(text):
            kind = found.lastgroup
            if kind == "text":
                self.add(found[0], False)
            elif kind == "white":
                if self.current is not None:
                    self.end()
                    self._white = True
            elif self.current is not None:
                self.end()
            elif self._white:
                self._white = False
            else:
                self.done.append([])

    def several(self, texts: list[str], quoted: bool, more: bool = False) -> None:
        """ "$@" and the elements of arrays: each ends the field before it. `more`: there were some before these."""
        for number, text in enumerate(texts):
            if number or more:
                self.end()
            if quoted:
                self.add(text, True)
            else:
                self.split(text)


def plain(field: Field) -> str:
    return "".join([text for text, _ in field])


def as_pattern(field: Field) -> str:
    return "".join([patterns.escape(text) if quoted else text for text, quoted in field])
