"""What a controller has done and not seen yet.

After creating three pods, a controller that looks at its informer at once sees none of them, and would create three
more. So it writes down what it expects to see, and does not count its children until it has seen that, or until five
minutes have passed: then the informer is believed.

Creations are counted. Deletions are expected by key, because one deletion is seen several times (the deletion
timestamp, the end).
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct, field

from minikube_edu.lib import clock

TIMEOUT = 300.0


class _Expected(Struct):
    creations: int = 0
    deletions: set[str] = field(default_factory=set)
    since: float = field(default_factory=clock.monotonic)


class Expectations:
    def __init__(self) -> None:
        self._expected: dict[str, _Expected] = {}

    def satisfied(self, key: str) -> bool:
        """Whether what the informer shows can be relied on."""
        expected = self._expected.get(key)
        if expected is None or (expected.creations <= 0 and not expected.deletions):
            return True
        return clock.monotonic() - expected.since > TIMEOUT

    def expect(self, key: str, creations: int = 0, deletions: Iterable[str] = ()) -> None:
        """Before the requests are sent, so that no event comes too early. Replaces what was expected."""
        self._expected[key] = _Expected(creations, set(deletions))

    def created(self, key: str, count: int = 1) -> None:
        """Seen, or known not to come."""
        expected = self._expected.get(key)
        if expected is not None:
            expected.creations -= count

    def deleted(self, key: str, child: str) -> None:
        expected = self._expected.get(key)
        if expected is not None:
            expected.deletions.discard(child)

    def forget(self, key: str) -> None:
        self._expected.pop(key, None)
