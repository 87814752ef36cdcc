"""Lists in strategic merge patches: which item is which, and in what order they end up.

Items are maps told apart by a merge key, or scalars (merge key ""). Order matters to people more than to the system,
and the real one's rules are odd; they are kept here, apart from the merging itself in `strategic_merge`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cmp_to_key
from typing import Any

from minikube_edu.api.errors import ApiError, GenericError
from minikube_edu.lib.govalue import show, type_name

Object = dict[str, Any]
Items = list[Any]

MARKER = "$patch"  # in an item: what to do with the item of this key


class Unprocessable(ApiError):
    """The patch is well formed and cannot be applied."""

    code, reason = 422, "Invalid"

    def __init__(self) -> None:
        super().__init__("the server rejected our request due to an error in our request", {})


def distinct(items: Items) -> Items:
    """Without repetition. The real one fills gaps from the end; so does this."""
    out = list(items)
    i = 0
    while i < len(out) - 1:
        j = i + 1
        while j < len(out):
            if out[i] == out[j]:
                out[j] = out[-1]
                out.pop()
            else:
                j += 1
        i += 1
    return out


def partition(items: Items, by: Items, merge_key: str) -> tuple[Items, Items]:
    """(what `by` lists, the others)."""
    if not merge_key:
        return [item for item in items if item in by], [item for item in items if item not in by]
    listed: Items = []
    others: Items = []
    keys = [as_map(one).get(merge_key) for one in by if merge_key in as_map(one)]
    for item in items:
        (listed if key_of(item, merge_key) in keys else others).append(item)
    return listed, others


def arranged(listed: Items, others: Items, order: Items, live: Items, merge_key: str, kind: type[Any]) -> Items:
    """Both in one list: each in its own order, and interleaved as the live list has them where it has both."""
    right = sort_by(listed, order, merge_key, kind)
    left = sort_by(others, live, merge_key, kind)
    place = places(live, merge_key, kind)
    out: Items = []
    i = j = 0
    while i < len(left) and j < len(right):
        a, b = place(left[i]), place(right[j])
        if 0 <= a < b:
            out.append(left[i])
            i += 1
        else:
            out.append(right[j])
            j += 1
    return [*out, *left[i:], *right[j:]]


def places(order: Items, merge_key: str, kind: type[Any]) -> Callable[[Any], int]:
    """Where an item stands in a list; -1 where it is not."""
    keys = [one.get(merge_key) if isinstance(one, dict) else None for one in order] if kind is dict else order

    def place(item: Any) -> int:
        key = item.get(merge_key) if kind is dict else item
        return keys.index(key) if key in keys else -1

    return place


def sort_by(items: Items, order: Items, merge_key: str, kind: type[Any]) -> Items:
    """Items in the given order, deletions last. What the order does not have sorts before its neighbour, as the real
    comparison, which is no order, happens to do."""
    deletions: Items = []
    if kind is dict:
        for item in (*items, *order):
            key_of(item, merge_key)
        deletions = [item for item in items if item.get(MARKER) == "delete"]
        items = without_deletions(items)
    place = places(order, merge_key, kind)

    def less(a: Any, b: Any) -> bool:
        first, second = place(a), place(b)
        return first < second if first >= 0 and second >= 0 else True

    if len(items) > 20:  # where the real one leaves insertion sort
        return [*sorted(items, key=cmp_to_key(lambda a, b: place(a) - place(b))), *deletions]
    out: Items = []
    for item in items:
        at = len(out)
        while at and less(item, out[at - 1]):
            at -= 1
        out.insert(at, item)
    return [*out, *deletions]


def without_deletions(items: Items) -> Items:
    return [item for item in items if as_map(item).get(MARKER) != "delete"]


def as_map(item: Any) -> Object:
    if not isinstance(item, dict):
        raise bad_type({}, item)
    return item


def key_of(item: Any, merge_key: str) -> Any:
    if merge_key not in as_map(item):
        raise GenericError(f"map: {show(item)} does not contain declared merge key: {merge_key}")
    return item[merge_key]


def bad_type(expected: Any, actual: Any) -> ApiError:
    return GenericError(f"expected a {type_name(expected)}, but received a {type_name(actual)}")


def element_kind(*lists: Items) -> type[Any]:
    """The type that all items have."""
    found: type[Any] | None = None
    for item in (item for items in lists for item in items):
        if found is None:
            found = item.__class__
            if found is list:
                raise Unprocessable
        elif item.__class__ is not found:
            raise GenericError(f"list element types are not identical: {show(list(lists))}")
    if found is None:
        raise GenericError("no elements in any of the given slices")
    return found
