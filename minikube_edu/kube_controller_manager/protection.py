"""Nothing that is in use goes: a finalizer that is there from the start and taken away when the last user has gone.

What "in use" means, a subclass says.
"""

from __future__ import annotations

from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import Resource
from minikube_edu.kube_controller_manager.controller import Controller, Environment, Object


class Protection(Controller):
    resource: Resource
    finalizer = ""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.protected = self.watch(self.resource)

    async def is_used(self, obj: Object) -> bool:
        raise NotImplementedError

    async def reconcile(self, key: str) -> None:
        obj = self.protected.index.get(key)
        if obj is None:
            return
        finalizers = obj["metadata"].get("finalizers") or []
        if "deletionTimestamp" in obj["metadata"]:
            if self.finalizer in finalizers and not await self.is_used(obj):
                await self.write(obj, [name for name in finalizers if name != self.finalizer])
        elif self.finalizer not in finalizers:
            await self.write(obj, [*finalizers, self.finalizer])

    async def write(self, obj: Object, finalizers: list[str]) -> None:
        metadata = {key: value for key, value in obj["metadata"].items() if key != "finalizers"}
        if finalizers:
            metadata["finalizers"] = finalizers
        try:
            await self.client.update(self.resource, {**obj, "metadata": metadata})
        except ApiError as error:
            if error.code != 404:
                raise
