"""clusterrole-aggregation-controller: roles that are the sum of others.

A ClusterRole with an `aggregationRule` has the rules of all ClusterRoles that its selectors find, in the order of their
names; this is how a custom resource's author adds to `view`, `edit` and `admin`. What is written into it by hand is
written over.
"""

from __future__ import annotations

from minikube_edu.api import label_selectors
from minikube_edu.kube_controller_manager.controller import Controller, Environment, Object
from minikube_edu.kube_controller_manager.kinds import CLUSTER_ROLES


class ClusterRoleAggregationController(Controller):
    name = "clusterrole-aggregation-controller"

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.roles = self.watch_related(CLUSTER_ROLES, lambda _: self.sums())

    def sums(self) -> list[str]:
        return [role["metadata"]["name"] for role in self.roles.index.list() if "aggregationRule" in role]

    async def reconcile(self, key: str) -> None:
        role = self.roles.index.get(key)
        if role is None or "aggregationRule" not in role:
            return
        rules: list[Object] = []
        for selector in role["aggregationRule"].get("clusterRoleSelectors", []):
            matcher = label_selectors.from_object(selector)
            found = [
                other
                for other in self.roles.index.list()
                if other["metadata"]["name"] != key and matcher.matches(other["metadata"].get("labels", {}))
            ]
            for other in sorted(found, key=lambda one: str(one["metadata"]["name"])):
                rules += [rule for rule in other.get("rules") or [] if rule not in rules]
        if rules == (role.get("rules") or []):
            return
        wanted = {
            "apiVersion": CLUSTER_ROLES.api_version,
            "kind": CLUSTER_ROLES.kind,
            "metadata": {"name": key},
            "rules": rules,
        }
        await self.client.apply(CLUSTER_ROLES, wanted, field_manager=self.name, force=True)


CONTROLLER = ClusterRoleAggregationController
