"""Rows of flow schemas and priority levels."""

from __future__ import annotations

from typing import Any

from minikube_edu.api.tables.ages import age
from minikube_edu.api.tables.cells import NONE, condition

Object = dict[str, Any]


def flow_schema(obj: Object) -> list[Any]:
    spec = obj.get("spec") or {}
    method = spec.get("distinguisherMethod")
    dangling = condition(obj, "Dangling")
    return [
        obj["metadata"]["name"], (spec.get("priorityLevelConfiguration") or {}).get("name", ""),
        spec.get("matchingPrecedence", 0), NONE if method is None else method.get("type", ""), age(obj),
        "?" if dangling is None else dangling.get("status", ""),
    ]  # fmt: skip


def precedence(obj: Object) -> tuple[int, str]:
    """Flow schemas are told in the order in which they are tried."""
    return (obj.get("spec") or {}).get("matchingPrecedence", 0), obj["metadata"]["name"]


def priority_level(obj: Object) -> list[Any]:
    spec = obj.get("spec") or {}
    limited = spec.get("limited") or {}
    queuing = (limited.get("limitResponse") or {}).get("queuing") or {}
    return [
        obj["metadata"]["name"], spec.get("type", ""),
        limited.get("nominalConcurrencyShares", 0) if limited else NONE,
        *(queuing.get(name, 0) if queuing else NONE for name in ("queues", "handSize", "queueLengthLimit")), age(obj),
    ]  # fmt: skip


PRINTERS = {"FlowSchema": flow_schema, "PriorityLevelConfiguration": priority_level}
