"""Whether a pod's nodeSelector and required node affinity accept a node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from minikube_edu.kubelet.contract import Object


def matches(spec: Object, node: Object) -> bool:
    labels = node["metadata"].get("labels") or {}
    if any(labels.get(key) != value for key, value in (spec.get("nodeSelector") or {}).items()):
        return False
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if required is None:
        return True
    fields = {"metadata.name": node["metadata"]["name"]}
    return any(_term(term, labels, fields) for term in required.get("nodeSelectorTerms") or ())


def _term(term: Object, labels: Mapping[str, str], fields: Mapping[str, str]) -> bool:
    expressions, of_fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not expressions and not of_fields:
        return False
    return all(_one(one, labels) for one in expressions) and all(_one(one, fields) for one in of_fields)


def _one(requirement: Object, values: Mapping[str, str]) -> bool:
    operator: str = requirement["operator"]
    wanted: Sequence[str] = requirement.get("values") or ()
    value = values.get(requirement["key"])
    if operator in ("In", "NotIn"):
        return (value in wanted) == (operator == "In") if value is not None else operator == "NotIn"
    if operator in ("Exists", "DoesNotExist"):
        return (value is not None) == (operator == "Exists")
    return _compared(value, wanted, operator)


def _compared(value: str | None, wanted: Sequence[str], operator: str) -> bool:
    try:
        mine, theirs = int(value or "none"), int(wanted[0])
    except (ValueError, IndexError):
        return False
    return mine > theirs if operator == "Gt" else mine < theirs
