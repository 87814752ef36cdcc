"""Events of events.k8s.io: Scheduled, FailedScheduling, Preempted.

`event` returns at once, one task writes. An event that says the same about the same pod within six minutes is not
written again: the first one gets a series that counts. What cannot be written is tried a few times and dropped; at most
ten thousand wait. The real recorder is client-go's, with the same rules.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import OrderedDict, deque
from typing import Any

from minikube_edu.client.errors import ApiError
from minikube_edu.client.events import reference
from minikube_edu.client.rest import Client
from minikube_edu.kube_scheduler.kinds import EVENTS
from minikube_edu.lib import clock

log = logging.getLogger(__name__)

Object = dict[str, Any]
Key = tuple[str, ...]

WRITERS = 8  # at once
WAITING, REMEMBERED = 10_000, 4096
TRIES, PAUSE = 12, 10.0
SERIES_SECONDS = 360.0


class Recorder:
    def __init__(
        self, client: Client, controller: str = "default-scheduler", host: str = "", not_before: float = 0.0
    ) -> None:
        """`not_before`: the loop's time from which events are written; a cluster that boots has better to do."""
        self.written = 0
        self.dropped = 0
        self._client = client
        self._controller = controller
        self._host = host or socket.gethostname()
        self._waiting: deque[tuple[Key, Object]] = deque()
        self._known: OrderedDict[Key, tuple[Object, float]] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()
        self._not_before = not_before
        self._pausing = 0  # writers that will try again: nobody waits for them
        self._last = 0

    def event(
        self,
        about: Object,
        type: str,
        reason: str,
        action: str,
        note: str,
        controller: str = "",
        related: Object | None = None,
    ) -> None:
        if len(self._waiting) >= WAITING:
            self.dropped += 1
            return
        controller = controller or self._controller
        regarding = reference(about)
        key = (controller, type, reason, action, note, regarding.get("uid", ""), regarding.get("name", ""))
        self._waiting.append((key, self._event(regarding, type, reason, action, note, controller, related)))
        if len(self._waiting) > (working := len(self._tasks) - self._pausing) and working < WRITERS:
            task = asyncio.create_task(self._write_all(), name="events of the scheduler")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def flush(self) -> None:
        while self._tasks:
            await asyncio.wait(list(self._tasks))

    async def stop(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _event(
        self,
        regarding: Object,
        type: str,
        reason: str,
        action: str,
        note: str,
        controller: str,
        related: Object | None,
    ) -> Object:
        self._last = max(int(clock.now() * 1e9), self._last + 1)  # names must differ
        namespace = regarding.get("namespace") or "default"
        event = {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"name": f"{regarding.get('name', '')}.{self._last:x}", "namespace": namespace},
            "eventTime": clock.rfc3339_micro(),
            "reportingController": controller,
            "reportingInstance": f"{controller}-{self._host}",
            "action": action,
            "reason": reason,
            "regarding": regarding,
            "note": note,
            "type": type,
        }
        if related is not None:
            event["related"] = reference(related)
        return event

    async def _write_all(self) -> None:
        await asyncio.sleep(max(0.0, self._not_before - asyncio.get_running_loop().time()))
        while self._waiting:
            key, event = self._waiting.popleft()
            known = self._known.get(key)
            now = clock.monotonic()
            if known is not None and now - known[1] < SERIES_SECONDS:
                event = self._again(known[0])
                await self._write(event, first=False)
            else:
                await self._write(event, first=True)
            self._known[key] = event, now
            self._known.move_to_end(key)
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)

    @staticmethod
    def _again(event: Object) -> Object:
        count = (event.get("series") or {"count": 1})["count"] + 1
        return {**event, "series": {"count": count, "lastObservedTime": clock.rfc3339_micro()}}

    async def _write(self, event: Object, first: bool) -> None:
        metadata = event["metadata"]
        for _ in range(TRIES):
            try:
                if first:
                    await self._client.create(EVENTS, event)
                else:
                    patch = {"series": event["series"]}
                    await self._client.patch(EVENTS, metadata["name"], patch, metadata["namespace"])
                self.written += 1
                return
            except ApiError as error:
                if not first and error.not_found:
                    first = True  # it has expired
                    continue
                if error.code < 500 and error.code != 429:
                    log.info("server rejected event %s: %s", metadata["name"], error)
                    break
            except OSError as error:
                log.info("unable to write event %s: %s", metadata["name"], error)
            self._pausing += 1
            try:
                await asyncio.sleep(PAUSE)
            finally:
                self._pausing -= 1
        self.dropped += 1
