"""root-ca-certificate-publisher-controller: every namespace has the cluster's CA in a config map, for its pods to
mount."""

from __future__ import annotations

from minikube_edu.client.errors import ApiError
from minikube_edu.kube_controller_manager.controller import Controller, Environment, Object
from minikube_edu.kube_controller_manager.kinds import CONFIG_MAPS, NAMESPACES

NAME = "kube-root-ca.crt"
DESCRIPTION = {
    "kubernetes.io/description": "Contains a CA bundle that can be used to verify the kube-apiserver when using "
    "internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across "
    "distributions of Kubernetes clusters."
}


class RootCAPublisher(Controller):
    name = "root-ca-certificate-publisher-controller"
    workers = 1

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.namespaces = self.watch(NAMESPACES)
        self.config_maps = self.watch_related(CONFIG_MAPS, namespace_of_ca)

    async def reconcile(self, key: str) -> None:
        namespace = self.namespaces.index.get(key)
        if namespace is None or namespace.get("status", {}).get("phase") == "Terminating":
            return
        wanted = {"ca.crt": self.settings.root_ca}
        found = self.config_maps.index.get(f"{key}/{NAME}")
        if found is None:
            metadata = {"name": NAME, "namespace": key, "annotations": DESCRIPTION}
            body = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata, "data": wanted}
            try:
                await self.client.create(CONFIG_MAPS, body)
            except ApiError as error:
                if error.reason != "AlreadyExists" and "NamespaceTerminating" not in str(error.status):
                    raise
        elif found.get("data") != wanted or not DESCRIPTION.items() <= found["metadata"].get("annotations", {}).items():
            annotations = {**found["metadata"].get("annotations", {}), **DESCRIPTION}
            await self.client.update(
                CONFIG_MAPS, {**found, "data": wanted, "metadata": {**found["metadata"], "annotations": annotations}}
            )


def namespace_of_ca(config_map: Object) -> list[str]:
    metadata = config_map["metadata"]
    return [metadata["namespace"]] if metadata["name"] == NAME else []


CONTROLLER = RootCAPublisher
