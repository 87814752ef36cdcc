"""POSIX regular expressions, basic and extended, for grep, sed, awk, expr and less.

A pattern is parsed into a small tree and then written down as a Python pattern. Two things differ between the worlds:

- Python backtracks, and a pattern with a repetition inside a repetition can take longer than the universe lasts. One
  such pattern would hold every container of the node, so those are matched by `Automaton`, which looks at every
  character once, or, with back references, by `Backtracker`, which can pause and gives up in the end.
- POSIX wants the longest of the leftmost matches, Python takes the first alternative that fits. Alternations whose
  alternatives are plain words are sorted by length; the automaton is leftmost-longest by nature.

Texts are str, decoded as UTF-8 with surrogateescape. GNU's escapes (\\w \\s \\b \\< \\> \\` \\') are understood.
What may take long is searched with pauses: `long_texts`. In the real system this is regcomp(3) and regexec(3).
"""

from __future__ import annotations

import re
import weakref
from functools import cached_property, lru_cache
from typing import Protocol

from msgspec import Struct

from minikube_edu.container_runtime.simulated.tools.automaton import Automaton, Match
from minikube_edu.container_runtime.simulated.tools.pattern_syntax import BadPattern, Node, Parser, python

__all__ = ["Automaton", "BadPattern", "Match", "Parser", "Pattern", "compile", "explosive", "source_of"]


class Pattern(Protocol):
    groups: int

    def search(self, text: str, position: int = 0, /) -> Match | None: ...


@lru_cache(maxsize=512)
def compile(
    pattern: str, extended: bool = True, ignore_case: bool = False, multiline: bool = False, awk: bool = False
) -> Pattern:
    """`multiline` is sed's M flag; `awk` lets a backslash escape inside brackets."""
    parser = Parser(pattern, extended, awk)
    tree = parser.parse()
    if explosive(tree):
        return Source(tree, parser.groups, ignore_case, multiline).automaton()
    flags = re.DOTALL | (re.IGNORECASE if ignore_case else 0) | (re.MULTILINE if multiline else 0)
    try:
        made = re.compile(python(tree, multiline), flags)
    except (re.error, OverflowError, RecursionError) as error:
        raise BadPattern("Invalid regular expression") from error
    if made not in _sources:
        _sources[made] = Source(tree, parser.groups, ignore_case, multiline)
    return made  # type: ignore[return-value]  # search's endpos is not needed


class Source(Struct, dict=True):
    """What a Python pattern was made of."""

    tree: Node
    groups: int
    ignore_case: bool
    multiline: bool
    made: Automaton | None = None

    @cached_property
    def repetitions(self) -> int:
        """That may be long: each one more is another power of the time that a search may take."""
        return sum(node.kind == "rep" and (node.high is None or node.high > 8) for node in self.tree.walk())

    @cached_property
    def width(self) -> int:
        """Characters of the widest match, if there is no repetition without an end."""
        return _width(self.tree)

    @cached_property
    def refers(self) -> bool:
        return any(node.kind == "ref" for node in self.tree.walk())

    def automaton(self) -> Automaton:
        """The same pattern as a machine whose search can pause."""
        if self.made is None:
            from minikube_edu.container_runtime.simulated.tools.backtracking import Backtracker

            kind = Backtracker if self.refers else Automaton
            self.made = kind(self.tree, self.groups, self.ignore_case, self.multiline)
        return self.made


def _width(node: Node) -> int:
    if node.kind == "rep":
        return (node.high or 0) * sum(map(_width, node.parts))
    if node.kind == "alt":
        return max(map(_width, node.parts), default=0)
    return 1 if node.kind in ("char", "any", "set") else sum(map(_width, node.parts))


_sources: weakref.WeakKeyDictionary[re.Pattern[str], Source] = weakref.WeakKeyDictionary()


def source_of(pattern: Pattern) -> Source | None:
    return _sources.get(pattern)  # type: ignore[call-overload,no-any-return]  # it is Python's


def explosive(tree: Node, inside: bool = False) -> bool:
    """Whether a repetition holds another one (or a choice), or many stand in a row: backtracking may never end."""
    if tree.kind == "rep" and tree.high != 1:
        if inside:
            return True
        inside = True
    elif tree.kind == "alt" and inside:
        return not all(len(part.parts) == 1 and part.parts[0].kind == "char" for part in tree.parts)
    if tree.kind == "cat" and sum(part.kind == "rep" and part.high is None for part in tree.parts) > 5:
        return True
    return any(explosive(part, inside) for part in tree.parts)
