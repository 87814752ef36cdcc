"""Which existing volume would suit a claim on a node? The smallest that is large enough and meets all it asks for; one
that is reserved for the claim goes before all others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from minikube_edu.api import label_selectors
from minikube_edu.kube_scheduler import volumes
from minikube_edu.kube_scheduler.node import Node

Object = dict[str, Any]


def matching(claim: Object, candidates: Iterable[Object], node: Node, taken: Mapping[str, Object]) -> Object | None:
    spec = claim["spec"]
    wanted, mode = volumes.requested(claim), spec.get("volumeMode") or "Filesystem"
    selector = label_selectors.from_object(spec["selector"]) if spec.get("selector") else None
    smallest: Object | None = None
    smallest_size = 0
    for volume in candidates:
        metadata, offered = volume["metadata"], volume["spec"]
        if metadata["name"] in taken or (offered.get("volumeMode") or "Filesystem") != mode:
            continue
        owner = offered.get("claimRef")
        capacity = volumes.size(offered.get("capacity"))
        ours = owner is not None and _reserved_for(owner, claim)
        if "deletionTimestamp" in metadata or (capacity < wanted and not ours):
            continue
        if not volumes.reaches(volume, node.name, node.labels):
            continue
        if ours:
            if capacity >= wanted:
                return volume
            continue
        if owner is not None or (volume.get("status") or {}).get("phase") != "Available":
            continue
        if selector is not None and not selector.matches(metadata.get("labels") or {}):
            continue
        if (offered.get("storageClassName") or "") != volumes.class_name(claim):
            continue
        if (offered.get("volumeAttributesClassName") or "") != (spec.get("volumeAttributesClassName") or ""):
            continue
        if not set(spec.get("accessModes") or ()) <= set(offered.get("accessModes") or ()):
            continue
        if smallest is None or capacity < smallest_size:
            smallest, smallest_size = volume, capacity
    return smallest


def _reserved_for(owner: Object, claim: Object) -> bool:
    metadata = claim["metadata"]
    if owner.get("name") != metadata["name"] or owner.get("namespace") != metadata["namespace"]:
        return False
    return not owner.get("uid") or bool(owner["uid"] == metadata["uid"])
