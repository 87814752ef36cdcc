"""From the informers to the cluster and the queue: what has happened, and whom it concerns.

Finished pods are not asked for: they use nothing. A pod with a node belongs to the cluster, one without to the queue,
if it names one of our schedulers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minikube_edu.client.factory import InformerFactory
from minikube_edu.client.informer import Deleted, last_state, trimmed
from minikube_edu.client.rest import Resource
from minikube_edu.kube_scheduler import cluster_events as events
from minikube_edu.kube_scheduler import kinds
from minikube_edu.kube_scheduler.cluster import Cluster
from minikube_edu.kube_scheduler.cluster_events import Action, Event
from minikube_edu.kube_scheduler.nominator import Nominator
from minikube_edu.kube_scheduler.pod import PodInfo
from minikube_edu.kube_scheduler.scheduling_queue import SchedulingQueue, pod_events
from minikube_edu.kube_scheduler.waiting import WaitingPods

Object = dict[str, Any]

UNFINISHED = "status.phase!=Succeeded,status.phase!=Failed"
OTHERS: tuple[tuple[Resource, str], ...] = (
    (kinds.PERSISTENT_VOLUMES, events.VOLUME),
    (kinds.PERSISTENT_VOLUME_CLAIMS, events.CLAIM),
    (kinds.STORAGE_CLASSES, events.STORAGE_CLASS),
    (kinds.CSI_NODES, events.CSI_NODE),
    (kinds.CSI_DRIVERS, events.CSI_DRIVER),
    (kinds.CSI_STORAGE_CAPACITIES, events.CSI_CAPACITY),
    (kinds.VOLUME_ATTACHMENTS, events.ATTACHMENT),
    (kinds.RESOURCE_CLAIMS, events.RESOURCE_CLAIM),
)


class EventHandlers:
    def __init__(
        self,
        informers: InformerFactory,
        cluster: Cluster,
        queue: SchedulingQueue,
        nominator: Nominator,
        waiting: WaitingPods,
        schedulers: set[str],
    ) -> None:
        self._cluster = cluster
        self._queue = queue
        self._nominator = nominator
        self._waiting = waiting
        self._schedulers = schedulers
        trim = trimmed()
        pods = informers.informer(kinds.PODS, field_selector=UNFINISHED, transform=trim)
        self.pods = pods.index
        informers.informer(kinds.NODES, transform=trim).add_handler(
            self.node_added, self.node_updated, self.node_deleted
        )
        informers.informer(kinds.NAMESPACES).add_handler(
            self._namespace, lambda _, now: self._namespace(now), self._namespace_gone
        )
        pods.add_handler(self.pod_added, self.pod_updated, self.pod_deleted)
        for resource, name in OTHERS:
            self._tell(informers, resource, name)

    def current(self, pod: PodInfo) -> PodInfo | None:
        obj = self.pods.get(pod.key)
        if obj is None or (obj["metadata"].get("uid") or pod.key) != pod.uid:
            return None
        return pod if obj is pod.obj else PodInfo(obj)

    # pods

    def pod_added(self, obj: Object) -> None:
        pod = PodInfo(obj)
        if pod.node_name:
            self._cluster.add_pod(pod)
            self._queue.move(Event(events.ASSIGNED_POD, Action.ADD), None, pod)
        elif pod.scheduler_name in self._schedulers:
            if pod.nominated_node:
                self._nominator.add(pod, pod.nominated_node)
            self._queue.add(pod)

    def pod_updated(self, old: Object, obj: Object) -> None:
        if old["metadata"].get("uid") != obj["metadata"].get("uid"):
            self.pod_deleted(old)
            self.pod_added(obj)
            return
        before, pod = PodInfo(old), PodInfo(obj)
        if not pod.node_name:
            if pod.scheduler_name in self._schedulers:
                self._waiting_updated(before, pod)
            return
        if not before.node_name:
            self._bound(pod)
            return
        self._cluster.update_pod(pod)
        for event in pod_events(before, pod):
            self._queue.move(Event(events.ASSIGNED_POD, event.action), before, pod)

    def pod_deleted(self, deleted: Deleted) -> None:
        pod = PodInfo(last_state(deleted))
        if pod.node_name:
            gone = self._cluster.remove_pod(pod.uid) or pod
            self._queue.move(events.ASSIGNED_POD_DELETE, gone, None)
            return
        self._queue.delete(pod.uid)
        promised = self._nominator.node_of(pod.uid)
        self._nominator.remove(pod.uid)
        held = self._waiting.get(pod.uid)
        if held is not None:
            held.reject("", "removed")
        elif promised or pod.uid in self._cluster.assumed:
            self._queue.move(events.ASSIGNED_POD_DELETE, pod, None)  # the room kept for it is free

    def _waiting_updated(self, before: PodInfo, pod: PodInfo) -> None:
        if pod.uid in self._cluster.assumed:
            return
        self._nominator.update(before, pod)
        self._queue.update(before, pod)

    def _bound(self, pod: PodInfo) -> None:
        """By us, or by somebody else."""
        ours = pod.uid in self._cluster.assumed
        if not ours:
            self._queue.delete(pod.uid)
            self._nominator.remove(pod.uid)
        self._cluster.add_pod(pod)
        self._queue.move(Event(events.ASSIGNED_POD, Action.ADD), None, pod)

    # nodes

    def node_added(self, obj: Object) -> None:
        self._cluster.put_node(obj)
        self._queue.move(Event(events.NODE, Action.ADD), None, obj)

    def node_updated(self, old: Object, obj: Object) -> None:
        actions = node_actions(old, obj)
        if not actions:
            return  # a heartbeat
        self._cluster.put_node(obj)
        for action in actions:
            self._queue.move(Event(events.NODE, action), old, obj)

    def node_deleted(self, deleted: Deleted) -> None:
        obj = last_state(deleted)
        self._cluster.drop_node(obj["metadata"]["name"])
        self._queue.move(Event(events.NODE, Action.DELETE), obj, None)

    # the rest

    def _namespace(self, obj: Object) -> None:
        self._cluster.censuses.namespace(obj["metadata"]["name"], obj["metadata"].get("labels") or {})

    def _namespace_gone(self, deleted: Deleted) -> None:
        self._cluster.censuses.namespace(last_state(deleted)["metadata"]["name"], None)

    def _tell(self, informers: InformerFactory, resource: Resource, name: str) -> None:
        move = self._queue.move
        teller: Callable[[Action], Event] = lambda action: Event(name, action)  # noqa: E731
        informers.informer(resource).add_handler(
            lambda obj: move(teller(Action.ADD), None, obj),
            lambda old, obj: move(teller(Action.UPDATE_OTHER), old, obj),
            lambda gone: move(teller(Action.DELETE), last_state(gone), None),
        )


def node_actions(old: Object, obj: Object) -> list[Action]:
    """What has changed about a node that scheduling cares for."""
    found = []
    before, now = old.get("status") or {}, obj.get("status") or {}
    if before.get("allocatable") != now.get("allocatable"):
        found.append(Action.UPDATE_NODE_ALLOCATABLE)
    if old["metadata"].get("labels") != obj["metadata"].get("labels"):
        found.append(Action.UPDATE_NODE_LABEL)
    old_spec, spec = old.get("spec") or {}, obj.get("spec") or {}
    if any(old_spec.get(key) != spec.get(key) for key in ("taints", "unschedulable")):
        found.append(Action.UPDATE_NODE_TAINT)
    if _conditions(before) != _conditions(now):
        found.append(Action.UPDATE_NODE_CONDITION)
    if old["metadata"].get("annotations") != obj["metadata"].get("annotations"):
        found.append(Action.UPDATE_NODE_ANNOTATION)
    if not found and before.get("images") != now.get("images"):
        found.append(Action.UPDATE_NODE_CONDITION)
    return found


def _conditions(status: Object) -> list[tuple[str, str]]:
    return [(condition["type"], condition["status"]) for condition in status.get("conditions") or ()]
