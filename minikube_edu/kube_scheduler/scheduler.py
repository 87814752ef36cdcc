"""The scheduler: `schedule_one` is the whole algorithm on one screen, `run` calls it for ever.

    take a pod -> filter -> score -> assume -> reserve -> permit -> bind in the background
                    |                             any failure: back to the queue, with the reasons
                    +-> fits nowhere: post-filter (preemption)

From `assume` on, the next pod is decided as if this one were bound already; that is why binding may take its time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from typing import Any

from minikube_edu.client.factory import InformerFactory
from minikube_edu.client.rest import Client
from minikube_edu.kube_scheduler import ranking, story
from minikube_edu.kube_scheduler.binding import Binder
from minikube_edu.kube_scheduler.cluster import Cluster
from minikube_edu.kube_scheduler.cluster_events import ANYTHING, Action, Interest
from minikube_edu.kube_scheduler.configuration import Configuration, default
from minikube_edu.kube_scheduler.diagnosis import NO_NODES, Diagnosis, FitError, SchedulingError
from minikube_edu.kube_scheduler.event_handlers import EventHandlers
from minikube_edu.kube_scheduler.extender import PLUGIN as EXTENDER
from minikube_edu.kube_scheduler.extender import Extender
from minikube_edu.kube_scheduler.failure import Failures
from minikube_edu.kube_scheduler.framework import Code, Cycle, Nomination, Status
from minikube_edu.kube_scheduler.handle import Handle
from minikube_edu.kube_scheduler.metrics import Metrics
from minikube_edu.kube_scheduler.node import Node
from minikube_edu.kube_scheduler.nominator import Nominator
from minikube_edu.kube_scheduler.plugins import PLUGINS
from minikube_edu.kube_scheduler.pod import PodInfo
from minikube_edu.kube_scheduler.profile import Profile
from minikube_edu.kube_scheduler.recorder import Recorder
from minikube_edu.kube_scheduler.scheduling_queue import QueuedPod, SchedulingQueue
from minikube_edu.kube_scheduler.search import Search
from minikube_edu.kube_scheduler.waiting import WaitingPods
from minikube_edu.lib import clock, steps

log = logging.getLogger(__name__)

IN_A_ROW = 8  # pods that are scheduled before the loop's other work gets its turn


class Scheduler:
    """`plugins` are added to the registry: classes like those in `plugins/`, by name. For the first `quiet` seconds
    pods are scheduled, and their events come afterwards."""

    def __init__(
        self,
        client: Client,
        configuration: Configuration | None = None,
        plugins: dict[str, Any] | None = None,
        informers: InformerFactory | None = None,
        assumed_ttl: float = 0,
        quiet: float = 0.0,
    ) -> None:
        configuration = configuration or default()
        self.client = client
        self.cluster = Cluster(assumed_ttl)
        self.metrics = Metrics()
        self.nominator = Nominator()
        self.recorder = Recorder(client, not_before=asyncio.get_running_loop().time() + quiet if quiet else 0.0)
        self.waiting = WaitingPods()
        self.informers = informers or InformerFactory(client)
        self.extenders = [Extender(spec) for spec in configuration.extenders]
        self.profiles: dict[str, Profile] = {}
        for one in configuration.profiles:
            self.profiles[one.scheduler_name] = Profile(one, self._handle(), {**PLUGINS, **(plugins or {})})
        first = next(iter(self.profiles.values()))
        self.queue = SchedulingQueue(
            first.queue_sort[0].sort_key,
            lambda pod: self.profiles[pod.scheduler_name].run_pre_enqueue(pod),
            self._interests(),
            initial_backoff=configuration.initial_backoff,
            max_backoff=configuration.max_backoff,
        )
        self.metrics.queue, self.metrics.cluster = self.queue, self.cluster
        self.search = Search(configuration.percentage_of_nodes_to_score)
        self.handlers = EventHandlers(
            self.informers, self.cluster, self.queue, self.nominator, self.waiting, set(self.profiles)
        )
        self.failures = Failures(client, self.queue, self.nominator, self.recorder, self.metrics, self.handlers.current)
        self.binder = Binder(self.cluster, self.queue, self.failures, self.recorder, self.metrics, self.extenders)
        self._tasks: set[asyncio.Task[None]] = set()
        self._synced = False

    def _interests(self) -> dict[str, Sequence[Interest]]:
        """By plugin. Nobody knows what an extender waits for: anything may help."""
        found = {name: plugin.events() for p in self.profiles.values() for name, plugin in p.plugins.items()}
        return {**found, EXTENDER: (Interest(ANYTHING, Action.UPDATE),)}

    def _handle(self) -> Handle:
        return Handle(
            self.cluster,
            self.client,
            self.informers,
            self.recorder,
            self.nominator,
            self.waiting,
            self.metrics,
            lambda uids: self.queue.activate(uids),
            lambda uid, plugin, always: self.queue.ungate(uid, plugin, always),
            self.spawn,
            self.extenders,
        )

    async def run(self) -> None:
        """Until cancelled."""
        self.informers.start()
        try:
            await self.informers.wait_synced()
            self._synced = True
            await self.schedule_all()
        finally:
            await self.informers.stop()
            await self.stop()

    def has_synced(self) -> bool:
        return self._synced

    async def schedule_all(self) -> None:
        """Schedule what is in the queue, and what will be."""
        number = 0
        while True:
            queued = self.queue.pop_nowait()
            if queued is None:
                queued = await self.queue.pop()
                number = 0
            await self.schedule_one(queued)
            number += 1
            if number % IN_A_ROW == 0:
                await asyncio.sleep(0)

    async def stop(self) -> None:
        self.queue.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.recorder.stop()
        for extender in self.extenders:
            await extender.close()

    def spawn(self, coroutine: Coroutine[Any, Any, None], name: str) -> None:
        """Work in the background that ends with the scheduler."""
        task = asyncio.get_running_loop().create_task(coroutine, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            log.error("%s failed", task.get_name(), exc_info=failure)

    # ------------------------------------------------------------ the algorithm

    async def schedule_one(self, queued: QueuedPod) -> None:
        """DOC: schedule_one. Find a node for the pod, and begin to bind it, or say why not."""
        pod, profile, cycle, started = queued.pod, self.profiles[queued.pod.scheduler_name], Cycle(), clock.monotonic()
        if self._not_needed(pod, profile):
            self.queue.done(pod.uid)
            return
        try:
            try:
                node = await self._choose(profile, cycle, pod)
            except FitError as error:
                nomination = await self._post_filter(profile, cycle, pod, error.diagnosis)
                self.failures.unfit(profile, queued, error.diagnosis, nomination, started)
                return
        except Exception as error:
            if not isinstance(error, SchedulingError):
                log.exception("scheduling pod %s", pod.key)  # one pod must not stop all others
            self.failures.failed(profile, queued, Status(Code.ERROR, (str(error),)), started)
            return
        self.metrics.algorithm_seconds.observe(clock.monotonic() - started)

        self.cluster.assume(pod, node)
        self.nominator.remove(pod.uid)
        status = profile.run_reserve(cycle, pod, node)
        if status is None:
            status = profile.run_permit(cycle, pod, node)
        if status is not None:
            self.binder.undo(profile, cycle, queued, node, status, started)
            return
        if cycle.activate:
            self.queue.activate(cycle.activate)
        self.spawn(self.binder.bind(profile, cycle, queued, node, started), "binding")

    async def _choose(self, profile: Profile, cycle: Cycle, pod: PodInfo) -> str:
        """The best node's name. Raises FitError with the reasons when there is none."""
        diagnosis = Diagnosis(len(self.cluster.order))
        if not self.cluster.order:
            raise FitError(Diagnosis(others=None, pre_filter_message=NO_NODES))
        nodes = self.search.feasible(profile, cycle, pod, diagnosis)
        interested = [extender for extender in self.extenders if extender.interested(pod)] if self.extenders else []
        for extender in interested:
            if nodes and extender.filters:
                nodes = await extender.filter(pod, nodes, diagnosis)
        if not nodes:
            if steps.listening:
                story.filtered(pod, [], diagnosis)
            raise FitError(diagnosis)
        if len(nodes) == 1:
            chosen = nodes[0]
            if steps.listening:
                story.filtered(pod, nodes, diagnosis)
        else:
            totals = ranking.totals(profile, cycle, pod, nodes)
            for extender in interested:
                if extender.prioritizes:
                    totals = await extender.prioritize(pod, nodes, totals)
            chosen = ranking.best(nodes, totals)
            if steps.listening:
                story.filtered(pod, nodes, diagnosis)
                story.scored(pod, nodes, ranking.by_plugin(profile, cycle, pod, nodes), chosen)
        return self._still_there(chosen)

    def _still_there(self, node: Node) -> str:
        """An extender may have taken so long that the node has gone."""
        if self.cluster.candidate(node.name) is None:
            raise SchedulingError(f'node "{node.name}" not found')
        return node.name

    async def _post_filter(self, profile: Profile, cycle: Cycle, pod: PodInfo, diagnosis: Diagnosis) -> Nomination:
        if not diagnosis.total:
            return Nomination("", None)
        if not profile.post_filter:
            return Nomination("", None)
        nomination = await profile.run_post_filter(cycle, pod, diagnosis)
        if nomination.status is not None:
            diagnosis.post_filter_message = nomination.status.message
        return nomination

    def _not_needed(self, pod: PodInfo, profile: Profile) -> bool:
        if pod.terminating:
            note = f"skip schedule deleting pod: {pod.key}"
            self.recorder.event(pod.obj, "Warning", "FailedScheduling", "Scheduling", note, profile.name)
            return True
        return pod.uid in self.cluster.pods
