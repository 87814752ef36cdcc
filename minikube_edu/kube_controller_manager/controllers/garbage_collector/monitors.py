"""The graph's eyes: an informer of every kind that can be listed, watched and deleted.

Where a controller already has an informer of a kind, that one is shared; of all others only metadata is asked for.
Kinds come and go with CustomResourceDefinitions and APIServices: a change of one of these lets discovery be asked anew.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from minikube_edu.client.discovery import RestMapper
from minikube_edu.client.factory import InformerFactory
from minikube_edu.client.informer import Deleted, Handler, Informer, last_state
from minikube_edu.client.rest import Client, Resource

Object = dict[str, Any]

IGNORED = {("", "events"), ("events.k8s.io", "events")}
TELL_OF_KINDS = {("apiextensions.k8s.io", "customresourcedefinitions"), ("apiregistration.k8s.io", "apiservices")}
KEPT = ("name", "namespace", "uid", "resourceVersion", "ownerReferences", "finalizers", "deletionTimestamp")
AT_ONCE = 8  # informers that are filled at the same time
LOOK_AGAIN = (0.1, 0.5, 2.0, 10.0)  # seconds after a change: discovery follows the change of a definition with a delay


def only_what_counts(obj: Object) -> Object:
    metadata = obj["metadata"]
    return {"metadata": {key: metadata[key] for key in KEPT if key in metadata}}


class Monitors:
    def __init__(
        self,
        client: Client,
        shared: InformerFactory,
        seen: Callable[[Resource, Object], None],
        gone: Callable[[Object], None],
    ) -> None:
        self.discovery = RestMapper(client)
        self._client = Client(client.sender, metadata_only=True)
        self._shared = shared
        self._seen, self._gone = seen, gone
        self._watched: dict[Resource, tuple[Informer, Handler]] = {}
        self._tasks: dict[Resource, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        self.kinds: dict[tuple[str, str, str], Resource] = {}  # (group, version, kind) -> where its objects live

    def resource_of(self, api_version: str, kind: str) -> Resource | None:
        group, slash, version = api_version.partition("/")
        return self.kinds.get((group, version, kind) if slash else ("", api_version, kind))

    def watches(self, resource: Resource) -> bool:
        return any((r.group, r.plural) == (resource.group, resource.plural) for r in self._watched)

    async def sync(self) -> bool:
        """Watch what is served now, and nothing else; True when that has changed."""
        self.discovery.forget()
        wanted: dict[tuple[str, str], Resource] = {}
        kinds: dict[tuple[str, str, str], Resource] = {}
        for served in await self.discovery.resources():
            resource = served.resource
            kinds.setdefault((resource.group, resource.version, resource.kind), resource)
            place = (resource.group, resource.plural)
            if place not in IGNORED and {"list", "watch", "delete"} <= set(served.verbs):
                wanted.setdefault(place, resource)  # preferred versions come first
        changed = kinds != self.kinds
        self.kinds = kinds
        unanswered = {text.split("/")[0] for text in self.discovery.failed}
        for resource in set(self._watched) - set(wanted.values()):
            if resource.group not in unanswered:  # a group that is away for a moment keeps its nodes
                await self._forget(resource)
        limit = asyncio.Semaphore(AT_ONCE)
        missing = [resource for resource in wanted.values() if resource not in self._watched]
        await asyncio.gather(*(self._watch(resource, limit) for resource in missing))
        return changed

    async def follow(self, kinds_changed: Callable[[], None]) -> None:
        """For ever: ask discovery again when kinds may have changed."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            for seconds in LOOK_AGAIN:
                await asyncio.sleep(seconds)
                with contextlib.suppress(OSError):
                    if await self.sync():
                        kinds_changed()
                if self._changed.is_set():
                    break

    async def stop(self) -> None:
        for resource in list(self._watched):
            await self._forget(resource)

    async def _watch(self, resource: Resource, limit: asyncio.Semaphore) -> None:
        async with limit:
            if self._shared.asked_for(resource):
                informer = self._shared.informer(resource)
            else:
                informer = Informer(self._client, resource, transform=only_what_counts)
                self._tasks[resource] = asyncio.create_task(informer.run(), name=f"metadata of {resource}")

            def gone(obj: Deleted) -> None:
                self._gone(last_state(obj))
                self._notice(resource)

            def seen(obj: Object) -> None:
                self._seen(resource, obj)
                self._notice(resource)

            def changed(before: Object, obj: Object) -> None:
                if before["metadata"]["uid"] != obj["metadata"]["uid"]:  # the deletion between them was missed
                    self._gone(before)
                seen(obj)

            handler = informer.add_handler(added=seen, updated=changed, deleted=gone)
            self._watched[resource] = (informer, handler)
            with contextlib.suppress(TimeoutError):  # a kind that cannot be listed holds up nobody
                await asyncio.wait_for(informer.wait_synced(), 30)

    def _notice(self, resource: Resource) -> None:
        if (resource.group, resource.plural) in TELL_OF_KINDS:
            self._changed.set()

    async def _forget(self, resource: Resource) -> None:
        informer, handler = self._watched.pop(resource)
        informer.remove_handler(handler)
        task = self._tasks.pop(resource, None)
        if task is None:
            return  # a shared one goes on
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        for obj in informer.index.list():
            self._gone(obj)
