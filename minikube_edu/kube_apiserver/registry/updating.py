"""Update: a new version of an object that is there, made from the one that is there.

`update` is given a function that makes the new version from the live one; PUT, every patch and every status write are
such functions. It is called again from the newest version when somebody else was faster, unless the client named the
version that it knows: then that is a conflict. An update that changes nothing writes nothing. One that takes the last
finalizer from an object that is being deleted deletes it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from minikube_edu.api.errors import Conflict, GenericError, Invalid, NotFound
from minikube_edu.api.field_errors import Errors
from minikube_edu.kube_apiserver.admission.chain import UPDATE, Attributes
from minikube_edu.kube_apiserver.context import Context
from minikube_edu.kube_apiserver.encoding import ordered, stored_bytes
from minikube_edu.kube_apiserver.registry.creating import check, create, judge_warnings
from minikube_edu.kube_apiserver.registry.store import Registry
from minikube_edu.kube_apiserver.registry.strategy import Strategy
from minikube_edu.kube_apiserver.watch_cache import Entry
from minikube_edu.lib import steps

Object = dict[str, Any]
# (live object or None when it is absent) -> the new version, after defaults, managed fields and mutating admission
Make = Callable[[Object | None], Awaitable[Object]]

MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"
TRIES = 20


async def update(registry: Registry, context: Context, make: Make, *, may_create: bool = False) -> tuple[bytes, bool]:
    """Returns the new version as served, and whether the object was created."""
    resource = context.resource
    strategy = registry.strategy(resource)
    entry = registry.entry(resource, context.namespace, context.name)
    for _ in range(TRIES):
        if entry is None:
            if not may_create:
                raise NotFound(resource.group, resource.name, context.name)
            return await create(registry, context, await make(None)), True
        old = entry.object()
        new = await make(old)
        named = _check_version(strategy, context, new, entry)
        served, entry = await _replace(registry, context, strategy, entry, old, new)
        if served is not None:
            return served, False
        if named and entry is not None:
            raise Conflict(resource.group, resource.name, context.name, MODIFIED)
    raise Conflict(resource.group, resource.name, context.name, MODIFIED)


def _check_version(strategy: Strategy, context: Context, new: Object, entry: Entry) -> bool:
    """Whether the client named the version that it changes; a conflict when that is not the newest."""
    resource = context.resource
    text = new["metadata"].get("resourceVersion", "")
    if text in ("", "0"):
        if not strategy.allow_unconditional_update and context.verb == "update":
            errors = Errors()
            errors.invalid("metadata.resourceVersion", text or 0, "must be specified for an update")
            raise Invalid(resource.group, resource.name, context.name, errors)
        return False
    if not text.isdigit():
        raise GenericError(f'strconv.ParseUint: parsing "{text}": invalid syntax')
    if int(text) != entry.revision:
        raise Conflict(resource.group, resource.name, context.name, MODIFIED)
    # A patch's result bears the version that it was made from: it is made again from a newer one. When the patch itself
    # named the version, that is the conflict.
    return context.verb != "patch"


def carry_over(new: Object, old: Object, context: Context) -> None:
    """What no update changes."""
    metadata, before = new["metadata"], old["metadata"]
    uid = metadata.get("uid")
    if not uid:
        metadata |= {"uid": before["uid"]} if "uid" in before else {}  # none: it was put into the store by hand
    elif uid != before.get("uid") and context.verb == "update":
        resource = context.resource
        raise Conflict(
            resource.group,
            resource.name,
            context.name,
            f"StorageError: invalid object, Code: 4, Key: {resource.key(context.namespace, context.name)}, "
            f"ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, "
            f"UID in object meta: {before.get('uid', '')}",
        )
    for field in ("creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation"):
        if field in before:
            metadata[field] = before[field]
        else:
            metadata.pop(field, None)
    metadata.pop("selfLink", None)
    if context.resource.namespaced:
        metadata.setdefault("namespace", context.namespace)


async def _replace(
    registry: Registry, context: Context, strategy: Strategy, entry: Entry, old: Object, new: Object
) -> tuple[bytes | None, Entry | None]:
    """Judge and commit: (the served bytes, None), or (None, what is there instead)."""
    resource = context.resource
    carry_over(new, old, context)
    strategy.prepare(new, old, context)
    errors = check(resource, registry, new, old, context.subresource)
    if errors:
        raise Invalid(resource.group, resource.kind, new["metadata"].get("name", ""), errors)
    if context.subresource != "status":
        for warning in judge_warnings(resource, registry, new, old):
            context.warn(warning)
    strategy.canonicalize(new)
    await registry.admission.validate(Attributes(context, UPDATE, new, old))
    metadata = new["metadata"]
    finished = "deletionTimestamp" in metadata and not metadata.get("finalizers") and not _waits(new, strategy)
    undo = await strategy.allocate(new, old, context, registry)
    if context.dry_run:
        if undo:
            undo()
        metadata["resourceVersion"] = str(entry.revision)
        return orjson.dumps(ordered(new)), None
    try:
        written, newer = await _commit(registry, context, entry, old, new, finished)
    except BaseException:
        if undo:
            undo()
        raise
    if written is None and undo:
        undo()
    return written, newer


def _waits(new: Object, strategy: Strategy) -> bool:
    """True while a graceful deletion is under way: its agent (the kubelet) ends it, not the last finalizer."""
    return bool(new["metadata"].get("deletionGracePeriodSeconds", 0)) or not strategy.may_go(new)


async def _commit(
    registry: Registry, context: Context, entry: Entry, old: Object, new: Object, finished: bool
) -> tuple[bytes | None, Entry | None]:
    resource = context.resource
    if finished:
        done, _ = await registry.try_delete(resource, entry)
        if not done:
            return None, await registry.newest(resource, entry.key)
        await registry.strategy(resource).after_delete(old, context, registry)
        new["metadata"]["resourceVersion"] = str(entry.revision)
        return orjson.dumps(ordered(new)), None
    new["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"]
    if new == old:
        return entry.served, None
    seconds = registry.time_to_live(resource)
    lease = await registry.lease(seconds) if seconds else entry.lease
    written, newer = await registry.commit_update(resource, entry, stored_bytes(new), lease)
    if written is None:
        return None, newer
    if steps.listening:
        steps.emit("stored", resource=resource.name, key=entry.key, revision=written.revision, verb="update")
    return written.served, None
