"""The step bus: each station of an object's way through the cluster says so here, and learning tools listen.

    if steps.listening:
        steps.emit("stored", resource="pods", key="default/web", revision=12)

Nobody listens by default, and then a step costs one truth test.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minikube_edu.lib import clock

Listener = Callable[[float, str, dict[str, Any]], None]

listening = False
_listeners: list[Listener] = []


def subscribe(listener: Listener) -> Callable[[], None]:
    """Call `listener(time, name, facts)` for each step; returns how to stop."""
    global listening
    _listeners.append(listener)
    listening = True

    def stop() -> None:
        global listening
        _listeners.remove(listener)
        listening = bool(_listeners)

    return stop


def emit(name: str, **facts: Any) -> None:
    now = clock.now()
    for listener in _listeners:
        listener(now, name, facts)
