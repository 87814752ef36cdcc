"""token-cleaner-controller: bootstrap tokens go when their time is over."""

from __future__ import annotations

from minikube_edu.kube_controller_manager.controller import Controller, Environment
from minikube_edu.kube_controller_manager.controllers.bootstrap_signer import expiry, is_token
from minikube_edu.kube_controller_manager.kinds import SECRETS
from minikube_edu.lib import clock


class TokenCleanerController(Controller):
    name = "token-cleaner-controller"
    workers = 1

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.secrets = self.watch(SECRETS, is_token)

    async def reconcile(self, key: str) -> None:
        secret = self.secrets.index.get(key)
        ends = expiry(secret) if secret is not None and is_token(secret) else None
        if secret is None or ends is None:
            return
        if ends > clock.now():
            self.queue.add_after(key, ends - clock.now())
            return
        namespace, name = self.split(key)
        preconditions = {"preconditions": {"uid": secret["metadata"]["uid"]}}
        await self.client.delete(SECRETS, name, namespace, options=preconditions)


CONTROLLER = TokenCleanerController
