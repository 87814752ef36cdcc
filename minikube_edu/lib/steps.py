"""The step bus: what happens in a cluster, as it happens, for those who want to learn from it.

A seat says what it does at the spot where it does it:

    if steps.listening:
        steps.emit("scheduler.filtered", cause=revision, pod=key, node=name, verdict="Insufficient cpu")

With nobody listening that costs one truth test, so it may stand in the hottest loops. Facts are small and plain
(strings, numbers, tuples): they may be sent to another process. The `cause` is what led to the step: a store revision
(int) or a request's id (str); following causes from step to step is how `follow` tells the story of one object.

One bus serves the process. Subscribers are called at once, in the emitter's turn of the loop: they must be quick, and
their failures are logged and never reach the emitter.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct

from minikube_edu.lib import clock

log = logging.getLogger(__name__)

Cause = int | str | None

listening = False  # is there a subscriber? Read it as `steps.listening`, never import the name


class Step(Struct, frozen=True):
    number: int  # counts up by one, over the life of the process
    time: float  # seconds since the epoch
    name: str  # "seat.verb"
    cause: Cause
    facts: dict[str, Any]

    def __getitem__(self, fact: str) -> Any:
        return self.facts[fact]


Listener = Callable[[Step], None]
Filter = Callable[[Step], bool]


class Subscription:
    """Ends with `close`, or with the `with` block."""

    def __init__(self, listener: Listener, prefix: str, accepts: Filter | None) -> None:
        self.listener = listener
        self.prefix = prefix
        self.accepts = accepts

    def close(self) -> None:
        global listening
        if self in _subscriptions:
            _subscriptions.remove(self)
        listening = bool(_subscriptions)

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


_subscriptions: list[Subscription] = []
_number = 0


def emit(name: str, /, cause: Cause = None, **facts: Any) -> None:
    """Tell all who listen. Test `listening` first where it is hot: the facts are then not even collected."""
    if not _subscriptions:
        return
    global _number
    _number += 1
    step = Step(_number, clock.now(), name, cause, facts)
    for subscription in tuple(_subscriptions):
        if not name.startswith(subscription.prefix):
            continue
        try:
            if subscription.accepts is None or subscription.accepts(step):
                subscription.listener(step)
        except Exception:
            log.exception("a listener failed at step %s", name)


def subscribe(listener: Listener, prefix: str = "", accepts: Filter | None = None) -> Subscription:
    """Call `listener` with each step whose name begins with `prefix` and which `accepts` accepts."""
    global listening
    subscription = Subscription(listener, prefix, accepts)
    _subscriptions.append(subscription)
    listening = True
    return subscription


class Record:
    """Keeps the last `limit` steps, to be read later; `dropped` counts those that fell out."""

    def __init__(self, limit: int = 10_000, prefix: str = "", accepts: Filter | None = None) -> None:
        self._steps: deque[Step] = deque(maxlen=limit)
        self.seen = 0
        self.subscription = subscribe(self._keep, prefix, accepts)

    def _keep(self, step: Step) -> None:
        self.seen += 1
        self._steps.append(step)

    @property
    def dropped(self) -> int:
        return self.seen - len(self._steps)

    def __len__(self) -> int:
        return len(self._steps)

    def __iter__(self) -> Iterator[Step]:
        return iter(tuple(self._steps))

    def named(self, prefix: str) -> list[Step]:
        return [step for step in self if step.name.startswith(prefix)]

    def follow(self, cause: Cause, leads_to: str = "revision") -> list[Step]:
        """All steps that `cause` led to, also at one remove or more: a step whose fact `leads_to` names a revision or a
        request is the cause of the steps that name it."""
        causes = {cause}
        found = []
        for step in self:
            if step.cause is not None and step.cause in causes:
                found.append(step)
                if (next_cause := step.facts.get(leads_to)) is not None:
                    causes.add(next_cause)
        return found

    def close(self) -> None:
        self.subscription.close()

    def __enter__(self) -> Record:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
