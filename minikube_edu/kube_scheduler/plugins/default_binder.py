"""DefaultBinder: tells the API server which node it is, with a Binding."""

from __future__ import annotations

from typing import Any

from minikube_edu.client.errors import ApiError
from minikube_edu.kube_scheduler.framework import Cycle, Plugin, Status, error
from minikube_edu.kube_scheduler.handle import Handle
from minikube_edu.kube_scheduler.kinds import PODS
from minikube_edu.kube_scheduler.pod import PodInfo


class DefaultBinder(Plugin):
    name = "DefaultBinder"

    def __init__(self, handle: Handle, arguments: dict[str, Any]) -> None:
        self._client = handle.client

    async def bind(self, cycle: Cycle, pod: PodInfo, node: str) -> Status | None:
        try:
            await self._client.create(PODS, binding(pod, node), pod.namespace, name=pod.name, subresource="binding")
        except (ApiError, OSError) as problem:
            return error(self.name, str(problem))
        return None


def binding(pod: PodInfo, node: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {"namespace": pod.namespace, "name": pod.name, "uid": pod.uid},
        "target": {"kind": "Node", "name": node},
    }
