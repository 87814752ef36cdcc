"""A profile: one scheduler by name, with its plugins at their extension points.

Pods choose it by `spec.schedulerName`. Here plugins are run; when, is for `schedule_one` and `binding` to say.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

from minikube_edu.kube_scheduler import framework
from minikube_edu.kube_scheduler.configuration import ProfileConfiguration
from minikube_edu.kube_scheduler.diagnosis import Diagnosis
from minikube_edu.kube_scheduler.framework import Code, Cycle, Plugin, Status
from minikube_edu.kube_scheduler.handle import Handle
from minikube_edu.kube_scheduler.node import Node
from minikube_edu.kube_scheduler.pod import PodInfo, Shape
from minikube_edu.kube_scheduler.verdicts import Verdicts

KEPT = 128  # shapes whose verdicts are remembered

Make = Callable[[Handle, dict[str, Any]], Plugin]


class Profile:
    def __init__(self, configuration: ProfileConfiguration, handle: Handle, registry: dict[str, Make]) -> None:
        self.name = configuration.scheduler_name
        self.percentage_of_nodes_to_score = configuration.percentage_of_nodes_to_score
        self.handle = handle
        handle.owner = self
        self.plugins: dict[str, Plugin] = {}
        for name in configuration.names():
            self.plugins[name] = registry[name](handle, configuration.arguments.get(name, {}))
        self.weights = configuration.weights()

        def at(point: str) -> list[Any]:
            named = (self.plugins[name] for name in configuration.enabled[point])
            return [plugin for plugin in named if framework.has_point(plugin, point)]

        self.pre_enqueue: list[framework.PreEnqueue] = at("preEnqueue")
        self.queue_sort: list[framework.QueueSort] = at("queueSort")
        self.pre_filter: list[Any] = at("preFilter")
        filters = at("filter")
        self.local_filters: list[Any] = [p for p in filters if p.local]
        self.other_filters: list[Any] = [p for p in filters if not p.local]
        self.post_filter: list[Any] = at("postFilter")
        self.pre_score: list[Any] = at("preScore")
        self.scores: list[Any] = at("score")
        self.reserve: list[Any] = at("reserve")
        self.permit: list[Any] = at("permit")
        self.pre_bind: list[Any] = at("preBind")
        self.bind: list[Any] = at("bind")
        self.post_bind: list[Any] = at("postBind")
        # local scores are remembered: those that need no normalizing as one sum
        self.summed = [p for p in self.scores if p.local and not hasattr(p, "normalize")]
        self.raw = [p for p in self.scores if p.local and hasattr(p, "normalize")]
        self.other_scores = [p for p in self.scores if not p.local]
        self._verdicts: OrderedDict[Shape, Verdicts] = OrderedDict()

    def verdicts(self, shape: Shape) -> Verdicts:
        """What is known about pods of this shape, up to date."""
        found = self._verdicts.get(shape)
        if found is None:
            found = self._verdicts[shape] = Verdicts(self.handle.cluster, [plugin.name for plugin in self.raw])
            if len(self._verdicts) > KEPT:
                self._verdicts.popitem(last=False)
        else:
            self._verdicts.move_to_end(shape)
        found.refresh()
        return found

    # ------------------------------------------------------------ the points, in their order

    def run_pre_enqueue(self, pod: PodInfo) -> Status | None:
        for plugin in self.pre_enqueue:
            status = plugin.pre_enqueue(pod)
            if status is not None:
                return status
        return None

    def run_pre_filter(
        self, cycle: Cycle, pod: PodInfo, diagnosis: Diagnosis
    ) -> tuple[frozenset[str] | None, Status | None]:
        """(the only nodes worth a look, None for all; the status that rejects the pod)."""
        names: frozenset[str] | None = None
        who: list[str] = []
        for plugin in self.pre_filter:
            answer = plugin.pre_filter(cycle, pod)
            if answer is None:
                continue
            if isinstance(answer, framework.NodeNames):
                names = answer.names if names is None else names & answer.names
                who.append(plugin.name)
                diagnosis.plugins.add(plugin.name)
                if not names:
                    return names, framework.unresolvable(plugin.name, _nowhere(who))
            elif answer.code is Code.SKIP:
                cycle.skip_filter.add(plugin.name)
            else:
                return None, answer
        if names is not None:
            text = f"node(s) didn't satisfy plugin(s) [{' '.join(sorted(who))}]"
            diagnosis.others = framework.unresolvable("", text)
        return names, None

    def filter_node(self, cycle: Cycle, pod: PodInfo, node: Node) -> Status | None:
        """All filters, nothing remembered."""
        skipped = cycle.skip_filter
        for plugin in (*self.local_filters, *self.other_filters):
            if plugin.name not in skipped:
                status: Status | None = plugin.filter(cycle, pod, node)
                if status is not None:
                    return status
        return None

    def filter_local(self, cycle: Cycle, pod: PodInfo, node: Node) -> Status | None:
        skipped = cycle.skip_filter
        for plugin in self.local_filters:
            if plugin.name not in skipped:
                status: Status | None = plugin.filter(cycle, pod, node)
                if status is not None:
                    return status
        return None

    def filter_others(self, cycle: Cycle, pod: PodInfo, node: Node) -> Status | None:
        skipped = cycle.skip_filter
        for plugin in self.other_filters:
            if plugin.name not in skipped:
                status: Status | None = plugin.filter(cycle, pod, node)
                if status is not None:
                    return status
        return None

    def fits_beside(self, pod: PodInfo, node: Node, guests: Sequence[PodInfo]) -> Status | None:
        """Would the pod fit if the guests were on the node? For a moment they are."""
        cluster = self.handle.cluster
        for guest in guests:
            cluster.suppose(guest, node)
        try:
            cycle = Cycle()
            names, status = self.run_pre_filter(cycle, pod, Diagnosis())
            if status is not None:
                return status
            if names is not None and node.name not in names:
                return framework.unresolvable("", "node(s) didn't satisfy plugin(s)")
            return self.filter_node(cycle, pod, node)
        finally:
            for guest in guests:
                cluster.suppose_gone(guest, node)

    async def run_post_filter(self, cycle: Cycle, pod: PodInfo, diagnosis: Diagnosis) -> framework.Nomination:
        reasons: list[str] = []
        nominated: str | None = None
        for plugin in self.post_filter:
            node, status = await plugin.post_filter(cycle, pod, diagnosis)
            if status is None:
                return framework.Nomination(node, None)
            if not status.rejected or status.code is Code.UNRESOLVABLE:
                return framework.Nomination(node, status)
            if node is not None:
                nominated = node
            reasons += status.reasons
        return framework.Nomination(nominated, framework.unschedulable("", *reasons))

    def run_reserve(self, cycle: Cycle, pod: PodInfo, node: str) -> Status | None:
        for plugin in self.reserve:
            status: Status | None = plugin.reserve(cycle, pod, node)
            if status is not None:
                return status
        return None

    def run_unreserve(self, cycle: Cycle, pod: PodInfo, node: str) -> None:
        for plugin in reversed(self.reserve):
            plugin.unreserve(cycle, pod, node)

    def run_permit(self, cycle: Cycle, pod: PodInfo, node: str) -> Status | None:
        timeouts: dict[str, float] = {}
        for plugin in self.permit:
            status: Status | None = plugin.permit(cycle, pod, node)
            if status is None:
                continue
            if status.code is not Code.WAIT:
                return status
            timeouts[plugin.name] = status.timeout
        if timeouts:
            self.handle.waiting.add(pod, timeouts)
        return None

    async def run_pre_bind(self, cycle: Cycle, pod: PodInfo, node: str) -> Status | None:
        for plugin in self.pre_bind:
            if plugin.will_pre_bind(cycle, pod, node):
                status: Status | None = await plugin.pre_bind(cycle, pod, node)
                if status is not None:
                    return status
        return None

    async def run_bind(self, cycle: Cycle, pod: PodInfo, node: str) -> Status | None:
        for plugin in self.bind:
            status: Status | None = await plugin.bind(cycle, pod, node)
            if status is None or status.code is not Code.SKIP:
                return status
        return framework.error("", "no bind plugin took the pod")

    def run_post_bind(self, cycle: Cycle, pod: PodInfo, node: str) -> None:
        for plugin in self.post_bind:
            plugin.post_bind(cycle, pod, node)


def _nowhere(plugins: list[str]) -> str:
    if len(plugins) == 1:
        return f"node(s) didn't satisfy plugin {plugins[0]}"
    return f"node(s) didn't satisfy plugin(s) [{' '.join(sorted(plugins))}] simultaneously"
