"""`$(NAME)` in commands, arguments, values of variables and subPathExpr.

`$(NAME)` becomes the variable's value; one that is not known stays as it is written. `$$` is a dollar sign that begins
nothing: `$$(NAME)` becomes `$(NAME)`. A dollar sign before anything else is itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_REFERENCE = re.compile(r"\$(?:(\$)|\(([^)]*)\))")


def expand(text: str, *variables: Mapping[str, str]) -> str:
    """The first mapping that knows a name gives its value."""
    return text if "$" not in text else _expand(text, variables, lambda name: f"$({name})")


def expand_strictly(text: str, *variables: Mapping[str, str]) -> tuple[str, list[str]]:
    """And the names that nobody knows: where a path depends on them, they are an error."""
    missing: list[str] = []

    def unknown(name: str) -> str:
        missing.append(name)
        return f"$({name})"

    return _expand(text, variables, unknown), missing


def _expand(text: str, variables: tuple[Mapping[str, str], ...], unknown: Callable[[str], str]) -> str:
    def value(found: re.Match[str]) -> str:
        if found[1]:
            return "$"
        name = found[2]
        for known in variables:
            if name in known:
                return known[name]
        return unknown(name)

    return _REFERENCE.sub(value, text)
