"""Which nodes can take the pod? The Filter points, over as many nodes as it takes.

Of a large cluster not all nodes are looked at: once enough fit (`wanted`), the search ends, and the next one begins
where this one stopped. Local verdicts come from memory; nodes with promised pods are asked twice, with and without
them.
"""

from __future__ import annotations

from minikube_edu.kube_scheduler.diagnosis import Diagnosis
from minikube_edu.kube_scheduler.framework import Cycle, Status
from minikube_edu.kube_scheduler.node import Node
from minikube_edu.kube_scheduler.pod import PodInfo
from minikube_edu.kube_scheduler.profile import Profile
from minikube_edu.kube_scheduler.verdicts import UNKNOWN

FEW, LEAST_PERCENT = 100, 5


def wanted(nodes: int, percentage: int) -> int:
    """How many fitting nodes are enough. Without a percentage: half of a small cluster, less of a large one."""
    if nodes < FEW:
        return nodes
    percentage = percentage or max(50 - nodes // 125, LEAST_PERCENT)
    return max(nodes * percentage // 100, FEW)


class Search:
    def __init__(self, percentage: int = 0) -> None:
        self._percentage = percentage
        self._start = 0  # where the next search begins

    def feasible(self, profile: Profile, cycle: Cycle, pod: PodInfo, diagnosis: Diagnosis) -> list[Node]:
        cluster = profile.handle.cluster
        names, status = profile.run_pre_filter(cycle, pod, diagnosis)
        if status is not None:
            diagnosis.others, diagnosis.pre_filter_message = status, status.message
            diagnosis.note(status)
            return []
        promised = profile.handle.nominator.node_of(pod.uid) or pod.nominated_node
        node = cluster.candidate(promised) if promised else None
        if node is not None:  # most likely the only one that fits
            status = self._verdict(profile, cycle, pod, node)
            if status is None:
                return [node]
        nodes = cluster.order
        if names is not None:
            nodes = [found for name in sorted(names) if (found := cluster.candidate(name)) is not None]
        if not nodes:
            return []
        start = self._start % len(nodes)
        rotated = nodes[start:] + nodes[:start] if start else nodes
        percentage = profile.percentage_of_nodes_to_score
        enough = wanted(len(nodes), self._percentage if percentage is None else percentage)
        fitting, rejected = self._look(profile, cycle, pod, rotated, enough)
        self._start = (self._start + len(fitting) + len(rejected)) % max(1, len(cluster.order))
        for node, status in rejected:
            diagnosis.nodes[node.name] = status
        if not fitting:
            diagnosis.note_all()
        return fitting

    def _look(
        self, profile: Profile, cycle: Cycle, pod: PodInfo, nodes: list[Node], enough: int
    ) -> tuple[list[Node], list[tuple[Node, Status]]]:
        fitting: list[Node] = []
        rejected: list[tuple[Node, Status]] = []
        known = profile.verdicts(pod.shape).filters
        nominator = profile.handle.nominator
        ask_others = any(plugin.name not in cycle.skip_filter for plugin in profile.other_filters)
        promised = nominator.by_node
        for node in nodes:
            status = known[node.slot]
            if status is UNKNOWN:
                status = known[node.slot] = profile.filter_local(cycle, pod, node)
            if status is None and promised and (guests := nominator.at_least(node.name, pod)):
                status = profile.fits_beside(pod, node, guests)
            if status is None and ask_others:
                status = profile.filter_others(cycle, pod, node)
            if status is None:
                fitting.append(node)
                if len(fitting) >= enough:
                    break
            else:
                rejected.append((node, status))
        return fitting, rejected

    @staticmethod
    def _verdict(profile: Profile, cycle: Cycle, pod: PodInfo, node: Node) -> Status | None:
        guests = profile.handle.nominator.at_least(node.name, pod)
        if guests and (status := profile.fits_beside(pod, node, guests)) is not None:
            return status
        return profile.filter_node(cycle, pod, node)
