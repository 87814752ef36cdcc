"""Events: what a loop tells the people who watch.

    recorder = EventRecorder(client, component="deployment-controller")
    recorder.event(deployment, "Normal", "ScalingReplicaSet", "Scaled up replica set web-1 from 0 to 3")

`event` returns at once; one task writes. So that a loop in trouble does not fill the store, as client-go does:

- The same event again is not a new one: the one that is there gets a count and a new time.
- After ten events within ten minutes that differ in their message alone, the rest go into one, with "(combined from
  similar events): " before the last message.
- One source may say at most 25 things about one object at once, and after that one in five minutes; the rest is
  dropped.

Events that cannot be written are tried a few times and then forgotten: no loop waits for its events. At most a thousand
wait to be written.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from typing import Any

from msgspec import Struct, field

from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import STRATEGIC_PATCH, Client, Resource
from minikube_edu.lib import clock, ids
from minikube_edu.lib.ratelimit import TokenBucket

log = logging.getLogger(__name__)

Object = dict[str, Any]
Key = tuple[str, ...]

EVENTS = Resource("", "v1", "events", kind="Event")
COMBINED = "(combined from similar events): "
REMEMBERED = 4096  # objects, groups and events; the least recently seen is forgotten
SIMILAR, SIMILAR_SECONDS = 10, 600.0
SPAM_BURST, SPAM_QPS = 25, 1.0 / 300.0
QUEUE = 1000
TRIES, PAUSE = 12, 10.0


def reference(obj: Object) -> Object:
    """The ObjectReference that an event is about."""
    metadata = obj.get("metadata") or {}
    found = {
        "kind": obj.get("kind") or "",
        "namespace": metadata.get("namespace") or "",
        "name": metadata.get("name") or "",
        "uid": metadata.get("uid") or "",
        "apiVersion": obj.get("apiVersion") or "",
        "resourceVersion": metadata.get("resourceVersion") or "",
    }
    return {key: value for key, value in found.items() if value}


class EventRecorder:
    def __init__(
        self,
        client: Client,
        component: str,
        host: str = "",
        correlator: Correlator | None = None,
        not_before: float = 0.0,
    ) -> None:
        """`correlator`: of a process with thousands of recorders, which share what they remember. `not_before`: the
        loop's time from which events are written; a cluster that boots has better to do."""
        self.written = 0
        self.dropped = 0
        self._client = client
        self._source = {"component": component, **({"host": host} if host else {})}
        self._correlator = correlator or Correlator()
        self._not_before = not_before
        self._queue: deque[Object] = deque()
        self._task: asyncio.Task[None] | None = None

    def event(
        self, obj: Object, type: str, reason: str, message: str, annotations: dict[str, str] | None = None
    ) -> None:
        """`obj` is the object or an ObjectReference; `type` Normal or Warning."""
        about = reference(obj) if "metadata" in obj else dict(obj)
        if len(self._queue) >= QUEUE:
            self.dropped += 1
            return
        self._queue.append(self._event(about, type, reason, message, annotations))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._write_all(), name=f"events of {self._source['component']}")

    async def flush(self) -> None:
        """All that has been said is written, or given up."""
        while self._task is not None and not self._task.done():
            await asyncio.wait([self._task])

    async def stop(self) -> None:
        """Without writing the rest."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _event(self, about: Object, type: str, reason: str, message: str, annotations: dict[str, str] | None) -> Object:
        now = clock.rfc3339()
        name = f"{about.get('name') or ''}.{int(clock.now() * 1e9):x}"
        metadata: Object = {"name": name, "namespace": about.get("namespace") or "default"}
        if annotations:
            metadata["annotations"] = annotations
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": metadata,
            "involvedObject": about,
            "reason": reason,
            "message": message,
            "source": self._source,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "type": type,
            "reportingComponent": self._source["component"],
            "reportingInstance": self._source.get("host") or "",
        }

    async def _write_all(self) -> None:
        await asyncio.sleep(max(0.0, self._not_before - asyncio.get_running_loop().time()))
        while self._queue:
            event = self._correlator.correlate(self._queue.popleft())
            if event is None:
                self.dropped += 1
                continue
            await self._write(event)

    async def _write(self, event: Correlated) -> None:
        for attempt in range(TRIES):
            try:
                event.known.written(await self._sent(event))
                self.written += 1
                return
            except ApiError as error:
                if error.code < 500 and error.code != 429:
                    log.info("server rejected event %s (will not retry): %s", event.event["metadata"]["name"], error)
                    self.dropped += 1
                    return
                problem: Exception = error
            except OSError as error:
                problem = error
            log.info("unable to write event (retry in %d s): %s", PAUSE, problem)
            # The first pause differs, so that all the recorders of a cluster do not come at once.
            await asyncio.sleep(PAUSE * ids.uniform(0.0, 1.0) if attempt == 0 else PAUSE)
        self.dropped += 1

    async def _sent(self, event: Correlated) -> Object:
        body = event.event
        namespace = body["metadata"]["namespace"]
        if body["count"] > 1 and event.known.name:
            patch = {key: body[key] for key in ("message", "count", "lastTimestamp")}
            try:
                return await self._client.patch(EVENTS, event.known.name, patch, namespace, kind=STRATEGIC_PATCH)
            except ApiError as error:
                if not error.not_found:
                    raise
                # It has expired: begin a new one, with the count that it had.
                body["metadata"]["name"] = f"{body['involvedObject'].get('name') or ''}.{int(clock.now() * 1e9):x}"
        return await self._client.create(EVENTS, body, namespace)


class Known(Struct):
    """An event that was seen before."""

    count: int = 0
    first: str = ""
    name: str = ""  # of the object in the store

    def written(self, obj: Object) -> None:
        self.name = obj["metadata"]["name"]


class Correlated(Struct):
    event: Object
    known: Known


class _Group(Struct):
    """Events that differ in their message alone."""

    messages: set[str] = field(default_factory=set)
    last: float = 0.0


class Correlator:
    """Counts, combines and drops; keeps no connection to anything."""

    def __init__(self) -> None:
        self._groups: OrderedDict[Key, _Group] = OrderedDict()
        self._known: OrderedDict[Key, Known] = OrderedDict()
        self._buckets: OrderedDict[Key, TokenBucket] = OrderedDict()

    def correlate(self, event: Object) -> Correlated | None:
        """The event as it is to be written; None when it is one too many."""
        key = self._aggregated(event)
        known = _recent(self._known, key, Known)
        known.count += 1
        known.first = known.first or event["firstTimestamp"]
        event["count"], event["firstTimestamp"] = known.count, known.first
        if known.count > 1 and known.name:
            event["metadata"]["name"] = known.name
        bucket = _recent(self._buckets, _about(event), lambda: TokenBucket(SPAM_QPS, SPAM_BURST))
        return Correlated(event, known) if bucket.try_take() else None

    def _aggregated(self, event: Object) -> Key:
        """The key under which the event is counted; its message changes when it is one of many."""
        group_key = (*_about(event), event["type"], event["reason"], event["reportingComponent"])
        now = clock.monotonic()
        group = _recent(self._groups, group_key, _Group)
        if now - group.last > SIMILAR_SECONDS:
            group.messages.clear()
        group.last = now
        group.messages.add(event["message"])
        if len(group.messages) < SIMILAR:
            return (*group_key, event["message"])
        group.messages.pop()  # the set need not grow: it is known to be full
        event["message"] = COMBINED + event["message"]
        return group_key


def _about(event: Object) -> Key:
    source, about = event["source"], event["involvedObject"]
    fields = ("kind", "namespace", "name", "fieldPath", "uid", "apiVersion")
    return (source["component"], source.get("host") or "", *(about.get(name) or "" for name in fields))


def _recent(cache: OrderedDict[Key, Any], key: Key, make: Any) -> Any:
    """The cache's entry, made if need be, and now the most recently used."""
    found = cache.get(key)
    if found is None:
        found = cache[key] = make()
        if len(cache) > REMEMBERED:
            cache.popitem(last=False)
    else:
        cache.move_to_end(key)
    return found
