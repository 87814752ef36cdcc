"""Strategies of discovery.k8s.io."""

from __future__ import annotations

from typing import Any

from minikube_edu.api import names
from minikube_edu.kube_apiserver.context import Context
from minikube_edu.kube_apiserver.registry.strategy import Strategy, null_when_empty

Object = dict[str, Any]

HOSTNAME = "kubernetes.io/hostname"


class EndpointSliceStrategy(Strategy):
    """Its generation counts changes of labels too: they say whose slice it is."""

    def prepare_create(self, new: Object, context: Context) -> None:
        super().prepare_create(new, context)
        _drop_topology(new, None)

    def prepare_update(self, new: Object, old: Object, context: Context) -> None:
        super().prepare_update(new, old, context)
        _drop_topology(new, old)

    def canonicalize(self, new: Object) -> None:
        null_when_empty(new, "endpoints", "ports")

    def count_generation(self, new: Object, old: Object) -> None:
        super().count_generation(new, old)
        generation = old["metadata"].get("generation", 0)
        labels = (one["metadata"].get("labels", {}) for one in (new, old))
        if new["metadata"].get("generation", 0) == generation and len({*map(_frozen, labels)}) > 1:
            new["metadata"]["generation"] = generation + 1


def _frozen(labels: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(labels.items()))


def _drop_topology(new: Object, old: Object | None) -> None:
    """A field of the beta version; the node's name in it is saved when it was there before."""
    if old is not None and new.get("endpoints") == old.get("endpoints"):
        return
    before = {_topology_node(endpoint) for endpoint in (old or {}).get("endpoints") or ()}
    for endpoint in new.get("endpoints") or ():
        node = _topology_node(endpoint)
        if "nodeName" not in endpoint and node and node in before and not names.dns1123_subdomain(node):
            endpoint["nodeName"] = node
        endpoint.pop("deprecatedTopology", None)


def _topology_node(endpoint: Object) -> str:
    found: str = endpoint.get("deprecatedTopology", {}).get(HOSTNAME, "")
    return found


STRATEGIES: dict[str, type[Strategy]] = {"EndpointSlice": EndpointSliceStrategy}
