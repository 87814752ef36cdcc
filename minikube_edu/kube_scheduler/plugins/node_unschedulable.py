"""NodeUnschedulable: a cordoned node takes only pods that tolerate its taint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minikube_edu.kube_scheduler import taints
from minikube_edu.kube_scheduler.cluster_events import NODE, TARGET_POD, Action, Interest
from minikube_edu.kube_scheduler.framework import Cycle, Plugin, Status, unresolvable
from minikube_edu.kube_scheduler.handle import Handle
from minikube_edu.kube_scheduler.node import Node
from minikube_edu.kube_scheduler.pod import PodInfo

CORDONED = unresolvable("NodeUnschedulable", "node(s) were unschedulable")


class NodeUnschedulable(Plugin):
    name = "NodeUnschedulable"
    local = True

    def __init__(self, handle: Handle, arguments: dict[str, Any]) -> None:
        pass

    def filter(self, cycle: Cycle, pod: PodInfo, node: Node) -> Status | None:
        if not node.unschedulable or taints.tolerated(pod.shape.tolerations, taints.UNSCHEDULABLE):
            return None
        return CORDONED

    def events(self) -> Sequence[Interest]:
        return (
            Interest(NODE, Action.ADD | Action.UPDATE_NODE_TAINT, self._now_open),
            Interest(TARGET_POD, Action.UPDATE_POD_TOLERATION, self._now_tolerates),
        )

    @staticmethod
    def _now_open(pod: PodInfo, before: Any, now: dict[str, Any]) -> bool:
        return not (now.get("spec") or {}).get("unschedulable")

    @staticmethod
    def _now_tolerates(pod: PodInfo, before: PodInfo, now: PodInfo) -> bool:
        return pod.uid == now.uid and taints.tolerated(now.shape.tolerations, taints.UNSCHEDULABLE)
