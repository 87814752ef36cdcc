"""Counts of pods, kept as they come and go, for the plugins that look at more than one node.

A Census counts the pods that match some terms, by node and by topology domain ("in zone a there are 3 pods with
app=web"). A Bearing counts the other way round: the pods that *bear* a term, of which new pods have to ask whether it
means them ("in zone a there are 2 pods that want no app=web beside them").

Counts are right at any time: asking costs a look-up, not a walk over all pods as in the real scheduler (which walks in
parallel). A census that nobody has asked for long is dropped, and counted anew when somebody does.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from minikube_edu.kube_scheduler.node import Node
from minikube_edu.kube_scheduler.pod import PodInfo, Shape, Term

Domains = dict[str, int]  # topology value -> pods; never holds zeros
KEPT = 512


class Counted:
    """Pods by node and by domain."""

    def __init__(self) -> None:
        self.by_node: dict[int, int] = {}  # slot -> pods
        self.total = 0
        self._domains: dict[str, Domains] = {}

    def domains(self, topology_key: str, nodes: Iterable[Node]) -> Domains:
        """`nodes` are all nodes: looked at when a key is asked for the first time."""
        found = self._domains.get(topology_key)
        if found is None:
            found = self._domains[topology_key] = {}
            for node in nodes:
                count = self.by_node.get(node.slot, 0)
                if count and (value := node.labels.get(topology_key)) is not None:
                    found[value] = found.get(value, 0) + count
        return found

    def count(self, node: Node, change: int) -> None:
        _add(self.by_node, node.slot, change)
        self.total += change
        for key, domains in self._domains.items():
            value = node.labels.get(key)
            if value is not None:
                _add(domains, value, change)

    def relabelled(self, node: Node, before: Mapping[str, str]) -> None:
        """The node's labels have changed: its pods are in other domains now."""
        count = self.by_node.get(node.slot, 0)
        if not count:
            return
        for key, domains in self._domains.items():
            if (value := before.get(key)) is not None:
                _add(domains, value, -count)
            if (value := node.labels.get(key)) is not None:
                _add(domains, value, count)


class Subject(NamedTuple):
    """Whom a census counts: pods that match all the terms (whose topology keys do not matter)."""

    terms: tuple[Term, ...]
    with_terminating: bool = True

    def counts(self, pod: PodInfo, namespaces: Mapping[str, Mapping[str, str]]) -> bool:
        if pod.terminating and not self.with_terminating:
            return False
        return all(term.matches(pod.namespace, pod.labels, namespaces) for term in self.terms)


class Bearing(Counted):
    """Pods that bear one term. `weight` is that of a preference, below zero when they want to be apart."""

    def __init__(self, term: Term, kind: str, weight: int) -> None:
        super().__init__()
        self.term = term
        self.kind = kind  # "anti", "required" or "preferred"
        self.weight = weight


class Censuses:
    """All counts of a cluster. `namespaces` are the labels of its namespaces."""

    def __init__(self) -> None:
        self.namespaces: dict[str, Mapping[str, str]] = {}
        self.bearings: dict[tuple[str, int, Term], Bearing] = {}
        self.version = 0  # of the set of bearings, and of the namespaces' labels
        self._censuses: OrderedDict[Subject, Counted] = OrderedDict()
        self._generation = 0  # of the set of censuses

    def census(self, subject: Subject, nodes: Iterable[Node]) -> Counted:
        found = self._censuses.get(subject)
        if found is not None:
            self._censuses.move_to_end(subject)
            return found
        found = self._censuses[subject] = Counted()
        self._generation += 1
        if len(self._censuses) > KEPT:
            self._censuses.popitem(last=False)
        for node in nodes:
            count = sum(subject.counts(pod, self.namespaces) for pod in node.pods.values())
            if count:
                found.count(node, count)
        return found

    def count(self, pod: PodInfo, node: Node, change: int) -> None:
        """A pod has come to a node (1) or gone (-1)."""
        for counted in self._counting(pod):
            counted.count(node, change)
        if pod.shape.has_affinity:
            for key in borne(pod.shape):
                bearing = self.bearings.get(key)
                if bearing is None:
                    bearing = self.bearings[key] = Bearing(key[2], key[0], key[1])
                    self.version += 1
                bearing.count(node, change)
                if not bearing.total:
                    del self.bearings[key]
                    self.version += 1

    def relabelled(self, node: Node, before: Mapping[str, str]) -> None:
        for counted in (*self._censuses.values(), *self.bearings.values()):
            counted.relabelled(node, before)

    def namespace(self, name: str, labels: Mapping[str, str] | None) -> None:
        """A namespace's labels, None when it is gone. Counts that depend on them are counted anew."""
        if self.namespaces.get(name) == labels:
            return
        if labels is None:
            del self.namespaces[name]
        else:
            self.namespaces[name] = labels
        self.version += 1
        self._generation += 1
        for subject in [s for s in self._censuses if any(term.namespace_selector is not None for term in s.terms)]:
            del self._censuses[subject]

    def bearing_on(self, shape: Shape) -> list[Bearing]:
        """The terms of pods on nodes that mean a pod of this shape."""
        memo_key = (self, "bearings")
        known = shape.memo.get(memo_key)
        if known is None or known[0] != self.version:
            found = [
                b for b in self.bearings.values() if b.term.matches(shape.namespace, shape.labels, self.namespaces)
            ]
            known = shape.memo[memo_key] = self.version, found
        bearings: list[Bearing] = known[1]
        return bearings

    def _counting(self, pod: PodInfo) -> list[Counted]:
        """The censuses that count such a pod; remembered per shape while the set of censuses is the same."""
        memo_key = (self, pod.terminating)
        known = pod.shape.memo.get(memo_key)
        if known is None or known[0] != self._generation:
            found = [c for subject, c in self._censuses.items() if subject.counts(pod, self.namespaces)]
            known = pod.shape.memo[memo_key] = self._generation, found
        counted: list[Counted] = known[1]
        return counted


def borne(shape: Shape) -> list[tuple[str, int, Term]]:
    """The terms that a pod of this shape bears: (kind, weight, term)."""
    found = shape.memo.get("borne")
    if found is None:
        found = [("anti", 0, term) for term in shape.anti_affinity]
        found += [("required", 0, term) for term in shape.affinity]
        found += [("preferred", weight, term) for weight, term in shape.preferred_affinity]
        found += [("preferred", -weight, term) for weight, term in shape.preferred_anti_affinity]
        shape.memo["borne"] = found
    terms: list[tuple[str, int, Term]] = found
    return terms


def _add(counts: dict[str, int] | dict[int, int], key: object, change: int) -> None:
    number = counts.get(key, 0) + change  # type: ignore[call-overload]  # either kind of key
    if number:
        counts[key] = number  # type: ignore[index]
    else:
        counts.pop(key, None)  # type: ignore[call-overload]
