"""From one served version of a kind to another.

A module a group, with a table `CONVERSIONS: dict[tuple[from_api_version, to_api_version, kind], function]`; a function
returns a new object, with the new apiVersion. Kinds that differ in their apiVersion alone need no entry.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from minikube_edu.api.groups import table_of

Object = dict[str, Any]


@cache
def _table(group: str) -> dict[tuple[str, str, str], Any]:
    return table_of(__name__, group, "CONVERSIONS")


# What definitions of custom resources say of their kinds while the server runs: (group, kind) -> function(object, to).
between: dict[tuple[str, str], Callable[[Object, str], Object]] = {}


def convert(obj: Object, to: str) -> Object:
    """`obj` in apiVersion `to`; the same object when it is in that version already."""
    came = obj["apiVersion"]
    if came == to:
        return obj
    if between and (custom := between.get((to.rpartition("/")[0], obj["kind"]))) is not None:
        return custom(obj, to)
    for api_version in (to, came):
        group = api_version.rpartition("/")[0]
        if change := _table(group).get((came, to, obj["kind"])):
            converted: Object = change(obj)
            return converted
    return {**obj, "apiVersion": to}
