"""Which of the names that a definition asks for it gets: none that another definition of its group has already."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minikube_edu.lib import clock
from minikube_edu.lib.gotext import quote

Object = dict[str, Any]

ESTABLISHED, NAMES_ACCEPTED, TERMINATING = "Established", "NamesAccepted", "Terminating"


def accept(definition: Object, others: Iterable[Object]) -> Object:
    """The status with the names that are free, and with the conditions that say so."""
    wanted = definition["spec"]["names"]
    status = definition.get("status", {})
    accepted = {**status.get("acceptedNames", {})}
    taken, kinds = _taken(others)
    condition = _condition(NAMES_ACCEPTED, "True", "NoConflicts", "no conflicts found")
    for field in ("plural", "singular", "shortNames", "kind", "listKind"):
        asked = wanted.get(field)
        used = kinds if field in ("kind", "listKind") else taken
        clash = [name for name in (asked if isinstance(asked, list) else [asked] if asked else []) if name in used]
        if clash:
            what = ", ".join(f"{quote(name)} is already in use" for name in clash)
            condition = _condition(NAMES_ACCEPTED, "False", f"{field[0].upper()}{field[1:]}Conflict", what)
        elif asked:
            accepted[field] = asked
        else:
            accepted.pop(field, None)
    if wanted.get("categories"):
        accepted["categories"] = wanted["categories"]
    else:
        accepted.pop("categories", None)
    accepted.setdefault("plural", "")
    accepted.setdefault("kind", "")
    conditions = with_condition(status.get("conditions") or [], condition)
    if not any(each["type"] == ESTABLISHED and each["status"] == "True" for each in conditions):
        established = _condition(ESTABLISHED, "False", "NotAccepted", "not all names are accepted")
        if condition["status"] == "True":
            message = "the initial names have been accepted"
            established = _condition(ESTABLISHED, "True", "InitialNamesAccepted", message)
        conditions = with_condition(conditions, established)
    return {**status, "acceptedNames": accepted, "conditions": conditions}


def _taken(others: Iterable[Object]) -> tuple[set[str], set[str]]:
    """Names of resources, and of kinds, that others of the group have."""
    resources: set[str] = set()
    kinds: set[str] = set()
    for other in others:
        names = other.get("status", {}).get("acceptedNames", {})
        resources |= {names.get("plural", ""), names.get("singular", ""), *names.get("shortNames", ())}
        kinds |= {names.get("kind", ""), names.get("listKind", "")}
    return resources - {""}, kinds - {""}


def terminating(definition: Object) -> Object:
    status = definition.get("status", {})
    message = "CustomResource deletion is in progress"
    condition = _condition(TERMINATING, "True", "InstanceDeletionInProgress", message)
    return {**status, "conditions": with_condition(status.get("conditions") or [], condition)}


def is_established(definition: Object) -> bool:
    conditions = definition.get("status", {}).get("conditions") or ()
    return any(each["type"] == ESTABLISHED and each["status"] == "True" for each in conditions)


def _condition(kind: str, status: str, reason: str, message: str) -> Object:
    return {"type": kind, "status": status, "reason": reason, "message": message}


def with_condition(conditions: list[Object], condition: Object) -> list[Object]:
    """The conditions with one of them set; its time is that of the last change of its status."""
    found = [dict(each) for each in conditions]
    for each in found:
        if each["type"] == condition["type"]:
            if each["status"] != condition["status"]:
                each["lastTransitionTime"] = clock.rfc3339()
            each |= condition
            return found
    return [*found, {"type": condition["type"], "lastTransitionTime": clock.rfc3339(), **condition}]
