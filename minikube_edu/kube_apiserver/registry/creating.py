"""Create: from what a client sent to a stored object.

The stations: system metadata (name, uid, time), the kind's `prepare_create`, validation, validating admission,
allocation of what the object needs, and the commit, which fails when the key is taken. Mutating admission has run
before (in the handler).
"""

from __future__ import annotations

from typing import Any

import orjson

from minikube_edu.api import defaults, schema
from minikube_edu.api.errors import AlreadyExists, GenericError, Invalid
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.scheme import Resource
from minikube_edu.api.validation import meta, validator
from minikube_edu.kube_apiserver.admission.chain import CREATE, Attributes
from minikube_edu.kube_apiserver.context import Context
from minikube_edu.kube_apiserver.encoding import ordered, stored_bytes
from minikube_edu.kube_apiserver.registry.store import Registry
from minikube_edu.lib import clock, ids, steps

Object = dict[str, Any]

NAME_ROOM = 58  # a generated name is the prefix, cut to this, and five letters
GENERATE_TRIES = 8


def prepare(registry: Registry, context: Context, obj: Object) -> Object:
    """An object of the server's own, made ready for `create`: decoded and with its defaults."""
    resource = context.resource
    if resource.type_name:
        obj = schema.decode(resource.type_name, obj).object
        defaults.defaulter(resource.group, resource.version, resource.kind)(obj)
    return obj


SYSTEM_FIELDS = ("creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "selfLink", "uid")
DUPLICATES = (
    ".metadata.ownerReferences contains duplicate entries{}; API server dedups owner references in 1.20+, and may "
    "reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: {}"
)


def wipe_metadata(new: Object) -> None:
    """What a client cannot set on a new object."""
    for field in SYSTEM_FIELDS:
        new["metadata"].pop(field, None)


def single_owners(new: Object, context: Context, when: str = "") -> None:
    """Owners that are named twice are named once, with a warning."""
    references = new["metadata"].get("ownerReferences")
    if not references or len(references) < 2:
        return
    kept: list[Object] = []
    doubles: list[str] = []
    for reference in references:
        if reference not in kept:
            kept.append(reference)
        elif reference.get("uid", "") not in doubles:
            doubles.append(reference.get("uid", ""))
    if doubles:
        new["metadata"]["ownerReferences"] = kept
        context.warn(DUPLICATES.format(when, ", ".join(doubles)))


def fill_metadata(new: Object, context: Context) -> None:
    """What the system alone may say about a new object."""
    metadata = new["metadata"]
    wipe_metadata(new)
    metadata["uid"] = ids.uid()
    metadata["creationTimestamp"] = clock.rfc3339()
    if context.resource.namespaced:
        metadata["namespace"] = context.namespace
    else:
        metadata.pop("namespace", None)


def generate_name(metadata: Object) -> None:
    metadata["name"] = metadata["generateName"][:NAME_ROOM] + ids.suffix()


def check(resource: Resource, registry: Registry, new: Object, old: Object | None, subresource: str = "") -> Errors:
    """Everything that validation has to say."""
    errors = Errors()
    judge = resource.custom.validator if resource.custom else validator(resource.stored_version[0], resource.kind)
    if old is None:
        meta.validate_meta_create(new, resource.namespaced, judge.name, errors)
        judge.create(new, errors)
        return errors
    meta.validate_meta_update(new, old, errors)
    for name, rule in judge.subresources:
        if name == subresource:
            rule(new, old, errors)
            return errors
    judge.update(new, old, errors)
    return errors


async def create(registry: Registry, context: Context, new: Object) -> bytes:
    """Store a new object; returns it as served. Mutating admission is the caller's."""
    resource = context.resource
    strategy = registry.strategy(resource)
    metadata = new["metadata"]
    generated = not metadata.get("name") and bool(metadata.get("generateName"))
    for attempt in range(GENERATE_TRIES):
        fill_metadata(new, context)
        if generated:
            generate_name(metadata)
        if attempt == 0:
            strategy.prepare_create(new, context)
            errors = check(resource, registry, new, None)
            if errors:
                raise Invalid(resource.group, resource.kind, metadata.get("name", ""), errors)
            for warning in judge_warnings(resource, registry, new, None):
                context.warn(warning)
            strategy.canonicalize(new)
            await registry.admission.validate(Attributes(context, CREATE, new, None))
        made = await _commit(registry, context, new)
        if made is not None:
            return made
        if not generated:
            break
    taken = AlreadyExists(resource.group, resource.name, metadata["name"])
    there = registry.entry(resource, context.namespace, metadata["name"])
    if there is not None and "deletionTimestamp" in there.object()["metadata"]:
        taken.message = f"object is being deleted: {taken.message}"
    raise taken


def judge_warnings(resource: Resource, registry: Registry, new: Object, old: Object | None) -> list[str]:
    if resource.custom is not None:
        return []
    found: list[str] = validator(resource.stored_version[0], resource.kind).warnings(new, old)
    return found


async def _commit(registry: Registry, context: Context, new: Object) -> bytes | None:
    """Allocate and store; None when the name is taken."""
    resource = context.resource
    metadata = new["metadata"]
    key = f"{metadata['namespace']}/{metadata['name']}" if resource.namespaced else metadata["name"]
    if metadata.get("resourceVersion") not in (None, "", "0"):
        raise GenericError("resourceVersion should not be set on objects to be created")
    metadata.pop("resourceVersion", None)
    strategy = registry.strategy(resource)
    if key in registry.cache_of(resource).entries:
        return None
    undo = await strategy.allocate(new, None, context, registry)
    if context.dry_run:
        if undo:
            undo()
        return orjson.dumps(ordered(new))
    value = stored_bytes(new)
    entry = None
    try:
        lease = await registry.lease(seconds) if (seconds := registry.time_to_live(resource)) else 0
        entry = await registry.commit_create(resource, key, value, lease)
    finally:
        if entry is None and undo:
            undo()
    if entry is None:
        return None
    if steps.listening:
        steps.emit("stored", resource=resource.name, key=key, revision=entry.revision, verb="create")
    return entry.served
