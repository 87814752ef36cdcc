"""TaintToleration: NoSchedule and NoExecute taints keep pods away that do not tolerate them; of PreferNoSchedule
taints, the fewer the better."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minikube_edu.kube_scheduler import taints
from minikube_edu.kube_scheduler.cluster_events import NODE, TARGET_POD, Action, Interest
from minikube_edu.kube_scheduler.framework import Cycle, Plugin, Status, normalized, unresolvable
from minikube_edu.kube_scheduler.handle import Handle
from minikube_edu.kube_scheduler.node import Node
from minikube_edu.kube_scheduler.pod import PodInfo

UNTOLERATED = unresolvable("TaintToleration", "node(s) had untolerated taint(s)")
SOFT = "PreferNoSchedule"


class TaintToleration(Plugin):
    name = "TaintToleration"
    local = True

    def __init__(self, handle: Handle, arguments: dict[str, Any]) -> None:
        pass

    def filter(self, cycle: Cycle, pod: PodInfo, node: Node) -> Status | None:
        if not node.taints or taints.untolerated(node.taints, pod.shape.tolerations) is None:
            return None
        return UNTOLERATED

    def score(self, cycle: Cycle, pod: PodInfo, node: Node) -> int:
        if not node.taints:
            return 0
        tolerations = [t for t in pod.shape.tolerations if t.get("effect") in (None, "", SOFT)]
        soft = (taint for taint in node.taints if taint.get("effect") == SOFT)
        return sum(not taints.tolerated(tolerations, taint) for taint in soft)

    def normalize(self, cycle: Cycle, pod: PodInfo, scores: list[int]) -> list[int]:
        return normalized(scores, reverse=True)

    def events(self) -> Sequence[Interest]:
        return (
            Interest(NODE, Action.ADD | Action.UPDATE_NODE_TAINT, self._now_tolerated),
            Interest(TARGET_POD, Action.UPDATE_POD_TOLERATION, self._of_this_pod),
        )

    @staticmethod
    def _now_tolerated(pod: PodInfo, before: dict[str, Any] | None, now: dict[str, Any]) -> bool:
        tolerations = pod.shape.tolerations
        if before is not None and taints.untolerated(before["spec"].get("taints") or (), tolerations) is None:
            return False
        return taints.untolerated((now.get("spec") or {}).get("taints") or (), tolerations) is None

    @staticmethod
    def _of_this_pod(pod: PodInfo, before: PodInfo, now: PodInfo) -> bool:
        return pod.uid == now.uid
