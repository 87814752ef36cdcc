"""VolumeRestrictions: disks that only one node, or one pod, may have at a time.

In-line GCE, AWS, iSCSI and Ceph disks clash with pods on the node that use the same one (unless all read only). A claim
with the access mode ReadWriteOncePod can be used by one pod in the whole cluster.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minikube_edu.kube_scheduler.cluster_events import ASSIGNED_POD, CLAIM, NODE, Action, Interest
from minikube_edu.kube_scheduler.framework import SKIP, Cycle, Plugin, Status, unresolvable, unschedulable
from minikube_edu.kube_scheduler.handle import Handle
from minikube_edu.kube_scheduler.node import Node, claims_of
from minikube_edu.kube_scheduler.pod import PodInfo
from minikube_edu.kube_scheduler.volumes import READ_WRITE_ONCE_POD, Volumes, claims_in

Object = dict[str, Any]

CLASH = unschedulable("VolumeRestrictions", "node(s) had no available disk")
IN_USE = unschedulable(
    "VolumeRestrictions",
    "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode",
)
INLINE = ("gcePersistentDisk", "awsElasticBlockStore", "iscsi", "rbd")


class VolumeRestrictions(Plugin):
    name = "VolumeRestrictions"

    def __init__(self, handle: Handle, arguments: dict[str, Any]) -> None:
        self._cluster = handle.cluster
        self._volumes = Volumes(handle)

    def pre_filter(self, cycle: Cycle, pod: PodInfo) -> Status | None:
        if not pod.shape.volumes:
            return SKIP
        exclusive = set()
        for name, ephemeral in claims_in(pod):
            if ephemeral:
                continue  # nobody else's
            claim = self._volumes.claim(pod.namespace, name)
            if claim is None:
                return unresolvable(self.name, f'persistentvolumeclaim "{name}" not found')
            if READ_WRITE_ONCE_POD in (claim["spec"].get("accessModes") or ()):
                exclusive.add(f"{pod.namespace}/{name}")
        inline = [volume for volume in pod.shape.volumes if any(kind in volume for kind in INLINE)]
        # On whichever node it is in use: the pod cannot run, unless preemption on that node frees the claim.
        in_use = any(key in node.claims for node in self._cluster.nodes.values() for key in exclusive)
        cycle.facts[self.name] = inline, in_use
        return None if inline or in_use else SKIP

    def filter(self, cycle: Cycle, pod: PodInfo, node: Node) -> Status | None:
        inline, in_use = cycle.facts[self.name]
        for volume in inline:
            for other in node.pods.values():
                if any(_clash(volume, its) for its in other.shape.volumes):
                    return CLASH
        return IN_USE if in_use else None

    def events(self) -> Sequence[Interest]:
        return (
            Interest(ASSIGNED_POD, Action.DELETE, self._sets_free),
            Interest(NODE, Action.ADD),
            Interest(CLAIM, Action.ADD | Action.UPDATE, self._of_pod),
        )

    @staticmethod
    def _sets_free(pod: PodInfo, before: PodInfo, now: None) -> bool:
        if set(claims_of(pod)) & set(claims_of(before)):
            return True
        return any(_clash(own, its) for own in pod.shape.volumes for its in before.shape.volumes)

    @staticmethod
    def _of_pod(pod: PodInfo, before: Object | None, now: Object) -> bool:
        return f"{now['metadata']['namespace']}/{now['metadata']['name']}" in set(claims_of(pod))


def _clash(one: Object, other: Object) -> bool:
    for kind in INLINE:
        a, b = one.get(kind), other.get(kind)
        if a is None or b is None:
            continue
        both_read_only = bool(a.get("readOnly") and b.get("readOnly"))
        if kind == "gcePersistentDisk" and a["pdName"] == b["pdName"] and not both_read_only:
            return True
        if kind == "awsElasticBlockStore" and a["volumeID"] == b["volumeID"]:
            return True
        if kind == "iscsi" and a["iqn"] == b["iqn"] and not both_read_only:
            return True
        if kind == "rbd" and set(a["monitors"]) & set(b["monitors"]) and not both_read_only:
            same = (a.get("pool") or "rbd", a["image"]) == (b.get("pool") or "rbd", b["image"])
            if same:
                return True
    return False
