"""What is special about writing the kinds of the group policy."""

from __future__ import annotations

from minikube_edu.kube_apiserver.registry.strategy import Strategy


class PodDisruptionBudgets(Strategy):
    allow_unconditional_update = False


STRATEGIES: dict[str, type[Strategy]] = {"PodDisruptionBudget": PodDisruptionBudgets}
