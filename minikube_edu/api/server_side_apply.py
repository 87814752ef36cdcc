"""Server-side apply: the live object and what one applier wants, made into one, with a conflict where others disagree.

`managed_fields` is its public face and says when to call it. What happens, in order: merge; remove what this applier
owned and does not name any more, unless others own it; compare with the live object and take what changed. kubectl may
take by force what its own annotation of client-side apply explains.
"""

from __future__ import annotations

from typing import Any

import orjson

from minikube_edu.api import fieldset, typed
from minikube_edu.api.conversion import convert
from minikube_edu.api.errors import BadRequest, GenericError
from minikube_edu.api.fieldset import Set, difference, intersection, union
from minikube_edu.api.managed_entries import InvalidEntry, Managed, Owned, Owner, decode, encode
from minikube_edu.api.ownership import STRIPPED, Conflicts, Convert, Request, Type, TypeAt, take, update
from minikube_edu.api.typed import Mistyped, Shape

Object = dict[str, Any]

BEFORE_FIRST_APPLY = "before-first-apply"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


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
    request.reconcile(managed)
    if not managed:
        first = Owner(BEFORE_FIRST_APPLY, "Update", api_version, subresource)
        try:
            update(request, managed, request.empty(base), base, first, now)
        except Mistyped as error:
            raise GenericError(f"failed to create typed live object ({_title(base)}): {error}") from None
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
        take(request, managed, live, merged, owner, force)
    except Mistyped as error:
        raise GenericError(f"failed to create typed live object ({_title(live)}): {error}") from None
    mine = difference(managed[owner].fields, STRIPPED)
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
    return request.at(kept, request.api_version)


def _add_back(request: Request, whole: Object, pruned: Object, at: str, version: str, owned: Set) -> Object:
    """`pruned` with all that others own in a version; both objects are in version `at`."""
    try:
        shape = request.shape_at(version)
    except KeyError:
        return pruned
    whole, pruned = request.at(whole, version), request.at(pruned, version)
    keep = union(_all(shape, pruned), _named(owned, shape))
    kept: Object = shape.remove(whole, difference(_all(shape, whole), keep)) or {}
    return request.at(kept, at)


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
