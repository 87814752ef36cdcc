"""May a pod of this template run on this node? What a DaemonSet has to know without asking the scheduler: node name,
selector, required affinity and taints. Resources are the scheduler's business."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from minikube_edu.api.label_selectors import Requirement

Object = dict[str, Any]

_OPERATORS = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!", "Gt": "gt", "Lt": "lt"}
_HARD = ("NoSchedule", "NoExecute")


def wants(spec: Object, node: Object) -> bool:
    """By name, nodeSelector and required node affinity."""
    name, labels = node["metadata"]["name"], node["metadata"].get("labels") or {}
    if spec.get("nodeName") and spec["nodeName"] != name:
        return False
    if not (spec.get("nodeSelector") or {}).items() <= labels.items():
        return False
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    return required is None or any(
        _term_matches(term, name, labels) for term in required.get("nodeSelectorTerms") or ()
    )


def _term_matches(term: Object, name: str, labels: Mapping[str, str]) -> bool:
    """A term without any requirement matches nothing."""
    expressions, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not expressions and not fields:
        return False
    return _all_match(expressions, labels) and _all_match(fields, {"metadata.name": name})


def _all_match(requirements: Iterable[Object], labels: Mapping[str, str]) -> bool:
    return all(
        Requirement(one["key"], _OPERATORS[one["operator"]], tuple(one.get("values") or ())).matches(labels)
        for one in requirements
    )


def untolerated(node: Object, tolerations: Sequence[Object], effects: Sequence[str] = _HARD) -> list[Object]:
    """The node's taints with one of these effects that keep the pod away."""
    taints = (node.get("spec") or {}).get("taints") or ()
    return [
        taint
        for taint in taints
        if taint["effect"] in effects and not any(tolerates(toleration, taint) for toleration in tolerations)
    ]


def tolerates(toleration: Object, taint: Object) -> bool:
    if toleration.get("effect") and toleration["effect"] != taint["effect"]:
        return False
    if toleration.get("key") and toleration["key"] != taint["key"]:
        return False
    match toleration.get("operator") or "Equal":
        case "Exists":
            return True
        case "Equal":
            return bool(toleration.get("value", "") == taint.get("value", ""))
        case "Lt" | "Gt" as operator:
            try:
                limit, value = int(toleration.get("value", "")), int(taint.get("value", ""))
            except ValueError:
                return False
            return value < limit if operator == "Lt" else value > limit
    return False
