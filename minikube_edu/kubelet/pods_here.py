"""The pods that this node's sources name, static ones by source, and how they are found by name or by uid."""

from __future__ import annotations

from collections.abc import Sequence

from minikube_edu.kubelet import pod_facts
from minikube_edu.kubelet.contract import Object


class PodsHere:
    def __init__(self) -> None:
        self.by_uid: dict[str, Object] = {}  # static ones and the API's; mirrors are not among them
        self._static: dict[str, dict[str, Object]] = {}  # source -> uid -> pod

    def set_static(self, source: str, pods: Sequence[Object]) -> tuple[list[Object], list[Object]]:
        """All static pods of a source as they are now; returns those that are gone and those that are new."""
        before = self._static.get(source, {})
        now = self._static[source] = {pod_facts.uid(pod): pod for pod in pods}
        gone = [pod for uid, pod in before.items() if uid not in now]
        return gone, [pod for uid, pod in now.items() if uid not in before]

    def static_named(self, full_name: str) -> Object | None:
        for pods in self._static.values():
            for pod in pods.values():
                if pod_facts.full_name(pod) == full_name:
                    return pod
        return None

    def named(self, namespace: str, name: str) -> Sequence[Object]:
        """More than one while an old one is still being ended."""
        return [
            pod for pod in self.by_uid.values() if pod_facts.name(pod) == name and pod_facts.namespace(pod) == namespace
        ]


def pod_of_labels(uid: str, name: str, namespace: str, containers: Sequence[tuple[str, str]]) -> Object:
    """As much of a pod as the runtime tells, when no source knows it; `containers` are names and images."""
    every = [{"name": one, "image": image} for one, image in containers]
    return {"metadata": {"name": name, "namespace": namespace, "uid": uid}, "spec": {"containers": every}}
