"""The default of several classes: the one that is marked; of several marked, the youngest."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]


def chosen(classes: list[Object], *annotations: str) -> Object | None:
    marked = [
        one
        for one in classes
        if any(one["metadata"].get("annotations", {}).get(mark) == "true" for mark in annotations)
    ]
    marked.sort(key=lambda one: one["metadata"]["name"])
    return max(marked, key=lambda one: one["metadata"]["creationTimestamp"], default=None)
