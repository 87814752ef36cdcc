"""Fill in what a schema says when a field is not set; nulls where a schema does not allow them count as not set."""

from __future__ import annotations

import copy
from typing import Any

from minikube_edu.api.structural import Object, additional, child, items


def _misplaced_null(value: Any, schema: Object | None) -> bool:
    return value is None and schema is not None and not schema.get("nullable")


def default(value: Any, schema: Object | None) -> None:
    if schema is None:
        return
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        for name, field in properties.items():
            if field.get("default") is not None and (name not in value or _misplaced_null(value[name], field)):
                value[name] = copy.deepcopy(field["default"])
        more = additional(schema)
        for name in value:
            if name in properties:
                default(value[name], properties[name])
            elif more is not None:
                if _misplaced_null(value[name], more):
                    value[name] = copy.deepcopy(more.get("default"))
                default(value[name], more)
    elif isinstance(value, list):
        inner = items(schema)
        for index, item in enumerate(value):
            if _misplaced_null(item, inner):
                value[index] = copy.deepcopy((inner or {}).get("default"))
            default(value[index], inner)


def drop_nulls(value: Any, schema: Object | None) -> None:
    """Nulls that are neither allowed nor have a default to stand in for them."""
    if isinstance(value, dict):
        for name in list(value):
            field = child(schema, name) if schema else None
            if _misplaced_null(value[name], field) and (field or {}).get("default") is None:
                del value[name]
            else:
                drop_nulls(value[name], field)
    elif isinstance(value, list):
        inner = items(schema) if schema else None
        for item in value:
            drop_nulls(item, inner)
