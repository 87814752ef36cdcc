"""A pattern with back references, matched in steps.

What \\1 means depends on how the text before it was taken, so no machine can read every character once; one has to try.
`Backtracker` tries as Python's matcher does, but may pause between any two steps, never tries twice from the same state
at the same place with the same groups, and gives up after some ten thousand tries from one start: then it is out of
memory, as the real ones are.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Generator

from minikube_edu.container_runtime.simulated.contract import failure
from minikube_edu.container_runtime.simulated.tools.automaton import Automaton, Match, Span
from minikube_edu.container_runtime.simulated.tools.pattern_syntax import Node

MOST_TRIES = 60_000  # from one start
MOST_OF_ALL = 20_000_000  # in one search
STEP = 200
Marks = tuple[int, ...]


class Backtracker(Automaton):
    """The same states, and one more: the text of a group, again."""

    def build(self, node: Node, after: int) -> int:
        if node.kind == "ref":
            return self.add("ref", node.low, [after])
        return super().build(node, after)

    def steps(self, text: str, position: int) -> Generator[None, None, Match | None]:
        """The leftmost match, the first that is found there."""
        tries = 0
        nothing = (-1,) * (2 * self.groups)
        for start in range(position, len(text) + 1):
            if start % STEP == 0:
                yield
            seen: set[tuple[int, int, Marks]] = set()
            ways: list[tuple[int, int, Marks]] = [(self.first, start, nothing)]
            while ways:
                tries += 1
                if tries % STEP == 0:
                    yield
                    if len(seen) > MOST_TRIES or tries > MOST_OF_ALL:
                        raise failure(errno.ENOMEM)
                way = ways.pop()
                if way in seen:
                    continue
                seen.add(way)
                state, here, marks = way
                kind, _, targets = self.program[state]
                if kind == "final":
                    return Span(text, (start, here, *marks))
                following = self.taken(state, text, here, marks)
                if following is not None:
                    ways.extend((target, *following) for target in reversed(targets))
        return None

    def taken(self, state: int, text: str, here: int, marks: Marks) -> tuple[int, Marks] | None:
        """Where a state's test leads to; None: it fails."""
        kind, what, _ = self.program[state]
        if kind == "fork":
            return here, marks
        if kind == "mark":
            assert isinstance(what, int)
            return here, (*marks[: what - 2], here, *marks[what - 1 :])
        if kind == "ref":
            assert isinstance(what, int)
            first, last = marks[2 * what - 2 : 2 * what]
            if first < 0 or last < first:
                return None
            part, there = text[first:last], text[here : here + last - first]
            same = part == there or (bool(self.flags & re.IGNORECASE) and part.lower() == there.lower())
            return (here + last - first, marks) if same else None
        if kind == "assert":
            return (here, marks) if what(text, here) else None  # type: ignore[operator]
        return (here + 1, marks) if here < len(text) and what(text, here) else None  # type: ignore[operator]
