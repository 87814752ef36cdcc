"""What of a range is wanted, in which order, how much of it: filters, sort and limit, as etcd applies them.

Works on anything that has the numbers of a version (a KeyValue, or an index entry whose value was not read yet), so
that a store can choose first and read values afterwards.

Two habits of etcd that are easy to miss: `count` is the number of keys in the range before filters and limit; and a
limit without a sort order cuts the list in key order first, even when a sort target is named.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, Protocol, TypeVar

from minikube_edu.etcd.contract import Compare, Range, Result, SortOrder, SortTarget, Target


class Version(Protocol):
    @property
    def key(self) -> bytes: ...
    @property
    def create_revision(self) -> int: ...
    @property
    def mod_revision(self) -> int: ...
    @property
    def version(self) -> int: ...
    @property
    def lease(self) -> int: ...


V = TypeVar("V", bound=Version)

_SORT_KEYS: dict[SortTarget, Callable[[Any], Any]] = {
    SortTarget.KEY: attrgetter("key"),
    SortTarget.VERSION: attrgetter("version"),
    SortTarget.CREATE: attrgetter("create_revision"),
    SortTarget.MOD: attrgetter("mod_revision"),
    SortTarget.VALUE: attrgetter("value"),
}


def filtered(request: Range) -> bool:
    return bool(
        request.min_mod_revision
        or request.max_mod_revision
        or request.min_create_revision
        or request.max_create_revision
    )


def in_key_order(request: Range) -> bool:
    """True when the first `limit` keys of the range are the answer: no filter, no other order."""
    return request.sort_order != SortOrder.DESCEND and request.sort_target == SortTarget.KEY and not filtered(request)


def select(request: Range, found: list[V]) -> tuple[list[V], bool]:
    """Filter, sort and cut `found`, which is in key order; the second is `more`."""
    if not in_key_order(request):
        found = _arrange(request, found)
    if 0 < request.limit < len(found):
        return found[: request.limit], True
    return found, False


def _arrange(request: Range, found: list[V]) -> list[V]:
    if filtered(request):
        found = [item for item in found if _passes(request, item)]
    elif request.sort_order == SortOrder.NONE and request.limit > 0:
        found = found[: request.limit + 1]
    key = _SORT_KEYS[request.sort_target]
    return sorted(found, key=key, reverse=request.sort_order == SortOrder.DESCEND)


def _passes(request: Range, item: Version) -> bool:
    return (
        (not request.max_mod_revision or item.mod_revision <= request.max_mod_revision)
        and item.mod_revision >= request.min_mod_revision
        and (not request.max_create_revision or item.create_revision <= request.max_create_revision)
        and item.create_revision >= request.min_create_revision
    )


def holds(compare: Compare, number: int, value: bytes) -> bool:
    """Whether a stored number (or value) stands to the condition's as the condition says."""
    stored: Any
    wanted: Any
    stored, wanted = (value, compare.value) if compare.target == Target.VALUE else (number, compare.number)
    if compare.result == Result.EQUAL:
        return bool(stored == wanted)
    if compare.result == Result.NOT_EQUAL:
        return bool(stored != wanted)
    return bool(stored > wanted if compare.result == Result.GREATER else stored < wanted)
