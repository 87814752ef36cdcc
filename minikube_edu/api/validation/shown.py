"""Labels and selectors as messages print them: maps in the order of their keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Object = dict[str, Any]


def labels(values: Mapping[str, str] | None) -> dict[str, str] | None:
    """`null` when there are none."""
    return dict(sorted(values.items())) if values else None


def selector(value: Object | None) -> Object | None:
    if value is None or "matchLabels" not in value:
        return value
    return {**value, "matchLabels": labels(value["matchLabels"])}
