"""VolumeZone: a volume that is labelled with a zone or region can only be used there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minikube_edu.kube_scheduler.cluster_events import CLAIM, NODE, STORAGE_CLASS, VOLUME, Action, Interest
from minikube_edu.kube_scheduler.framework import SKIP, Cycle, Plugin, Status, unresolvable
from minikube_edu.kube_scheduler.handle import Handle
from minikube_edu.kube_scheduler.node import REGION, ZONE, Node, claims_of
from minikube_edu.kube_scheduler.pod import PodInfo
from minikube_edu.kube_scheduler.volumes import WAIT_FOR_CONSUMER, Volumes, class_name

Object = dict[str, Any]

ELSEWHERE = unresolvable("VolumeZone", "node(s) had no available volume zone")
LABELS = {
    "failure-domain.beta.kubernetes.io/zone": ZONE,
    "failure-domain.beta.kubernetes.io/region": REGION,
    ZONE: ZONE,
    REGION: REGION,
}


class VolumeZone(Plugin):
    name = "VolumeZone"

    def __init__(self, handle: Handle, arguments: dict[str, Any]) -> None:
        self._volumes = Volumes(handle)

    def pre_filter(self, cycle: Cycle, pod: PodInfo) -> Status | None:
        found: list[tuple[str, frozenset[str]]] = []
        for spec in pod.shape.volumes:
            if "persistentVolumeClaim" not in spec:
                continue
            name = spec["persistentVolumeClaim"]["claimName"]
            claim = self._volumes.claim(pod.namespace, name)
            if claim is None:
                return unresolvable(self.name, f'persistentvolumeclaim "{name}" not found')
            volume_name = claim["spec"].get("volumeName")
            if not volume_name:
                status = self._unbound(claim)
                if status is not None:
                    return status
                continue
            volume = self._volumes.volumes.get(volume_name)
            if volume is None:
                return unresolvable(self.name, f'persistentvolume "{volume_name}" not found')
            found += _topologies(volume)
        cycle.facts[self.name] = found
        return None if found else SKIP

    def filter(self, cycle: Cycle, pod: PodInfo, node: Node) -> Status | None:
        labels = node.labels
        if not any(label in labels for label in LABELS):
            return None  # a cluster without zones
        for label, values in cycle.facts[self.name]:
            if (labels.get(label) or labels.get(LABELS[label])) not in values:
                return ELSEWHERE
        return None

    def events(self) -> Sequence[Interest]:
        return (
            Interest(
                STORAGE_CLASS,
                Action.ADD,
                lambda pod, before, now: bool(now.get("volumeBindingMode") == WAIT_FOR_CONSUMER),
            ),
            Interest(NODE, Action.ADD | Action.UPDATE_NODE_LABEL),
            Interest(CLAIM, Action.ADD | Action.UPDATE, self._of_pod),
            Interest(VOLUME, Action.ADD | Action.UPDATE, self._moved),
        )

    def _unbound(self, claim: Object) -> Status | None:
        name = class_name(claim)
        if not name:
            return unresolvable(self.name, "PersistentVolumeClaim had no pv name and storageClass name")
        found = self._volumes.classes.get(name)
        if found is None:
            return unresolvable(self.name, f'storageclass.storage.k8s.io "{name}" not found')
        if found.get("volumeBindingMode") == WAIT_FOR_CONSUMER:
            return None
        return unresolvable(self.name, "PersistentVolume had no name")

    @staticmethod
    def _of_pod(pod: PodInfo, before: Object | None, now: Object) -> bool:
        return f"{now['metadata']['namespace']}/{now['metadata']['name']}" in set(claims_of(pod))

    @staticmethod
    def _moved(pod: PodInfo, before: Object | None, now: Object) -> bool:
        return before is None or _topologies(before) != _topologies(now)


def _topologies(volume: Object) -> list[tuple[str, frozenset[str]]]:
    """Zones of a label are joined by two underscores."""
    labels = volume["metadata"].get("labels") or {}
    return [(label, frozenset(labels[label].split("__"))) for label in LABELS if label in labels]
