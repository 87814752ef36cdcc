"""Strategic merge patch: a merge patch that knows which lists are merged, by which key.

    apply(original, patch, "apps.v1.Deployment") -> the patched object; original and patch are left alone

Directives in a patch: `$patch: replace|delete` in a map, or in an item of a list; `$retainKeys: […]` in a map: other
keys go; `$deleteFromPrimitiveList/NAME: […]` and `$setElementOrder/NAME: […]` beside the list NAME. What is merged how
is in the schema facts (`merge`, `patch`). Errors and order of items are the real ones: items of the patch come in the
patch's order, items that only the server has keep their order, and where they meet, an item of the patch goes first
unless the live list says otherwise. `strategic_diff` makes such patches.
"""

from __future__ import annotations

from typing import Any

from minikube_edu.api import schema
from minikube_edu.api.errors import ApiError, BadRequest, GenericError, Invalid
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.strategic_lists import (
    MARKER,
    Items,
    arranged,
    as_map,
    bad_type,
    distinct,
    element_kind,
    key_of,
    partition,
    without_deletions,
)
from minikube_edu.lib.gotext import quote
from minikube_edu.lib.govalue import show
from minikube_edu.lib.jsonpatch import copy_json

Object = dict[str, Any]

RETAIN_KEYS = "$retainKeys"
DELETE_FROM = "$deleteFromPrimitiveList"
SET_ORDER = "$setElementOrder"

BAD_PRIMITIVE_LIST = "invalid patch format of primitive list"
BAD_RETAIN_KEYS = "invalid patch format of retainKeys"
BAD_SET_ORDER = "invalid patch format of setElementOrder list"


def apply(original: Object, patch: Object, of_type: str) -> Object:
    """The object after the patch. Raises BadRequest, Unprocessable or GenericError, as the real server answers."""
    return merge_maps(copy_json(original), copy_json(patch), Meta("=" + of_type), True)


def refused(patch: Object, why: str) -> Invalid:
    """What the patch makes is no object of its type (`unstructured.misfit` says why), or has fields that it should not
    have."""
    errors = Errors()
    errors.invalid("patch", show(patch), why)
    return Invalid("", "", "", errors)


# ---------------------------------------------------------------- what the type says


class Meta:
    """The type of a value as a patch sees it: what are its fields, and how is each merged."""

    __slots__ = ("kind",)

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def go_kind(self) -> str:
        if self.kind[0] == "=":
            return "struct"
        return {"{}": "map", "[]": "slice"}.get(self.kind[:2], "struct" if self.kind == "any" else self.kind)

    def field(self, name: str) -> tuple[Meta, str, str, bool]:
        """(its type, patch strategy, merge key, whether `retainKeys`) of a field."""
        if self.go_kind() != "struct":
            raise GenericError(f"merging an object in json but data type is not struct, instead is: {self.go_kind()}")
        found = schema.struct(self.kind[1:]).fields if self.kind[0] == "=" else {}
        field = found.get(name) or next((one for one in found.values() if one.name.lower() == name.lower()), None)
        if field is None:
            struct = self.kind.rpartition(".")[2] if self.kind[0] == "=" else "RawExtension"
            raise GenericError(f"unable to find api field in struct {struct} for the json field {quote(name)}")
        strategies = [one for one in field.patch_strategy if one != "retainKeys"]
        strategy = strategies[0] if strategies else ""
        return Meta(field.kind), strategy, field.merge_key or "", "retainKeys" in field.patch_strategy

    def list_field(self, name: str) -> tuple[Meta, str, str, bool]:
        """The same of a list; the type is that of its items."""
        meta, strategy, key, retain = self.field(name)
        if not meta.kind.startswith("[]"):
            raise GenericError(f"expected slice or array type, but got: {self.go_kind()}")
        return Meta(meta.kind[2:]), strategy, key, retain


# ---------------------------------------------------------------- maps


def merge_maps(original: Object | None, patch: Object, meta: Meta, into_object: bool) -> Object:
    """The patch merged into the original; both are used up. `into_object` is False when the original is a patch, too:
    then directives and nulls are kept, for whoever applies it."""
    if MARKER in patch:
        return _whole_map(patch)
    original = {} if original is None else original
    _retain_keys(original, patch, into_object)
    _ordered_lists(original, patch, meta, into_object)
    for key, value in patch.items():
        name, deletes = key, False
        if key.startswith(DELETE_FROM):
            if not into_object:
                original[key] = value
                continue
            name, deletes = _named(key, DELETE_FROM, BAD_PRIMITIVE_LIST), True
        if value is None:
            original.pop(name, None)
            if into_object:
                continue
        if name not in original or original[name].__class__ is not value.__class__:
            if not deletes:
                _put(original, name, _without_nulls(value) if into_object else value)
        elif isinstance(value, dict):
            below, strategy, _, _ = meta.field(name)
            replaces = strategy == "replace"
            original[name] = value if replaces else merge_maps(original[name], value, below, into_object)
        elif isinstance(value, list):
            below, strategy, merge_key, _ = meta.list_field(name)
            original[name] = _merge_list(original[name], value, below, strategy, merge_key, deletes, into_object)
        else:
            original[name] = value
    return original


def _whole_map(patch: Object) -> Object:
    if patch[MARKER] == "replace":
        return {key: value for key, value in patch.items() if key != MARKER}
    if patch[MARKER] == "delete":
        return {}
    raise _bad_patch_type(patch)


def _bad_patch_type(patch: Object) -> ApiError:
    return GenericError(f"unknown patch type: {show(patch[MARKER])} in map: {show(patch)}")


def _put(original: Object, name: str, value: Any) -> None:
    """Takes over a value of the patch; one that is nothing but a directive leaves nothing."""
    if isinstance(value, dict) and MARKER in value:
        original.pop(name, None)
    else:
        original[name] = without_directives(value)


def without_directives(value: Any) -> Any:
    """A new value, without the maps that are marked by $patch."""
    if isinstance(value, dict):
        return {key: without_directives(item) for key, item in value.items() if not _marked(item)}
    if isinstance(value, list):
        return [without_directives(item) for item in value if not _marked(item)]
    return value


def _marked(value: Any) -> bool:
    return isinstance(value, dict) and MARKER in value


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value


def _named(key: str, prefix: str, complaint: str) -> str:
    """The field that a directive like `$setElementOrder/ports` is about."""
    start, slash, name = key.partition("/")
    if not slash or start != prefix:
        raise BadRequest(complaint)
    return name


def _retain_keys(original: Object, patch: Object, into_object: bool) -> None:
    if RETAIN_KEYS not in patch:
        return
    keep = patch.pop(RETAIN_KEYS)
    if not into_object:
        if original.setdefault(RETAIN_KEYS, keep) != keep:
            raise GenericError(
                f"{show(original[RETAIN_KEYS])} and {show(keep)} are not deep equal: "
                "this may happen when calculating the 3-way diff patch"
            )
        return
    if not isinstance(keep, list):
        raise BadRequest(BAD_RETAIN_KEYS)
    for key, value in patch.items():
        if value is not None and not key.startswith((DELETE_FROM, SET_ORDER)) and key not in keep:
            raise BadRequest(BAD_RETAIN_KEYS)
    for key in [key for key in original if key not in keep]:
        del original[key]


# ---------------------------------------------------------------- lists whose order the patch sets


def _ordered_lists(original: Object, patch: Object, meta: Meta, into_object: bool) -> None:
    """Handles every `$setElementOrder/NAME` together with the list NAME of the patch, which is then done."""
    for key in [key for key in patch if key.startswith(SET_ORDER)]:
        order = patch.pop(key)
        if not into_object and original.setdefault(key, order) != order:
            raise BadRequest(BAD_SET_ORDER)
        if not isinstance(order, list):
            raise bad_type([], order)
        name = _named(key, SET_ORDER, BAD_SET_ORDER)
        live, mine = original.get(name), patch.get(name)
        for value in (live if name in original else [], mine if name in patch else []):
            if not isinstance(value, list):
                raise bad_type([], value)
        below, strategy, merge_key, _ = meta.list_field(name)
        _check_order(mine or [], order, merge_key)
        if name in original and name in patch:
            kind = element_kind(live or [], mine or [])
            merged = _merge_list(live or [], mine or [], below, strategy, merge_key, False, into_object)
        elif name in original:
            merged, kind = live or [], element_kind(live or [])
        elif name in patch:
            merged, kind = without_directives(mine), element_kind(mine or [])
        else:
            continue
        listed, others = partition(merged, order, merge_key)
        original[name] = arranged(listed, others, order, live or [], merge_key, kind)
        patch.pop(name, None)


def _check_order(mine: Items, order: Items, merge_key: str) -> None:
    """Items of the patch must be in the order that it sets, and be all there."""
    if not mine or not order:
        return
    wanted = without_deletions(mine) if merge_key else mine
    at = 0
    for item in order:
        while at < len(wanted) and _marked(wanted[at]):
            at += 1
        if at < len(wanted) and _same_key(wanted[at], item, merge_key):
            at += 1
    if at < len(wanted):
        raise GenericError(f"The order in patch list:\n{show(mine)}\n doesn't match {SET_ORDER} list:\n{show(order)}\n")


def _same_key(a: Any, b: Any, merge_key: str) -> bool:
    return bool(a == b if not merge_key else key_of(a, merge_key) == key_of(b, merge_key))


# ---------------------------------------------------------------- lists


def _merge_list(
    original: Items, patch: Items, meta: Meta, strategy: str, merge_key: str, deletes: bool, into_object: bool
) -> Items:
    if strategy != "merge" and not deletes:
        return patch
    if not original and not patch:
        return original
    kind = element_kind(original, patch)
    if kind is not dict:
        if deletes:
            return [item for item in original if item not in patch]
        merged = distinct([*original, *patch])
    else:
        if not merge_key:
            raise GenericError(f"cannot merge lists without merge key for {meta.go_kind()}")
        original, patch = _special_items(original, patch, merge_key)
        merged = _merge_items(original, patch, merge_key, meta, into_object)
    listed, others = partition(merged, patch, merge_key)
    return arranged(listed, others, patch, original, merge_key, kind)


def _special_items(original: Items, patch: Items, merge_key: str) -> tuple[Items, Items]:
    """Handles items that are directives; what is left to merge."""
    plain: Items = []
    replaces = False
    for item in patch:
        if MARKER not in item:
            plain.append(item)
        elif item[MARKER] == "delete":
            gone = key_of(item, merge_key)
            original = [one for one in original if as_map(one).get(merge_key) != gone]
        elif item[MARKER] == "replace":
            replaces = True
        elif item[MARKER] == "merge":
            raise GenericError("merging lists cannot yet be specified in the patch")
        else:
            raise _bad_patch_type(item)
    return (plain, []) if replaces else (original, plain)


def _merge_items(original: Items, patch: Items, merge_key: str, meta: Meta, into_object: bool) -> Items:
    out = list(original)
    for item in patch:
        key = key_of(item, merge_key)
        for at, one in enumerate(out):
            if one.get(merge_key) == key and merge_key in one:
                out[at] = merge_maps(one, item, meta, into_object)
                break
        else:
            out.append(item)
    return out
