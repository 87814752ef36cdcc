"""Lists that are sets or maps hold nothing twice."""

from __future__ import annotations

from typing import Any

import orjson

from minikube_edu.api.field_errors import Errors
from minikube_edu.api.structural import LIST_KEYS, LIST_TYPE, Object, additional, items


def check(value: Any, schema: Object | None, errors: Errors, path: str = "") -> None:
    if schema is None:
        return
    if isinstance(value, list):
        kind = schema.get(LIST_TYPE)
        if kind == "set":
            for index in _repeated(value):
                errors.duplicate(f"{path}[{index}]", value[index])
        elif kind == "map":
            _map(value, schema.get(LIST_KEYS, []), errors, path)
        for index, item in enumerate(value):
            check(item, items(schema), errors, f"{path}[{index}]")
    elif isinstance(value, dict):
        more, properties = additional(schema), schema.get("properties", {})
        for name in sorted(value):
            if name in properties:
                check(value[name], properties[name], errors, f"{path}.{name}" if path else name)
            elif more is not None:
                check(value[name], more, errors, f"{path}[{name}]")


def _map(value: list[Any], keys: list[str], errors: Errors, path: str) -> None:
    for index, item in enumerate(value):
        if item is not None and not isinstance(item, dict):
            errors.invalid(f"{path}[{index}]", item, "must be an object for an array of list-type map")
            return
    found = [{key: item[key] for key in keys if key in item} if item else {} for item in value]
    for index in _repeated(found):
        errors.duplicate(f"{path}[{index}]", found[index])


def _repeated(values: list[Any]) -> list[int]:
    """The index of the second of each that are equal."""
    seen: dict[bytes, int] = {}
    repeated = []
    for index, value in enumerate(values):
        mark = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
        seen[mark] = seen.get(mark, 0) + 1
        if seen[mark] == 2:
            repeated.append(index)
    return repeated
