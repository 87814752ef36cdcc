"""The cluster as the scheduler sees it: nodes with their pods, the assumed ones among them.

Changed by events and by decisions, one at a time, never rebuilt. `changes` is a journal of the nodes that changed:
whoever has remembered something about nodes (`verdicts`) reads on from where it stopped.

A pod is *assumed* on a node from the decision until the informer shows it there: the next decisions must count it. It
is forgotten when binding fails, and, if a time to live is given, when the binding is done but never seen (`finished`).
The real one keeps a cache like this and takes a snapshot of it for every cycle; on one event loop none is needed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

from minikube_edu.kube_scheduler.census import Censuses, Counted, Domains, Subject
from minikube_edu.kube_scheduler.node import Node
from minikube_edu.kube_scheduler.pod import PodInfo

log = logging.getLogger(__name__)

Object = dict[str, Any]
JOURNAL = 100_000


class Cluster:
    def __init__(self, assumed_ttl: float = 0) -> None:
        self.nodes: dict[str, Node] = {}  # also those without an object
        self._order: list[Node] | None = []  # see `order`
        self.by_slot: list[Node | None] = []
        self.pods: dict[str, PodInfo] = {}  # uid -> pod on a node
        self.assumed: set[str] = set()  # uids
        self.censuses = Censuses()
        self.version = 0  # of the set of nodes and of their labels, taints, unschedulable
        self.images: dict[str, int] = {}  # image name -> nodes that have it
        self.images_version = 0
        # the journal
        self.changes: list[Node] = []
        self.epoch = 0  # counts how often the journal was begun anew
        self._free: list[int] = []
        self._assumed_ttl = assumed_ttl
        self._expiries: dict[str, asyncio.TimerHandle] = {}

    # nodes

    def put_node(self, obj: Object) -> Node:
        """Add or update."""
        node = self._node(obj["metadata"]["name"])
        new = node.obj is None
        before = (node.labels, node.taints, node.unschedulable)
        images = node.images
        node.describe(obj)
        if new or before != (node.labels, node.taints, node.unschedulable):
            if before[0] != node.labels:
                self.censuses.relabelled(node, before[0])
            self.version += 1
            self._order = None
        if images != node.images:
            self._count_images(images, node.images)
        self._changed(node)
        return node

    def drop_node(self, name: str) -> None:
        node = self.nodes.get(name)
        if node is None or node.obj is None:
            return
        labels = node.labels
        self._count_images(node.images, {})
        node.obj, node.labels, node.taints, node.images = None, {}, (), {}
        self.censuses.relabelled(node, labels)
        self.version += 1
        self._order = None
        self._changed(node)
        self._drop_if_empty(node)

    # pods

    def add_pod(self, pod: PodInfo) -> None:
        """A pod on a node, as the informer shows it; confirms an assumed one."""
        known = self.pods.get(pod.uid)
        if known is None:
            self._place(pod)
        else:
            self._settled(pod.uid)
            self._replace(known, pod)

    update_pod = add_pod

    def remove_pod(self, uid: str) -> PodInfo | None:
        known = self.pods.get(uid)
        if known is not None:
            self._settled(uid)
            self._unplace(known)
        return known

    def assume(self, pod: PodInfo, node: str) -> None:
        pod.node_name = node
        self.assumed.add(pod.uid)
        self._place(pod)

    def finished(self, pod: PodInfo) -> None:
        """Binding is done: soon the informer will show it."""
        if self._assumed_ttl and pod.uid in self.assumed:
            loop = asyncio.get_running_loop()
            self._expiries[pod.uid] = loop.call_later(self._assumed_ttl, self._expire, pod)

    def forget(self, pod: PodInfo) -> None:
        if pod.uid in self.assumed:
            self._settled(pod.uid)
            self._unplace(self.pods[pod.uid])
        pod.node_name = ""

    # questions

    @property
    def order(self) -> list[Node]:
        """The candidates: one node of each zone in turn, zones in the order of their first node."""
        if self._order is None:
            zones: dict[str, list[Node]] = {}
            for node in self.nodes.values():
                if node.obj is not None:
                    zones.setdefault(node.zone, []).append(node)
            rows = zip_longest(*zones.values())
            self._order = [node for row in rows for node in row if node is not None]
        return self._order

    def candidate(self, name: str) -> Node | None:
        node = self.nodes.get(name)
        return node if node is not None and node.obj is not None else None

    def census(self, subject: Subject) -> Counted:
        return self.censuses.census(subject, self.nodes.values())

    def domains(self, counted: Counted, topology_key: str) -> Domains:
        return counted.domains(topology_key, self.nodes.values())

    # what if: for a moment, within one turn of the loop

    def suppose(self, pod: PodInfo, node: Node) -> None:
        node.add(pod)
        self.censuses.count(pod, node, 1)
        self.changes.append(node)

    def suppose_gone(self, pod: PodInfo, node: Node) -> None:
        node.remove(pod)
        self.censuses.count(pod, node, -1)
        self.changes.append(node)

    # within

    def _node(self, name: str) -> Node:
        node = self.nodes.get(name)
        if node is None:
            if not self._free:
                self._free.append(len(self.by_slot))
                self.by_slot.append(None)
            slot = self._free.pop()
            node = self.nodes[name] = self.by_slot[slot] = Node(name, slot)
        return node

    def _drop_if_empty(self, node: Node) -> None:
        if node.obj is None and not node.pods:
            del self.nodes[node.name]
            self.by_slot[node.slot] = None
            self._free.append(node.slot)

    def _place(self, pod: PodInfo) -> None:
        node = self._node(pod.node_name)
        self.pods[pod.uid] = pod
        node.add(pod)
        self.censuses.count(pod, node, 1)
        self._changed(node)

    def _unplace(self, pod: PodInfo) -> None:
        node = self.nodes[pod.node_name]
        del self.pods[pod.uid]
        node.remove(pod)
        self.censuses.count(pod, node, -1)
        self._changed(node)
        self._drop_if_empty(node)

    def _replace(self, known: PodInfo, pod: PodInfo) -> None:
        same = known.shape is pod.shape and known.terminating == pod.terminating
        if same and known.node_name == pod.node_name:
            self.pods[pod.uid] = self.nodes[pod.node_name].pods[pod.uid] = pod  # nothing that counts has changed
            return
        if known.node_name != pod.node_name:
            log.warning("pod %s was assumed on node %s, and is on %s", pod.key, known.node_name, pod.node_name)
        self._unplace(known)
        self._place(pod)

    def _settled(self, uid: str) -> None:
        self.assumed.discard(uid)
        timer = self._expiries.pop(uid, None)
        if timer is not None:
            timer.cancel()

    def _expire(self, pod: PodInfo) -> None:
        log.warning("pod %s was bound to %s, but was not seen there", pod.key, pod.node_name)
        self.forget(pod)

    def _changed(self, node: Node) -> None:
        self.changes.append(node)
        if len(self.changes) > JOURNAL:
            self.changes.clear()
            self.epoch += 1

    def _count_images(self, before: Mapping[str, int], now: Mapping[str, int]) -> None:
        for name in before:
            self.images[name] -= 1
            if not self.images[name]:
                del self.images[name]
        for name in now:
            self.images[name] = self.images.get(name, 0) + 1
        self.images_version += 1
