"""POSIX regular expressions, basic and extended, for grep, sed, awk, expr and less.

A pattern is parsed into a small tree and then written down as a Python pattern. Two things differ between the worlds:

- Python backtracks, and a pattern with a repetition inside a repetition can take longer than the universe lasts. One
  such pattern would hold every container of the node, so those (unless they use back references) are matched by
  `Automaton`, which looks at every character once.
- POSIX wants the longest of the leftmost matches, Python takes the first alternative that fits. Alternations whose
  alternatives are plain words are sorted by length; the automaton is leftmost-longest by nature.

Texts are str, decoded as UTF-8 with surrogateescape. GNU's escapes (\\w \\s \\b \\< \\> \\` \\') are understood.
In the real system this is regcomp(3) and regexec(3).
"""

from __future__ import annotations

import re
import weakref
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Protocol, cast

CLASSES = {
    "alpha": "a-zA-Z",
    "digit": "0-9",
    "alnum": "a-zA-Z0-9",
    "upper": "A-Z",
    "lower": "a-z",
    "space": " \\t\\n\\r\\f\\v",
    "blank": " \\t",
    "punct": "!-/:-@\\[-`{-~",
    "print": " -~\\u00a0-\\U0010ffff",
    "graph": "!-~\\u00a1-\\U0010ffff",
    "cntrl": "\\x00-\\x1f\\x7f",
    "xdigit": "0-9A-Fa-f",
}
MOST_REPEATS = 32767  # RE_DUP_MAX


class BadPattern(Exception):
    """The words of regerror(3)."""


class Match(Protocol):
    def start(self, group: int = 0, /) -> int: ...

    def end(self, group: int = 0, /) -> int: ...

    def group(self, group: int = 0, /) -> str | None: ...


class Pattern(Protocol):
    groups: int

    def search(self, text: str, position: int = 0, /) -> Match | None: ...


@dataclass
class Node:
    """kind: char any set bol eol escape group cat alt rep ref; `text` is the Python pattern of a single character."""

    kind: str
    text: str = ""
    parts: list[Node] = field(default_factory=list)
    low: int = 0
    high: int | None = None  # None: no limit

    def walk(self) -> Iterator[Node]:
        yield self
        for part in self.parts:
            yield from part.walk()


@lru_cache(maxsize=512)
def compile(
    pattern: str, extended: bool = True, ignore_case: bool = False, multiline: bool = False, awk: bool = False
) -> Pattern:
    """`multiline` is sed's M flag; `awk` lets a backslash escape inside brackets."""
    parser = Parser(pattern, extended, awk)
    tree = parser.parse()
    if explosive(tree) and not any(node.kind == "ref" for node in tree.walk()):
        return Automaton(tree, parser.groups, ignore_case, multiline)
    flags = re.DOTALL | (re.IGNORECASE if ignore_case else 0) | (re.MULTILINE if multiline else 0)
    try:
        made = re.compile(python(tree, multiline), flags)
    except (re.error, OverflowError, RecursionError) as error:
        raise BadPattern("Invalid regular expression") from error
    if made not in _sources:
        _sources[made] = Source(tree, parser.groups, ignore_case, multiline)
    return made  # type: ignore[return-value]  # search's endpos is not needed


@dataclass
class Source:
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
    def refers(self) -> bool:
        return any(node.kind == "ref" for node in self.tree.walk())

    def automaton(self) -> Automaton:
        if self.made is None:
            self.made = Automaton(self.tree, self.groups, self.ignore_case, self.multiline)
        return self.made


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


class Parser:
    def __init__(self, pattern: str, extended: bool, awk: bool) -> None:
        self.pattern, self.extended, self.awk = pattern, extended, awk
        self.position = 0
        self.groups = 0
        self.open = 0

    def parse(self) -> Node:
        tree = self.alternation()
        if self.position < len(self.pattern):
            raise BadPattern("Unmatched ) or \\)")
        return tree

    def at(self, operator: str) -> bool:
        """Whether an operator of the extended syntax stands here; the basic one writes it with a backslash."""
        text = operator if self.extended else "\\" + operator
        return self.pattern.startswith(text, self.position)

    def skip(self, operator: str) -> None:
        self.position += len(operator) + (0 if self.extended else 1)

    def alternation(self) -> Node:
        choices = [self.sequence()]
        while self.at("|"):
            self.skip("|")
            choices.append(self.sequence())
        if len(choices) == 1:
            return choices[0]
        if all(part.kind == "char" for choice in choices for part in choice.parts):
            choices.sort(key=lambda choice: -len(choice.parts))
        return Node("alt", parts=choices)

    def sequence(self) -> Node:
        parts: list[Node] = []
        start = True
        while self.position < len(self.pattern) and not self.at("|"):
            if self.at(")") and (self.open or not self.extended):
                break
            atom = self.atom(start)
            start = not self.extended and atom.kind == "bol"
            parts.append(self.repeated(atom) if not (atom.kind == "bol" and not self.extended) else atom)
        return Node("cat", parts=parts)

    def repeated(self, atom: Node) -> Node:
        while self.position < len(self.pattern):
            character = self.pattern[self.position]
            if character == "*":
                self.position += 1
                atom = Node("rep", parts=[atom], low=0, high=None)
            elif self.at("+") or self.at("?"):
                plus = self.at("+")
                self.skip("+")
                atom = Node("rep", parts=[atom], low=int(plus), high=None if plus else 1)
            elif self.at("{"):
                bounds = self.bounds()
                if bounds is None:
                    break
                atom = Node("rep", parts=[atom], low=bounds[0], high=bounds[1])
            else:
                break
        return atom

    def bounds(self) -> tuple[int, int | None] | None:
        close = "}" if self.extended else "\\}"
        start = self.position + (1 if self.extended else 2)
        end = self.pattern.find(close, start)
        found = re.fullmatch(r"(\d*)(,?)(\d*)", self.pattern[start:end]) if end >= 0 else None
        if found is None or not (found[1] or found[2]):
            if self.extended:
                return None  # a brace that is no bound is a brace
            raise BadPattern("Unmatched \\{" if end < 0 else "Invalid content of \\{\\}")
        low = int(found[1] or 0)
        high = low if not found[2] else int(found[3]) if found[3] else None
        if (high is not None and high < low) or max(low, high or 0) > MOST_REPEATS:
            raise BadPattern(
                "Invalid content of \\{\\}" if max(low, high or 0) <= MOST_REPEATS else "Regular expression too big"
            )
        self.position = end + len(close)
        return low, high

    def atom(self, start: bool) -> Node:
        if self.at("("):
            self.skip("(")
            self.groups += 1
            number = self.groups
            self.open += 1
            inner = self.alternation()
            if not self.at(")"):
                raise BadPattern("Unmatched ( or \\(")
            self.skip(")")
            self.open -= 1
            return Node("group", parts=[inner], low=number)
        if not self.extended and self.at("{") and start:
            raise BadPattern("Invalid preceding regular expression")
        character = self.pattern[self.position]
        self.position += 1
        if character == "\\":
            return self.escape()
        if character == "[":
            return self.bracket()
        if character == ".":
            return Node("any", ".")
        if character == "^" and (self.extended or start):
            return Node("bol")
        if character == "$" and (self.extended or self.position == len(self.pattern) or self.at(")") or self.at("|")):
            return Node("eol")
        return Node("char", re.escape(character))

    def escape(self) -> Node:
        if self.position >= len(self.pattern):
            raise BadPattern("Trailing backslash")
        character = self.pattern[self.position]
        self.position += 1
        if character in "wW":
            return Node("set", "[a-zA-Z0-9_]" if character == "w" else "[^a-zA-Z0-9_]")
        if character in "sS":
            return Node("set", f"\\{character}")
        if character in "bB<>`'" and not self.awk:
            return Node("escape", character)
        if character in "123456789" and not self.awk:
            if int(character) > self.groups:
                raise BadPattern("Invalid back reference")
            return Node("ref", low=int(character))
        plain = {"n": "\n", "t": "\t", "f": "\f", "v": "\v", "a": "\a", "r": "\r"}.get(character, character)
        return Node("char", re.escape(plain))

    def bracket(self) -> Node:
        text, position = self.pattern, self.position
        negated = text.startswith("^", position)
        position += negated
        items: list[str] = []
        first = True
        while True:
            if position >= len(text):
                raise BadPattern("Unmatched [, [^, [:, [., or [=")
            if text[position] == "]" and not first:
                break
            first = False
            named = re.compile(r"\[:(\w*):\]").match(text, position)
            if named:
                if named[1] not in CLASSES:
                    raise BadPattern("Invalid character class name")
                items.append(CLASSES[named[1]])
                position = named.end()
                continue
            low, position = self.bracket_character(position)
            high = low
            if text.startswith("-", position) and position + 1 < len(text) and text[position + 1] != "]":
                high, position = self.bracket_character(position + 1)
                if high < low:
                    raise BadPattern("Invalid range end")
            items.append(quoted(low) if low == high else f"{quoted(low)}-{quoted(high)}")
        self.position = position + 1
        return Node("set", f"[{'^' if negated else ''}{''.join(items)}]")

    def bracket_character(self, position: int) -> tuple[str, int]:
        text = self.pattern
        collating = re.compile(r"\[([.=])(.)\1\]", re.DOTALL).match(text, position)
        if collating:
            return collating[2], collating.end()
        if text[position] == "\\" and position + 1 < len(text):
            following = text[position + 1]
            if self.awk:
                return {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v"}.get(following, following), position + 2
            if following in "nt":  # GNU sed's; harmless for the others
                return {"n": "\n", "t": "\t"}[following], position + 2
        return text[position], position + 1


def quoted(character: str) -> str:
    return "\\" + character if character in "\\]^-[&~|" else character


ESCAPES = {
    "b": r"\b",
    "B": r"\B",
    "<": r"\b(?=\w)",
    ">": r"\b(?<=\w)",
    "`": r"\A",
    "'": r"\Z",
}


def python(node: Node, multiline: bool) -> str:
    """The tree as a pattern of Python's."""
    if node.kind in ("char", "any", "set"):
        return node.text
    if node.kind == "bol":
        return "^"
    if node.kind == "eol":
        return r"(?=\n|\Z)" if multiline else r"\Z"
    if node.kind == "escape":
        return ESCAPES[node.text]
    if node.kind == "ref":
        return f"(?:\\{node.low})"
    inner = [python(part, multiline) for part in node.parts]
    if node.kind == "group":
        return f"({inner[0]})"
    if node.kind == "cat":
        return "".join(inner)
    if node.kind == "alt":
        return f"(?:{'|'.join(inner)})"
    body = inner[0] if node.parts[0].kind in ("char", "any", "set", "group") else f"(?:{inner[0]})"
    if (node.low, node.high) in ((0, None), (1, None), (0, 1)):
        return body + {(0, None): "*", (1, None): "+", (0, 1): "?"}[node.low, node.high]
    return f"{body}{{{node.low},{'' if node.high is None else node.high}}}"


@dataclass(frozen=True)
class Span:
    """A match of the automaton."""

    text: str
    marks: tuple[int, ...]

    def start(self, group: int = 0, /) -> int:
        return self.marks[2 * group]

    def end(self, group: int = 0, /) -> int:
        return self.marks[2 * group + 1]

    def group(self, group: int = 0, /) -> str | None:
        start, end = self.marks[2 * group : 2 * group + 2]
        return None if start < 0 or end < 0 else self.text[start:end]


class Automaton:
    """A pattern as a machine that is in many states at once (Thompson's): linear in the text, whatever the pattern."""

    LARGEST = 20_000  # states: x{1000}{1000} is refused, as regcomp refuses it

    def __init__(self, tree: Node, groups: int, ignore_case: bool, multiline: bool) -> None:
        self.groups = groups
        self.flags = re.DOTALL | (re.IGNORECASE if ignore_case else 0) | (re.MULTILINE if multiline else 0)
        self.multiline = multiline
        # A state is (kind, what, next states): char tests, assertions, marks, and forks
        self.program: list[tuple[str, object, list[int]]] = []
        self.final = self.add("final", None, [])
        self.first = self.build(tree, self.final)

    def add(self, kind: str, what: object, following: list[int]) -> int:
        if len(self.program) >= self.LARGEST:
            raise BadPattern("Regular expression too big")
        self.program.append((kind, what, following))
        return len(self.program) - 1

    def build(self, node: Node, after: int) -> int:
        """The state that matches `node` and then goes on to `after`."""
        if node.kind in ("char", "any", "set"):
            return self.add("char", re.compile(node.text, self.flags).match, [after])
        if node.kind in ("bol", "eol", "escape"):
            return self.add("assert", re.compile(python(node, self.multiline), self.flags).match, [after])
        if node.kind == "group":
            end = self.add("mark", 2 * node.low + 1, [after])
            return self.add("mark", 2 * node.low, [self.build(node.parts[0], end)])
        if node.kind == "cat":
            for part in reversed(node.parts):
                after = self.build(part, after)
            return after
        if node.kind == "alt":
            return self.add("fork", None, [self.build(part, after) for part in node.parts])
        if node.high is None:
            loop = self.add("fork", None, [after])
            body = self.build(node.parts[0], loop)
            self.program[loop][2].insert(0, body)
            after = loop
        else:
            end = after
            for _ in range(node.high - node.low):
                after = self.add("fork", None, [self.build(node.parts[0], after), end])
        for _ in range(node.low):
            after = self.build(node.parts[0], after)
        return after

    def search(self, text: str, position: int = 0, /) -> Match | None:
        run = self.steps(text, position)
        while True:
            try:
                next(run)
            except StopIteration as end:
                return cast("Match | None", end.value)

    def steps(self, text: str, position: int) -> Generator[None, None, Match | None]:
        """The search in pieces of some characters."""
        best: tuple[int, ...] | None = None
        states: dict[int, tuple[int, ...]] = {}
        nothing = (-1,) * (2 * self.groups + 2)
        for here in range(position, len(text) + 1):
            if here & 63 == 63:
                yield
            if best is None:
                self.follow(self.first, (here, *nothing[1:]), text, here, states)
            following: dict[int, tuple[int, ...]] = {}
            for state, marks in states.items():
                kind, test, targets = self.program[state]
                if kind == "final":
                    # The leftmost start wins, then the longest
                    if best is None or marks[0] < best[0] or (marks[0] == best[0] and here > best[1]):
                        best = (marks[0], here, *marks[2:])
                elif here < len(text) and (best is None or marks[0] <= best[0]) and test(text, here):  # type: ignore[operator]
                    self.follow(targets[0], marks, text, here + 1, following)
            states = following
            if not states and best is not None:
                break
        return Span(text, best) if best is not None else None

    def follow(
        self, state: int, marks: tuple[int, ...], text: str, here: int, states: dict[int, tuple[int, ...]]
    ) -> None:
        """All states that are reached without reading; the first to arrive keeps its marks."""
        waiting = [(state, marks)]
        seen: set[int] = set()
        while waiting:
            state, marks = waiting.pop()
            if state in seen or state in states:
                continue
            kind, what, targets = self.program[state]
            if kind in ("char", "final"):
                states[state] = marks
                continue
            seen.add(state)
            if kind == "mark":
                index = what
                assert isinstance(index, int)
                marks = (*marks[:index], here, *marks[index + 1 :])
            elif kind == "assert" and not what(text, here):  # type: ignore[operator]
                continue
            waiting.extend((target, marks) for target in reversed(targets))
