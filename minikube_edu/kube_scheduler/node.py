"""A node as the scheduler sees it: what it has, what is taken, and by whom.

Sums are kept, never recomputed: a pod that comes is added, one that goes is subtracted. Only `cluster` changes a node.
A node that is not there (yet, or any more) but has pods is kept without an object: it is no candidate, but the pods
count when it comes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from minikube_edu.api import quantity
from minikube_edu.kube_scheduler.pod import Amounts, HostPort, PodInfo, amount

Object = dict[str, Any]

ZONE, REGION, HOSTNAME = "topology.kubernetes.io/zone", "topology.kubernetes.io/region", "kubernetes.io/hostname"


class Node:
    def __init__(self, name: str, slot: int) -> None:
        self.name = name
        self.slot = slot  # its place in columns
        self.obj: Object | None = None
        self.labels: dict[str, str] = {}
        self.taints: Sequence[Object] = ()
        self.unschedulable = False
        self.allocatable: Amounts = {}
        self.allowed_pods = 0
        self.images: dict[str, int] = {}  # name -> size
        # the sums over all pods
        self.pods: dict[str, PodInfo] = {}
        self.requested: Amounts = {}
        self.milli_cpu = 0  # with something in place of nothing, as in pod.Shape
        self.memory = 0
        self.host_ports: list[HostPort] = []
        self.claims: dict[str, int] = {}  # namespace/name of a claim -> pods here that use it

    def __repr__(self) -> str:
        return f"<Node {self.name}>"

    @property
    def zone(self) -> str:
        """Region and zone; nodes of different ones take turns."""
        return f"{self.labels.get(REGION, '')}:{self.labels.get(ZONE, '')}"

    def describe(self, obj: Object) -> None:
        """Take over what the object says."""
        spec, status = obj.get("spec") or {}, obj.get("status") or {}
        self.obj = obj
        self.labels = obj["metadata"].get("labels") or {}
        self.taints = spec.get("taints") or ()
        self.unschedulable = bool(spec.get("unschedulable"))
        allocatable = status.get("allocatable") or {}
        self.allocatable = {name: amount(name, quantity.parse(str(text))) for name, text in allocatable.items()}
        self.allowed_pods = self.allocatable.get("pods", 0)
        self.images = {
            name: image.get("sizeBytes") or 0
            for image in status.get("images") or ()
            for name in image.get("names") or ()
        }

    def add(self, pod: PodInfo) -> None:
        self.pods[pod.uid] = pod
        self._sum(pod, 1)
        if pod.shape.host_ports:
            self.host_ports += pod.shape.host_ports

    def remove(self, pod: PodInfo) -> None:
        del self.pods[pod.uid]
        self._sum(pod, -1)
        for port in pod.shape.host_ports:
            self.host_ports.remove(port)

    def _sum(self, pod: PodInfo, sign: int) -> None:
        shape, requested = pod.shape, self.requested
        for name, number in shape.requests.items():
            requested[name] = requested.get(name, 0) + sign * number
        self.milli_cpu += sign * shape.milli_cpu
        self.memory += sign * shape.memory
        if shape.volumes:
            for key in claims_of(pod):
                self.claims[key] = self.claims.get(key, 0) + sign
                if not self.claims[key]:
                    del self.claims[key]


def claim_name(pod: PodInfo, volume: Object) -> str:
    """The claim behind a volume, "" when there is none. That of an ephemeral volume is named after pod and volume."""
    if "persistentVolumeClaim" in volume:
        return str(volume["persistentVolumeClaim"]["claimName"])
    return f"{pod.name}-{volume['name']}" if "ephemeral" in volume else ""


def claims_of(pod: PodInfo) -> Iterator[str]:
    for volume in pod.shape.volumes:
        name = claim_name(pod, volume)
        if name:
            yield f"{pod.namespace}/{name}"
