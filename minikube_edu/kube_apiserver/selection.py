"""Which objects a request means: label and field selectors, against what an entry shows of itself.

An entry is decoded once for all selectors that ever look at it; what they need is kept with it (`Entry.facts`).
"""

from __future__ import annotations

from collections.abc import Callable

from minikube_edu.api import field_selectors, label_selectors
from minikube_edu.api.errors import BadRequest
from minikube_edu.api.scheme import Resource
from minikube_edu.kube_apiserver.query import Query, first
from minikube_edu.kube_apiserver.registry.strategy import Strategy
from minikube_edu.kube_apiserver.watch_cache import Entry

Predicate = Callable[[Entry], bool]
COMMON_FIELDS = ("metadata.name", "metadata.namespace")


class Facts:
    """What selectors need of one entry."""

    __slots__ = ("fields", "labels")

    def __init__(self, labels: dict[str, str], fields: dict[str, str]) -> None:
        self.labels = labels
        self.fields = fields


def facts_of(entry: Entry, strategy: Strategy) -> Facts:
    facts: Facts | None = entry.facts
    if facts is None:
        obj = entry.object()
        metadata = obj["metadata"]
        fields = strategy.selectable_fields(obj)
        fields["metadata.name"] = metadata.get("name", "")
        fields["metadata.namespace"] = metadata.get("namespace", "")
        facts = entry.facts = Facts(metadata.get("labels", {}), fields)
    return facts


class Selection:
    """The selectors of one request. `matches is None` when everything is selected."""

    __slots__ = ("fields", "labels", "matches", "name")

    def __init__(self, query: Query, resource: Resource, strategy: Strategy) -> None:
        self.labels = first(query, "labelSelector")
        self.fields = first(query, "fieldSelector")
        self.name: str | None = None  # the one name that is selected, when it is just that
        self.matches: Predicate | None = None
        selector = None
        terms: tuple[field_selectors.Term, ...] = ()
        if self.labels:
            try:
                selector = label_selectors.parse(self.labels)
            except ValueError as error:
                raise BadRequest(str(error)) from None
        if self.fields:
            try:
                terms = tuple(field_selectors.parse(self.fields))
            except ValueError as error:
                raise BadRequest(str(error)) from None
            for term in terms:
                if term.field not in COMMON_FIELDS and term.field not in strategy.field_labels:
                    raise BadRequest(strategy.unknown_field_label(term.field))
            self.name = field_selectors.exact_value(terms, "metadata.name")
        if selector is None and not terms:
            return

        def matches(entry: Entry) -> bool:
            facts = facts_of(entry, strategy)
            if selector is not None and not selector.matches(facts.labels):
                return False
            return not terms or field_selectors.matches(terms, facts.fields)

        self.matches = matches
