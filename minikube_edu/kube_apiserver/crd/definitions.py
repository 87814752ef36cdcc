"""The loop behind custom resources: what is defined is served, what is no longer defined is not.

For every definition: names, accepted or refused; once established, its
resources in the scheme. A definition that is being deleted has its objects deleted first. One worker, one queue of
names: when something does not work out (a conflict, an object that waits for its own finalizer), the name comes back.

The real server spreads this over six controllers (naming, establishing, finalizing, non-structural schemas, API
approval, discovery).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from minikube_edu.api import managed_fields
from minikube_edu.api.conversion import between
from minikube_edu.api.errors import ApiError, NotFound
from minikube_edu.api.scheme import Resource
from minikube_edu.etcd.contract import Range
from minikube_edu.kube_apiserver.crd import names
from minikube_edu.kube_apiserver.registry import deleting, updating
from minikube_edu.kube_apiserver.registry.store import Registry
from minikube_edu.kube_apiserver.registry.strategies.apiextensions import FINALIZER
from minikube_edu.kube_apiserver.watch_cache import Change, Entry
from minikube_edu.lib import clock
from minikube_edu.lib.workqueue import WorkQueue

log = logging.getLogger(__name__)

Object = dict[str, Any]

GROUP, NAME = "apiextensions.k8s.io", "customresourcedefinitions"
WAIT = 0.5  # seconds until a deletion that waits is looked at again


class Definitions:
    """`prepare` before the server answers, `run` until cancelled."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        found = registry.resource(GROUP, NAME)
        assert found is not None
        self.resource: Resource = found
        self.served: dict[str, list[Resource]] = {}  # by the definition's name
        self.queue: WorkQueue[str] = WorkQueue("definitions")

    async def prepare(self) -> None:
        """Serve what is established already: a restart changes nothing for anybody."""
        for definition in self.registry.list_objects(GROUP, NAME):
            if names.is_established(definition):
                await self.serve(definition)

    async def run(self) -> None:
        cache = self.registry.cache_of(self.resource)
        stop = cache.listen(self.changed)
        for key in list(cache.keys()):
            self.queue.add(key)
        try:
            while True:
                name = await self.queue.get()
                try:
                    await self.reconcile(name)
                except ApiError as error:
                    log.debug("definition %s: %s", name, error)
                    self.queue.add_after(name, WAIT)
                except Exception:  # one definition that cannot be served must not stop the others
                    log.exception("definition %s", name)
                    self.queue.add_after(name, 10 * WAIT)
                finally:
                    self.queue.done(name)
        finally:
            stop()

    def changed(self, change: Change) -> None:
        self.queue.add(change.entry.key)

    # ------------------------------------------------------------ one definition

    async def reconcile(self, name: str) -> None:
        definition = self.registry.get_object(GROUP, NAME, "", name)
        if definition is None:
            self.forget(name)
            return
        if "deletionTimestamp" in definition["metadata"]:
            await self.undefine(definition)
            return
        status = names.accept(definition, self.others(definition))
        if status != definition.get("status"):
            definition = await self.write(definition, "status", lambda live: live | {"status": status})
        if names.is_established(definition):
            await self.serve(definition)

    def others(self, definition: Object) -> list[Object]:
        group, own = definition["spec"]["group"], definition["metadata"]["name"]
        return [
            each
            for each in self.registry.list_objects(GROUP, NAME)
            if each["spec"]["group"] == group and each["metadata"]["name"] != own
        ]

    async def write(self, definition: Object, subresource: str, change: Any) -> Object:
        """An update by the server itself; returns what is stored now."""
        name = definition["metadata"]["name"]
        context = self.registry.system_context(self.resource, "update", name=name)
        context.subresource = subresource

        async def make(live: Object | None) -> Object:
            if live is None:
                raise NotFound(GROUP, NAME, name)
            new: Object = change({**live, "metadata": dict(live["metadata"])})
            if subresource:
                managed_fields.update_managed(
                    new, live, type_name=self.resource.type_name, api_version=self.resource.api_version,
                    manager="kube-apiserver", subresource=subresource, reset=("spec",), now=clock.rfc3339(),
                )  # fmt: skip
            return new

        await updating.update(self.registry, context, make)
        found = self.registry.get_object(GROUP, NAME, "", name)
        return definition if found is None else found

    # ------------------------------------------------------------ the scheme

    async def serve(self, definition: Object) -> None:
        name = definition["metadata"]["name"]
        old = self.served.get(name)
        if old and old[0].custom == definition:
            return
        from minikube_edu.kube_apiserver.crd import serving  # most servers have no custom resources

        made = serving.resources(definition)
        for resource in old or ():
            self.registry.scheme.remove(resource)
        if not old:
            await self.load(f"/registry/{definition['spec']['group']}/{definition['spec']['names']['plural']}/")
        for resource in made:
            self.registry.scheme.add(resource)
        kinds = {resource.api_version: resource.custom for resource in made}
        between[definition["spec"]["group"], made[0].kind if made else ""] = _converter(kinds)
        self.served[name] = made

    async def load(self, prefix: str) -> None:
        """Objects that are in the store already, from before a restart."""
        cache = self.registry.cache.of(prefix)
        if cache.entries:
            return
        start = prefix.encode()
        result = await self.registry.store.range(Range(start, start[:-1] + b"0"))
        for kv in result.kvs:
            key = kv.key.decode()[len(prefix) :]
            if key not in cache.entries:
                cache.put(Entry.stored(key, kv.value, kv.mod_revision, kv.lease))

    def forget(self, name: str) -> None:
        for resource in self.served.pop(name, ()):
            self.registry.scheme.remove(resource)
            between.pop((resource.group, resource.kind), None)
        for key in list(self.registry.cache_of(self.resource).entries):
            self.queue.add(key)  # its names are free for others

    # ------------------------------------------------------------ the end of a definition

    async def undefine(self, definition: Object) -> None:
        """Delete its objects; when none is left, let it go."""
        name = definition["metadata"]["name"]
        status = names.terminating(definition)
        if status != definition.get("status"):
            definition = await self.write(definition, "status", lambda live: live | {"status": status})
            if self.served.get(name):
                await self.serve(definition)
        left = 0
        for resource in self.served.get(name, ())[:1]:
            cache = self.registry.cache_of(resource)
            for key in list(cache.keys()):
                namespace, _, own = key.rpartition("/")
                context = self.registry.system_context(resource, "delete", namespace, own)
                try:
                    await deleting.delete(self.registry, context, {})
                except NotFound:
                    continue
            await asyncio.sleep(0)
            left += len(cache.entries)
        if left:
            self.queue.add_after(name, WAIT)
        elif FINALIZER in definition["metadata"].get("finalizers", ()):
            await self.write(definition, "", lambda live: _without_finalizer(live))


def _converter(kinds: dict[str, Any]) -> Callable[[Object, str], Object]:
    """Between the versions of one kind; a version that is not served is only renamed."""

    def convert(obj: Object, to: str) -> Object:
        kind = kinds.get(to)
        found: Object = {**obj, "apiVersion": to} if kind is None else kind.convert(obj, to)
        return found

    return convert


def _without_finalizer(live: Object) -> Object:
    kept = [each for each in live["metadata"].get("finalizers", ()) if each != FINALIZER]
    if kept:
        live["metadata"]["finalizers"] = kept
    else:
        live["metadata"].pop("finalizers", None)
    return live
