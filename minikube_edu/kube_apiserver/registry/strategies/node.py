"""Runtime classes."""

from __future__ import annotations

from minikube_edu.kube_apiserver.registry.strategy import Strategy


class RuntimeClass(Strategy):
    allow_unconditional_update = False
    generation = False
    reset_fields = ()


STRATEGIES: dict[str, type[Strategy]] = {"RuntimeClass": RuntimeClass}
