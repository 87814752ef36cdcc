"""jq's regular expressions: match, test, capture, scan, split, sub.

jq has Oniguruma's; Python's are close enough to write them over. Python's matcher cannot pause, so what could take it
for ever is matched by the automaton of `regular_expressions`, which yields; what that cannot do either is refused.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from functools import lru_cache
from typing import Any

from msgspec import Struct

from minikube_edu.container_runtime.simulated.tools import regular_expressions
from minikube_edu.container_runtime.simulated.tools.automaton import Automaton
from minikube_edu.container_runtime.simulated.tools.jq.values import Fault, described, kind
from minikube_edu.container_runtime.simulated.tools.pattern_syntax import CLASSES

AT_ONCE = 2000  # characters, for a pattern that is no danger
SHORT = 24  # for one that is
SPECIAL = re.compile(r"\\.|\(\?<([A-Za-z_]\w*)>|\(\?[:=!<>imsx-]+|\(|\[:(\w+):\]|[*+?}][?+]|\[\^?\]?", re.DOTALL)


class Pattern(Struct, frozen=True):
    made: re.Pattern[str]
    names: tuple[str | None, ...]  # of the groups
    automaton: Automaton | None
    dangerous: bool


@lru_cache(maxsize=128)
def pattern(text: str, flags: str) -> Pattern:
    names: list[str | None] = []
    plain = not set(flags) & set("xl")  # whether the automaton understands it as well
    inside = False

    def written(found: re.Match[str]) -> str:
        nonlocal plain, inside
        part = found[0]
        if found[1]:
            names.append(found[1])
            return f"(?P<{found[1]}>"
        if part == "(":
            names.append(None)
        elif found[2]:
            return CLASSES.get(found[2], part)
        elif part == "\\h":
            return "[0-9a-fA-F]"
        elif part.startswith(("(?", "\\A", "\\Z", "\\z", "\\B", "\\K")) or part[-1:] in "?+" or part[1:2].isdigit():
            plain = False
            return "\\Z" if part == "\\z" else part
        return part

    try:
        python = SPECIAL.sub(written, text)
        options = (re.IGNORECASE if "i" in flags else 0) | (re.VERBOSE if "x" in flags else 0)
        made = re.compile(python, options | (re.DOTALL if set(flags) & set("sp") else 0))
    except (re.error, RecursionError, OverflowError) as error:
        raise Fault(f"{text} (at offset 0) is not a valid regex: {error}") from None
    return Pattern(made, tuple(names), *_machine(text, flags, plain))


def _machine(text: str, flags: str, plain: bool) -> tuple[Automaton | None, bool]:
    """The automaton, if there can be one, and whether Python's matcher is a danger."""
    posix = re.sub(r"\(\?<[A-Za-z_]\w*>", "(", text).replace("\\d", "[0-9]").replace("\\D", "[^0-9]")
    try:
        parser = regular_expressions.Parser(posix, True, False)
        tree = parser.parse()
        dangerous = regular_expressions.explosive(tree)
        if any(node.kind == "ref" for node in tree.walk()):
            plain = False
        return Automaton(tree, parser.groups, "i" in flags, False) if plain else None, dangerous
    except (regular_expressions.BadPattern, re.error, RecursionError):
        return None, len(re.findall(r"[*+}]", text)) > 1


def found(value: Any, text: Any, flags: Any, most: int | None = None) -> Generator[None, None, list[Any]]:
    """The matches: jq's objects of them."""
    if kind(value) != "string":
        raise Fault(f"{described(value)} cannot be matched, as it is not a string")
    if isinstance(text, list):
        text, flags = (*text, None)[:2]
    if kind(text) != "string":
        raise Fault(f"{described(text)} cannot be matched, as it is not a string")
    if flags is not None and (kind(flags) != "string" or set(flags) - set("gimnpslx")):
        raise Fault(f"{flags} is not a valid modifier string")
    flags = flags or ""
    wanted = pattern(text, flags)
    use: Any = wanted.made
    if wanted.dangerous and len(value) > SHORT:
        if wanted.automaton is None:
            raise Fault(f"{text} (at offset 0) is too complex a regex")
        use = wanted.automaton
    elif len(value) > AT_ONCE and wanted.automaton is not None and re.search(r"[*+{]", text):
        use = wanted.automaton
    result: list[Any] = []
    position = 0
    while position <= len(value):
        yield
        if isinstance(use, Automaton):
            match = yield from use.steps(value, position)
        else:
            match = use.search(value, position)
        if match is None:
            break
        result.append(_told(match, wanted.names, "n" in flags))
        if "n" in flags and match.end() == match.start():
            result.pop()
        position = match.end() + (match.end() == match.start())
        if "g" not in flags or len(result) == most:
            break
    return result


def _told(match: Any, names: tuple[str | None, ...], _: bool) -> dict[str, Any]:
    captures = []
    for number, name in enumerate(names, 1):
        text = match.group(number)
        captures.append(
            {
                "offset": match.start(number) if text is not None else -1,
                "length": len(text) if text is not None else 0,
                "string": text,
                "name": name,
            }
        )
    text = match.group(0)
    return {"offset": match.start(), "length": len(text), "string": text, "captures": captures}


def matches(value: Any, text: Any, flags: Any, test: bool) -> Generator[None, None, Any]:
    all = yield from found(value, text, flags, 1 if test else None)
    return bool(all) if test else all


def edits(value: Any, text: Any, flags: Any) -> Generator[None, None, list[Any]]:
    """For sub: where each match is, and its named captures."""
    all = yield from found(value, text, flags)
    return [
        {
            "offset": one["offset"],
            "end": one["offset"] + one["length"],
            "named": {part["name"]: part["string"] for part in one["captures"] if part["name"]},
        }
        for one in all
    ]
