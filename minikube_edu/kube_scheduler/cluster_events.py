"""What happens in a cluster, in the scheduler's terms: "a node was added", "a pod was deleted from its node".

A plugin says in which events it is interested, and with a hint looks closer: can *this* event help *this* pod? Only
then is the pod taken out of the unschedulable ones. Names are the real ones, as they are labels of metrics.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntFlag
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from minikube_edu.kube_scheduler.pod import PodInfo


class Action(IntFlag):
    ADD = 1
    DELETE = 2
    UPDATE_NODE_ALLOCATABLE = 4
    UPDATE_NODE_LABEL = 8
    UPDATE_NODE_TAINT = 16
    UPDATE_NODE_CONDITION = 32
    UPDATE_NODE_ANNOTATION = 64
    UPDATE_POD_LABEL = 128
    UPDATE_POD_SCALE_DOWN = 256
    UPDATE_POD_TOLERATION = 512
    UPDATE_POD_GATES_ELIMINATED = 1024
    UPDATE_OTHER = 2048
    UPDATE = 4092


NODE = "Node"
ASSIGNED_POD = "AssignedPod"  # a pod on a node
TARGET_POD = "TargetPod"  # the waiting pod itself
CLAIM = "PersistentVolumeClaim"
VOLUME = "PersistentVolume"
STORAGE_CLASS = "StorageClass"
CSI_NODE = "CSINode"
CSI_DRIVER = "CSIDriver"
CSI_CAPACITY = "CSIStorageCapacity"
ATTACHMENT = "VolumeAttachment"
RESOURCE_CLAIM = "ResourceClaim"
ANYTHING = "*"

_WORDS = {
    Action.ADD: "Add",
    Action.DELETE: "Delete",
    Action.UPDATE_NODE_ALLOCATABLE: "UpdateNodeAllocatable",
    Action.UPDATE_NODE_LABEL: "UpdateNodeLabel",
    Action.UPDATE_NODE_TAINT: "UpdateNodeTaint",
    Action.UPDATE_NODE_CONDITION: "UpdateNodeCondition",
    Action.UPDATE_NODE_ANNOTATION: "UpdateNodeAnnotation",
    Action.UPDATE_POD_LABEL: "UpdatePodLabel",
    Action.UPDATE_POD_SCALE_DOWN: "UpdatePodScaleDown",
    Action.UPDATE_POD_TOLERATION: "UpdatePodToleration",
    Action.UPDATE_POD_GATES_ELIMINATED: "UpdatePodSchedulingGatesEliminated",
}


class Event(NamedTuple):
    resource: str
    action: Action

    @property
    def label(self) -> str:
        if self.resource == ANYTHING:
            return "UnschedulableTimeout"
        return self.resource + _WORDS.get(self.action, "Update")


UNSCHEDULABLE_TIMEOUT = Event(ANYTHING, Action.UPDATE)
ASSIGNED_POD_DELETE = Event(ASSIGNED_POD, Action.DELETE)

# (pod, object before, object now) -> can it help? Objects are PodInfo, Node, or plain dicts; None where there is none.
Hint = Callable[["PodInfo", Any, Any], bool]


class Interest(NamedTuple):
    resource: str
    actions: Action
    hint: Hint | None = None  # None: always

    def matches(self, event: Event) -> bool:
        if ANYTHING in (event.resource, self.resource):
            return True
        return self.resource == event.resource and bool(self.actions & event.action)
