"""What is equal is kept once: ten thousand pods of twenty Deployments differ in little.

    pod = Alike().shared(pod)

Texts and whole branches (tolerations, labels, the parts of a projected volume) become those of an earlier object, where
there is an equal one. Objects of a watch are never changed, so nobody notices but the memory.
"""

from __future__ import annotations

from typing import Any

MOST = 50_000  # branches that are remembered; then it begins anew


class Alike:
    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._branches: dict[tuple[Any, ...], Any] = {}

    def shared(self, value: Any) -> Any:
        """The value, or an equal one that was seen before; `value` is not to be used any more."""
        if len(self._branches) + len(self._texts) > MOST:
            self._texts, self._branches = {}, {}
        return self._shared(value)

    def _shared(self, value: Any) -> Any:
        kind = type(value)
        if kind is str:
            return self._texts.setdefault(value, value)
        if kind is dict:
            parts: list[Any] = [dict]
            for key, one in value.items():
                value[key] = one = self._shared(one)
                parts += (key, _named(one))
        elif kind is list:
            parts = [list]
            for place, one in enumerate(value):
                value[place] = one = self._shared(one)
                parts.append(_named(one))
        else:
            return value
        return self._branches.setdefault(tuple(parts), value)


def _named(value: Any) -> Any:
    """Texts by themselves, branches by their identity (they are kept, so it stays theirs), others with their kind:
    1, 1.0 and True are not the same."""
    kind = type(value)
    if kind is str:
        return value
    return id(value) if kind is dict or kind is list else (kind, value)
