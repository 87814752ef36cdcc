"""--sort-by: the order of rows, or of objects, by a field.

Texts that are quantities are compared as such, numbers as numbers. What has no value comes first, and `less` holds
for it even against its like: with the sort that Go uses for up to twelve things, that turns their order round, and
readers of the real kubectl see exactly that. Longer lists are sorted stably here; the real one mixes equal rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cmp_to_key
from typing import Any, TypeVar

from minikube_edu.api import quantity
from minikube_edu.api.jsonpath import JsonPath
from minikube_edu.kubectl.printers.custom_columns import relaxed_path
from minikube_edu.lib.gotext import quote

Item = TypeVar("Item")
_MISSING: Any = object()
_INSERTION = 12  # up to this many, Go's sort is an insertion sort


def sort_table(table: dict[str, Any], field: str) -> dict[str, Any]:
    """A Table with its rows in the order of a field of their objects (which must be whole, not metadata alone)."""
    rows: list[dict[str, Any]] = table.get("rows") or []
    if len(rows) < 2:
        return table
    try:
        path = relaxed_path(field)
    except ValueError:
        path = field
    try:
        parsed = JsonPath(path, allow_missing=True)
    except ValueError as error:
        raise ValueError(f"sorting error: {error}") from None
    try:
        return {**table, "rows": _sorted(rows, [row.get("object") for row in rows], parsed, path)}
    except Unsortable as error:
        raise Unsortable(
            f"Field {path} in [][][]reflect.Value is an unsortable type: interface, err: {error}"
        ) from None


def sort_objects(objects: list[dict[str, Any]], field: str) -> list[dict[str, Any]]:
    if not objects:
        return objects
    path = relaxed_path(field)
    try:
        return _sorted(objects, objects, JsonPath(path, allow_missing=True), path)
    except Unsortable as error:
        shown = f"Field {path} in *unstructured.Unstructured is an unsortable type: interface, err: {error}"
        raise Unsortable(shown) from None


class Unsortable(Exception):
    """The real one logs it as fatal."""


def _sorted(items: Sequence[Item], objects: Sequence[Any], path: JsonPath, shown: str) -> list[Item]:
    keyed: list[tuple[Any, Item]] = []
    for item, obj in zip(items, objects, strict=True):
        found = path.find(obj)
        keyed.append((found[0][0] if found and found[0] else _MISSING, item))
    if all(key is _MISSING for key, _ in keyed):
        raise ValueError(f"couldn't find any field with path {quote(shown)} in the list of objects")
    if len(keyed) > _INSERTION:
        keyed.sort(key=_BY_KEY)
    else:
        for end in range(1, len(keyed)):
            at = end
            while at and _less(keyed[at][0], keyed[at - 1][0]):
                keyed[at], keyed[at - 1] = keyed[at - 1], keyed[at]
                at -= 1
    return [item for _, item in keyed]


def _less(a: Any, b: Any) -> bool:
    if a is _MISSING:
        return True
    if b is _MISSING or b is None:
        return False
    if a is None:
        return True
    if isinstance(a, str) and isinstance(b, str):
        try:
            return quantity.parse(a) < quantity.parse(b)
        except ValueError:
            return a < b
    numbers = isinstance(a, int | float) and isinstance(b, int | float)
    if numbers and not isinstance(a, bool) and not isinstance(b, bool):
        return bool(a < b)
    raise Unsortable(f"unsortable type: {_kind(a)}")


def _compare(a: tuple[Any, Any], b: tuple[Any, Any]) -> int:
    return _less(b[0], a[0]) - _less(a[0], b[0])


_BY_KEY = cmp_to_key(_compare)


def _kind(value: Any) -> str:
    names = {bool: "bool", dict: "map[string]interface {}", list: "[]interface {}"}
    return names.get(type(value), "interface")
