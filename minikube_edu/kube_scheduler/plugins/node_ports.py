"""NodePorts: a host port can be had once on a node (and address, and protocol)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minikube_edu.kube_scheduler.cluster_events import ASSIGNED_POD, NODE, Action, Interest
from minikube_edu.kube_scheduler.framework import SKIP, Cycle, Plugin, Status, unschedulable
from minikube_edu.kube_scheduler.handle import Handle
from minikube_edu.kube_scheduler.node import Node
from minikube_edu.kube_scheduler.pod import PodInfo

TAKEN = unschedulable("NodePorts", "node(s) didn't have free ports for the requested pod ports")


class NodePorts(Plugin):
    name = "NodePorts"
    local = True

    def __init__(self, handle: Handle, arguments: dict[str, Any]) -> None:
        pass

    def pre_filter(self, cycle: Cycle, pod: PodInfo) -> Status | None:
        return None if pod.shape.host_ports else SKIP

    def filter(self, cycle: Cycle, pod: PodInfo, node: Node) -> Status | None:
        return TAKEN if _clash(pod, node.host_ports) else None

    def events(self) -> Sequence[Interest]:
        return (Interest(ASSIGNED_POD, Action.DELETE, self._sets_free), Interest(NODE, Action.ADD))

    @staticmethod
    def _sets_free(pod: PodInfo, before: PodInfo, now: None) -> bool:
        return _clash(pod, before.shape.host_ports)


def _clash(pod: PodInfo, taken: Sequence[Any]) -> bool:
    return any(port.clashes(other) for port in pod.shape.host_ports for other in taken)
