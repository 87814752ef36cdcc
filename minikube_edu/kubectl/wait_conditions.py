"""What `kubectl wait --for` can wait for: when it holds, and how things stand with it now.

    parse("condition=Ready").holds(pod)      parse("jsonpath={.status.phase}=Running").now(pod)

None stands for an object that is not there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from minikube_edu.kubectl.failures import CommandError
from minikube_edu.lib.gotext import quote

Object = dict[str, Any]
Holds = Callable[[Object | None], bool]

PATH_FORM = (
    "jsonpath wait format must be --for=jsonpath='{.status.readyReplicas}'=3 or "
    "--for=jsonpath='{.status.readyReplicas}'"
)


class Condition(Struct, frozen=True):
    text: str  # as it was asked for
    holds: Holds
    now: Callable[[Object | None], str]  # for people


def parse(text: str) -> Condition:
    if text.lower() == "delete":
        return Condition("delete", lambda obj: obj is None, _whether_there)
    if text.lower() == "create":
        return Condition("create", lambda obj: obj is not None, _whether_there)
    if text.startswith("condition="):
        name, _, value = text.removeprefix("condition=").partition("=")
        return Condition(text, _has_condition(name, value or "true"), lambda obj: _state(obj, name))
    if text.startswith("jsonpath="):
        return _path(text)
    raise CommandError(f"unrecognized condition: {quote(text)}")


def _whether_there(obj: Object | None) -> str:
    if obj is None:
        return "not there"
    return "terminating" if obj["metadata"].get("deletionTimestamp") else "there"


def _state(obj: Object | None, name: str) -> str:
    """`False (ContainersNotReady)`"""
    for condition in ((obj or {}).get("status") or {}).get("conditions") or ():
        if str(condition.get("type", "")).lower() == name.lower():
            reason = condition.get("reason")
            return f"{condition.get('status')}{f' ({reason})' if reason else ''}"
    return "not set"


def _has_condition(name: str, value: str) -> Holds:
    def holds(obj: Object | None) -> bool:
        if obj is None:
            return False
        for condition in (obj.get("status") or {}).get("conditions") or ():
            if str(condition.get("type", "")).lower() == name.lower():
                seen = condition.get("observedGeneration")
                if seen is not None and seen < (obj["metadata"].get("generation") or 0):
                    return False
                return str(condition.get("status", "")).lower() == value.lower()
        return False

    return holds


def _path(text: str) -> Condition:
    from minikube_edu.api.jsonpath import JsonPath, to_text
    from minikube_edu.kubectl.printers.custom_columns import relaxed_path

    parts = text.removeprefix("jsonpath=").replace("==", "\0").split("=")
    parts = [part.replace("\0", "==") for part in parts]
    if len(parts) > 2:
        raise CommandError(PATH_FORM)
    wanted = parts[1].strip("'\"") if len(parts) == 2 else None
    if wanted == "":
        raise CommandError(
            "jsonpath wait has to have a value after equal sign, like --for=jsonpath='{.status.readyReplicas}'=3"
        )
    try:
        path = JsonPath(relaxed_path(parts[0]), allow_missing=True)
    except ValueError as error:
        raise CommandError(str(error)) from None

    def holds(obj: Object | None) -> bool:
        if obj is None:
            return False
        found = path.find(obj)
        if not found or not found[0]:
            return False
        if wanted is None:
            return True
        if len(found) > 1 or len(found[0]) > 1:
            raise CommandError("given jsonpath expression matches more than one value")
        if isinstance(found[0][0], dict | list):
            raise CommandError("jsonpath leads to a nested object or list which is not supported")
        return str(to_text(found[0][0])) == wanted

    def now(obj: Object | None) -> str:
        found = path.find(obj) if obj is not None else []
        return ", ".join(str(to_text(value)) for value in found[0]) if found and found[0] else "not set"

    return Condition(text, holds, now)
