"""serviceaccount-controller: every namespace has a service account called `default`."""

from __future__ import annotations

from minikube_edu.client.errors import ApiError
from minikube_edu.kube_controller_manager.controller import Controller, Environment, Object
from minikube_edu.kube_controller_manager.kinds import NAMESPACES, SERVICE_ACCOUNTS

NAME = "default"


class ServiceAccountController(Controller):
    name = "serviceaccount-controller"
    workers = 1

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.namespaces = self.watch(NAMESPACES)
        self.accounts = self.watch_related(SERVICE_ACCOUNTS, namespace_of_default)

    async def reconcile(self, key: str) -> None:
        namespace = self.namespaces.index.get(key)
        if namespace is None or namespace.get("status", {}).get("phase") == "Terminating":
            return
        if self.accounts.index.get(f"{key}/{NAME}") is not None:
            return
        account = {"kind": "ServiceAccount", "apiVersion": "v1", "metadata": {"name": NAME, "namespace": key}}
        try:
            await self.client.create(SERVICE_ACCOUNTS, account)
        except ApiError as error:
            if error.reason != "AlreadyExists" and "NamespaceTerminating" not in str(error.status):
                raise


def namespace_of_default(account: Object) -> list[str]:
    metadata = account["metadata"]
    return [metadata["namespace"]] if metadata["name"] == NAME else []


CONTROLLER = ServiceAccountController
