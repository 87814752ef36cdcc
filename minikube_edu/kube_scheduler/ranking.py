"""Which of the fitting nodes is the best? The Score points, summed with their weights; chance decides between
equals."""

from __future__ import annotations

from typing import Any

from minikube_edu.kube_scheduler.diagnosis import SchedulingError
from minikube_edu.kube_scheduler.framework import Code, Cycle
from minikube_edu.kube_scheduler.node import Node
from minikube_edu.kube_scheduler.pod import PodInfo
from minikube_edu.kube_scheduler.profile import Profile
from minikube_edu.lib import ids


def best(nodes: list[Node], totals: list[int]) -> Node:
    highest = max(totals)
    equals = totals.count(highest)
    place = totals.index(highest)
    if equals > 1:
        for _ in range(ids.integer(0, equals - 1)):
            place = totals.index(highest, place + 1)
    return nodes[place]


def pre_score(profile: Profile, cycle: Cycle, pod: PodInfo, nodes: list[Node]) -> None:
    for plugin in profile.pre_score:
        status = plugin.pre_score(cycle, pod, nodes)
        if status is None:
            continue
        if status.code is not Code.SKIP:
            raise SchedulingError(f"running PreScore plugin {plugin.name!r}: {status.message}")
        cycle.skip_score.add(plugin.name)


def totals(profile: Profile, cycle: Cycle, pod: PodInfo, nodes: list[Node]) -> list[int]:
    """The sum of the weighted scores of each node, less what all nodes have in common."""
    pre_score(profile, cycle, pod, nodes)
    verdicts, weights, skipped = profile.verdicts(pod.shape), profile.weights, cycle.skip_score
    known = verdicts.sums
    found: list[int] = []
    summed = [plugin for plugin in profile.summed if plugin.name not in skipped]
    for node in nodes:
        total = known[node.slot]
        if total is None:
            total = sum(plugin.score(cycle, pod, node) * weights[plugin.name] for plugin in summed)
            known[node.slot] = total
        found.append(total)
    for plugin in profile.raw:
        if plugin.name not in skipped:
            scores = _remembered(plugin, verdicts.raw[plugin.name], cycle, pod, nodes)
            found = _added(found, plugin.normalize(cycle, pod, scores), weights[plugin.name])
    for plugin in profile.other_scores:
        if plugin.name not in skipped:
            found = _added(found, _scores(plugin, cycle, pod, nodes), weights[plugin.name])
    return found


def by_plugin(profile: Profile, cycle: Cycle, pod: PodInfo, nodes: list[Node]) -> dict[str, list[int]]:
    """The weighted scores of each plugin, after `totals`: for those who want to know why."""
    found = {}
    for plugin in profile.scores:
        if plugin.name in cycle.skip_score:
            continue
        if plugin.local:
            scores = [plugin.score(cycle, pod, node) for node in nodes]
            if hasattr(plugin, "normalize"):
                scores = plugin.normalize(cycle, pod, scores)
        else:
            scores = _scores(plugin, cycle, pod, nodes)
        found[plugin.name] = [score * profile.weights[plugin.name] for score in scores]
    return found


def _remembered(plugin: Any, column: list[int | None], cycle: Cycle, pod: PodInfo, nodes: list[Node]) -> list[int]:
    scores = []
    for node in nodes:
        score = column[node.slot]
        if score is None:
            score = column[node.slot] = plugin.score(cycle, pod, node)
        scores.append(score)
    return scores


def _scores(plugin: Any, cycle: Cycle, pod: PodInfo, nodes: list[Node]) -> list[int]:
    if hasattr(plugin, "score_all"):
        scores: list[int] = plugin.score_all(cycle, pod, nodes)
    else:
        scores = [plugin.score(cycle, pod, node) for node in nodes]
    if hasattr(plugin, "normalize"):
        scores = plugin.normalize(cycle, pod, scores)
    return scores


def _added(sums: list[int], scores: list[int], weight: int) -> list[int]:
    if scores.count(scores[0]) == len(scores):
        return sums  # no difference
    return [total + weight * score for total, score in zip(sums, scores, strict=True)]
