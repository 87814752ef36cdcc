"""List, then watch, for ever: keeps a copy of one kind of object in step with the server.

A reflector lists once and then follows the watch from the list's resource version. What it sees goes to a Sink. It does
not give up:

- A watch that ends (the server ends each after some minutes) or breaks is taken up again from the last resource version
  seen; bookmarks keep that fresh, so that a quiet kind does not fall behind.
- When that version is too old (410), or a watch cannot be taken up, everything is listed again and the Sink replaced.
- Where the server has watch lists (`sendInitialEvents`), the list comes as events of the watch itself, ended by a
  marked bookmark: the server need not hold a whole list in memory. One that refuses is listed in the old way from then
  on.
- Failures are retried with growing pauses (0.8 s to 30 s, with jitter); two quiet minutes forget them.

A list is first asked of the server's cache ("0": any age will do), after that not older than what was already seen, so
that time never runs backwards when a client changes servers; only an expired version is answered with a list from the
store itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any, Protocol

from minikube_edu.client.credentials import CredentialsError
from minikube_edu.client.errors import ApiError
from minikube_edu.client.index import key_of
from minikube_edu.client.rest import Client, Resource, WatchEvent
from minikube_edu.lib import clock, ids

log = logging.getLogger(__name__)

Object = dict[str, Any]

INITIAL_EVENTS_END = "k8s.io/initial-events-end"
SHORTEST_PAUSE, LONGEST_PAUSE, FORGET_AFTER = 0.8, 30.0, 120.0
WATCH_SECONDS = 300  # at least; up to twice that, so that not all watches end at once


class Sink(Protocol):
    """Where the objects go."""

    def replace(self, objects: list[Object]) -> None:
        """This is everything there is."""
        ...

    def added_or_updated(self, obj: Object) -> None: ...

    def deleted(self, obj: Object) -> None:
        """`obj` is the last state."""
        ...


class Reflector:
    def __init__(
        self,
        client: Client,
        resource: Resource,
        sink: Sink,
        *,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
        watch_list: bool = True,
    ) -> None:
        self.resource = resource
        self.resource_version = ""  # of the last event, list or bookmark
        self.lists = 0
        self.watches = 0
        self.failures = 0
        self._client = client
        self._sink = sink
        self._namespace = namespace
        self._label_selector = label_selector
        self._field_selector = field_selector
        self._watch_list = watch_list
        self._synced = False  # resource_version is one to watch from
        self._expired = False
        self._pause = 0.0
        self._failed_at = 0.0

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            try:
                if not self._synced and not self._watch_list:
                    await self._list()
                await self._follow(initial=not self._synced)
            except ApiError as error:
                if error.expired:
                    self._expired, self._synced = True, False
                elif error.resource_version_too_large:
                    # The server's history is shorter than ours: it was restored from a backup, or is another one.
                    self._expired, self._synced = True, False
                    await self._rest(error)
                elif not self._synced and self._watch_list and error.code in (400, 405, 422):
                    self._watch_list = False  # this server cannot
                else:
                    if error.code not in (429, 500, 502, 503, 504):
                        self._synced = False
                    await self._rest(error)
            except (OSError, CredentialsError) as error:
                await self._rest(error)
            except Exception as error:
                log.exception("watching %s", self.resource)
                self._synced = False
                await self._rest(error)

    async def _list(self) -> None:
        version: str | None = self.resource_version or "0"
        if self._expired:
            version = None
        listed = await self._client.list_all(
            self.resource,
            self._namespace,
            label_selector=self._label_selector,
            field_selector=self._field_selector,
            resource_version=version,
        )
        kind, api_version = str(listed.get("kind", "")).removesuffix("List"), listed.get("apiVersion")
        objects = listed.get("items") or []
        for obj in objects:  # a list does not repeat what its items are
            obj.setdefault("apiVersion", api_version)
            obj.setdefault("kind", kind)
        self._replace(objects, listed["metadata"]["resourceVersion"])

    def _replace(self, objects: list[Object], resource_version: str) -> None:
        self._sink.replace(objects)
        self.resource_version = resource_version
        self.lists += 1
        self._expired, self._synced = False, True

    async def _follow(self, initial: bool = False) -> None:
        """One watch, until it ends. With `initial`, the list comes first."""
        version = self.resource_version
        if initial and self._expired:
            version = ""
        started, seen = clock.monotonic(), 0
        self.watches += 1
        async with self._client.watch(
            self.resource,
            self._namespace,
            resource_version=version,
            resource_version_match="NotOlderThan" if initial else "",
            send_initial_events=initial,
            timeout_seconds=ids.integer(WATCH_SECONDS, 2 * WATCH_SECONDS),
            label_selector=self._label_selector,
            field_selector=self._field_selector,
        ) as events:
            if initial:
                await self._initial(events)
                seen = 1
            async for event in events:
                seen += 1
                self._take(event)
        if not seen and clock.monotonic() - started < 1:
            await self._rest(ConnectionError("very short watch: the server ended it within a second, without events"))

    async def _initial(self, events: AsyncIterator[WatchEvent]) -> None:
        objects: dict[str, Object] = {}
        async for kind, obj in events:
            metadata = obj["metadata"]
            if kind == "BOOKMARK":
                if (metadata.get("annotations") or {}).get(INITIAL_EVENTS_END) == "true":
                    self._replace(list(objects.values()), metadata["resourceVersion"])
                    return
            elif kind == "DELETED":
                objects.pop(key_of(obj), None)
            else:
                objects[key_of(obj)] = obj
        self._watch_list = False  # an old server ignores what it does not know
        raise ConnectionError("the watch ended before all initial events had come")

    def _take(self, event: WatchEvent) -> None:
        obj = event.object
        if event.type == "DELETED":
            self._sink.deleted(obj)
        elif event.type != "BOOKMARK":
            self._sink.added_or_updated(obj)
        self.resource_version = obj["metadata"]["resourceVersion"]

    async def _rest(self, error: Exception) -> None:
        now = clock.monotonic()
        if now - self._failed_at > FORGET_AFTER:
            self._pause = 0.0
        self._failed_at = now
        self.failures += 1
        self._pause = min(self._pause * 2, LONGEST_PAUSE) or SHORTEST_PAUSE
        log.info("watching %s: %s: %s", self.resource, type(error).__name__, error)
        await asyncio.sleep(self._pause * ids.uniform(1.0, 2.0))
