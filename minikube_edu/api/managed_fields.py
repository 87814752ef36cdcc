"""Who set which field: `metadata.managedFields`, kept on every write, and server-side apply, which lives on it.

Rules for callers, in the order of the real server:

1. decode and default the request's object (for a patch: the patched object), then
2. `update_managed(new, old, …)` before mutating admission and before the strategy's prepare hooks, so that what those
   add belongs to nobody. For an apply patch `apply(live, patch, …)` instead, which merges; decode and default what it
   returns;
3. after mutating admission `validate(entries)`: a complaint means to put back the entries from before, and to warn;
4. right before the write `keep_times(new, old)`: when nothing but times of entries differs, the old ones stay, so that
   the write is a no-op.

Sets and entries are never changed in place: objects may share them. `managedFields: []` and `[{}]` in `new` ask to
forget all owners, so the decoding pass must keep an empty list.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import orjson

from minikube_edu.api import fieldset, schema, typed
from minikube_edu.api.conversion import convert
from minikube_edu.api.errors import ApplyConflict, BadRequest, GenericError
from minikube_edu.api.fieldset import Path, Set, difference, intersection, union
from minikube_edu.api.managed_entries import (
    Entries,
    InvalidEntry,
    Managed,
    Owned,
    Owner,
    cap,
    decode,
    encode,
    from_scale,
    is_reset,
    keep_times,
    manager_name,
    to_scale,
    trusted,
    validate,
)
from minikube_edu.api.scheme import split_api_version
from minikube_edu.api.typed import Mistyped, Shape

__all__ = ["apply", "from_scale", "keep_times", "manager_name", "to_scale", "update_managed", "validate"]

Object = dict[str, Any]
Type = str | Shape | None  # a type of the schema facts; the shape of a custom resource; None: no schema at all
Convert = Callable[[Object, str], Object]
TypeAt = Callable[[str], Type]
Change = tuple[Set, Set]  # what was set, what was removed

BEFORE_FIRST_APPLY = "before-first-apply"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

# What nobody ever owns.
_UNOWNED = (
    "name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName", "generation", "managedFields",
    "resourceVersion",
)  # fmt: skip
_STRIPPED = fieldset.of(
    ("f:apiVersion",), ("f:kind",), ("f:metadata",), *(("f:metadata", f"f:{name}") for name in _UNOWNED)
)
_NOTHING: Change = {}, {}


class Request:
    """One write as the bookkeeping sees it: how objects compare in each version, and which fields do not count."""

    def __init__(
        self, kind: str, type_name: Type, api_version: str, reset: tuple[str, ...], only: tuple[str, ...],
        to_version: Convert, type_at: TypeAt | None,
    ) -> None:  # fmt: skip
        self.kind = kind
        self.api_version = api_version
        self.shape = _shape(type_name)
        self._excluded = _excluded(reset) if reset else {}
        self._only = _patterns(only) if only else None
        self._to_version = to_version
        self._type_at = type_at

    def shape_at(self, api_version: str) -> Shape:
        """KeyError: the version is not served any more."""
        if api_version == self.api_version:
            return self.shape
        return _shape(self._type_at(api_version) if self._type_at else _builtin(api_version, self.kind))

    def at(self, obj: Object, api_version: str) -> Object:
        return obj if api_version == self.api_version else self._to_version(obj, api_version)

    def compare(self, old: Object, new: Object, api_version: str) -> Change:
        gained, lost = self.shape_at(api_version).compare(self.at(old, api_version), self.at(new, api_version))
        return self.counted(gained or {}), self.counted(lost or {})

    def counted(self, fields: Set) -> Set:
        """Without what this request cannot change."""
        if self._excluded:
            fields = fieldset.recursive_difference(fields, self._excluded)
        return fields if self._only is None else fieldset.matching(fields, self._only)

    def empty(self, obj: Object) -> Object:
        """The object before it is created: what its type's encoder writes of nothing, under the same name."""
        blank = _blank(self.shape)
        metadata = obj.get("metadata") or {}
        named = {name: metadata[name] for name in _UNOWNED if name in metadata}
        return {**blank, "apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": named}


@cache
def _excluded(reset: tuple[str, ...]) -> Set:
    return fieldset.of(*_patterns(reset))


@cache
def _patterns(dotted: tuple[str, ...]) -> tuple[Path, ...]:
    return tuple(tuple(name if name == "*" else f"f:{name}" for name in path.split(".")) for path in dotted)


def _shape(type_name: Type) -> Shape:
    if type_name is None:
        return typed.DEDUCED
    return typed.of_type(type_name) if isinstance(type_name, str) else type_name


def _blank(shape: Shape) -> Object:
    """Of a built-in type: its zero value; custom objects have none."""
    return _zero(shape.type_name) if isinstance(shape, typed.Map) and shape.type_name else {}


@cache
def _zero(name: str) -> Object:
    return dict(schema.normalizer("=" + name)({}))


def _builtin(api_version: str, kind: str) -> str:
    name = schema.type_of(*split_api_version(api_version), kind)
    if name is None:
        raise KeyError(api_version)
    return name


# ---------------------------------------------------------------- create, update, patch


def update_managed(
    new: Object,
    old: Object | None,
    *,
    type_name: Type,
    api_version: str,  # of the request; `new` and `old` are in this version
    manager: str,  # from manager_name()
    subresource: str = "",
    reset: tuple[str, ...] = (),  # fields that this request cannot change ("status", "metadata.deletionTimestamp")
    only: tuple[str, ...] = (),  # when given, the only ones it can ("spec.containers.*.resources")
    now: str,  # RFC 3339, whole seconds
    to_version: Convert = convert,
    type_at: TypeAt | None = None,  # apiVersion -> type, KeyError when it is not served any more
) -> None:
    """Sets new["metadata"]["managedFields"] after a create (`old` is None), an update or a patch. Never fails: when
    the object cannot be compared, its entries stay as they were."""
    metadata = new["metadata"]
    sent: Entries | None = metadata.pop("managedFields", None)
    before: Entries | None = old["metadata"].get("managedFields") if old is not None else None
    managed = trusted(before)
    if sent is not None and sent is not before and not subresource:
        managed = _sent(sent, before, managed)
    if not managed and old is not None:
        return  # nobody was tracked, and nobody will be until somebody applies
    request = Request(new["kind"], type_name, api_version, reset, only, to_version, type_at)
    owner = Owner(manager or "unknown", "Update", api_version, subresource)
    try:
        _update(request, managed, old if old is not None else request.empty(new), new, owner, now)
    except Mistyped:
        if before:
            metadata["managedFields"] = before
        return
    if managed:
        metadata["managedFields"] = encode(managed)


def _sent(sent: Entries, before: Entries | None, managed: Managed) -> Managed:
    """The entries to start from when the request brings some: those, unless they are unusable."""
    if is_reset(sent):
        return {}
    if sent == before:
        return managed
    try:
        return decode(sent) or managed
    except InvalidEntry:
        return managed


def _update(request: Request, managed: Managed, old: Object, new: Object, owner: Owner, now: str) -> None:
    """Takes what changed from everybody else, and gives it to the owner."""
    gained, _ = _take(request, managed, old, new, None)
    fields = difference(gained, _STRIPPED)
    if fields:
        if owner in managed:
            fields = union(fields, managed[owner].fields)
        managed[owner] = Owned(fields, request.api_version, now)
    cap(managed)


def _take(
    request: Request, managed: Managed, old: Object, new: Object, taker: Owner | None, force: bool = True
) -> Change:
    """What changed from `old` to `new`; it is taken from all but the taker. ApplyConflict when that takes force."""
    change = request.compare(old, new, request.api_version)
    changes = {request.api_version: change}
    conflicts: dict[Owner, Set] = {}
    for owner, owned in list(managed.items()):
        if owner == taker:
            continue
        if owned.api_version not in changes:
            try:
                changes[owned.api_version] = request.compare(old, new, owned.api_version)
            except KeyError:
                del managed[owner]
                continue
        gained, lost = changes[owned.api_version]
        if not gained and not lost:
            continue
        if not force and (taken := intersection(owned.fields, gained)):
            conflicts[owner] = taken
        rest = difference(difference(owned.fields, gained), lost)
        if not rest:
            del managed[owner]
        elif rest is not owned.fields:
            managed[owner] = owned._replace(fields=rest)
    if conflicts:
        raise Conflicts(conflicts)
    return change


# ---------------------------------------------------------------- server-side apply


class Conflicts(Exception):
    """Fields that others own and this applier would set differently."""

    def __init__(self, by_owner: dict[Owner, Set]) -> None:
        super().__init__()
        self.by_owner = {owner: by_owner[owner] for owner in sorted(by_owner, key=Owner.identifier)}

    def error(self) -> ApplyConflict:
        causes: list[Object] = []
        lines: list[str] = []
        for owner, fields in self.by_owner.items():
            lines.append(f"conflicts with {owner.text()}:")
            for path in fieldset.paths(fields):
                text = fieldset.path_text(path)
                lines.append(f"- {text}")
                message = f"conflict with {owner.text()}"
                causes.append({"reason": "FieldManagerConflict", "message": message, "field": text})
        if len(causes) == 1:
            message = f"Apply failed with 1 conflict: {causes[0]['message']}: {causes[0]['field']}"
        else:
            message = f"Apply failed with {len(causes)} conflicts: " + "\n".join(lines)
        return ApplyConflict(message, causes)


def apply(
    live: Object | None,
    patch: Object,
    *,
    type_name: Type,
    api_version: str,
    kind: str = "",
    manager: str,
    force: bool = False,
    subresource: str = "",
    reset: tuple[str, ...] = (),
    only: tuple[str, ...] = (),
    now: str,
    to_version: Convert = convert,
    type_at: TypeAt | None = None,
) -> Object:
    """Server-side apply: a new object, merged from `live` (None: there is none yet) and `patch`, its managedFields set;
    not defaulted. `kind` is that of the resource; "" to trust the live object or the patch.

    Raises ApplyConflict, BadRequest (another kind or version, managedFields in the patch), GenericError (wrong types,
    duplicate keys)."""
    kind = kind or str((live or patch).get("kind", ""))
    _check_kind(patch, api_version, kind)
    request = Request(kind, type_name, api_version, reset, only, to_version, type_at)
    base: Object = {"apiVersion": api_version, "kind": kind, "metadata": {}}
    base = request.empty(base) if live is None else live
    try:
        managed = decode(base["metadata"].get("managedFields"))
    except InvalidEntry as error:
        raise GenericError(f"failed to decode managed fields: {error}") from None
    if not managed:
        first = Owner(BEFORE_FIRST_APPLY, "Update", api_version, subresource)
        _update(request, managed, request.empty(base), base, first, now)
    owner = Owner(manager or "unknown", "Apply", "", subresource)
    merged, managed = _apply_or_migrate(request, managed, base, patch, owner, force)
    if merged is base:
        out = {**base, "metadata": {**base["metadata"]}}
    else:
        out = merged
        if owner in managed:
            managed[owner] = managed[owner]._replace(time=now)
    metadata = out["metadata"] = {**(out.get("metadata") or {})}
    metadata.pop("managedFields", None)
    if manager == "kubectl":
        _update_last_applied(out, patch)
        metadata = out["metadata"]
    if managed:
        metadata["managedFields"] = encode(managed)
    return out


def _check_kind(patch: Object, api_version: str, kind: str) -> None:
    applied_version = str(patch.get("apiVersion") or "")
    if applied_version != api_version or patch.get("kind") != kind:
        raise BadRequest(f"invalid object type: {_gvk(patch)}")
    metadata = patch.get("metadata")
    if isinstance(metadata, dict) and metadata.get("managedFields") is not None:
        raise BadRequest("metadata.managedFields must be nil")


def _gvk(obj: Object) -> str:
    """As Go prints it, with its empty parts."""
    group, _, version = str(obj.get("apiVersion") or "").rpartition("/")
    return f"{group}/{version}, Kind={obj.get('kind') or ''}"


def _apply_or_migrate(
    request: Request, managed: Managed, live: Object, patch: Object, owner: Owner, force: bool
) -> tuple[Object, Managed]:
    """Apply; when kubectl's own last client-side apply explains every conflict, it may have its way."""
    try:
        return _apply(request, dict(managed), live, patch, owner, force)
    except Conflicts as conflicts:
        allowed = _last_applied_fields(request, live) if owner.manager == "kubectl" else {}
        left = {who: difference(fields, allowed) for who, fields in conflicts.by_owner.items()}
        left = {who: fields for who, fields in left.items() if fields}
        if left:
            raise Conflicts(left).error() from None
    return _apply(request, dict(managed), live, patch, owner, True)


def _apply(
    request: Request, managed: Managed, live: Object, patch: Object, owner: Owner, force: bool
) -> tuple[Object, Managed]:
    """Merge, prune what this applier set last time and no more, take what changed. The live object itself comes back
    when nothing changed."""
    shape = request.shape
    _check_types(shape, patch)
    try:
        merged: Object = shape.merge(live, patch)
        fields = request.counted(shape.leaves(patch) or {})
        last = managed.get(owner)
        managed[owner] = Owned(fields, request.api_version, last.time if last else None)
        if last is not None and last.fields:
            merged = _prune(request, merged, managed, last)
        _take(request, managed, live, merged, owner, force)
    except Mistyped as error:
        raise GenericError(f"failed to create typed live object ({_title(live)}): {error}") from None
    mine = difference(managed[owner].fields, _STRIPPED)
    if mine:
        managed[owner] = managed[owner]._replace(fields=mine)
    else:
        del managed[owner]
    return (live if typed.same(merged, live) else merged), managed


def _check_types(shape: Shape, patch: Object) -> None:
    problems: list[str] = []
    shape.check(patch, (), problems)
    if problems:
        text = problems[0] if len(problems) == 1 else "errors:" + "".join(f"\n  {one}" for one in problems)
        raise GenericError(f"failed to create typed patch object ({_title(patch)}): {text}")


def _title(obj: Object) -> str:
    metadata = obj.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    return f"{metadata.get('namespace') or ''}/{metadata.get('name') or ''}; {_gvk(obj)}"


def _prune(request: Request, merged: Object, managed: Managed, last: Owned) -> Object:
    """Without what only this applier owned and does not set any more."""
    try:
        shape = request.shape_at(last.api_version)
    except KeyError:
        return merged
    whole = request.at(merged, last.api_version)
    pruned: Object = shape.remove(whole, _named(last.fields, shape)) or {}
    by_version: dict[str, Set] = {}
    for owned in managed.values():
        by_version[owned.api_version] = union(by_version.get(owned.api_version, {}), owned.fields)
    for version in sorted(by_version, key=lambda version: version != last.api_version):
        pruned = _add_back(request, whole, pruned, last.api_version, version, by_version[version])
    # What was nobody's, or somebody's who updates, is not this applier's to remove.
    gone = difference(_all(shape, whole), _all(shape, pruned))
    kept: Object = shape.remove(whole, intersection(gone, _named(last.fields, shape))) or {}
    if last.api_version == request.api_version:
        return kept
    return request._to_version(kept, request.api_version)


def _add_back(request: Request, whole: Object, pruned: Object, at: str, version: str, owned: Set) -> Object:
    """`pruned` with all that others own in a version; both objects are in version `at`."""
    try:
        shape = request.shape_at(version)
    except KeyError:
        return pruned
    if version != at:
        whole, pruned = request._to_version(whole, version), request._to_version(pruned, version)
    keep = union(_all(shape, pruned), _named(owned, shape))
    kept: Object = shape.remove(whole, difference(_all(shape, whole), keep)) or {}
    return kept if version == at else request._to_version(kept, at)


def _all(shape: Shape, obj: Object) -> Set:
    return _named(shape.leaves(obj) or {}, shape)


def _named(fields: Set, shape: Shape | None) -> Set:
    """With the declared fields above every member, which sets leave out."""
    out: Set = {}
    for step, node in fields.items():
        if not node or step == ".":
            out[step] = node
            continue
        node = _named(node, shape.below(step) if shape else None)
        if "." not in node and shape is not None and shape.names(step):
            node = {".": fieldset.LEAF, **node}
        out[step] = node
    return out


# ---------------------------------------------------------------- kubectl's client-side apply


def _last_applied(obj: Object) -> str:
    annotations = obj["metadata"].get("annotations") or {}
    return str(annotations.get(LAST_APPLIED) or "")


def _last_applied_fields(request: Request, live: Object) -> Set:
    """What kubectl's annotation says it applied, as far as the object still has it."""
    try:
        applied = orjson.loads(_last_applied(live))
        if applied.get("apiVersion") != request.api_version:
            return {}
        _check_types(request.shape, applied)
        gained, lost = request.shape.compare(applied, live)
        fields = request.shape.leaves(applied) or {}
    except (orjson.JSONDecodeError, AttributeError, GenericError, Mistyped):
        return {}
    return difference(difference(fields, gained or {}), lost or {})


def _update_last_applied(out: Object, patch: Object) -> None:
    """Keeps kubectl's annotation, where there is one, up to date with what kubectl applies on the server's side."""
    if not _last_applied(out):
        return
    applied = {**patch, "metadata": {**(patch.get("metadata") or {})}}
    if isinstance(annotations := applied["metadata"].get("annotations"), dict):
        annotations = {key: value for key, value in annotations.items() if key != LAST_APPLIED}
        applied["metadata"]["annotations"] = annotations
    text = orjson.dumps(applied, option=orjson.OPT_SORT_KEYS).decode() + "\n"
    metadata = out["metadata"]
    out["metadata"] = {**metadata, "annotations": {**metadata["annotations"], LAST_APPLIED: text}}
