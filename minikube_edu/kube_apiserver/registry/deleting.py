"""Delete: at once, after a grace period, or when the last finalizer goes.

What a DELETE does depends on the object and on the options. Pods get a grace period that their kubelet ends. A
propagation policy becomes a finalizer (`foregroundDeletion`, `orphan`) that the garbage collector takes off. While
there are finalizers or grace is left, the object stays, with a deletionTimestamp; a further DELETE can only make the
grace shorter.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from minikube_edu.api.errors import NotFound
from minikube_edu.kube_apiserver.admission.chain import DELETE, Attributes
from minikube_edu.kube_apiserver.context import Context
from minikube_edu.kube_apiserver.encoding import ordered, stored_bytes
from minikube_edu.kube_apiserver.registry.store import Registry
from minikube_edu.kube_apiserver.registry.strategy import Strategy
from minikube_edu.kube_apiserver.watch_cache import Entry
from minikube_edu.lib import clock, steps

Object = dict[str, Any]

ORPHAN, FOREGROUND = "orphan", "foregroundDeletion"


class Deleted(NamedTuple):
    served: bytes  # the object: as it was, or as it is now
    gone: bool


async def delete(registry: Registry, context: Context, options: Object) -> Deleted:
    resource = context.resource
    strategy = registry.strategy(resource)
    entry = registry.entry(resource, context.namespace, context.name)
    while True:
        if entry is None:
            raise NotFound(resource.group, resource.name, context.name)
        old = entry.object()
        strategy.check_preconditions(context, options, old)
        await registry.admission.validate(Attributes(context, DELETE, None, old, options))
        plan = plan_deletion(strategy, old, options)
        if context.dry_run:
            return Deleted(orjson.dumps(ordered(plan or old)), plan is None)
        if plan is None:
            done, _ = await registry.try_delete(resource, entry)
            if done:
                await strategy.after_delete(old, context, registry)
                if steps.listening:
                    steps.emit("stored", resource=resource.name, key=entry.key, verb="delete")
                return Deleted(last_words(strategy, entry, old, options), True)
        elif plan == old:
            return Deleted(entry.served, False)
        else:
            written, _ = await registry.commit_update(resource, entry, stored_bytes(plan), entry.lease)
            if written is not None:
                return Deleted(written.served, False)
        entry = await registry.newest(resource, entry.key)


def last_words(strategy: Strategy, entry: Entry, old: Object, options: Object) -> bytes:
    """What the answer shows of an object that went at once: one with a grace period had none left."""
    if strategy.grace_period(old, options.get("gracePeriodSeconds")) is None:
        return entry.served
    metadata = {**old["metadata"], "deletionTimestamp": clock.rfc3339(), "deletionGracePeriodSeconds": 0}
    if "deletionTimestamp" not in old["metadata"] and metadata.get("generation"):
        metadata["generation"] += 1
    return orjson.dumps(ordered({**old, "metadata": metadata}))


def plan_deletion(strategy: Strategy, old: Object, options: Object) -> Object | None:
    """The object as it is to be stored while its deletion waits; None when it goes at once."""
    metadata = dict(old["metadata"])
    finalizers = wanted_finalizers(strategy, metadata, options)
    grace = strategy.grace_period(old, options.get("gracePeriodSeconds"))
    if "deletionTimestamp" in metadata:
        grace = _shortened(metadata, grace)
    if not finalizers and not grace and strategy.may_go(old):
        return None
    if finalizers:
        metadata["finalizers"] = finalizers
    else:
        metadata.pop("finalizers", None)
    if "deletionTimestamp" not in metadata:
        metadata["deletionTimestamp"] = clock.rfc3339(clock.now() + (grace or 0))
        metadata["deletionGracePeriodSeconds"] = grace or 0
        if metadata.get("generation"):
            metadata["generation"] += 1
    elif grace is not None and grace < metadata.get("deletionGracePeriodSeconds", 0):
        before = clock.parse_rfc3339(metadata["deletionTimestamp"]) - metadata.get("deletionGracePeriodSeconds", 0)
        metadata["deletionTimestamp"] = clock.rfc3339(before + grace)
        metadata["deletionGracePeriodSeconds"] = grace
    planned = {**old, "metadata": metadata}
    strategy.begin_deletion(planned)
    return planned


def _shortened(metadata: Object, asked: int | None) -> int | None:
    """A deletion is under way: what is left of its grace may shrink, never grow."""
    left: int | None = metadata.get("deletionGracePeriodSeconds")
    if asked is None or left is None:
        return left or None
    return min(asked, left)


def wanted_finalizers(strategy: Strategy, metadata: Object, options: Object) -> list[str]:
    """The finalizers after the propagation policy has had its say."""
    have: list[str] = list(metadata.get("finalizers", ()))
    policy, orphan = options.get("propagationPolicy"), options.get("orphanDependents")
    orphans, foreground = ORPHAN in have, FOREGROUND in have
    if orphan is not None:
        orphans, foreground = bool(orphan), foreground if not orphan else False
    elif policy is not None:
        orphans, foreground = policy == "Orphan", policy == "Foreground"
    elif not orphans and not foreground and strategy.default_propagation == "Orphan":
        orphans = True
    kept = [name for name in have if name not in (ORPHAN, FOREGROUND)]
    return kept + [ORPHAN] * orphans + [FOREGROUND] * foreground
