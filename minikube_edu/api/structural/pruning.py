"""Take away what a schema does not know: `prune` returns the paths of the fields that it took, sorted."""

from __future__ import annotations

from typing import Any

from minikube_edu.api.structural import EMBEDDED, META_FIELDS, PRESERVE, Object, additional, items

NO_SCHEMA: Object = {}


def prune(value: Any, schema: Object | None, *, root: bool) -> list[str]:
    """`root`: the value is a whole object, whose apiVersion, kind and metadata are not the schema's business."""
    unknown: list[str] = []
    known = dict(schema or NO_SCHEMA)
    if root:
        known[EMBEDDED] = True
    _prune(value, known, "", unknown)
    return sorted(unknown)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _prune(value: Any, schema: Object | None, path: str, unknown: list[str]) -> None:
    if schema and schema.get(PRESERVE):
        _skip(value, schema, path, unknown)
    elif isinstance(value, dict):
        properties = schema.get("properties", {}) if schema else {}
        for name in list(value):
            if schema and schema.get(EMBEDDED) and name in META_FIELDS:
                continue
            if name in properties:
                _prune(value[name], properties[name], _join(path, name), unknown)
            elif schema and schema.get("additionalProperties") not in (None, False):
                _prune(value[name], additional(schema), _join(path, name), unknown)
            else:
                if path or name not in META_FIELDS:
                    unknown.append(_join(path, name))
                del value[name]
    elif isinstance(value, list):
        inner = items(schema) if schema else None
        for index, item in enumerate(value):
            _prune(item, inner, f"{path}[{index}]", unknown)


def _skip(value: Any, schema: Object | None, path: str, unknown: list[str]) -> None:
    """Unknown fields stay here; what is specified below is still pruned."""
    if schema is None:
        return
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        for name in list(value):
            if schema.get(EMBEDDED) and name in META_FIELDS:
                continue
            if name in properties:
                _prune(value[name], properties[name], _join(path, name), unknown)
            elif schema.get("additionalProperties") not in (None, False):
                _prune(value[name], additional(schema), _join(path, name), unknown)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _skip(item, items(schema), f"{path}[{index}]", unknown)
