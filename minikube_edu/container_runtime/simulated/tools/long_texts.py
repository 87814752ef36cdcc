"""Searching a text that may be long, or hard for its pattern, without holding the others up.

Python's matcher cannot pause, and `a*b` in a long line of a's takes the square of its length (with two repetitions the
cube, and so on). So what could take long is searched another way: from one start to the next, with pauses, as long as
that goes well; and otherwise by the automaton, which pauses too and takes a time that is linear in the text. A pattern
with a back reference is tried in steps (`backtracking`): where it could take for ever the search fails, as the real
ones do, for want of memory.
"""

from __future__ import annotations

import re
from typing import cast

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.tools.regular_expressions import Automaton, Match, Pattern, source_of
from minikube_edu.container_runtime.simulated.tools.steps import taken

AT_ONCE = {0: 1 << 20, 1: 4000, 2: 1000, 3: 300, 4: 120}  # repetitions -> characters that are searched without a pause
FEW = 80  # with more repetitions than these
STEP = 64  # starts that are tried without a pause
SCANNED = 200_000  # characters that all these may look at
PATIENCE = 0.3  # seconds of processor time until starts are no longer tried one by one


async def search(process: Process, pattern: Pattern, text: str, position: int = 0) -> Match | None:
    if isinstance(pattern, Automaton):
        return await _by_automaton(process, pattern, text, position)
    source = source_of(pattern)
    if source is None or len(text) - position <= AT_ONCE.get(source.repetitions, FEW):
        return pattern.search(text, position)
    if source.refers:
        return await _by_automaton(process, source.automaton(), text, position)
    if source.repetitions == 0:
        return await _by_windows(process, pattern, text, position, source.width)
    if source.repetitions == 1:
        container = process.container
        until = container.cpu_seconds(process.pid) + PATIENCE
        while position <= len(text) and container.cpu_seconds(process.pid) < until:
            found = await _by_starts(process, pattern, text, position, position + 100 * STEP)
            if found is not None:
                return found
            position += 100 * STEP
        if position > len(text):
            return None
    return await _by_automaton(process, source.automaton(), text, position)


def at_once(pattern: Pattern, text: str) -> Pattern:
    """For those who cannot pause: the pattern, or its automaton if Python's matcher could take long over the text."""
    source = source_of(pattern)
    if source is None or len(text) <= AT_ONCE.get(source.repetitions, FEW):
        return pattern
    return source.automaton()


async def _by_windows(process: Process, pattern: Pattern, text: str, position: int, width: int) -> Match | None:
    """No match is wider than that: a window that is so much longer than the starts to be tried shows all of them."""
    expression = cast("re.Pattern[str]", pattern)
    starts = AT_ONCE[0]
    while (end := position + starts + width + 1) < len(text):
        found = expression.search(text, position, end)
        await process.breathe()
        if found is None:
            position += starts
        elif found.end() < end:
            return cast(Match, found)
        else:  # where a window ends, `$` believes that the text does
            position = found.start()
            found = expression.match(text, position)
            if found is not None:
                return cast(Match, found)
            position += 1
    return cast("Match | None", expression.search(text, position))


async def _by_starts(process: Process, pattern: Pattern, text: str, start: int, end: int) -> Match | None:
    match = cast("re.Pattern[str]", pattern).match
    step = max(1, min(STEP, SCANNED // len(text)))
    for first in range(start, min(end, len(text) + 1), step):
        for here in range(first, min(first + step, end, len(text) + 1)):
            found = match(text, here)
            if found is not None:
                return cast(Match, found)
        await process.breathe()
    return None


async def _by_automaton(process: Process, automaton: Automaton, text: str, position: int) -> Match | None:
    return await taken(process, automaton.steps(text, position))
