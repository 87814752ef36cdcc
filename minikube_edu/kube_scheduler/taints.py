"""Taints keep pods away from nodes, tolerations let them come all the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

Object = dict[str, Any]

HARD = ("NoSchedule", "NoExecute")
UNSCHEDULABLE: Object = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}


def tolerates(toleration: Object, taint: Object) -> bool:
    """An empty key tolerates all keys, an empty effect all effects."""
    effect, key = toleration.get("effect"), toleration.get("key")
    if effect and effect != taint.get("effect"):
        return False
    if key and key != taint.get("key"):
        return False
    operator = toleration.get("operator") or "Equal"
    value, wanted = taint.get("value") or "", toleration.get("value") or ""
    if operator == "Exists":
        return True
    if operator == "Equal":
        return bool(value == wanted)
    try:
        return int(value) > int(wanted) if operator == "Gt" else int(value) < int(wanted)
    except ValueError:
        return False


def tolerated(tolerations: Iterable[Object], taint: Object) -> bool:
    return any(tolerates(toleration, taint) for toleration in tolerations)


def untolerated(
    taints: Iterable[Object], tolerations: Sequence[Object], effects: Sequence[str] = HARD
) -> Object | None:
    """The first taint with one of the effects that is not tolerated."""
    for taint in taints:
        if taint.get("effect") in effects and not tolerated(tolerations, taint):
            return taint
    return None
