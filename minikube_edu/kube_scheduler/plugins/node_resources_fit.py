"""NodeResourcesFit: does the node have enough of everything left? And, as a score, how much would be left?

Strategies: LeastAllocated (the default: emptier nodes are better), MostAllocated (fuller), RequestedToCapacityRatio
(points of a broken line). Scores count something in place of nothing for pods without requests, so that they spread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minikube_edu.api.pod_resources import is_native
from minikube_edu.kube_scheduler.cluster_events import ASSIGNED_POD, NODE, TARGET_POD, Action, Interest
from minikube_edu.kube_scheduler.framework import MAX_NODE_SCORE, Code, Cycle, Plugin, Status
from minikube_edu.kube_scheduler.handle import Handle
from minikube_edu.kube_scheduler.node import Node
from minikube_edu.kube_scheduler.pod import PodInfo

Scorer = Callable[[int, int], int]  # (requested, capacity) -> 0..100

DEFAULT_RESOURCES: list[dict[str, Any]] = [{"name": "cpu", "weight": 1}, {"name": "memory", "weight": 1}]
TOO_MANY = "Too many pods"


class NodeResourcesFit(Plugin):
    name = "NodeResourcesFit"
    local = True

    def __init__(self, handle: Handle, arguments: dict[str, Any]) -> None:
        self._ignored = set(arguments.get("ignoredResources") or ())
        for extender in handle.extenders:
            self._ignored |= extender.ignored_resources  # an extender counts these itself
        self._ignored_groups = set(arguments.get("ignoredResourceGroups") or ())
        strategy = arguments.get("scoringStrategy") or {}
        specs = strategy.get("resources") or DEFAULT_RESOURCES
        self._resources = [(spec["name"], spec.get("weight") or 1) for spec in specs]
        self._scorer = scorer(strategy)
        self._statuses: dict[tuple[Any, ...], Status] = {}  # equal ones are one: cheap to count

    def filter(self, cycle: Cycle, pod: PodInfo, node: Node) -> Status | None:
        reasons: tuple[str, ...] = (TOO_MANY,) if len(node.pods) + 1 > node.allowed_pods else ()
        hopeless = False
        requested, allocatable = node.requested, node.allocatable
        for name, number in pod.shape.requests.items():
            if not number:
                continue
            capacity = allocatable.get(name, 0)
            if number > capacity - requested.get(name, 0) and not self._ignores(name):
                reasons += (f"Insufficient {name}",)
                hopeless = hopeless or number > capacity
        if not reasons:
            return None
        key = (reasons, hopeless)
        status = self._statuses.get(key)
        if status is None:
            code = Code.UNRESOLVABLE if hopeless else Code.UNSCHEDULABLE
            status = self._statuses[key] = Status(code, reasons, self.name)
        return status

    def score(self, cycle: Cycle, pod: PodInfo, node: Node) -> int:
        total = weights = 0
        for name, weight in self._resources:
            capacity = node.allocatable.get(name, 0)
            if not capacity:
                continue
            if name == "cpu":
                requested = node.milli_cpu + pod.shape.milli_cpu
            elif name == "memory":
                requested = node.memory + pod.shape.memory
            else:
                wanted = pod.shape.requests.get(name, 0)
                if not wanted and not is_native(name):
                    continue  # what the pod does not ask for does not count
                requested = node.requested.get(name, 0) + wanted
            total += self._scorer(requested, capacity) * weight
            weights += weight
        return total // weights if weights else 0

    def events(self) -> Sequence[Interest]:
        return (
            Interest(ASSIGNED_POD, Action.DELETE | Action.UPDATE_POD_SCALE_DOWN, self._sets_free),
            Interest(TARGET_POD, Action.UPDATE_POD_SCALE_DOWN, lambda pod, before, now: bool(pod.uid == now.uid)),
            Interest(NODE, Action.ADD | Action.UPDATE_NODE_ALLOCATABLE, self._now_enough),
        )

    def _ignores(self, name: str) -> bool:
        return name in self._ignored or (bool(self._ignored_groups) and name.split("/")[0] in self._ignored_groups)

    @staticmethod
    def _sets_free(pod: PodInfo, before: PodInfo, now: PodInfo | None) -> bool:
        """A pod that goes frees its place at least."""
        return now is None or any(before.shape.requests.get(name) for name in pod.shape.requests)

    def _now_enough(self, pod: PodInfo, before: dict[str, Any] | None, now: dict[str, Any]) -> bool:
        empty = Node("", 0)
        empty.describe(now)
        return self.filter(Cycle(), pod, empty) is None


def scorer(strategy: dict[str, Any]) -> Scorer:
    kind = strategy.get("type") or "LeastAllocated"
    if kind == "LeastAllocated":
        return least_allocated
    if kind == "MostAllocated":
        return most_allocated
    if kind == "RequestedToCapacityRatio":
        return ratio((strategy.get("requestedToCapacityRatio") or {}).get("shape") or ())
    raise ValueError(f'scoringStrategy.type: Unsupported value: "{kind}"')


def least_allocated(requested: int, capacity: int) -> int:
    return 0 if requested > capacity else (capacity - requested) * MAX_NODE_SCORE // capacity


def most_allocated(requested: int, capacity: int) -> int:
    return min(requested, capacity) * MAX_NODE_SCORE // capacity


def ratio(shape: Sequence[dict[str, Any]]) -> Scorer:
    """A broken line through points of (utilization in percent, score 0..10)."""
    if not shape:
        raise ValueError("requestedToCapacityRatio.shape: Required value: at least one point must be specified")
    points = [(point.get("utilization") or 0, (point.get("score") or 0) * 10) for point in shape]

    def score(requested: int, capacity: int) -> int:
        percent = 100 if requested > capacity else requested * 100 // capacity
        before: tuple[int, int] | None = None
        for utilization, value in points:
            if percent <= utilization:
                if before is None:
                    return int(value)
                rise = (value - before[1]) * (percent - before[0])
                return int(before[1] + int(rise / (utilization - before[0])))
            before = utilization, value
        return int(points[-1][1])

    return score
