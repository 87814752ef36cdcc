"""What is equal is kept once: ten thousand pods of twenty Deployments differ in little.

    pod = Alike().shared(pod)

Texts and whole branches (tolerations, labels, the parts of a projected volume) become those of an earlier object, where
there is an equal one. Objects of a watch are never changed, so nobody notices but the memory: the copy of ten thousand
pods in an informer takes 30 MiB instead of 130.

The first hundreds are left as they are: a small cluster has nothing to gain, and one that boots has no time to lose.
After that, it remembers what was seen lately, in two generations: what is seen again when the younger is full goes over
into the next one; the rest is forgotten, and kept by its users alone.
"""

from __future__ import annotations

from typing import Any

FEW = 300  # objects that are not looked at
MOST = 8_000  # texts and branches of a generation


class Alike:
    def __init__(self, few: int = FEW) -> None:
        self._young: dict[Any, Any] = {}  # texts by themselves, branches by their parts
        self._old: dict[Any, Any] = {}
        self._left_alone = few

    def shared(self, value: Any) -> Any:
        """The value, or an equal one that was seen before; `value` is not to be used any more."""
        if self._left_alone:
            self._left_alone -= 1
            return value
        if len(self._young) > MOST:
            self._young, self._old = {}, self._young
        return self._shared(value)

    def _shared(self, value: Any) -> Any:
        kind = type(value)
        if kind is dict:
            parts: list[Any] = [dict]
            for key, one in value.items():
                one_kind = type(one)
                if one_kind is str:
                    value[key] = one = self._one(one, one)
                    parts += (key, one)
                elif one_kind is dict or one_kind is list:
                    value[key] = one = self._shared(one)
                    parts += (key, id(one))  # it is kept, so its identity stays its own
                else:
                    parts += (key, (one_kind, one))  # 1, 1.0 and True are not the same
            return self._one(tuple(parts), value)
        if kind is list:
            parts = [list]
            for place, one in enumerate(value):
                value[place] = one = self._shared(one)
                one_kind = type(one)
                parts.append(
                    one if one_kind is str else id(one) if one_kind is dict or one_kind is list else (one_kind, one)
                )
            return self._one(tuple(parts), value)
        return self._one(value, value) if kind is str else value

    def _one(self, name: Any, value: Any) -> Any:
        found = self._young.get(name)
        if found is None:
            found = self._young[name] = self._old.get(name, value)
        return found
