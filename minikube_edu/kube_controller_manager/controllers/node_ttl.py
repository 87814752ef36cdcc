"""ttl-controller: how long kubelets may believe what they know of Secrets and ConfigMaps.

In a large cluster every node that asks again costs; so the more nodes there are, the longer: an annotation of each node
says how many seconds. The bounds overlap, so that a cluster at a border does not flap.
"""

from __future__ import annotations

from minikube_edu.kube_controller_manager.controller import Controller, Environment
from minikube_edu.kube_controller_manager.kinds import NODES

ANNOTATION = "node.alpha.kubernetes.io/ttl"
# from this many nodes, up to that many, seconds
STEPS = ((0, 100, 0), (90, 500, 15), (450, 1000, 30), (900, 2000, 60), (1800, 1 << 31, 300))


class NodeTtlController(Controller):
    name = "ttl-controller"

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.step = 0
        self.nodes = self.watch(NODES)
        self.nodes.add_handler(added=lambda _: self.count(), deleted=lambda _: self.count())

    def count(self) -> None:
        total, before = len(self.nodes.index), self.step
        while total > STEPS[self.step][1]:
            self.step += 1
        while total < STEPS[self.step][0]:
            self.step -= 1
        if self.step != before:
            for node in self.nodes.index.list():
                self.enqueue(node)

    async def reconcile(self, key: str) -> None:
        node = self.nodes.index.get(key)
        wanted = str(STEPS[self.step][2])
        if node is not None and node["metadata"].get("annotations", {}).get(ANNOTATION) != wanted:
            await self.client.patch(NODES, key, {"metadata": {"annotations": {ANNOTATION: wanted}}})


CONTROLLER = NodeTtlController
