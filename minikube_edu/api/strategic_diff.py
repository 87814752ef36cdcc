"""Making strategic merge patches: from two versions of an object, or from three, as `kubectl apply` does.

    create_two_way_patch(original, modified, of_type)             what turns one into the other
    create_three_way_patch(original, modified, current, of_type)  what brings `current` to `modified`, removing only
                                                                  what `original` (last applied) had besides

Arguments are left alone. Conflict: with overwrite=False, somebody changed in `current` what the patch changes, too.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from minikube_edu.api.errors import GenericError
from minikube_edu.api.strategic_lists import MARKER, Items, Unprocessable, as_map, element_kind, key_of, sort_by
from minikube_edu.api.strategic_merge import DELETE_FROM, RETAIN_KEYS, SET_ORDER, Meta, Object, merge_maps
from minikube_edu.lib.govalue import show
from minikube_edu.lib.jsonpatch import copy_json


class Conflict(Exception):
    """Somebody changed the same fields otherwise: the patch, and the changes it would undo."""

    def __init__(self, patch: Object, changes: Object) -> None:
        super().__init__("the patch conflicts with changes made from original to current")
        self.patch = patch
        self.changes = changes


class Wanted(NamedTuple):
    """Which differences go into the patch."""

    additions: bool = True  # and changes
    deletions: bool = True
    order: bool = True  # $setElementOrder
    retain: bool = False  # $retainKeys of the map at hand


def create_two_way_patch(original: Object, modified: Object, of_type: str) -> Object:
    return copy_of(diff_maps(original, modified, Meta("=" + of_type), Wanted()))


def create_three_way_patch(
    original: Object, modified: Object, current: Object, of_type: str, *, overwrite: bool = True
) -> Object:
    meta = Meta("=" + of_type)
    additions = diff_maps(current, modified, meta, Wanted(deletions=False))
    deletions = diff_maps(original, modified, meta, Wanted(additions=False))
    patch = merge_maps(copy_of(deletions), copy_of(additions), meta, False)
    if not overwrite:
        changes = diff_maps(original, current, meta, Wanted(order=False))
        if _conflict(patch, changes, meta, "", ""):
            raise Conflict(patch, changes)
    return patch


def copy_of(patch: Object) -> Object:
    copied: Object = copy_json(patch)
    return copied


# ---------------------------------------------------------------- maps


def diff_maps(original: Object, modified: Object, meta: Meta, wanted: Wanted) -> Object:
    """The patch, sharing values with what it is made of."""
    patch: Object = {}
    for key, value in modified.items():
        if key not in original or original[key].__class__ is not value.__class__:
            if wanted.additions:
                patch[key] = value
        elif key == MARKER:
            if original[key] != value:
                patch[key] = value
        elif isinstance(value, dict):
            _diff_map(key, original[key], value, patch, meta, wanted)
        elif isinstance(value, list):
            _diff_list(key, original[key], value, patch, meta, wanted)
        elif wanted.additions and original[key] != value:
            patch[key] = value
    if wanted.deletions:
        patch |= {key: None for key in original if key not in modified}
    keep = [key for key, value in modified.items() if value is not None] if wanted.retain else []
    lost = any(value is not None and key not in modified for key, value in original.items())
    if keep and (patch or lost):
        patch[RETAIN_KEYS] = sorted(keep)
    return patch


def _diff_map(key: str, original: Object, modified: Object, patch: Object, meta: Meta, wanted: Wanted) -> None:
    try:
        below, strategy, _, retain = meta.field(key)
    except GenericError:  # what is the same needs no type
        if original == modified:
            return
        raise
    if strategy == "replace":
        if wanted.additions:
            patch[key] = modified
    elif changed := diff_maps(original, modified, below, wanted._replace(retain=retain)):
        patch[key] = changed


def _diff_list(key: str, original: Items, modified: Items, patch: Object, meta: Meta, wanted: Wanted) -> None:
    try:
        below, strategy, merge_key, retain = meta.list_field(key)
    except GenericError:
        if original == modified:
            return
        raise
    if strategy != "merge":
        if wanted.additions and original != modified:
            patch[key] = modified
        return
    if not original:
        if modified and wanted.additions:
            patch[key] = modified
        return
    wanted = wanted._replace(retain=retain)
    kind = element_kind(original, modified)
    if kind is list:
        raise Unprocessable
    if kind is dict:
        changes, order = _diff_items(original, modified, below, merge_key, wanted)
        removed: Items = []
    else:
        changes, removed, order = _diff_scalars(original, modified, wanted)
    for name, items in ((key, changes), (f"{DELETE_FROM}/{key}", removed), (f"{SET_ORDER}/{key}", order)):
        if items:
            patch[name] = items


# ---------------------------------------------------------------- lists


def _diff_items(original: Items, modified: Items, meta: Meta, merge_key: str, wanted: Wanted) -> tuple[Items, Items]:
    """(changed, added and deleted items; the order to set)."""
    before = {show(key_of(item, merge_key)): item for item in original}
    after = {show(key_of(item, merge_key)): item for item in modified}
    changes: Items = []
    deletions: Items = []
    for key in sorted({*before, *after}):
        if key not in after:
            if wanted.deletions:
                deletions.append({merge_key: before[key][merge_key], MARKER: "delete"})
        elif key not in before:
            if wanted.additions:
                changes.append(after[key])
        elif changed := diff_maps(before[key], after[key], meta, wanted):
            changes.append({**changed, merge_key: after[key][merge_key]})
    changes = [*sort_by(changes, modified, merge_key, dict), *deletions]
    moved = [item[merge_key] for item in original] != [item[merge_key] for item in modified]
    ordered = (wanted.additions and (changes or moved)) or (wanted.deletions and changes)
    order = [{merge_key: item[merge_key]} for item in modified] if wanted.order and ordered else []
    return changes, order


def _diff_scalars(original: Items, modified: Items, wanted: Wanted) -> tuple[Items, Items, Items]:
    """(added, deleted, the order to set). The real one compares with the original as it has sorted it, and so sets an
    order more often than it must."""
    added = [item for item in modified if item not in original] if wanted.additions else []
    removed = sorted({item for item in original if item not in modified}, key=show) if wanted.deletions else []
    ordered = removed or (wanted.additions and sorted(original, key=show) != modified)
    return added, removed, modified if wanted.order and ordered else []


# ---------------------------------------------------------------- conflicts


def _conflict(left: Any, right: Any, meta: Meta | None, strategy: str, merge_key: str) -> bool:
    """Do two patches say different things of one field?"""
    if left.__class__ is not right.__class__:
        return True
    if isinstance(left, dict):
        if left.get(MARKER) != right.get(MARKER):
            return True
        return strategy != "replace" and _maps_conflict(left, right, meta)
    if isinstance(left, list):
        return _lists_conflict(left, right, meta, strategy, merge_key)
    return bool(left != right)


def _maps_conflict(left: Object, right: Object, meta: Meta | None) -> bool:
    for key in sorted(left, key=lambda key: key.startswith("$")):  # lists of directives have no type: an error
        value = left[key]
        if key in (MARKER, RETAIN_KEYS) or key not in right:
            continue
        below, strategy, merge_key = None, "", ""
        if meta is not None and isinstance(value, dict):
            below, strategy, merge_key, _ = meta.field(key)
        elif meta is not None and isinstance(value, list):
            below, strategy, merge_key, _ = meta.list_field(key)
        if _conflict(value, right[key], below, strategy, merge_key):
            return True
    return False


def _lists_conflict(left: Items, right: Items, meta: Meta | None, strategy: str, merge_key: str) -> bool:
    kind = element_kind(left, right)
    if strategy == "merge":
        if kind is not dict:
            return False
        theirs = {show(_key(item, merge_key, right)): item for item in right}
        mine = {show(_key(item, merge_key, left)): item for item in left}
        return any(_conflict(item, theirs[key], meta, "", "") for key, item in mine.items() if key in theirs)
    if len(left) != len(right):
        return True
    if kind is not dict:
        left, right = sorted(left, key=show), sorted(right, key=show)
    return any(_conflict(a, b, meta, "", "") for a, b in zip(left, right, strict=True))


def _key(item: Any, merge_key: str, items: Items) -> Any:
    if not isinstance(item, dict):
        raise GenericError(f"invalid element type in merging list:{show(items)}")
    if merge_key not in as_map(item):
        raise GenericError(f"cannot find merge key `{merge_key}` in merging list element:{show(item)}")
    return item[merge_key]
