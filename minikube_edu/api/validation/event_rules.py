"""Events: lenient when they come through the core group, strict through events.k8s.io.

Objects come in the stored version, core v1. Both groups store the same kind, so that each has a table entry of its own:
`validator("", "Event")` and `validator("events.k8s.io", "Event")`; the group of the request decides.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from minikube_edu.api import names
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.internal_form import internal
from minikube_edu.api.validation import Validator, field_rules

Object = dict[str, Any]

LIMIT, NOTE_LIMIT = 128, 1024
_MISMATCH = "does not match event.namespace"


def _legacy(event: Object, errors: Errors, controller: str = "reportingComponent") -> None:
    """What every event must satisfy; one with an eventTime is of the newer kind."""
    namespace, about = event["metadata"].get("namespace", ""), event.get("involvedObject", {}).get("namespace", "")
    if event.get("eventTime") is None:
        if (about and about != namespace) or (not about and namespace not in ("", "default")):
            errors.invalid("involvedObject.namespace", about, _MISMATCH)
    else:
        if not about and namespace not in ("default", "kube-system"):
            errors.invalid("involvedObject.namespace", about, _MISMATCH)
        _newer(event, errors, controller)
    field_rules.named(errors, "namespace", namespace, names.dns1123_subdomain)


def _newer(event: Object, errors: Errors, controller: str) -> None:
    component = event.get("reportingComponent", "")
    if not component:
        errors.required(controller)
    field_rules.named(errors, controller, component, names.qualified_name)
    for field in ("reportingInstance", "action", "reason"):
        value = event.get(field, "")
        if not value:
            errors.required(field)
        if len(value.encode()) > LIMIT:
            errors.invalid(field, "", f"can have at most {LIMIT} characters")
    if len(event.get("message", "").encode()) > NOTE_LIMIT:
        errors.invalid("message", "", f"can have at most {NOTE_LIMIT} characters")


def _legacy_update(new: Object, _: Object, errors: Errors) -> None:
    _legacy(new, errors)


def _series(event: Object, errors: Errors) -> None:
    series = event.get("series")
    if series is not None:
        if series.get("count", 0) < 2:
            errors.invalid("series.count", "", "should be at least 2")
        if series.get("lastObservedTime") is None:
            errors.required("series.lastObservedTime")


def _strict(event: Object, errors: Errors) -> None:
    _legacy(event, errors, "reportingController")
    _series(event, errors)
    if event.get("eventTime") is None:
        errors.required("eventTime")
    if event.get("type") not in ("Normal", "Warning"):
        errors.invalid("type", "", f"has invalid value: {event.get('type', '')}")
    for field in ("firstTimestamp", "lastTimestamp", "count", "source"):
        if event.get(field):
            errors.invalid(field, "", "needs to be unset")


_ALWAYS_SAME = (
    "involvedObject", "reason", "message", "source", "firstTimestamp", "lastTimestamp", "count", "reason", "type",
    "eventTime", "action", "related", "reportingController", "reportingInstance",
)  # fmt: skip
_TYPES = {
    "involvedObject": "core.v1.ObjectReference",
    "related": "core.v1.ObjectReference",
    "source": "core.v1.EventSource",
}
_ZERO = {"count": 0, "firstTimestamp": None, "lastTimestamp": None, "eventTime": None, "related": None}


def _strict_update(new: Object, old: Object, errors: Errors) -> None:
    """Only the series goes on."""
    _legacy(new, errors, "reportingController")
    if new.get("series") != old.get("series"):
        _series(new, errors)
    for field in _ALWAYS_SAME:
        name = "reportingComponent" if field == "reportingController" else field
        value = new.get(name)
        if (value or None) != (old.get(name) or None):
            shown = internal(_TYPES[field], value) if field in _TYPES else value
            errors.invalid(field, _ZERO.get(field, "") if shown is None else shown, field_rules.IMMUTABLE)


VALIDATOR = Validator(create=partial(_legacy, controller="reportingComponent"), update=_legacy_update)
STRICT_VALIDATOR = Validator(create=_strict, update=_strict_update)
