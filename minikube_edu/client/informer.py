"""Informers: every control loop's eyes. One copy of a kind's objects, shared by all loops of a process.

The contract, for those who write loops:

1. An informer keeps a copy (`index`) of the objects of one kind and calls handlers when it changes. Whoever comes, now
   or later, first hears `added` for every object that is there.
2. The copy is behind the server, usually by milliseconds, sometimes by minutes. It never goes back for one object, but
   of two kinds one may be further than the other: a pod may be seen before its ReplicaSet. Loops must bear both.
3. Not every state is seen. Between two looks an object may change many times, even be deleted and made again: one
   `updated` with another uid tells of the latter. What is promised is that the last state is seen in the end. So react
   to what is, not to what happened: take the key, read the index, compare with what ought to be.
4. `updated` may come without a change (a resync, a new list): compare resource versions if that matters.
5. `deleted` gets the last state that the server told of. If the deletion was missed (the connection was down, a new
   list lacks the object), that is not known: then it gets `DeletedFinalStateUnknown`, with the key and the last state
   that was seen. `last_state(obj)` is for those who do not care.
6. Handlers are called one after the other, in the order of the events, after the index has changed. They are plain
   functions and must return at once: put the key on a work queue and go. One that raises is logged; the others are
   called.
7. Objects belong to the index and to everybody: never change them. Copy first (`lib.jsonpatch.copy_json`).
8. `has_synced()` is true once the first complete list has been handed to all handlers. A loop that acts before that
   deletes what it has not seen yet: wait for it (`wait_synced`).
9. With a resync period every object comes again as `updated` in that rhythm. It does not ask the server anything and
   mends no lost event; it is for loops that look at the world outside too.

The real one runs each handler behind an unbounded buffer in a goroutine of its own; here all run on the one loop, which
keeps the order of events between handlers and needs no buffer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from minikube_edu.client.alike import Alike
from minikube_edu.client.index import Index, Indexer, key_of
from minikube_edu.client.reflector import Reflector
from minikube_edu.client.rest import Client, Resource

log = logging.getLogger(__name__)

Object = dict[str, Any]
Transform = Callable[[Object], Object]


class DeletedFinalStateUnknown(Struct, frozen=True):
    """A deletion that was not seen: the object was there, and now it is not."""

    key: str
    object: Object  # the last state that was seen


Deleted = Object | DeletedFinalStateUnknown


def last_state(deleted: Deleted) -> Object:
    return deleted.object if isinstance(deleted, DeletedFinalStateUnknown) else deleted


class Handler(Struct, frozen=True):
    added: Callable[[Object], None] | None = None
    updated: Callable[[Object, Object], None] | None = None  # (before, now)
    deleted: Callable[[Deleted], None] | None = None


def without_managed_fields(obj: Object) -> Object:
    """A transform: the part of the metadata that most loops never look at is often the greater part of an object."""
    obj["metadata"].pop("managedFields", None)
    return obj


def trimmed() -> Transform:
    """A transform for a process that keeps many objects: without managed fields, and what is equal is kept once."""
    alike = Alike()

    def trim(obj: Object) -> Object:
        found: Object = alike.shared(without_managed_fields(obj))
        return found

    return trim


class Informer:
    """`transform` may change or trim an object before it is kept; it gets one that nobody else has."""

    def __init__(
        self,
        client: Client,
        resource: Resource,
        *,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
        resync: float = 0,
        transform: Transform | None = None,
        watch_list: bool = True,
    ) -> None:
        self.resource = resource
        self.index = Index()
        self.events = 0  # how many changes were handed on
        self._handlers: list[Handler] = []
        self._transform = transform
        self._resync = resync
        self._synced = asyncio.Event()
        self.reflector = Reflector(
            client,
            resource,
            self,
            namespace=namespace,
            label_selector=label_selector,
            field_selector=field_selector,
            watch_list=watch_list,
        )

    def add_handler(
        self,
        added: Callable[[Object], None] | None = None,
        updated: Callable[[Object, Object], None] | None = None,
        deleted: Callable[[Deleted], None] | None = None,
    ) -> Handler:
        handler = Handler(added, updated, deleted)
        self._handlers.append(handler)
        if added is not None:
            for obj in self.index.list():
                self._call(added, obj)
        return handler

    def add_key_handler(self, enqueue: Callable[[str], None]) -> Handler:
        """What most loops want: the key, whatever happened."""
        return self.add_handler(
            added=lambda obj: enqueue(key_of(obj)),
            updated=lambda _, obj: enqueue(key_of(obj)),
            deleted=lambda obj: enqueue(key_of(last_state(obj))),
        )

    def remove_handler(self, handler: Handler) -> None:
        self._handlers.remove(handler)

    def add_indexer(self, name: str, indexer: Indexer) -> None:
        self.index.add_indexer(name, indexer)

    def has_synced(self) -> bool:
        return self._synced.is_set()

    async def wait_synced(self) -> None:
        await self._synced.wait()

    async def run(self) -> None:
        """Until it is cancelled."""
        if self._resync <= 0:
            await self.reflector.run()
            return
        async with asyncio.TaskGroup() as group:
            group.create_task(self.reflector.run(), name=f"reflector {self.resource}")
            group.create_task(self._resyncs(), name=f"resync {self.resource}")

    async def _resyncs(self) -> None:
        while True:
            await asyncio.sleep(self._resync)
            for obj in self.index.list():
                self._tell_updated(obj, obj)

    # the reflector's side

    def replace(self, objects: list[Object]) -> None:
        gone = dict.fromkeys(self.index.keys())
        for obj in objects:
            gone.pop(key_of(obj), None)
            self.added_or_updated(obj)
        for key in gone:
            before = self.index.remove(key)
            if before is not None:
                self._tell_deleted(DeletedFinalStateUnknown(key, before))
        self._synced.set()

    def added_or_updated(self, obj: Object) -> None:
        if self._transform is not None:
            obj = self._transform(obj)
        before = self.index.put(obj)
        self.events += 1
        if before is not None:
            self._tell_updated(before, obj)
            return
        for handler in self._handlers:
            if handler.added is not None:
                self._call(handler.added, obj)

    def deleted(self, obj: Object) -> None:
        if self._transform is not None:
            obj = self._transform(obj)
        if self.index.remove(key_of(obj)) is not None:
            self.events += 1
            self._tell_deleted(obj)

    def _tell_updated(self, before: Object, obj: Object) -> None:
        for handler in self._handlers:
            if handler.updated is not None:
                self._call(handler.updated, before, obj)

    def _tell_deleted(self, obj: Deleted) -> None:
        for handler in self._handlers:
            if handler.deleted is not None:
                self._call(handler.deleted, obj)

    def _call(self, function: Callable[..., None], *arguments: Any) -> None:
        try:
            function(*arguments)
        except Exception:
            log.exception("a handler of %s failed", self.resource)
