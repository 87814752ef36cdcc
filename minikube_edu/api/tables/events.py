"""Rows of events.k8s.io: the same events under other names of their fields."""

from __future__ import annotations

from typing import Any

from minikube_edu.api.tables import core

Object = dict[str, Any]
_NAMES = {
    "note": "message",
    "regarding": "involvedObject",
    "reportingController": "reportingComponent",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
}


def event(obj: Object) -> list[Any]:
    return core.event({_NAMES.get(name, name): value for name, value in obj.items()})


PRINTERS = {"Event": event}
