"""Who set which field: `metadata.managedFields`, kept on every write (under construction: signatures are fixed).

Rules for callers, in the order of the real server:

1. decode and default the request's object (for a patch: the patched object), then
2. `update_managed(new, old, …)` before mutating admission and before the strategy's prepare hooks (what those add belongs to nobody);
   for an apply patch `apply(live, patch, …)` instead, which merges; then decode and default what it returns;
3. after mutating admission: `validate(entries)`; a complaint means: put back the entries from before admission, and warn with it;
4. right before the write: `keep_times(new, old)`: when nothing but times of entries differs, the old times stay, so that the write
   is a no-op.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minikube_edu.api.conversion import convert

Object = dict[str, Any]


def update_managed(
    new: Object,
    old: Object | None,
    *,
    type_name: Any,  # str: a type of the schema facts; typed.Shape: a custom resource's type; None: no schema at all
    api_version: str,  # of the request; `new` and `old` are in this version
    manager: str,  # from manager_name()
    subresource: str = "",
    reset: tuple[str, ...] = (),  # fields that this request cannot change ("status", "metadata.deletionTimestamp")
    only: tuple[str, ...] = (),  # when given, the only ones it can ("spec.containers.*.resources")
    now: str,  # RFC 3339, whole seconds
    to_version: Callable[[Object, str], Object] = convert,
    type_at: Callable[[str], Any] | None = None,  # apiVersion -> type as above, KeyError when it is not served any more
) -> None:
    """Sets new["metadata"]["managedFields"] after a create (`old` is None), an update or a patch. Never fails."""
    raise NotImplementedError


def apply(
    live: Object | None,
    patch: Object,
    *,
    type_name: Any,
    api_version: str,
    manager: str,
    force: bool = False,
    subresource: str = "",
    reset: tuple[str, ...] = (),
    only: tuple[str, ...] = (),
    now: str,
    to_version: Callable[[Object, str], Object] = convert,
    type_at: Callable[[str], Any] | None = None,
) -> Object:
    """Server-side apply: a new object, merged from `live` (None: there is none yet) and `patch`, its managedFields set; not
    defaulted. Raises ApplyConflict, BadRequest (version, managedFields in the patch), GenericError (wrong types, duplicate keys)."""
    raise NotImplementedError


def validate(entries: list[Object] | None) -> str | None:
    """What is wrong with managedFields that somebody sent; None: nothing."""
    raise NotImplementedError


def keep_times(new: Object, old: Object) -> None:
    """Puts the old times of entries back in `new` when nothing else differs."""
    raise NotImplementedError


def to_scale(entries: list[Object] | None, replicas: dict[str, str]) -> list[Object]:
    """The entries of a Scale made from its parent's; `replicas`: the parent's apiVersions -> path ("spec.replicas")."""
    raise NotImplementedError


def from_scale(
    parent_entries: list[Object] | None, scale_entries: list[Object] | None, api_version: str, replicas: dict[str, str]
) -> list[Object]:
    """The parent's entries after its Scale was written; `api_version` is the parent's."""
    raise NotImplementedError


def manager_name(field_manager: str, user_agent: str) -> str:
    """The manager of a request: the parameter, or the user agent up to its slash."""
    raise NotImplementedError
