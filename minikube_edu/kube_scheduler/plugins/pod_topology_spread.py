"""PodTopologySpread: pods of a kind evenly over zones, nodes, or whatever a label tells apart.

`DoNotSchedule` constraints filter: a domain may have at most maxSkew pods more than the emptiest one. `ScheduleAnyway`
constraints score. A pod without constraints gets the default ones, which only score (zone and host name), as soon as a
Service or an owner tells which pods are of its kind. Counts come from the census, so nothing is walked over per pod.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log
from typing import Any, NamedTuple

from msgspec import Struct

from minikube_edu.api import label_selectors
from minikube_edu.api.label_selectors import Requirement, Selector
from minikube_edu.kube_scheduler import taints
from minikube_edu.kube_scheduler.census import Counted, Subject
from minikube_edu.kube_scheduler.cluster_events import ASSIGNED_POD, NODE, TARGET_POD, Action, Interest
from minikube_edu.kube_scheduler.default_selector import DefaultSelectors
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
from minikube_edu.kube_scheduler.node import HOSTNAME, ZONE, Node
from minikube_edu.kube_scheduler.pod import PodInfo, Term

Object = dict[str, Any]

UNEVEN = unschedulable("PodTopologySpread", "node(s) didn't match pod topology spread constraints")
NO_LABEL = unresolvable(
    "PodTopologySpread", "node(s) didn't match pod topology spread constraints (missing required label)"
)
SYSTEM_DEFAULTS: list[Object] = [
    {"topologyKey": HOSTNAME, "whenUnsatisfiable": "ScheduleAnyway", "maxSkew": 3},
    {"topologyKey": ZONE, "whenUnsatisfiable": "ScheduleAnyway", "maxSkew": 5},
]
HARD, SOFT = "DoNotSchedule", "ScheduleAnyway"
IGNORED = -1


class Constraint(NamedTuple):
    key: str
    max_skew: int
    selector: Selector
    min_domains: int
    honor_affinity: bool
    honor_taints: bool


class Domain(Struct):
    """What counts for one constraint: the eligible nodes' topology values, and which nodes they are, unless all are."""

    values: frozenset[str]
    nodes: list[Node] | None

    def counts(self, constraint: Constraint, counted: Counted, handle: Handle) -> Mapping[str, int]:
        if self.nodes is None:
            return handle.cluster.domains(counted, constraint.key)
        found: dict[str, int] = {}
        for node in self.nodes:
            number = counted.by_node.get(node.slot, 0)
            if number:
                value = node.labels[constraint.key]
                found[value] = found.get(value, 0) + number
        return found


class Checked(NamedTuple):
    """One hard constraint, ready to be asked about nodes."""

    key: str
    counts: Mapping[str, int]
    most: int  # pods that a domain may have before this one comes


class PodTopologySpread(Plugin):
    name = "PodTopologySpread"

    def __init__(self, handle: Handle, arguments: dict[str, Any]) -> None:
        self._handle = handle
        self._system = (arguments.get("defaultingType") or "System") == "System"
        self._defaults = SYSTEM_DEFAULTS if self._system else arguments.get("defaultConstraints") or []
        self._siblings = DefaultSelectors(handle)

    def pre_filter(self, cycle: Cycle, pod: PodInfo) -> Status | None:
        constraints = self._constraints(pod, HARD)
        if not constraints:
            return SKIP
        layout = self._layout(pod, constraints, True)
        checked = []
        for constraint, domain in zip(constraints, layout, strict=True):
            counts = domain.counts(constraint, self._census(pod, constraint), self._handle)
            least = self._least(constraint, domain, counts)
            itself = constraint.selector.matches(pod.labels)
            checked.append(Checked(constraint.key, counts, constraint.max_skew + least - itself))
        cycle.facts[self.name] = checked
        return None

    def filter(self, cycle: Cycle, pod: PodInfo, node: Node) -> Status | None:
        for key, counts, most in cycle.facts[self.name]:
            value = node.labels.get(key)
            if value is None:
                return NO_LABEL
            if counts.get(value, 0) > most:
                return UNEVEN
        return None

    def pre_score(self, cycle: Cycle, pod: PodInfo, nodes: list[Node]) -> Status | None:
        return None if self._constraints(pod, SOFT) else SKIP

    def score_all(self, cycle: Cycle, pod: PodInfo, nodes: list[Node]) -> list[int]:
        """Pods of the kind beside which the pod would be; `normalize` turns it round."""
        constraints = self._constraints(pod, SOFT)
        strict = bool(pod.spec.get("topologySpreadConstraints")) or not self._system
        layout = self._layout(pod, constraints, strict)
        ignored = (
            [i for i, node in enumerate(nodes) if any(c.key not in node.labels for c in constraints)] if strict else []
        )
        sums = [0.0] * len(nodes)
        for constraint, domain in zip(constraints, layout, strict=True):
            counted = self._census(pod, constraint)
            values = [node.labels.get(constraint.key) for node in nodes]
            extra = constraint.max_skew - 1
            if constraint.key == HOSTNAME:
                weight, count = log(len(nodes) - len(ignored) + 2), counted.by_node.get
                sums = [
                    total if value is None else total + count(node.slot, 0) * weight + extra
                    for total, node, value in zip(sums, nodes, values, strict=True)
                ]
                continue
            skipped = set(ignored)
            different = {value or "" for i, value in enumerate(values) if i not in skipped} if skipped else set(values)
            if different == {None}:
                continue  # no node has the label
            weight, counts = log(len(different) + 2), domain.counts(constraint, counted, self._handle)
            sums = [
                total if value is None else total + counts.get(value, 0) * weight + extra
                for total, value in zip(sums, values, strict=True)
            ]
        scores = [int(total + 0.5) for total in sums]
        for i in ignored:
            scores[i] = IGNORED
        return scores

    def normalize(self, cycle: Cycle, pod: PodInfo, scores: list[int]) -> list[int]:
        counted = scores if IGNORED not in scores else [score for score in scores if score != IGNORED]
        if not counted:
            return [0] * len(scores)
        least, most = min(counted), max(counted)
        if most == 0:
            return [0 if score == IGNORED else MAX_NODE_SCORE for score in scores]
        return [0 if score == IGNORED else MAX_NODE_SCORE * (most + least - score) // most for score in scores]

    def events(self) -> Sequence[Interest]:
        return (
            Interest(ASSIGNED_POD, Action.ADD | Action.DELETE | Action.UPDATE_POD_LABEL, self._counts),
            Interest(NODE, Action.ADD | Action.DELETE | Action.UPDATE_NODE_LABEL | Action.UPDATE_NODE_TAINT),
            Interest(TARGET_POD, Action.UPDATE_POD_LABEL | Action.UPDATE_POD_TOLERATION),
        )

    # ------------------------------------------------------------ within

    def _counts(self, pod: PodInfo, before: PodInfo | None, now: PodInfo | None) -> bool:
        """Is the pod that came, went or changed one that the constraints count?"""
        selectors = [constraint.selector for constraint in self._constraints(pod, HARD)]
        others = [other for other in (before, now) if other is not None and other.namespace == pod.namespace]
        return any(selector.matches(other.labels) for selector in selectors for other in others)

    def _constraints(self, pod: PodInfo, action: str) -> list[Constraint]:
        specs = pod.spec.get("topologySpreadConstraints")
        if specs:
            key = (self.name, action)
            found: list[Constraint] | None = pod.shape.memo.get(key)
            if found is None:
                found = [_constraint(spec, pod) for spec in specs if spec["whenUnsatisfiable"] == action]
                pod.shape.memo[key] = found
            return found
        defaults = [spec for spec in self._defaults if spec["whenUnsatisfiable"] == action]
        if not defaults:
            return []
        selector = self._siblings.of(pod)
        if selector.empty():
            return []
        return [_constraint(spec, pod, selector) for spec in defaults]

    def _census(self, pod: PodInfo, constraint: Constraint) -> Counted:
        term = Term(frozenset((pod.namespace,)), None, constraint.selector, "")
        return self._handle.cluster.census(Subject((term,), with_terminating=False))

    def _layout(self, pod: PodInfo, constraints: list[Constraint], strict: bool) -> list[Domain]:
        """Which nodes count, for each constraint; remembered until nodes change. `strict`: those with all the keys."""
        version, memo_key = self._handle.cluster.version, (self, tuple(constraints))
        known: tuple[int, list[Domain]] | None = pod.shape.memo.get(memo_key)
        if known is not None and known[0] == version:
            return known[1]
        order = self._handle.cluster.order
        keys = [constraint.key for constraint in constraints]
        nodes = [node for node in order if all(key in node.labels for key in keys)] if strict else order
        found = []
        for constraint in constraints:
            eligible = [node for node in nodes if constraint.key in node.labels and _included(constraint, pod, node)]
            everywhere = len(eligible) == sum(constraint.key in node.labels for node in order)
            values = frozenset(node.labels[constraint.key] for node in eligible)
            found.append(Domain(values, None if everywhere else eligible))
        pod.shape.memo[memo_key] = version, found
        return found

    @staticmethod
    def _least(constraint: Constraint, domain: Domain, counts: Mapping[str, int]) -> int:
        """The pods of the emptiest domain."""
        if len(domain.values) < constraint.min_domains:
            return 0
        if not domain.values:
            return 1 << 31
        if len(counts) < len(domain.values):
            return 0  # only those with pods are in `counts`
        return min(counts.get(value, 0) for value in domain.values)


def _constraint(spec: Object, pod: PodInfo, selector: Selector | None = None) -> Constraint:
    if selector is None:
        selector = label_selectors.from_object(spec.get("labelSelector"))
        more = [
            Requirement(key, "=", (pod.labels[key],)) for key in spec.get("matchLabelKeys") or () if key in pod.labels
        ]
        if more and not selector.matches_nothing():
            selector = Selector([*selector.requirements, *more])
    return Constraint(
        spec["topologyKey"],
        spec["maxSkew"],
        selector,
        spec.get("minDomains") or 1,
        (spec.get("nodeAffinityPolicy") or "Honor") == "Honor",
        (spec.get("nodeTaintsPolicy") or "Ignore") == "Honor",
    )


def _included(constraint: Constraint, pod: PodInfo, node: Node) -> bool:
    if constraint.honor_affinity and not pod.shape.node_affinity.matches(node.name, node.labels):
        return False
    return not (constraint.honor_taints and taints.untolerated(node.taints, pod.shape.tolerations) is not None)
