"""Rows of custom resources: the columns that their definition asks for, by JSONPath."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minikube_edu.api.jsonpath import JsonPath, JsonPathError, to_text
from minikube_edu.api.scheme import Resource
from minikube_edu.api.tables import columns
from minikube_edu.api.tables.ages import since

Object = dict[str, Any]
# A definition is compiled once. Keyed by its identity, as a changed definition is another object; the entry holds it,
# so that no other object can come by the same identity.
_compiled: dict[tuple[int, str], tuple[Any, Callable[[Object], list[Any]]]] = {}


def printer(resource: Resource) -> Callable[[Object], list[Any]]:
    key = (id(resource.custom), resource.version)
    found = _compiled.get(key)
    if found is None:
        if len(_compiled) > 1000:
            _compiled.clear()
        found = _compiled[key] = (resource.custom, _compile(resource))
    return found[1]


def _compile(resource: Resource) -> Callable[[Object], list[Any]]:
    paths: list[tuple[JsonPath | None, str]] = []
    for column in columns.additional(resource):
        try:
            path: JsonPath | None = JsonPath("{" + column["jsonPath"] + "}", allow_missing=True)
        except JsonPathError:
            path = None
        paths.append((path, column["type"]))

    def row(obj: Object) -> list[Any]:
        return [obj["metadata"]["name"], *(_cell(path, kind, obj) for path, kind in paths)]

    return row


def _cell(path: JsonPath | None, kind: str, obj: Object) -> Any:
    try:
        found = path.find(obj) if path else []
    except JsonPathError:
        return None
    if not found or not found[0]:
        return None
    value = found[0][0]
    if kind == "string":
        return "<no value>" if value is None else to_text(value)
    if isinstance(value, bool):
        return value if kind == "boolean" else None
    if kind == "integer":
        return int(value) if isinstance(value, int | float) else None
    if kind == "number":
        return value if isinstance(value, int | float) else None
    if kind == "date" and isinstance(value, str):
        try:
            return since(value)
        except ValueError:
            return "<invalid>"
    return None
