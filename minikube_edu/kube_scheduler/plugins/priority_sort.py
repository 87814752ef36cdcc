"""PrioritySort: the most important pod first; of equals, the one that waits longest."""

from __future__ import annotations

from typing import Any

from minikube_edu.kube_scheduler.framework import Plugin
from minikube_edu.kube_scheduler.handle import Handle
from minikube_edu.kube_scheduler.pod import PodInfo


class PrioritySort(Plugin):
    name = "PrioritySort"

    def __init__(self, handle: Handle, arguments: dict[str, Any]) -> None:
        pass

    def sort_key(self, pod: PodInfo, since: float) -> tuple[int, float]:
        return -pod.priority, since
