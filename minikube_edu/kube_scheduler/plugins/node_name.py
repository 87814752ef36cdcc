"""NodeName: a pod that names its node runs there or nowhere.

Pods with `spec.nodeName` never come to a scheduler by themselves; the filter matters when others ask about a pod.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minikube_edu.kube_scheduler.cluster_events import NODE, Action, Interest
from minikube_edu.kube_scheduler.framework import SKIP, Cycle, Plugin, Status, unresolvable
from minikube_edu.kube_scheduler.handle import Handle
from minikube_edu.kube_scheduler.node import Node
from minikube_edu.kube_scheduler.pod import PodInfo

OTHER = unresolvable("NodeName", "node(s) didn't match the requested node name")


class NodeName(Plugin):
    name = "NodeName"

    def __init__(self, handle: Handle, arguments: dict[str, Any]) -> None:
        pass

    def pre_filter(self, cycle: Cycle, pod: PodInfo) -> Status | None:
        return None if pod.node_name else SKIP

    def filter(self, cycle: Cycle, pod: PodInfo, node: Node) -> Status | None:
        return OTHER if pod.node_name not in ("", node.name) else None

    def events(self) -> Sequence[Interest]:
        return (Interest(NODE, Action.ADD),)
