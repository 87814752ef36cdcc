"""Amend: the server changes a stored object by itself, for somebody whom it has already judged.

A binding names a pod's node and an eviction marks the pod, though no client may write those fields. So this goes past
strategies, validation and managed fields; all that is left of an update is that it is made of the newest version.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minikube_edu.api.errors import Conflict, NotFound
from minikube_edu.kube_apiserver.context import Context
from minikube_edu.kube_apiserver.encoding import stored_bytes
from minikube_edu.kube_apiserver.registry.store import Registry
from minikube_edu.kube_apiserver.watch_cache import Entry
from minikube_edu.lib import clock, steps

Object = dict[str, Any]


async def amend(registry: Registry, context: Context, change: Callable[[Object], None]) -> Entry:
    """Call `change` with the object and store what it made; again with a newer one if somebody was faster."""
    resource = context.resource
    entry = registry.entry(resource, context.namespace, context.name)
    while entry is not None:
        new = entry.object()
        change(new)
        if context.dry_run:
            return entry
        written, newer = await registry.commit_update(resource, entry, stored_bytes(new), entry.lease)
        if written is not None:
            if steps.listening:
                steps.emit(
                    "stored", resource=resource.name, key=entry.key, revision=written.revision, verb=context.verb
                )
            return written
        entry = newer
    raise NotFound(resource.group, resource.name, context.name)


def check_identity(context: Context, wanted: Object, found: Object) -> None:
    """The uid and version that a request names must be those of the stored object's metadata."""
    resource = context.resource
    for field, what in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
        if wanted.get(field) and wanted[field] != found.get(field):
            raise Conflict(
                resource.group, resource.name, context.name,
                f"StorageError: invalid object, Code: 4, Key: {resource.key(context.namespace, context.name)}, "
                f"ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: {what} in precondition: "
                f"{wanted[field]}, {what} in object meta: {found.get(field, '')}",
            )  # fmt: skip


def set_pod_condition(pod: Object, condition: Object) -> None:
    """Add a condition to a pod's status, or renew the one of its type; its time is when its status last changed."""
    conditions: list[Object] = pod.setdefault("status", {}).setdefault("conditions", [])
    before = next((one for one in conditions if one["type"] == condition["type"]), None)
    new = {"lastProbeTime": None, "lastTransitionTime": clock.rfc3339(), **condition}
    if before is None:
        conditions.append(new)
        return
    if before["status"] == condition["status"]:
        new["lastTransitionTime"] = before.get("lastTransitionTime")
    before.clear()
    before.update(new)
