"""Strategies of networking.k8s.io. IngressClass and NetworkPolicy are as most kinds are."""

from __future__ import annotations

from typing import Any

from minikube_edu.kube_apiserver.context import Context
from minikube_edu.kube_apiserver.registry.strategy import Strategy, keep

Object = dict[str, Any]

# What of the metadata belongs to the main resource alone, for kinds whose status writer may touch no metadata.
STATUS_KEEPS = ("deletionTimestamp", "generation", "selfLink", "labels", "annotations", "finalizers", "ownerReferences")


class StatusAloneStrategy(Strategy):
    """Through the status subresource nothing else changes, not even labels."""

    status_reset_fields = ("metadata", "spec")

    def prepare_status(self, new: Object, old: Object, context: Context) -> None:
        super().prepare_status(new, old, context)
        for field in STATUS_KEEPS:
            keep(new["metadata"], old["metadata"], field)


class IngressStrategy(Strategy):
    def prepare_create(self, new: Object, context: Context) -> None:
        super().prepare_create(new, context)
        new["status"] = {"loadBalancer": {}}


STRATEGIES: dict[str, type[Strategy]] = {"Ingress": IngressStrategy, "ServiceCIDR": StatusAloneStrategy}
