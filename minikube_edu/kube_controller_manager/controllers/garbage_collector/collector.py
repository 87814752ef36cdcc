"""What the garbage collector does with an object.

- Background: an object all of whose owners are gone is deleted. If some owners are left, only the references to the
  others are taken away.
- Foreground: an owner that is being deleted with the finalizer `foregroundDeletion` stays until all dependents that
  block it (blockOwnerDeletion) are gone; they are deleted because of it, and in the foreground too when they have
  dependents of their own.
- Orphan: an owner that is being deleted with the finalizer `orphan` stays until nobody refers to it any more.

An owner is looked for in the dependent's namespace or in none; one in another namespace does not count, and an event
says so. The real collector asks the server for every object and owner anew before it acts; this one deletes and patches
what its graph holds, on condition that resource versions are still the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from msgspec import Struct, field

from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import MERGE_PATCH, Resource
from minikube_edu.kube_controller_manager.controller import Controller, Environment, Object
from minikube_edu.kube_controller_manager.controllers.garbage_collector.graph import (
    FOREGROUND,
    ORPHAN,
    Graph,
    Node,
)
from minikube_edu.kube_controller_manager.controllers.garbage_collector.monitors import Monitors

UNSEEN_OWNER_AGAIN = 2.0  # seconds until an owner that exists and was not seen yet is looked for again


class Owners(Struct):
    """The references of an object, by what has become of the owners."""

    solid: list[Object] = field(default_factory=list)
    dangling: list[Object] = field(default_factory=list)
    waiting: list[Object] = field(default_factory=list)  # for their dependents to go
    unknown: list[Object] = field(default_factory=list)  # their kind is not served, or not allowed


class GarbageCollector(Controller):
    name = "garbage-collector-controller"
    workers = 20

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.events = environment.recorder(self.name)
        self.graph = Graph()
        self.monitors = Monitors(self.client, environment.informers, self._seen, self._gone)
        self._of_unknown_kind: set[str] = set()
        self._told: set[tuple[str, str]] = set()  # (dependent, owner) of events

    async def run(self) -> None:
        try:
            while True:
                try:
                    await self.monitors.sync()
                    break
                except (ApiError, OSError):
                    await asyncio.sleep(1)
            await super().run()
        finally:
            await self.monitors.stop()

    def loops(self) -> dict[str, Callable[[], Any]]:
        return {"kinds": lambda: self.monitors.follow(self._kinds_changed)}

    def _seen(self, resource: Resource, obj: Object) -> None:
        for uid in self.graph.seen(resource, obj):
            self.queue.add(uid)

    def _gone(self, obj: Object) -> None:
        for uid in self.graph.gone(obj["metadata"]["uid"]):
            self.queue.add(uid)

    def _kinds_changed(self) -> None:
        for uid in self._of_unknown_kind:
            self.queue.add(uid)
        self._of_unknown_kind.clear()

    async def reconcile(self, key: str) -> None:
        """`key` is a uid."""
        node = self.graph.nodes.get(key)
        if node is None:
            return
        if node.deleting:
            if node.has(ORPHAN):
                await self.orphan(node)
            elif node.has(FOREGROUND):
                await self.finish_foreground(node)
            return
        if not node.owners:
            return
        owners = await self.classify(node)
        if owners.unknown:
            return
        if owners.solid:
            if owners.dangling or owners.waiting:
                await self.drop_references(node, {ref["uid"] for ref in [*owners.dangling, *owners.waiting]})
        elif owners.waiting and (dependents := self.graph.dependents_of(node.uid)):
            if any(dependent.deleting_dependents for dependent in dependents):
                await self.unblock(node)  # a circle of owners would wait for itself
            else:
                await self.delete(node, "Foreground")
        else:
            policy = "Orphan" if node.has(ORPHAN) else "Foreground" if node.has(FOREGROUND) else "Background"
            await self.delete(node, policy)

    async def classify(self, node: Node) -> Owners:
        found = Owners()
        for reference in node.owners.values():
            owner = self.graph.nodes.get(reference["uid"])
            if owner is not None and not self.graph.fits(node, owner):
                self.tell_namespace(node, reference)
                owner = None
            if owner is not None:
                (found.waiting if owner.deleting_dependents else found.solid).append(reference)
            elif self.graph.is_absent(reference["uid"], node.namespace):
                found.dangling.append(reference)
            else:
                await self.look_up(node, reference, found)
        return found

    async def look_up(self, node: Node, reference: Object, found: Owners) -> None:
        """The graph does not know the owner: the server does."""
        resource = self.monitors.resource_of(reference["apiVersion"], reference["kind"])
        if resource is None:
            self._of_unknown_kind.add(node.uid)
            found.unknown.append(reference)
            return
        if resource.namespaced and not node.namespace:
            self.tell_namespace(node, reference)
            found.unknown.append(reference)
            return
        namespace = node.namespace if resource.namespaced else ""
        try:
            owner = await self.client.get(resource, reference["name"], namespace)
        except ApiError as error:
            if error.code != 404:
                raise
            owner = {"metadata": {}}
        metadata = owner["metadata"]
        if metadata.get("uid") != reference["uid"]:
            self.graph.absent(reference["uid"], namespace)
            found.dangling.append(reference)
            return
        waits = "deletionTimestamp" in metadata and FOREGROUND in (metadata.get("finalizers") or ())
        (found.waiting if waits else found.solid).append(reference)
        if self.monitors.watches(resource):
            # Its event is under way; or it was missed, and then so would be its end.
            self.queue.add_after(node.uid, UNSEEN_OWNER_AGAIN)

    async def finish_foreground(self, node: Node) -> None:
        blocking = [
            dependent
            for dependent in self.graph.dependents_of(node.uid)
            if dependent.owners[node.uid].get("blockOwnerDeletion")
        ]
        if not blocking:
            await self.drop_finalizer(node, FOREGROUND)
        for dependent in blocking:
            if not dependent.deleting:
                self.queue.add(dependent.uid)

    async def orphan(self, node: Node) -> None:
        dependents = self.graph.dependents_of(node.uid)
        await asyncio.gather(*(self.drop_references(dependent, {node.uid}) for dependent in dependents))
        await self.drop_finalizer(node, ORPHAN)

    # ------------------------------------------------------------ writes

    async def delete(self, node: Node, policy: str) -> None:
        conditions = {"uid": node.uid, "resourceVersion": node.metadata["resourceVersion"]}
        options = {"propagationPolicy": policy, "preconditions": conditions}
        try:
            await self.client.delete(node.resource, node.name, node.namespace, options=options)
        except ApiError as error:
            if error.code != 404:
                raise

    async def drop_references(self, node: Node, owners: set[str]) -> None:
        kept = [reference for uid, reference in node.owners.items() if uid not in owners]
        await self.patch(node, {"ownerReferences": kept or None})

    async def unblock(self, node: Node) -> None:
        kept = [{**reference, "blockOwnerDeletion": False} for reference in node.owners.values()]
        await self.patch(node, {"ownerReferences": kept})

    async def drop_finalizer(self, node: Node, finalizer: str) -> None:
        kept = [name for name in node.metadata.get("finalizers") or () if name != finalizer]
        await self.patch(node, {"finalizers": kept or None})

    async def patch(self, node: Node, metadata: Object) -> None:
        """On condition that the object is the one that the graph holds."""
        body = {"metadata": {"uid": node.uid, "resourceVersion": node.metadata["resourceVersion"], **metadata}}
        try:
            await self.client.patch(node.resource, node.name, body, node.namespace, kind=MERGE_PATCH)
        except ApiError as error:
            if error.code != 404:
                raise

    def tell_namespace(self, node: Node, reference: Object) -> None:
        if (node.uid, reference["uid"]) in self._told:
            return
        self._told.add((node.uid, reference["uid"]))
        wanted = (
            f"[{reference['apiVersion']}/{reference['kind']}, namespace: {node.namespace}, "
            f"name: {reference['name']}, uid: {reference['uid']}]"
        )
        message = f'ownerRef {wanted} does not exist in namespace "{node.namespace}"'
        self.events.event(node.reference(), "Warning", "OwnerRefInvalidNamespace", message)
