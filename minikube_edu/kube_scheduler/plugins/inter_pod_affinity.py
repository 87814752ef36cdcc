"""InterPodAffinity: near these pods, far from those; and what the pods that are there already think of it.

Three rules filter: no pod that is there may want to be apart from this one; a pod that each of this one's anti-affinity
terms means must not be in the node's domain; pods that all its affinity terms mean must be in the node's domains (the
first pod of a group that wants to be with itself may go anywhere). Preferences, of both sides, score.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from minikube_edu.kube_scheduler.census import Domains, Subject
from minikube_edu.kube_scheduler.cluster_events import ASSIGNED_POD, NODE, TARGET_POD, Action, Interest
from minikube_edu.kube_scheduler.framework import (
    MAX_NODE_SCORE,
    SKIP,
    Cycle,
    Plugin,
    Status,
    unresolvable,
    unschedulable,
)
from minikube_edu.kube_scheduler.handle import Handle
from minikube_edu.kube_scheduler.node import Node
from minikube_edu.kube_scheduler.pod import PodInfo, Term

NOT_TOGETHER = unresolvable("InterPodAffinity", "node(s) didn't match pod affinity rules")
NOT_APART = unschedulable("InterPodAffinity", "node(s) didn't match pod anti-affinity rules")
NOT_WANTED = unschedulable("InterPodAffinity", "node(s) didn't satisfy existing pods anti-affinity rules")


class Demand(NamedTuple):
    key: str
    domains: Domains  # pods in each domain


class Demands(NamedTuple):
    others: list[Demand]  # pods that are there and want to be apart from this one
    apart: list[Demand]
    together: list[Demand]
    first: bool  # no pod that it wants to be with is anywhere, and it means itself


class InterPodAffinity(Plugin):
    name = "InterPodAffinity"

    def __init__(self, handle: Handle, arguments: dict[str, Any]) -> None:
        self._cluster = handle.cluster
        weight = arguments.get("hardPodAffinityWeight")
        self._hard_weight: int = 1 if weight is None else weight
        if not 0 <= self._hard_weight <= 100:
            raise ValueError(f"hardPodAffinityWeight: Invalid value: {weight}: not in valid range [0-100]")
        self._ignore_preferred = bool(arguments.get("ignorePreferredTermsOfExistingPods"))

    def pre_filter(self, cycle: Cycle, pod: PodInfo) -> Status | None:
        cluster, shape = self._cluster, pod.shape
        bearings = cluster.censuses.bearing_on(shape) if cluster.censuses.bearings else []
        others = [
            Demand(bearing.term.topology_key, cluster.domains(bearing, bearing.term.topology_key))
            for bearing in bearings
            if bearing.kind == "anti"
        ]
        if not others and not shape.affinity and not shape.anti_affinity:
            return SKIP
        apart = [self._demand((term,), term.topology_key) for term in shape.anti_affinity]
        together = [self._demand(shape.affinity, term.topology_key) for term in shape.affinity]
        first = bool(together) and not any(demand.domains for demand in together) and self._means_itself(pod)
        cycle.facts[self.name] = Demands(others, apart, together, first)
        return None

    def filter(self, cycle: Cycle, pod: PodInfo, node: Node) -> Status | None:
        demands: Demands = cycle.facts[self.name]
        labels = node.labels
        for key, domains in demands.together:
            value = labels.get(key)
            if value is None or (value not in domains and not demands.first):
                return NOT_TOGETHER
        for key, domains in demands.apart:
            if labels.get(key) in domains:
                return NOT_APART
        for key, domains in demands.others:
            if labels.get(key) in domains:
                return NOT_WANTED
        return None

    def pre_score(self, cycle: Cycle, pod: PodInfo, nodes: list[Node]) -> Status | None:
        wishes = self._wishes(pod)
        cycle.facts["InterPodAffinity wishes"] = wishes
        return None if wishes else SKIP

    def score_all(self, cycle: Cycle, pod: PodInfo, nodes: list[Node]) -> list[int]:
        sums = [0] * len(nodes)
        for weight, (key, domains) in cycle.facts["InterPodAffinity wishes"]:
            sums = [
                total + weight * domains.get(node.labels.get(key), 0) for total, node in zip(sums, nodes, strict=True)
            ]
        return sums

    def normalize(self, cycle: Cycle, pod: PodInfo, scores: list[int]) -> list[int]:
        least = min(scores)
        span = max(scores) - least
        if not span:
            return [0] * len(scores)
        return [int(MAX_NODE_SCORE * ((score - least) / span)) for score in scores]

    def events(self) -> Sequence[Interest]:
        return (
            Interest(ASSIGNED_POD, Action.ADD | Action.DELETE | Action.UPDATE_POD_LABEL, self._concerns),
            Interest(TARGET_POD, Action.UPDATE_POD_LABEL, lambda pod, before, now: bool(pod.uid == now.uid)),
            Interest(NODE, Action.ADD | Action.UPDATE_NODE_LABEL),
        )

    # ------------------------------------------------------------ within

    def _wishes(self, pod: PodInfo) -> list[tuple[int, Demand]]:
        """(weight, domains) of all preferences that concern the pod and that some pod meets."""
        shape, cluster = pod.shape, self._cluster
        found = [(weight, self._demand((term,), term.topology_key)) for weight, term in shape.preferred_affinity]
        found += [(-weight, self._demand((term,), term.topology_key)) for weight, term in shape.preferred_anti_affinity]
        if cluster.censuses.bearings and not (self._ignore_preferred and not shape.has_affinity):
            for bearing in cluster.censuses.bearing_on(shape):
                weight = self._hard_weight if bearing.kind == "required" else bearing.weight
                if weight:
                    key = bearing.term.topology_key
                    found.append((weight, Demand(key, cluster.domains(bearing, key))))
        return [(weight, demand) for weight, demand in found if demand.domains]

    def _demand(self, terms: tuple[Term, ...], key: str) -> Demand:
        return Demand(key, self._cluster.domains(self._cluster.census(Subject(terms)), key))

    def _means_itself(self, pod: PodInfo) -> bool:
        namespaces = self._cluster.censuses.namespaces
        return all(term.matches(pod.namespace, pod.labels, namespaces) for term in pod.shape.affinity)

    def _concerns(self, pod: PodInfo, before: PodInfo | None, now: PodInfo | None) -> bool:
        """A pod that it wants to be with has come, or one that stood in the way has gone."""
        namespaces = self._cluster.censuses.namespaces
        wanted = pod.shape.affinity
        if now is not None and wanted and all(t.matches(now.namespace, now.labels, namespaces) for t in wanted):
            return True
        if before is None:
            return False
        if any(term.matches(before.namespace, before.labels, namespaces) for term in pod.shape.anti_affinity):
            return True
        return any(term.matches(pod.namespace, pod.labels, namespaces) for term in before.shape.anti_affinity)
