"""Where pods wait for their turn.

- *active*: to be tried next, the most important first (QueueSort).
- *back-off*: failed, and worth another try, but not at once: 1 s after the first failure, twice as long after each
  further one, up to 10 s. When nothing is active, they are tried all the same, unless they failed by an error.
- *unschedulable*: rejected by plugins; an event that may change a plugin's mind (`move`, and the plugin's hint) takes
  them out, and so do five minutes, in case nobody thought of the event that would have helped.
- *gated*: a part of the unschedulable ones that PreEnqueue plugins keep from entering.

A pod that was popped is in nobody's part; events that come while it is away (it waits for a permit, for an extender)
are noted, and looked at if it comes back.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from minikube_edu.kube_scheduler import cluster_events as events
from minikube_edu.kube_scheduler.cluster_events import Action, Event, Interest
from minikube_edu.kube_scheduler.framework import Status
from minikube_edu.kube_scheduler.pod import PodInfo
from minikube_edu.lib import clock

ACTIVE, BACKOFF, UNSCHEDULABLE = "active", "backoff", "unschedulable"
SKIP, AFTER_BACKOFF, AT_ONCE = range(3)

PreEnqueueCheck = Callable[[PodInfo], Status | None]
SortKey = Callable[[PodInfo, float], Any]
Happened = tuple[Event, Any, Any]


class QueuedPod:
    """A pod on its way through the queue, over all its attempts."""

    def __init__(self, pod: PodInfo) -> None:
        self.pod = pod
        self.since = clock.monotonic()  # when it was last put in the queue
        self.first_tried: float | None = None
        self.attempts = 0
        self.failures = 0  # attempts that ended with "unschedulable"
        self.errors = 0  # that ended with an error, in a row
        self.plugins: set[str] = set()  # who rejected it last
        self.pending: set[str] = set()
        self.gated_by = ""
        self.place = ""
        self.entry: list[Any] | None = None  # in the heap of its place


class SchedulingQueue:
    def __init__(
        self,
        sort_key: SortKey,
        pre_enqueue: PreEnqueueCheck = lambda pod: None,
        interests: Mapping[str, Sequence[Interest]] | None = None,
        *,
        initial_backoff: float = 1.0,
        max_backoff: float = 10.0,
        max_unschedulable: float = 300.0,
    ) -> None:
        self._sort_key = sort_key
        self._pre_enqueue = pre_enqueue
        self._interests = dict(interests or {})
        self._initial_backoff, self._max_backoff = initial_backoff, max_backoff
        self._max_unschedulable = max_unschedulable
        self._pods: dict[str, QueuedPod] = {}  # uid -> all that are in one of the parts
        self._active: list[list[Any]] = []  # heaps of [key, sequence, QueuedPod | None]
        self._backoff: list[list[Any]] = []
        self._rejected_by: dict[str, dict[str, QueuedPod]] = {}  # plugin -> the unschedulable pods it rejected
        self._in_flight: dict[str, list[Happened]] = {}
        self._sequence = 0
        self._timer: asyncio.TimerHandle | None = None
        self._leftovers: asyncio.TimerHandle | None = None
        self._wanted: asyncio.Future[None] | None = None
        self.counts = {ACTIVE: 0, BACKOFF: 0, UNSCHEDULABLE: 0}
        self.incoming: dict[tuple[str, str], int] = {}  # (part, event) -> pods, for the metrics

    def __len__(self) -> int:
        return len(self._pods)

    def get(self, uid: str) -> QueuedPod | None:
        return self._pods.get(uid)

    @property
    def gated(self) -> int:
        return sum(1 for queued in self._pods.values() if queued.gated_by)

    # ------------------------------------------------------------ in

    def add(self, pod: PodInfo) -> None:
        if pod.uid in self._pods or pod.uid in self._in_flight:
            return
        self._to_active(QueuedPod(pod), "PodAdd")

    def update(self, before: PodInfo, pod: PodInfo) -> None:
        queued = self._pods.get(pod.uid)
        if queued is None:
            if pod.uid not in self._in_flight:
                self.add(pod)
            else:
                self._note(Event(events.TARGET_POD, Action.UPDATE), before, pod)
            return
        queued.pod = pod
        if queued.place == UNSCHEDULABLE:
            for event in pod_events(before, pod):
                self._worth_a_try(queued, event, before, pod)
        elif queued.place == ACTIVE and before.priority != pod.priority:
            self._take(queued)
            self._to_active(queued, "PodUpdate")

    def delete(self, uid: str) -> None:
        queued = self._pods.get(uid)
        if queued is not None:
            self._take(queued)
        self._in_flight.pop(uid, None)

    def failed(self, queued: QueuedPod, *, error: bool = False) -> None:
        """Back with the reasons for the failure, which the caller has put in `plugins` and `pending`."""
        happened = self._in_flight.pop(queued.pod.uid, [])
        if queued.pod.uid in self._pods:
            return
        queued.since = clock.monotonic()
        if error:
            queued.errors += 1
            self._to_backoff(queued, "ScheduleAttemptFailure")
            return
        queued.failures += 1
        queued.errors = 0
        if not queued.plugins and not queued.pending and happened:
            self._to_backoff(queued, happened[0][0].label)
            return
        self._to_unschedulable(queued, "ScheduleAttemptFailure")
        for event, before, now in happened:
            if self._worth_a_try(queued, event, before, now):
                return

    def done(self, uid: str) -> None:
        """The pod will not come back."""
        self._in_flight.pop(uid, None)

    def activate(self, uids: Iterable[str]) -> None:
        """Try these at once, whatever they wait for."""
        for uid in uids:
            queued = self._pods.get(uid)
            if queued is not None and queued.place != ACTIVE:
                self._take(queued)
                self._to_active(queued, "ForceActivate")

    def ungate(self, uid: str, plugin: str, always: bool = False) -> None:
        """The plugin's PreEnqueue no longer minds."""
        queued = self._pods.get(uid)
        if queued is not None and (always or queued.gated_by == plugin):
            self.activate((uid,))

    def move(self, event: Event, before: Any = None, now: Any = None) -> None:
        """Something has happened: wake the pods that it may help."""
        if self._in_flight:
            self._note(event, before, now)
        if not self.counts[UNSCHEDULABLE]:
            return
        found: dict[str, QueuedPod] = dict(self._rejected_by.get("", {}))
        for plugin, interests in self._interests.items():
            pods = self._rejected_by.get(plugin)
            if pods and any(interest.matches(event) for interest in interests):
                found.update(pods)
        for queued in found.values():
            self._worth_a_try(queued, event, before, now)

    # ------------------------------------------------------------ out

    def pop_nowait(self) -> QueuedPod | None:
        """The next pod, or None."""
        queued = self._first(self._active) or self._first(self._backoff, lambda q: not q.errors)
        if queued is None:
            return None
        self._take(queued)
        queued.attempts += 1
        if queued.first_tried is None:
            queued.first_tried = clock.monotonic()
        queued.plugins, queued.pending = set(), set()
        self._in_flight[queued.pod.uid] = []
        return queued

    async def pop(self) -> QueuedPod:
        while (queued := self.pop_nowait()) is None:
            self._wanted = asyncio.get_running_loop().create_future()
            await self._wanted
        return queued

    def close(self) -> None:
        for timer in (self._timer, self._leftovers):
            if timer is not None:
                timer.cancel()

    # ------------------------------------------------------------ within

    def _note(self, event: Event, before: Any, now: Any) -> None:
        for happened in self._in_flight.values():
            happened.append((event, before, now))

    def _worth_a_try(self, queued: QueuedPod, event: Event, before: Any, now: Any) -> bool:
        worth = self._worth(queued, event, before, now)
        if worth == SKIP:
            return False
        self._take(queued)
        backing_off = self._backoff_of(queued) > clock.monotonic() - queued.since
        if worth == AFTER_BACKOFF and backing_off:
            self._to_backoff(queued, event.label)
        else:
            self._to_active(queued, event.label)
        return True

    def _worth(self, queued: QueuedPod, event: Event, before: Any, now: Any) -> int:
        if event.resource == events.ANYTHING or not (queued.plugins or queued.pending):
            return AFTER_BACKOFF
        worth = SKIP
        for plugin in (*queued.pending, *queued.plugins):
            for interest in self._interests.get(plugin, ()):
                if interest.matches(event) and (interest.hint is None or interest.hint(queued.pod, before, now)):
                    if plugin in queued.pending:
                        return AT_ONCE
                    worth = AFTER_BACKOFF
                    break
        return worth

    def _backoff_of(self, queued: QueuedPod) -> float:
        count = queued.errors or queued.failures
        if not count:
            return 0.0
        return float(min(self._initial_backoff * 2 ** min(count - 1, 32), self._max_backoff))

    def _to_active(self, queued: QueuedPod, why: str) -> None:
        gate = self._pre_enqueue(queued.pod)
        if gate is not None:
            queued.gated_by = gate.plugin
            queued.plugins.add(gate.plugin)
            self._to_unschedulable(queued, why)
            return
        queued.gated_by = ""
        self._put(queued, ACTIVE, self._active, self._sort_key(queued.pod, queued.since), why)
        self._wake()

    def _to_backoff(self, queued: QueuedPod, why: str) -> None:
        due = queued.since + self._backoff_of(queued)
        self._put(queued, BACKOFF, self._backoff, due, why)
        self._set_timer()
        if not queued.errors:
            self._wake()

    def _to_unschedulable(self, queued: QueuedPod, why: str) -> None:
        self._pods[queued.pod.uid] = queued
        self._count(queued, UNSCHEDULABLE, why)
        for plugin in (queued.plugins | queued.pending) or ("",):
            self._rejected_by.setdefault(plugin, {})[queued.pod.uid] = queued
        if self._leftovers is None:
            self._leftovers = asyncio.get_running_loop().call_later(self._max_unschedulable, self._flush_leftovers)

    def _put(self, queued: QueuedPod, place: str, heap: list[list[Any]], key: Any, why: str) -> None:
        self._sequence += 1
        queued.entry = [key, self._sequence, queued]
        heapq.heappush(heap, queued.entry)
        self._pods[queued.pod.uid] = queued
        self._count(queued, place, why)

    def _count(self, queued: QueuedPod, place: str, why: str) -> None:
        queued.place = place
        self.counts[place] += 1
        self.incoming[place, why] = self.incoming.get((place, why), 0) + 1

    def _take(self, queued: QueuedPod) -> None:
        """Out of the part it is in."""
        self.counts[queued.place] -= 1
        if queued.place == UNSCHEDULABLE:
            for plugin in (queued.plugins | queued.pending) or ("",):
                pods = self._rejected_by.get(plugin)
                if pods is not None:
                    pods.pop(queued.pod.uid, None)
                    if not pods:
                        del self._rejected_by[plugin]
            if queued.gated_by:
                queued.plugins.discard(queued.gated_by)
                queued.gated_by = ""
        elif queued.entry is not None:
            queued.entry[2] = None
        queued.place, queued.entry = "", None
        del self._pods[queued.pod.uid]

    def _first(self, heap: list[list[Any]], wanted: Callable[[QueuedPod], bool] = lambda q: True) -> QueuedPod | None:
        while heap and heap[0][2] is None:
            heapq.heappop(heap)
        if not heap:
            return None
        if wanted(heap[0][2]):
            first: QueuedPod = heap[0][2]
            return first
        others = [entry for entry in heap if entry[2] is not None and wanted(entry[2])]
        return min(others)[2] if others else None

    def _wake(self) -> None:
        if self._wanted is not None and not self._wanted.done():
            self._wanted.set_result(None)

    def _set_timer(self) -> None:
        """For the first whose back-off ends."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._first(self._backoff)
        if self._backoff:
            seconds = max(0.0, self._backoff[0][0] - clock.monotonic())
            self._timer = asyncio.get_running_loop().call_later(seconds, self._flush_backoff)

    def _flush_backoff(self) -> None:
        self._timer = None
        now = clock.monotonic() + 0.001
        while (queued := self._first(self._backoff)) is not None and self._backoff[0][0] <= now:
            self._take(queued)
            self._to_active(queued, "BackoffComplete")
        self._set_timer()

    def _flush_leftovers(self) -> None:
        self._leftovers = None
        now = clock.monotonic()
        waiting = [q for q in self._pods.values() if q.place == UNSCHEDULABLE and not q.gated_by]
        for queued in waiting:
            if now - queued.since >= self._max_unschedulable - 0.001:
                self._worth_a_try(queued, events.UNSCHEDULABLE_TIMEOUT, None, None)
        left = [q.since for q in waiting if q.place == UNSCHEDULABLE]
        if left:
            seconds = max(1.0, min(left) + self._max_unschedulable - now)
            self._leftovers = asyncio.get_running_loop().call_later(seconds, self._flush_leftovers)


def pod_events(before: PodInfo, now: PodInfo) -> list[Event]:
    """What has changed about a pod, in events; an empty list when nothing that matters has."""
    found = []
    if before.labels != now.labels:
        found.append(Action.UPDATE_POD_LABEL)
    if any(now.shape.requests.get(name, 0) < number for name, number in before.shape.requests.items()):
        found.append(Action.UPDATE_POD_SCALE_DOWN)
    if before.shape.tolerations != now.shape.tolerations:
        found.append(Action.UPDATE_POD_TOLERATION)
    if before.spec.get("schedulingGates") and not now.spec.get("schedulingGates"):
        found.append(Action.UPDATE_POD_GATES_ELIMINATED)
    if not found and (
        before.shape is not now.shape
        or before.status.get("resourceClaimStatuses") != now.status.get("resourceClaimStatuses")
    ):
        found.append(Action.UPDATE_OTHER)
    return [Event(events.TARGET_POD, action) for action in found]
