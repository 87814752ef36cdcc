"""Leases: heartbeats and locks. PUT may create them, and must name the version that it replaces, which makes locks."""

from __future__ import annotations

from minikube_edu.kube_apiserver.context import Context
from minikube_edu.kube_apiserver.registry.strategy import Object, Strategy


class Lease(Strategy):
    allow_create_on_update = True
    allow_unconditional_update = False
    generation = False
    reset_fields = ()

    def prepare_create(self, new: Object, context: Context) -> None:
        """Coordinated leader election is off in v1.36 unless a feature gate turns it on: its fields are dropped."""
        for field in ("strategy", "preferredHolder"):
            new["spec"].pop(field, None)

    def prepare_update(self, new: Object, old: Object, context: Context) -> None:
        self.prepare_create(new, context)


STRATEGIES: dict[str, type[Strategy]] = {"Lease": Lease}
