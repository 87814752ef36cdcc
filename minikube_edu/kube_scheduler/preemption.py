"""Which pods would have to go so that a more important one fits on a node?

First all less important pods are taken away, for a moment; if the pod fits then, they are put back one by one, those
whose disruption budget would be violated first, the more important first, as long as the pod still fits: those that do
not go back are the victims. Of all nodes, the one where it hurts least is chosen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from minikube_edu.api import label_selectors
from minikube_edu.kube_scheduler.framework import Status, unresolvable
from minikube_edu.kube_scheduler.node import Node
from minikube_edu.kube_scheduler.pod import PodInfo
from minikube_edu.kube_scheduler.profile import Profile
from minikube_edu.lib import clock

Object = dict[str, Any]

NO_VICTIMS = unresolvable("DefaultPreemption", "No preemption victims found for incoming pod")


class Candidate(Struct):
    node: str
    victims: list[PodInfo]  # the most important first
    violations: int  # victims whose disruption budget would be violated


def started(pod: PodInfo) -> float:
    text = pod.status.get("startTime")
    return clock.parse_rfc3339(text) if text else clock.now()


def importance(pod: PodInfo) -> tuple[int, float]:
    """The lower, the more important: by priority, then by age."""
    return -pod.priority, started(pod)


def dry_run(profile: Profile, pod: PodInfo, node: Node, budgets: list[Object]) -> Candidate | Status:
    """A candidate, or why the node is none. The cluster is afterwards as it was before."""
    cluster = profile.handle.cluster
    less = [other for other in node.pods.values() if other.priority < pod.priority]
    if not less:
        return NO_VICTIMS
    less.sort(key=importance)
    for victim in less:
        cluster.suppose_gone(victim, node)
    away = list(less)
    try:
        status = fits(profile, pod, node)
        if status is not None:
            return status
        violating, others = by_budget(less, budgets)
        violations = 0
        for victim in (*violating, *others):
            cluster.suppose(victim, node)
            away.remove(victim)
            if fits(profile, pod, node) is not None:
                cluster.suppose_gone(victim, node)
                away.append(victim)
                violations += victim in violating
        return Candidate(node.name, sorted(away, key=importance), violations)
    finally:
        for victim in away:
            cluster.suppose(victim, node)


def fits(profile: Profile, pod: PodInfo, node: Node) -> Status | None:
    """With and without the pods that are promised the node and are as important."""
    guests = profile.handle.nominator.at_least(node.name, pod)
    if guests and (status := profile.fits_beside(pod, node, guests)) is not None:
        return status
    return profile.fits_beside(pod, node, ())


def by_budget(pods: list[PodInfo], budgets: list[Object]) -> tuple[list[PodInfo], list[PodInfo]]:
    """(those whose eviction would violate a PodDisruptionBudget, the others), in their order."""
    left = [(budget.get("status") or {}).get("disruptionsAllowed") or 0 for budget in budgets]
    selectors = [label_selectors.from_object((budget.get("spec") or {}).get("selector")) for budget in budgets]
    violating: list[PodInfo] = []
    others: list[PodInfo] = []
    for pod in pods:
        violated = False
        for i, (budget, selector) in enumerate(zip(budgets, selectors, strict=True)):
            if not pod.labels or budget["metadata"]["namespace"] != pod.namespace:
                continue
            if selector.empty() or not selector.matches(pod.labels):
                continue
            if pod.name in ((budget.get("status") or {}).get("disruptedPods") or {}):
                continue  # its eviction is counted already
            left[i] -= 1
            violated = violated or left[i] < 0
        (violating if violated else others).append(pod)
    return violating, others


def least_harm(candidates: list[Candidate]) -> Candidate:
    """Criteria in their order, each deciding between those that the ones before left equal."""
    criteria: list[Callable[[Candidate], float]] = [
        lambda c: c.violations,
        lambda c: c.victims[0].priority,
        lambda c: sum(victim.priority + (1 << 31) for victim in c.victims),
        lambda c: len(c.victims),
        lambda c: -min(started(v) for v in c.victims if v.priority == c.victims[0].priority),
    ]
    left = candidates
    for criterion in criteria:
        values = [criterion(candidate) for candidate in left]
        best = min(values)
        left = [candidate for candidate, value in zip(left, values, strict=True) if value == best]
        if len(left) == 1:
            break
    return left[0]
