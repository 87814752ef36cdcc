"""ImageLocality: better where the pod's images are already, by their size.

An image that most nodes have counts more than a rare one, so that not all pods run to the one node that has it. What a
node scores changes with the images of all nodes; scores are remembered until some node's images change.
"""

from __future__ import annotations

from typing import Any

from minikube_edu.kube_scheduler.framework import MAX_NODE_SCORE, SKIP, Cycle, Plugin, Status
from minikube_edu.kube_scheduler.handle import Handle
from minikube_edu.kube_scheduler.node import Node
from minikube_edu.kube_scheduler.pod import PodInfo

MB = 1024 * 1024
SMALLEST, LARGEST = 23 * MB, 1000 * MB  # of one container's images


class ImageLocality(Plugin):
    name = "ImageLocality"

    def __init__(self, handle: Handle, arguments: dict[str, Any]) -> None:
        self._cluster = handle.cluster

    def pre_score(self, cycle: Cycle, pod: PodInfo, nodes: list[Node]) -> Status | None:
        known = self._cluster.images
        return None if known and any(image in known for image in self._images(pod)) else SKIP

    def score_all(self, cycle: Cycle, pod: PodInfo, nodes: list[Node]) -> list[int]:
        cluster, memo = self._cluster, pod.shape.memo
        version = (cluster.images_version, cluster.version)
        remembered: tuple[Any, dict[int, int]] | None = memo.get(self)
        if remembered is None or remembered[0] != version:
            remembered = memo[self] = version, {}
        column = remembered[1]
        scores = []
        for node in nodes:
            score = column.get(node.slot)
            if score is None:
                score = column[node.slot] = self._score(pod, node)
            scores.append(score)
        return scores

    def _score(self, pod: PodInfo, node: Node) -> int:
        images = self._images(pod)
        total = len(self._cluster.order)
        weight = 0
        for image in images:
            size = node.images.get(image)
            if size:
                weight += int(size * (self._cluster.images[image] / total))
        most = LARGEST * len(images)
        weight = min(max(weight, SMALLEST), most)
        return MAX_NODE_SCORE * (weight - SMALLEST) // (most - SMALLEST)

    @staticmethod
    def _images(pod: PodInfo) -> list[str]:
        found: list[str] | None = pod.shape.memo.get("images")
        if found is None:
            spec = pod.shape.spec
            containers = [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
            found = pod.shape.memo["images"] = [normalized(c.get("image") or "") for c in containers]
        return found


def normalized(image: str) -> str:
    """With `:latest` where there is no tag and no digest."""
    return image if ":" in image.rsplit("/", 1)[-1] or "@" in image else image + ":latest"
