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

from typing import Any

from minikube_edu.api.conversion import convert
from minikube_edu.api.managed_entries import (
    Entries,
    InvalidEntry,
    Managed,
    Owner,
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
from minikube_edu.api.ownership import Convert, Request, Type, TypeAt, update
from minikube_edu.api.server_side_apply import apply
from minikube_edu.api.typed import Mistyped

__all__ = ["apply", "from_scale", "keep_times", "manager_name", "to_scale", "update_managed", "validate"]

Object = dict[str, Any]


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
    managed = known = trusted(before)
    if sent is not None and sent is not before and not subresource:
        managed = _sent(sent, before, known)
    if not managed and old is not None:
        return  # nobody was tracked, and nobody will be until somebody applies
    request = Request(new["kind"], type_name, api_version, reset, only, to_version, type_at)
    owner = Owner(manager or "unknown", "Update", api_version, subresource)
    if managed is not known or request.shape.loose:
        request.reconcile(managed)
    try:
        update(request, managed, old if old is not None else request.empty(new), new, owner, now)
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
