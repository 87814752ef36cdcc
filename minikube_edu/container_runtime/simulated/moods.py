"""Moods: how quick and how reliable containers are. Behaviour is data (moods.toml, and a teacher's own file).

A runtime has a mood (`--mood`), a pod may have another (annotation minikube-edu.io/mood; the kubelet passes a
namespace's annotation on in the same place). With a seed all that is drawn depends on the seed and on the names alone:
the same lesson crashes the same container twice, in whatever order things happen.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from msgspec import Struct

from minikube_edu.lib import ids

ANNOTATION = "minikube-edu.io/mood"
Span = tuple[float, float]


class Mood(Struct, frozen=True):
    sandbox_delay: Span = (0.0, 0.0)
    sandbox_failures: float = 0.0
    create_delay: Span = (0.0, 0.0)
    start_delay: Span = (0.0, 0.0)
    stop_delay: Span = (0.0, 0.0)
    pull_delay: Span = (0.0, 0.0)
    pull_rate: float = 0.0
    pull_failures: float = 0.0
    crashes: float = 0.0
    crash_after: Span = (0.0, 0.0)
    crash_code: int = 1


FAST = Mood()


class BadMood(ValueError):
    """A mood's table cannot be used: the message says why."""


def from_table(name: str, table: Mapping[str, Any]) -> Mood:
    known = set(Mood.__struct_fields__)
    made: dict[str, Any] = {}
    for key, value in table.items():
        if key not in known:
            raise BadMood(f"mood {name}: unknown key {key!r}")
        if key.endswith(("delay", "after")):
            pair = value if isinstance(value, list) else [value, value]
            if len(pair) != 2 or not 0 <= pair[0] <= pair[1]:
                raise BadMood(f"mood {name}: {key} must be seconds, or [from, to]")
            made[key] = (float(pair[0]), float(pair[1]))
        elif isinstance(value, int | float) and value >= 0:
            made[key] = value
        else:
            raise BadMood(f"mood {name}: {key} must be a number")
    return Mood(**made)


@functools.cache
def _builtin() -> Mapping[str, Mood]:
    text = resources.files(__package__).joinpath("moods.toml").read_text(encoding="utf-8")
    return {name: from_table(name, table) for name, table in tomllib.loads(text).items()}


class Moods:
    def __init__(self, default: str = "fast", file: Path | None = None, seed: int | None = None) -> None:
        """`file` has tables as moods.toml has, and wins over it. Raises BadMood."""
        self.seed = seed
        self._own: dict[str, Mood] = {}
        if file is not None:
            tables = tomllib.loads(file.read_text(encoding="utf-8"))
            self._own = {name: from_table(name, table) for name, table in tables.items()}
        self.default = self.named(default)

    def named(self, name: str) -> Mood:
        if name in self._own:
            return self._own[name]
        if name == "fast":
            return FAST
        try:
            return _builtin()[name]
        except KeyError:
            known = ", ".join(sorted({*_builtin(), *self._own}))
            raise BadMood(f"no mood {name!r}: there are {known}") from None

    def of(self, annotations: Mapping[str, str]) -> Mood:
        """A pod's mood; a name that does not exist is nobody's mistake but the annotation's: the default holds."""
        name = annotations.get(ANNOTATION)
        if not name:
            return self.default
        try:
            return self.named(name)
        except BadMood:
            return self.default

    # -- the dice ----------------------------------------------------------------------------------------------------

    def fraction(self, *key: object) -> float:
        """From 0 to 1; with a seed always the same for the same key."""
        if self.seed is None:
            return ids.uniform(0.0, 1.0)
        words = "/".join(str(word) for word in (self.seed, *key))
        return int.from_bytes(hashlib.sha256(words.encode()).digest()[:7], "big") / (1 << 56)

    def seconds(self, span: Span, *key: object) -> float:
        low, high = span
        return low if low == high else low + (high - low) * self.fraction(*key)

    async def pause(self, span: Span, *key: object) -> None:
        """Wait that long; not at all when nothing is to be waited for."""
        if span != (0.0, 0.0):
            await asyncio.sleep(self.seconds(span, *key))

    def happens(self, rate: float, *key: object) -> bool:
        return rate > 0 and self.fraction(*key) < rate
