"""namespace-controller: a namespace that is being deleted takes all that is in it along, and then goes itself.

Content is deleted kind by kind: pods first, so that nothing that they use goes before them. What stays because of
finalizers is counted and told in the namespace's conditions. When nothing is left, the finalizer `kubernetes` comes
off through `/finalize`, and with the last finalizer the namespace goes.
"""

from __future__ import annotations

import asyncio
from collections import Counter

from msgspec import Struct, field

from minikube_edu.client.discovery import RestMapper, ServedResource
from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import Resource
from minikube_edu.kube_controller_manager.controller import Controller, Environment, Object
from minikube_edu.kube_controller_manager.kinds import NAMESPACES
from minikube_edu.lib import clock

FINALIZER = "kubernetes"
AGAIN = 0.3  # seconds until a namespace with content is looked at again; grows with its back-off
SETTLE = 0.05


class Remains(Struct):
    """What is still in a namespace, and what went wrong."""

    resources: Counter[str] = field(default_factory=Counter)  # "configmaps." -> instances
    finalizers: Counter[str] = field(default_factory=Counter)
    discovery_failure: str = ""
    deletion_failures: list[str] = field(default_factory=list)


class NamespaceController(Controller):
    name = "namespace-controller"
    workers = 10

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.namespaces = self.watch(NAMESPACES, is_going)
        self.discovery = RestMapper(self.client)

    async def reconcile(self, key: str) -> None:
        namespace = self.namespaces.index.get(key)
        if namespace is None or not is_going(namespace):
            return
        if FINALIZER not in namespace["spec"].get("finalizers", []):
            return
        remains = await self.empty(key)
        if remains.resources or remains.discovery_failure or remains.deletion_failures:
            await self.tell(key, remains)
            self.queue.add_after(key, min(AGAIN * 2 ** min(self.queue.requeues(key), 6), 15.0))
            return
        await self.finalize(key)

    async def empty(self, namespace: str) -> Remains:
        """Ask for the deletion of everything; returns what is there still."""
        remains = Remains()
        try:
            self.discovery.forget()
            served = await self.discovery.resources()
        except ApiError as error:
            remains.discovery_failure = str(error)
            return remains
        if self.discovery.failed:
            remains.discovery_failure = f"unable to retrieve the complete list of server APIs: {self.discovery.failed}"
        mine = [r for r in served if r.resource.namespaced and {"list", "delete"} <= set(r.verbs) and r.preferred]
        pods = [r for r in mine if str(r.resource) == "pods"]
        await self.delete_all(pods, namespace, remains)
        if not remains.resources:
            await self.delete_all([r for r in mine if r not in pods], namespace, remains)
        return remains

    async def delete_all(self, served: list[ServedResource], namespace: str, remains: Remains) -> None:
        for one in served:
            try:
                found = await self.client.list(one.resource, namespace)
                if not found.get("items"):
                    continue
                if "deletecollection" in one.verbs:
                    await self.client.delete_collection(
                        one.resource, namespace, options={"propagationPolicy": "Background"}
                    )
                else:
                    for item in found["items"]:
                        await self.delete_one(one.resource, namespace, item)
                left = (await self.client.list(one.resource, namespace)).get("items") or []
            except ApiError as error:
                if error.code not in (404, 405):
                    remains.deletion_failures.append(str(error))
                continue
            if left:
                remains.resources[f"{one.resource.plural}.{one.resource.group}"] += len(left)
            for item in left:
                remains.finalizers.update(item["metadata"].get("finalizers", []))

    async def delete_one(self, resource: Resource, namespace: str, item: Object) -> None:
        try:
            await self.client.delete(
                resource, item["metadata"]["name"], namespace, options={"propagationPolicy": "Background"}
            )
        except ApiError as error:
            if error.code != 404:
                raise

    async def tell(self, key: str, remains: Remains) -> None:
        """The conditions say what is in the way."""
        namespace = await self.client.get(NAMESPACES, key)
        status = namespace.setdefault("status", {})
        before = {c["type"]: c for c in status.get("conditions", [])}
        conditions = []
        for kind, (value, reason, message) in verdicts(remains).items():
            old = before.get(kind, {})
            same = (old.get("status"), old.get("reason"), old.get("message")) == (value, reason, message)
            since = old["lastTransitionTime"] if same else clock.rfc3339()
            conditions.append(
                {"type": kind, "status": value, "lastTransitionTime": since, "reason": reason, "message": message}
            )
        if conditions != status.get("conditions"):
            status["conditions"] = conditions
            await self.client.update(NAMESPACES, namespace, subresource="status")

    async def finalize(self, key: str) -> None:
        await asyncio.sleep(SETTLE)
        try:
            namespace = await self.client.get(NAMESPACES, key)
        except ApiError as error:
            if error.code == 404:
                return
            raise
        finalizers = [name for name in namespace["spec"].get("finalizers", []) if name != FINALIZER]
        namespace["spec"]["finalizers"] = finalizers
        await self.client.update(NAMESPACES, namespace, subresource="finalize")


def is_going(namespace: Object) -> bool:
    return "deletionTimestamp" in namespace["metadata"]


def verdicts(remains: Remains) -> dict[str, tuple[str, str, str]]:
    """The five conditions: (status, reason, message), as the real controller words them."""
    found = {
        "NamespaceDeletionDiscoveryFailure": ("False", "ResourcesDiscovered", "All resources successfully discovered"),
        "NamespaceDeletionGroupVersionParsingFailure": (
            "False", "ParsedGroupVersions", "All legacy kube types successfully parsed",
        ),
        "NamespaceDeletionContentFailure": (
            "False", "ContentDeleted", "All content successfully deleted, may be waiting on finalization",
        ),
        "NamespaceContentRemaining": ("False", "ContentRemoved", "All content successfully removed"),
        "NamespaceFinalizersRemaining": (
            "False", "ContentHasNoFinalizers", "All content-preserving finalizers finished",
        ),
    }  # fmt: skip
    if remains.discovery_failure:
        found["NamespaceDeletionDiscoveryFailure"] = ("True", "DiscoveryFailed", remains.discovery_failure)
    if remains.deletion_failures:
        failures = ", ".join(remains.deletion_failures)
        text = f"Failed to delete all resource types, {len(remains.deletion_failures)} remaining: {failures}"
        found["NamespaceDeletionContentFailure"] = ("True", "ContentDeletionFailed", text)
    if remains.resources:
        parts = ", ".join(f"{name} has {count} resource instances" for name, count in sorted(remains.resources.items()))
        found["NamespaceContentRemaining"] = (
            "True", "SomeResourcesRemain", f"Some resources are remaining: {parts}",
        )  # fmt: skip
    if remains.finalizers:
        parts = ", ".join(f"{name} in {count} resource instances" for name, count in sorted(remains.finalizers.items()))
        found["NamespaceFinalizersRemaining"] = (
            "True", "SomeFinalizersRemain", f"Some content in the namespace has finalizers remaining: {parts}",
        )  # fmt: skip
    return found


CONTROLLER = NamespaceController
