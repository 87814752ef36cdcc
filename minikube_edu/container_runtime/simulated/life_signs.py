"""Who wants to know when containers come and go (PLEG's events)."""

from __future__ import annotations

import logging
from collections.abc import Callable

from minikube_edu.container_runtime.cri import ContainerEvent, EventType
from minikube_edu.lib import clock

log = logging.getLogger(__name__)
Listener = Callable[[ContainerEvent], None]


class LifeSigns:
    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> Callable[[], None]:
        self._listeners.append(listener)

        def stop() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return stop

    def close(self) -> None:
        """The runtime ends: that its containers end with it is for the next one to say."""
        self._listeners.clear()

    def tell(self, type: EventType, container_id: str, sandbox_id: str, pod_uid: str) -> None:
        if not self._listeners:
            return
        event = ContainerEvent(type, container_id, sandbox_id, pod_uid, clock.now())
        for listener in list(self._listeners):
            try:
                listener(event)
            except Exception:  # one listener's fault is not the container's
                log.exception("a listener of life signs failed")
