"""Defaults of API priority and fairness."""

from __future__ import annotations

from minikube_edu.api.defaults import Defaulter, Object


def flow_schema(obj: Object) -> None:
    obj["spec"]["matchingPrecedence"] = obj["spec"].get("matchingPrecedence") or 1000


def priority_level(obj: Object) -> None:
    spec = obj["spec"]
    if (exempt := spec.get("exempt")) is not None:
        exempt.setdefault("nominalConcurrencyShares", 0)
        exempt.setdefault("lendablePercent", 0)
    if (limited := spec.get("limited")) is not None:
        if limited.get("nominalConcurrencyShares") is None:
            limited["nominalConcurrencyShares"] = 30
        limited.setdefault("lendablePercent", 0)
        if (queuing := limited["limitResponse"].get("queuing")) is not None:
            for field, default in (("queues", 64), ("handSize", 8), ("queueLengthLimit", 50)):
                queuing[field] = queuing.get(field) or default


DEFAULTS: dict[tuple[str, str], Defaulter] = {
    ("v1", "FlowSchema"): flow_schema,
    ("v1", "PriorityLevelConfiguration"): priority_level,
}
