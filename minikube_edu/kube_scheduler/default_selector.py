"""Which pods belong together, as far as the cluster knows? The selectors of the Services that select the pod and of the
ReplicaSet, ReplicationController or StatefulSet that owns it, all at once.

Answers are remembered per shape while no selector changes.
"""

from __future__ import annotations

from typing import Any

from minikube_edu.api import label_selectors
from minikube_edu.api.label_selectors import Requirement, Selector
from minikube_edu.client.informer import Deleted
from minikube_edu.kube_scheduler.handle import Handle
from minikube_edu.kube_scheduler.kinds import REPLICA_SETS, REPLICATION_CONTROLLERS, SERVICES, STATEFUL_SETS
from minikube_edu.kube_scheduler.pod import PodInfo

Object = dict[str, Any]

OWNERS = {
    "ReplicationController": REPLICATION_CONTROLLERS,
    "ReplicaSet": REPLICA_SETS,
    "StatefulSet": STATEFUL_SETS,
}


class DefaultSelectors:
    def __init__(self, handle: Handle) -> None:
        self._services = handle.index(SERVICES)
        self._owners = {kind: handle.index(resource) for kind, resource in OWNERS.items()}
        self._version = 0
        for resource in (SERVICES, *OWNERS.values()):
            handle.informer(resource).add_handler(self._changed, self._updated, self._changed)

    def of(self, pod: PodInfo) -> Selector:
        """Empty when nothing selects the pod."""
        known: tuple[int, Selector] | None = pod.shape.memo.get(self)
        if known is None or known[0] != self._version:
            known = pod.shape.memo[self] = self._version, self._find(pod)
        return known[1]

    def _find(self, pod: PodInfo) -> Selector:
        labels: dict[str, str] = {}
        for service in self._services.list(pod.namespace):
            selector = (service.get("spec") or {}).get("selector")
            if selector and all(pod.labels.get(key) == value for key, value in selector.items()):
                labels.update(selector)
        requirements: list[Requirement] = []
        owner = pod.shape.owner
        if owner is not None and owner["kind"] in self._owners:
            obj = self._owners[owner["kind"]].find(owner["name"], pod.namespace)
            selector = ((obj or {}).get("spec") or {}).get("selector")
            if selector and owner["kind"] == "ReplicationController":
                labels.update(selector)
            elif selector:
                requirements = list(label_selectors.from_object(selector).requirements)
        return Selector([*label_selectors.from_set(labels).requirements, *requirements])

    def _changed(self, _: Deleted) -> None:
        self._version += 1

    def _updated(self, before: Object, now: Object) -> None:
        if (before.get("spec") or {}).get("selector") != (now.get("spec") or {}).get("selector"):
            self._version += 1
