"""Roles and bindings: no status, no generation, and PUT may create them."""

from __future__ import annotations

from minikube_edu.kube_apiserver.registry.strategy import Object, Strategy, null_when_empty


class Rbac(Strategy):
    allow_create_on_update = True
    generation = False
    reset_fields = ()


class Roles(Rbac):
    def canonicalize(self, new: Object) -> None:
        null_when_empty(new, "rules")


STRATEGIES: dict[str, type[Strategy]] = {
    "ClusterRole": Roles,
    "ClusterRoleBinding": Rbac,
    "Role": Roles,
    "RoleBinding": Rbac,
}
