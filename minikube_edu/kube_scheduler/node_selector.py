"""Which nodes does a pod want? `nodeSelector` and `nodeAffinity`, compiled once per pod shape.

A required node selector is a list of terms of which one must hold; a term is a list of requirements that all must hold;
a term without any matches nothing. Volumes and storage classes use the same terms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

Object = dict[str, Any]
Labels = Mapping[str, str]


class Requirement(NamedTuple):
    key: str
    operator: str
    values: frozenset[str]

    def holds(self, value: str | None) -> bool:
        match self.operator:
            case "In":
                return value in self.values
            case "NotIn":
                return value not in self.values
            case "Exists":
                return value is not None
            case "DoesNotExist":
                return value is None
            case "Gt" | "Lt":
                return value is not None and self._compares(value)
        return False

    def _compares(self, value: str) -> bool:
        try:
            number, limit = int(value), int(next(iter(self.values)))
        except (ValueError, StopIteration):
            return False
        return number > limit if self.operator == "Gt" else number < limit


class Term(NamedTuple):
    expressions: tuple[Requirement, ...]
    fields: tuple[Requirement, ...]

    def matches(self, name: str, labels: Labels) -> bool:
        if not self.expressions and not self.fields:
            return False
        for requirement in self.expressions:
            if not requirement.holds(labels.get(requirement.key)):
                return False
        return all(requirement.key == "metadata.name" and requirement.holds(name) for requirement in self.fields)

    def names(self) -> frozenset[str] | None:
        """The nodes that the term names one by one; None when it does not."""
        found: frozenset[str] | None = None
        for requirement in self.fields:
            if requirement.key == "metadata.name" and requirement.operator == "In":
                found = requirement.values if found is None else found & requirement.values
        return found


def term(spec: Object) -> Term:
    return Term(_requirements(spec.get("matchExpressions")), _requirements(spec.get("matchFields")))


def _requirements(specs: Sequence[Object] | None) -> tuple[Requirement, ...]:
    return tuple(Requirement(s["key"], s["operator"], frozenset(s.get("values") or ())) for s in specs or ())


class Terms:
    """Alternatives."""

    def __init__(self, specs: Sequence[Object]) -> None:
        self.terms = [term(spec) for spec in specs]

    def matches(self, name: str, labels: Labels) -> bool:
        return any(term.matches(name, labels) for term in self.terms)


class Required:
    """A pod's demands on its node: `nodeSelector` and the required part of `nodeAffinity`; `added` are the terms that
    the scheduler's configuration demands of every pod."""

    def __init__(self, spec: Object) -> None:
        self.labels: dict[str, str] = spec.get("nodeSelector") or {}
        affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
        required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
        self.affinity = None if required is None else Terms(required.get("nodeSelectorTerms") or ())
        self.any = not self.labels and self.affinity is None

    def matches(self, name: str, labels: Labels) -> bool:
        for key, value in self.labels.items():
            if labels.get(key) != value:
                return False
        return self.affinity is None or self.affinity.matches(name, labels)

    def names(self) -> frozenset[str] | None:
        """All nodes that the affinity allows, when each of its terms names them."""
        if self.affinity is None or not self.affinity.terms:
            return None
        found: frozenset[str] = frozenset()
        for one in self.affinity.terms:
            names = one.names()
            if names is None:
                return None
            found |= names
        return found


class Preferred:
    """Wishes, each with a weight."""

    def __init__(self, specs: Sequence[Object] | None) -> None:
        self.terms = [(spec["weight"], term(spec.get("preference") or {})) for spec in specs or () if spec["weight"]]

    def weight(self, name: str, labels: Labels) -> int:
        return sum(weight for weight, one in self.terms if one.matches(name, labels))


def preferred(spec: Object) -> Preferred:
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    return Preferred(affinity.get("preferredDuringSchedulingIgnoredDuringExecution"))
