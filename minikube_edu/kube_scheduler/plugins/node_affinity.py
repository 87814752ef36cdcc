"""NodeAffinity: `nodeSelector` and `nodeAffinity`, what a pod demands and what it would like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minikube_edu.kube_scheduler import node_selector
from minikube_edu.kube_scheduler.cluster_events import NODE, Action, Interest
from minikube_edu.kube_scheduler.framework import (
    SKIP,
    Cycle,
    NodeNames,
    Plugin,
    Status,
    normalized,
    unresolvable,
)
from minikube_edu.kube_scheduler.handle import Handle
from minikube_edu.kube_scheduler.node import Node
from minikube_edu.kube_scheduler.pod import PodInfo

MISMATCH = unresolvable("NodeAffinity", "node(s) didn't match Pod's node affinity/selector")
ENFORCED = unresolvable("NodeAffinity", "node(s) didn't match scheduler-enforced node affinity")
CONFLICT = unresolvable("NodeAffinity", "pod affinity terms conflict")


class NodeAffinity(Plugin):
    """`addedAffinity` in the arguments is demanded of, and wished for, every pod of the profile."""

    name = "NodeAffinity"
    local = True

    def __init__(self, handle: Handle, arguments: dict[str, Any]) -> None:
        added = {"affinity": {"nodeAffinity": arguments.get("addedAffinity") or {}}}
        self._added = node_selector.Required(added)
        self._wished = node_selector.preferred(added)

    def pre_filter(self, cycle: Cycle, pod: PodInfo) -> NodeNames | Status | None:
        wanted = pod.shape.node_affinity
        if wanted.any:
            return SKIP if self._added.any else None
        names = wanted.names()
        if names is None:
            return None
        return NodeNames(names) if names else CONFLICT

    def filter(self, cycle: Cycle, pod: PodInfo, node: Node) -> Status | None:
        if not self._added.matches(node.name, node.labels):
            return ENFORCED
        return None if pod.shape.node_affinity.matches(node.name, node.labels) else MISMATCH

    def pre_score(self, cycle: Cycle, pod: PodInfo, nodes: list[Node]) -> Status | None:
        return None if pod.shape.preferred_nodes.terms or self._wished.terms else SKIP

    def score(self, cycle: Cycle, pod: PodInfo, node: Node) -> int:
        wished = self._wished.weight(node.name, node.labels)
        return wished + pod.shape.preferred_nodes.weight(node.name, node.labels)

    def normalize(self, cycle: Cycle, pod: PodInfo, scores: list[int]) -> list[int]:
        return normalized(scores)

    def events(self) -> Sequence[Interest]:
        return (Interest(NODE, Action.ADD | Action.UPDATE_NODE_LABEL, self._now_matches),)

    def _now_matches(self, pod: PodInfo, before: dict[str, Any] | None, now: dict[str, Any]) -> bool:
        return self._allows(pod, now) and (before is None or not self._allows(pod, before))

    def _allows(self, pod: PodInfo, node: dict[str, Any]) -> bool:
        name, labels = node["metadata"]["name"], node["metadata"].get("labels") or {}
        return self._added.matches(name, labels) and pod.shape.node_affinity.matches(name, labels)
