"""Which pod is for which node, and what a node's pod looks like.

A daemon pod is bound by the scheduler as any other; that it goes to its node is said by a node affinity for the node's
name. The tolerations of daemon pods let them stay on nodes that are in trouble.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minikube_edu.kube_controller_manager import node_fit

Object = dict[str, Any]

HASH = "controller-revision-hash"
GENERATION = "pod-template-generation"
TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"

_TOLERATED = (
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
)
_NO_NETWORK = ("node.kubernetes.io/network-unavailable", "NoSchedule")


def tolerations(spec: Object) -> list[Object]:
    found = list(spec.get("tolerations") or ())
    for key, effect in (*_TOLERATED, *((_NO_NETWORK,) if spec.get("hostNetwork") else ())):
        made = {"key": key, "operator": "Exists", "effect": effect}
        same = [one for one in found if one.get("key") == key and one.get("effect", "") == effect]
        found = [one for one in found if one not in same] + [made] if same else [*found, made]
    return found


def template_for(daemon_set: Object, hashed: str) -> Object:
    """The template with what all its pods have."""
    template = daemon_set["spec"]["template"]
    metadata = template.get("metadata") or {}
    labels = {**(metadata.get("labels") or {}), HASH: hashed}
    generation = template_generation(daemon_set)
    if generation is not None:
        labels[GENERATION] = generation
    spec = {**template["spec"], "tolerations": tolerations(template["spec"])}
    return {"metadata": {**metadata, "labels": labels}, "spec": spec}


def for_node(spec: Object, name: str) -> Object:
    """With an affinity for this node alone: that it fits the template's own terms is known already."""
    only = {"key": "metadata.name", "operator": "In", "values": [name]}
    affinity = spec.get("affinity") or {}
    node_affinity = {
        **(affinity.get("nodeAffinity") or {}),
        "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchFields": [only]}]},
    }
    return {**spec, "affinity": {**affinity, "nodeAffinity": node_affinity}}


def target(pod: Object) -> str:
    """The node that the pod is on, or meant for."""
    spec = pod["spec"]
    if spec.get("nodeName"):
        return str(spec["nodeName"])
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    for term in required.get("nodeSelectorTerms") or ():
        for field in term.get("matchFields") or ():
            if field["key"] == "metadata.name" and field["operator"] == "In" and field.get("values"):
                return str(field["values"][0])
    return ""


def by_node(pods: Iterable[Object]) -> dict[str, list[Object]]:
    found: dict[str, list[Object]] = {}
    for pod in pods:
        found.setdefault(target(pod), []).append(pod)
    return found


def should_run(daemon_set: Object, node: Object, tolerated: list[Object]) -> tuple[bool, bool]:
    """(a pod should be started there, one that is there may go on)"""
    if not node_fit.wants(daemon_set["spec"]["template"]["spec"], node):
        return False, False
    taints = node_fit.untolerated(node, tolerated)
    return not taints, not any(taint["effect"] == "NoExecute" for taint in taints)


def template_generation(daemon_set: Object) -> str | None:
    found = (daemon_set["metadata"].get("annotations") or {}).get(TEMPLATE_GENERATION)
    return str(found) if found is not None else None


def is_updated(pod: Object, daemon_set: Object, hashed: str) -> bool:
    labels = pod["metadata"].get("labels") or {}
    generation = template_generation(daemon_set)
    return labels.get(HASH) == hashed or (generation is not None and labels.get(GENERATION) == generation)
