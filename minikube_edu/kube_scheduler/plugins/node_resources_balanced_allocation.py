"""NodeResourcesBalancedAllocation: better where CPU and memory would be used to the same degree.

Best-effort pods have no say, or all of them would gather on one node.
"""

from __future__ import annotations

from math import sqrt
from typing import Any

from minikube_edu.kube_scheduler.framework import MAX_NODE_SCORE, SKIP, Cycle, Plugin, Status
from minikube_edu.kube_scheduler.handle import Handle
from minikube_edu.kube_scheduler.node import Node
from minikube_edu.kube_scheduler.plugins.node_resources_fit import DEFAULT_RESOURCES
from minikube_edu.kube_scheduler.pod import PodInfo


class NodeResourcesBalancedAllocation(Plugin):
    name = "NodeResourcesBalancedAllocation"
    local = True

    def __init__(self, handle: Handle, arguments: dict[str, Any]) -> None:
        self._names: list[str] = [spec["name"] for spec in arguments.get("resources") or DEFAULT_RESOURCES]

    def pre_score(self, cycle: Cycle, pod: PodInfo, nodes: list[Node]) -> Status | None:
        requests = pod.shape.requests
        return None if any(requests.get(name) for name in self._names) else SKIP

    def score(self, cycle: Cycle, pod: PodInfo, node: Node) -> int:
        used = []
        for name in self._names:
            capacity = node.allocatable.get(name, 0)
            if capacity:
                wanted = node.requested.get(name, 0) + pod.shape.requests.get(name, 0)
                used.append(min(1.0, wanted / capacity))
        return int((1 - _deviation(used)) * MAX_NODE_SCORE)


def _deviation(fractions: list[float]) -> float:
    if len(fractions) < 2:
        return 0.0
    if len(fractions) == 2:
        return abs(fractions[0] - fractions[1]) / 2
    mean = sum(fractions) / len(fractions)
    return sqrt(sum((fraction - mean) ** 2 for fraction in fractions) / len(fractions))
