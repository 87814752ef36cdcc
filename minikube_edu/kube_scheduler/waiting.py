"""Pods that a Permit plugin holds back after their node was chosen.

Others allow or reject them, by uid; a plugin that does not speak within its time has rejected.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from minikube_edu.kube_scheduler.framework import Status, unschedulable
from minikube_edu.kube_scheduler.pod import PodInfo

LONGEST = 15 * 60.0


class WaitingPod:
    def __init__(self, pod: PodInfo, timeouts: dict[str, float]) -> None:
        self.pod = pod
        self._decided: asyncio.Future[Status | None] = asyncio.get_running_loop().create_future()
        loop = asyncio.get_running_loop()
        self._timers = {
            plugin: loop.call_later(min(seconds, LONGEST), self._late, plugin, seconds)
            for plugin, seconds in timeouts.items()
        }

    @property
    def pending(self) -> list[str]:
        return list(self._timers)

    def allow(self, plugin: str) -> None:
        timer = self._timers.pop(plugin, None)
        if timer is not None:
            timer.cancel()
        if not self._timers:
            self._decide(None)

    def reject(self, plugin: str, reason: str) -> None:
        self._decide(unschedulable(plugin, reason))

    async def decision(self) -> Status | None:
        try:
            return await self._decided
        finally:
            for timer in self._timers.values():
                timer.cancel()

    def _late(self, plugin: str, seconds: float) -> None:
        self.reject(plugin, f"rejected due to timeout after waiting {seconds:g}s at plugin {plugin}")

    def _decide(self, status: Status | None) -> None:
        if not self._decided.done():
            self._decided.set_result(status)


class WaitingPods:
    def __init__(self) -> None:
        self._pods: dict[str, WaitingPod] = {}

    def add(self, pod: PodInfo, timeouts: dict[str, float]) -> None:
        self._pods[pod.uid] = WaitingPod(pod, timeouts)

    def get(self, uid: str) -> WaitingPod | None:
        return self._pods.get(uid)

    def __iter__(self) -> Iterator[WaitingPod]:
        return iter(list(self._pods.values()))

    async def decision(self, uid: str) -> Status | None:
        """None at once for a pod that nobody holds back."""
        waiting = self._pods.get(uid)
        if waiting is None:
            return None
        try:
            return await waiting.decision()
        finally:
            del self._pods[uid]
