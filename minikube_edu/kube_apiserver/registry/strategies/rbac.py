"""Roles and bindings: no status, no generation, and PUT may create them."""

from __future__ import annotations

from minikube_edu.kube_apiserver.registry.strategy import Strategy


class Rbac(Strategy):
    allow_create_on_update = True
    generation = False
    reset_fields = ()


STRATEGIES: dict[str, type[Strategy]] = dict.fromkeys(
    ("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"), Rbac
)
