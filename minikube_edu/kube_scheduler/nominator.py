"""Promises: pods that made room on a node by preemption, and wait for the room to become free.

Pods of lower priority must not take it meanwhile, so the filters count these as if they were there.
"""

from __future__ import annotations

from minikube_edu.kube_scheduler.pod import PodInfo


class Nominator:
    def __init__(self) -> None:
        self.by_node: dict[str, dict[str, PodInfo]] = {}
        self._node_of: dict[str, str] = {}  # uid -> node

    def node_of(self, uid: str) -> str:
        return self._node_of.get(uid, "")

    def add(self, pod: PodInfo, node: str) -> None:
        self.remove(pod.uid)
        if node:
            self._node_of[pod.uid] = node
            self.by_node.setdefault(node, {})[pod.uid] = pod

    def remove(self, uid: str) -> None:
        node = self._node_of.pop(uid, "")
        if node:
            pods = self.by_node[node]
            del pods[uid]
            if not pods:
                del self.by_node[node]

    def update(self, before: PodInfo, pod: PodInfo) -> None:
        """The status may say more than we know, or less: what we decided, and it does not know yet, is kept."""
        node = pod.nominated_node
        if not before.nominated_node and not node:
            node = self.node_of(pod.uid)
        self.add(pod, node)

    def at_least(self, node: str, pod: PodInfo) -> list[PodInfo]:
        """Pods promised to the node that are as important as `pod`, without itself."""
        promised = self.by_node.get(node)
        if not promised:
            return []
        return [p for p in promised.values() if p.uid != pod.uid and p.priority >= pod.priority]

    def below(self, node: str, pod: PodInfo) -> list[PodInfo]:
        return [p for p in self.by_node.get(node, {}).values() if p.priority < pod.priority]
