"""A pattern as a machine that reads every character once, for patterns with which Python's matcher may never end.

It is leftmost-longest by nature, as POSIX wants it, and its search can be taken in steps (`steps`), so that others have
their turn in between.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Protocol, cast

from msgspec import Struct

from minikube_edu.container_runtime.simulated.tools.pattern_syntax import BadPattern, Node, python


class Match(Protocol):
    def start(self, group: int = 0, /) -> int: ...

    def end(self, group: int = 0, /) -> int: ...

    def group(self, group: int = 0, /) -> str | None: ...


class Span(Struct, frozen=True):
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
            if here & 15 == 15:
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
