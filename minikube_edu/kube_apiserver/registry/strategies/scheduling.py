"""Priority classes: their generation is one for ever, because nothing that matters in them can change."""

from __future__ import annotations

from minikube_edu.kube_apiserver.registry.strategy import Object, Strategy


class PriorityClass(Strategy):
    generation = True
    reset_fields = ()

    def count_generation(self, new: Object, old: Object) -> None:
        """Not counted: the registry keeps the old one."""


STRATEGIES: dict[str, type[Strategy]] = {"PriorityClass": PriorityClass}
