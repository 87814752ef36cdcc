"""The kubelet's events: about pods (or one container of a pod) and about its node.

Nothing waits for an event. Without an API server they are held, a thousand at most, and written when it is there, and
when the rush of a node's first second is over.
"""

from __future__ import annotations

import asyncio

from minikube_edu.client.events import Correlator, EventRecorder, reference
from minikube_edu.client.rest import Client
from minikube_edu.kubelet import pod_facts
from minikube_edu.kubelet.contract import Object


class KubeletRecorder:
    def __init__(self, client: Client | None, node: str, correlator: Correlator | None = None) -> None:
        self._recorder = EventRecorder(client, "kubelet", node, correlator) if client is not None else None
        self._held: list[tuple[Object, str, str, str]] | None = []
        self._node = node
        self._timer: asyncio.TimerHandle | None = None

    def event(self, about: Object, kind: str, reason: str, message: str, container: str = "") -> None:
        target = reference({"apiVersion": "v1", "kind": "Pod", **about}) if "metadata" in about else dict(about)
        if container:
            target["fieldPath"] = pod_facts.field_path(about, container)
        if self._held is not None:
            if len(self._held) < 1000:
                self._held.append((target, kind, reason, message))
        elif self._recorder is not None:
            self._recorder.event(target, kind, reason, message)

    def node_event(self, kind: str, reason: str, message: str) -> None:
        """About this node; its uid is its name, so that events are found before the node is registered."""
        self.event({"kind": "Node", "name": self._node, "uid": self._node}, kind, reason, message)

    def release(self, after: float = 0.0) -> None:
        """The API server is there: write what was held, and from now on at once."""
        if after:
            self._timer = asyncio.get_running_loop().call_later(after, self.release)
            return
        held, self._held = self._held, None
        for target, kind, reason, message in held or ():
            if self._recorder is not None:
                self._recorder.event(target, kind, reason, message)

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._recorder is not None:
            await self._recorder.stop()
