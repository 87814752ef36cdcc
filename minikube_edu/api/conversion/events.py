"""Events of both groups: events.k8s.io/v1 renamed half of the fields of the core kind, which is the stored one."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]

CORE, EVENTS = "v1", "events.k8s.io/v1"

# events.k8s.io name -> core name; all other fields are called the same
RENAMED = {
    "regarding": "involvedObject",
    "note": "message",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
    "reportingController": "reportingComponent",
}
_BACK = {core: name for name, core in RENAMED.items()}


def to_core(event: Object) -> Object:
    """The fields that core always writes are there, even when empty."""
    out = {RENAMED.get(name, name): value for name, value in event.items()}
    out["apiVersion"] = CORE
    out.setdefault("reportingComponent", "")
    out.setdefault("reportingInstance", "")
    return out


def from_core(event: Object) -> Object:
    out = {_BACK.get(name, name): value for name, value in event.items()}
    out["apiVersion"] = EVENTS
    for name in ("reportingController", "reportingInstance"):
        if not out.get(name):
            out.pop(name, None)
    return out


CONVERSIONS = {
    (EVENTS, CORE, "Event"): to_core,
    (CORE, EVENTS, "Event"): from_core,
}
