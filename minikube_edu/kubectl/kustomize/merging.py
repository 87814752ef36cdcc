"""Strategic merge as kustomize does it: new items of a list come first, the ones that were there behind them.

Which lists are merged and by which keys is in the schema facts; lists of unknown kinds are replaced. `$patch: delete`
and `$patch: replace` work in maps and in items.
"""

from __future__ import annotations

from typing import Any

from minikube_edu.api import schema
from minikube_edu.lib.jsonpatch import copy_json

Object = dict[str, Any]
_GONE = object()
_MARKER = "$patch"


def merge(obj: Object, patch: Object) -> Object | None:
    """The patched object; None when the patch deletes it."""
    group, _, version = str(obj.get("apiVersion") or "").rpartition("/")
    type_name = schema.type_of(group, version, str(obj.get("kind") or ""))
    found = _merge(obj, copy_json(patch), "=" + type_name if type_name else "")
    return None if found is _GONE else found


def _field(kind: str, name: str) -> schema.Field | None:
    return schema.struct(kind[1:]).fields.get(name) if kind[:1] == "=" else None


def _merge(old: Any, new: Any, kind: str, field: schema.Field | None = None) -> Any:
    """`kind` is the type of the value ("" when nobody knows), `field` what the schema says of a list."""
    if new is None:
        return _GONE
    if isinstance(new, dict):
        return _merge_map(old, new, kind)
    if isinstance(new, list):
        return _merge_list(old, new, kind, field)
    return new


def _merge_map(old: Any, new: Object, kind: str) -> Any:
    directive = new.pop(_MARKER, "")
    if directive == "delete":
        return _GONE
    if not isinstance(old, dict) or directive == "replace":
        old = {}
    out = dict(old)
    for name, value in new.items():
        found = _field(kind, name)
        below = found.kind if found else kind[2:] if kind.startswith("{}") else ""
        merged = _merge(out.get(name), value, below, found)
        if merged is _GONE:
            out.pop(name, None)
        else:
            out[name] = merged
    return out


def _merge_list(old: Any, new: list[Any], kind: str, field: schema.Field | None) -> Any:
    directives = [item[_MARKER] for item in new if isinstance(item, dict) and set(item) == {_MARKER}]
    new = [item for item in new if not (isinstance(item, dict) and set(item) == {_MARKER})]
    if "delete" in directives:
        return _GONE
    below = kind[2:] if kind.startswith("[]") else ""
    if not isinstance(old, list) or "replace" in directives:
        old = []
    if field is None or "merge" not in field.patch_strategy:
        return [item for item in (_merge(None, one, below) for one in new) if item is not _GONE]
    keys = (field.keys if field.list_type == "map" else None) or ([field.merge_key] if field.merge_key else [])
    if not keys:
        return list(dict.fromkeys([*new, *old]))
    return _merge_items(old, new, below, keys)


def _merge_items(old: list[Any], new: list[Any], kind: str, keys: list[str]) -> list[Any]:
    """Items with the same keys are one. With one key, the patch's items come first, in its order. With several (ports:
    number and protocol), only its new items do; and, as in the real one, an item of the patch that leaves out a key
    which its like has (a port without its protocol) is lost."""
    given = [key for key in keys if any(isinstance(one, dict) and one.get(key) is not None for one in (*old, *new))]
    wanted = [_values(item, given) for item in new]
    known = [_values(item, given) for item in old]
    out: list[Any] = []
    merged: dict[int, Any] = {}
    for item, values in zip(new, wanted, strict=True):
        at = known.index(values) if values in known else -1
        if at >= 0:
            merged[at] = _merge(old[at], item, kind)
        elif any(_shorter(values, others) for others in known):
            continue
        if at < 0 or len(given) == 1:
            out.append(merged[at] if at >= 0 else _merge(None, item, kind))
    if len(given) == 1:
        out += [item for index, item in enumerate(old) if index not in merged]
    else:
        out += [merged.get(index, item) for index, item in enumerate(old)]
    return [item for item in out if item is not _GONE]


def _values(item: Any, keys: list[str]) -> list[Any]:
    return [item.get(key) for key in keys] if isinstance(item, dict) else [item]


def _shorter(values: list[Any], others: list[Any]) -> bool:
    """The same, but for keys that the one leaves out."""
    if len(values) != len(others) or None not in values:
        return False
    given = [(a, b) for a, b in zip(values, others, strict=True) if a is not None]
    return bool(given) and all(a == b for a, b in given)
