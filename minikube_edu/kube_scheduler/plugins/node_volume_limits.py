"""NodeVolumeLimits: a CSI driver can attach only so many volumes to a node, as the node's CSINode says.

Counted are the different volumes of the pods on the node and those that are attached there already. In-tree volumes
that were migrated to CSI are not translated: their plugins are gone from the real one too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from minikube_edu.kube_scheduler.cluster_events import (
    ASSIGNED_POD,
    ATTACHMENT,
    CLAIM,
    CSI_NODE,
    Action,
    Interest,
)
from minikube_edu.kube_scheduler.framework import SKIP, Cycle, Plugin, Status, unschedulable
from minikube_edu.kube_scheduler.handle import Handle
from minikube_edu.kube_scheduler.kinds import CSI_NODES, VOLUME_ATTACHMENTS
from minikube_edu.kube_scheduler.node import Node, claims_of
from minikube_edu.kube_scheduler.pod import PodInfo
from minikube_edu.kube_scheduler.volumes import Volumes, claims_in

Object = dict[str, Any]

FULL = unschedulable("NodeVolumeLimits", "node(s) exceed max volume count")


class NodeVolumeLimits(Plugin):
    name = "NodeVolumeLimits"

    def __init__(self, handle: Handle, arguments: dict[str, Any]) -> None:
        self._volumes = Volumes(handle)
        self._nodes = handle.index(CSI_NODES)
        self._attachments = handle.index(VOLUME_ATTACHMENTS)

    def pre_filter(self, cycle: Cycle, pod: PodInfo) -> Status | None:
        return None if any(claims_in(pod)) else SKIP

    def filter(self, cycle: Cycle, pod: PodInfo, node: Node) -> Status | None:
        limits = self._limits(node.name)
        if not limits:
            return None
        new = dict(self._handles(pod))
        if not new:
            return None
        present: dict[str, str] = {}
        for other in node.pods.values():
            if other.shape.volumes:
                present.update(self._handles(other))
        present.update(self._attached(node.name))
        counts: dict[str, int] = {}
        for driver in present.values():
            counts[driver] = counts.get(driver, 0) + 1
        for handle, driver in new.items():
            if handle not in present and driver in limits:
                counts[driver] = counts.get(driver, 0) + 1
                if counts[driver] > limits[driver]:
                    return FULL
        return None

    def events(self) -> Sequence[Interest]:
        return (
            Interest(CSI_NODE, Action.ADD | Action.UPDATE),
            Interest(ASSIGNED_POD, Action.DELETE, lambda pod, before, now: bool(claims_in(before))),
            Interest(CLAIM, Action.ADD, lambda pod, before, now: _key(now) in set(claims_of(pod))),
            Interest(ATTACHMENT, Action.DELETE),
        )

    def _limits(self, node: str) -> dict[str, int]:
        """Driver -> volumes that it can attach."""
        drivers = ((self._nodes.get(node) or {}).get("spec") or {}).get("drivers") or ()
        counts = ((driver["name"], (driver.get("allocatable") or {}).get("count")) for driver in drivers)
        return {name: count for name, count in counts if count is not None}

    def _handles(self, pod: PodInfo) -> Iterator[tuple[str, str]]:
        """(what makes the volume unique, driver) of each of the pod's CSI volumes."""
        for name, _ in claims_in(pod):
            claim = self._volumes.claim(pod.namespace, name)
            if claim is None:
                continue
            volume = self._volumes.volumes.get(claim["spec"].get("volumeName") or "")
            if volume is not None:
                csi = volume["spec"].get("csi")
                if csi:
                    yield f"{csi['driver']}/{csi['volumeHandle']}", csi["driver"]
                continue
            storage_class = self._volumes.storage_class(claim)
            if storage_class is not None:  # not there yet, but it will be one of this driver's
                driver = storage_class["provisioner"]
                yield f"{driver}/{_key(claim)}", driver

    def _attached(self, node: str) -> Iterator[tuple[str, str]]:
        for attachment in self._attachments.list():
            spec = attachment["spec"]
            if spec.get("nodeName") != node:
                continue
            volume = self._volumes.volumes.get((spec.get("source") or {}).get("persistentVolumeName") or "")
            csi = ((volume or {}).get("spec") or {}).get("csi")
            if csi:
                yield f"{csi['driver']}/{csi['volumeHandle']}", csi["driver"]


def _key(claim: Object) -> str:
    return f"{claim['metadata']['namespace']}/{claim['metadata']['name']}"
