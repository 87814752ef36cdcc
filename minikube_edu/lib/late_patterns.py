"""Regular expressions of other people's modules, compiled when they are used and not when the module is imported.

    with late_patterns.late():
        import yaml

PyYAML and cryptography have one each that takes 5 to 8 ms to compile and that we never use (libyaml reads our YAML,
nobody gives us names as RFC 4514 writes them): half of their import. Python itself has no switch for that.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_at_once = re.compile
_one = threading.Lock()


class _Late:
    """Stands for a compiled pattern until somebody wants something of it."""

    def __init__(self, pattern: Any, flags: Any) -> None:
        self._written = pattern, flags

    def __getattr__(self, name: str) -> Any:
        compiled = self.__dict__.get("_compiled")
        if compiled is None:
            compiled = self._compiled = _at_once(*self._written)
        found = self.__dict__[name] = getattr(compiled, name)
        return found


@contextmanager
def late() -> Iterator[None]:
    """For what this thread compiles; one thread at a time."""
    me = threading.get_ident()

    def compile(pattern: Any, flags: Any = 0) -> Any:
        return _Late(pattern, flags) if threading.get_ident() == me else _at_once(pattern, flags)

    with _one:
        re.compile = compile
        try:
            yield
        finally:
            re.compile = _at_once
