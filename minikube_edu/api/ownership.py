"""Who owns which field, and how a write changes that: the arithmetic below `managed_fields` and `server_side_apply`.

A write is a `Request`: it knows how objects compare in each version and which fields do not count. `take` takes what
changed from everybody else, by force or with a `Conflicts`; `update` gives it to whoever wrote.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from minikube_edu.api import fieldset, schema, typed
from minikube_edu.api.errors import ApplyConflict
from minikube_edu.api.fieldset import Path, Set, difference, intersection, union
from minikube_edu.api.managed_entries import Managed, Owned, Owner, cap
from minikube_edu.api.scheme import split_api_version
from minikube_edu.api.typed import Shape

Object = dict[str, Any]
Type = str | Shape | None  # a type of the schema facts; the shape of a custom resource; None: no schema at all
Convert = Callable[[Object, str], Object]
TypeAt = Callable[[str], Type]
Change = tuple[Set, Set]  # what was set, what was removed


# What nobody ever owns.
_UNOWNED = (
    "name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName", "generation", "managedFields",
    "resourceVersion",
)  # fmt: skip
STRIPPED = fieldset.of(
    ("f:apiVersion",), ("f:kind",), ("f:metadata",), *(("f:metadata", f"f:{name}") for name in _UNOWNED)
)


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
        """The object in a version. Between merging and decoding it may lack what its type always has."""
        came = obj["apiVersion"]
        if came == api_version:
            return obj
        shape = self.shape_at(came)
        if isinstance(shape, typed.Map) and shape.type_name:
            obj = schema.decode(shape.type_name, obj).object
        return self._to_version(obj, api_version)

    def compare(self, old: Object, new: Object, api_version: str) -> Change:
        gained, lost = self.shape_at(api_version).compare(self.at(old, api_version), self.at(new, api_version))
        return self.counted(gained or {}), self.counted(lost or {})

    def counted(self, fields: Set) -> Set:
        """Without what this request cannot change."""
        if self._excluded:
            fields = fieldset.recursive_difference(fields, self._excluded)
        return fields if self._only is None else fieldset.matching(fields, self._only)

    def reconcile(self, managed: Managed) -> None:
        """Entries may be of a time when the type divided its fields otherwise, or be somebody's invention."""
        for owner, owned in managed.items():
            try:
                shape = self.shape_at(owned.api_version)
            except KeyError:
                continue
            managed[owner] = owned._replace(fields=_reconciled(owned.fields, shape))

    def empty(self, obj: Object) -> Object:
        """The object before it is created: what its type's encoder writes of nothing, under the same name."""
        blank = _blank(self.shape)
        metadata = obj.get("metadata") or {}
        named = {name: metadata[name] for name in _UNOWNED if name in metadata}
        return {**blank, "apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": named}


def _reconciled(fields: Set, shape: Shape) -> Set:
    """Whoever owns a part of what is atomic owns it all."""
    out = fields
    for step, node in fields.items():
        below = shape.below(step) if node and step != "." else None
        if below is None:
            continue
        now = fieldset.LEAF if below.__class__ is Shape else _reconciled(node, below)
        if now is not node:
            out = {**out, step: now}
    return out


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


# ---------------------------------------------------------------- one write


def update(request: Request, managed: Managed, old: Object, new: Object, owner: Owner, now: str) -> None:
    """Takes what changed from everybody else, and gives it to the owner."""
    gained, _ = take(request, managed, old, new, None)
    fields = difference(gained, STRIPPED)
    if fields:
        if owner in managed:
            fields = union(fields, managed[owner].fields)
        managed[owner] = Owned(fields, request.api_version, now)
    cap(managed)


def take(
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
