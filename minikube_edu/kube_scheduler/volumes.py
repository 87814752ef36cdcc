"""Claims, volumes and storage classes as the volume plugins see them: the informers' objects, and on top of them what
was assumed (a claim bound to a volume, a claim with a node selected) until the informers show something newer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minikube_edu.api import quantity
from minikube_edu.client.index import Index, key_of
from minikube_edu.kube_scheduler.handle import Handle
from minikube_edu.kube_scheduler.kinds import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, STORAGE_CLASSES
from minikube_edu.kube_scheduler.node import claim_name
from minikube_edu.kube_scheduler.node_selector import Terms
from minikube_edu.kube_scheduler.pod import PodInfo

Object = dict[str, Any]

SELECTED_NODE = "volume.kubernetes.io/selected-node"
BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"
BETA_CLASS = "volume.beta.kubernetes.io/storage-class"
NO_PROVISIONER = "kubernetes.io/no-provisioner"
WAIT_FOR_CONSUMER = "WaitForFirstConsumer"
READ_WRITE_ONCE_POD = "ReadWriteOncePod"


class Assumed:
    """Objects of one kind; an assumed one counts as long as the informer's is the one it was made from."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._assumed: dict[str, tuple[Object, str]] = {}  # key -> (object, version it was made from)

    def get(self, key: str) -> Object | None:
        obj = self._index.get(key)
        assumed = self._assumed.get(key)
        if assumed is None:
            return obj
        if obj is not None and obj["metadata"]["resourceVersion"] == assumed[1]:
            return assumed[0]
        del self._assumed[key]
        return obj

    def list(self) -> list[Object]:
        return [obj for key in self._index.keys() if (obj := self.get(key)) is not None]  # noqa: SIM118 - not a dict

    def assume(self, obj: Object) -> None:
        self._assumed[key_of(obj)] = obj, obj["metadata"]["resourceVersion"]

    def forget(self, key: str) -> None:
        self._assumed.pop(key, None)


class Volumes:
    def __init__(self, handle: Handle) -> None:
        self.claims = Assumed(handle.index(PERSISTENT_VOLUME_CLAIMS))
        self.volumes = Assumed(handle.index(PERSISTENT_VOLUMES))
        self.classes = handle.index(STORAGE_CLASSES)

    def claim(self, namespace: str, name: str) -> Object | None:
        return self.claims.get(f"{namespace}/{name}")

    def storage_class(self, claim: Object) -> Object | None:
        name = class_name(claim)
        return self.classes.get(name) if name else None

    def waits_for_consumer(self, claim: Object) -> bool:
        found = self.storage_class(claim)
        return found is not None and found.get("volumeBindingMode") == WAIT_FOR_CONSUMER


def claims_in(pod: PodInfo) -> list[tuple[str, bool]]:
    """(name of a claim, is it that of an ephemeral volume) for each volume of the pod that has one."""
    named = ((claim_name(pod, volume), "ephemeral" in volume) for volume in pod.shape.volumes)
    return [(name, ephemeral) for name, ephemeral in named if name]


def owned_by(pod: PodInfo, claim: Object) -> bool:
    owners = claim["metadata"].get("ownerReferences") or ()
    return any(owner.get("controller") and owner["uid"] == pod.uid for owner in owners)


def class_name(claim: Object) -> str:
    beta = (claim["metadata"].get("annotations") or {}).get(BETA_CLASS)
    return beta if beta is not None else (claim["spec"].get("storageClassName") or "")


def fully_bound(claim: Object) -> bool:
    return bool(claim["spec"].get("volumeName")) and BIND_COMPLETED in (claim["metadata"].get("annotations") or {})


def reaches(volume: Object, name: str, labels: Mapping[str, str]) -> bool:
    """Can the volume be used on the node?"""
    required = (volume["spec"].get("nodeAffinity") or {}).get("required")
    return required is None or Terms(required.get("nodeSelectorTerms") or ()).matches(name, labels)


def size(amounts: Object | None) -> int:
    return quantity.parse(str((amounts or {}).get("storage") or "0")).value()


def requested(claim: Object) -> int:
    return size((claim["spec"].get("resources") or {}).get("requests"))


def in_topology(terms: list[Object] | None, labels: Mapping[str, str]) -> bool:
    """`allowedTopologies` of a storage class."""
    if not terms:
        return True
    return any(
        all(labels.get(one["key"]) in one["values"] for one in term.get("matchLabelExpressions") or ())
        for term in terms
    )
