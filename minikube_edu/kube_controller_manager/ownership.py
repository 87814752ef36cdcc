"""Whose child is this? The references from children to the objects that control them.

A child belongs to the controller that its ownerReferences name with `controller: true`. A controller adopts matching
children that belong to nobody, and releases its own when their labels do not match any more. `Children` is the view
that one controller has of one kind of children; their events wake the owners that they concern.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from minikube_edu.api.label_selectors import Selector, from_object
from minikube_edu.client.errors import ApiError
from minikube_edu.client.index import key_of
from minikube_edu.client.informer import Deleted, Informer, last_state
from minikube_edu.client.rest import STRATEGIC_PATCH, Resource
from minikube_edu.kube_controller_manager.controller import Controller
from minikube_edu.kube_controller_manager.expectations import Expectations

Object = dict[str, Any]

BY_CONTROLLER, ORPHANS = "controller", "orphans"


def controller_of(obj: Object) -> Object | None:
    """The reference to the one that controls it."""
    for reference in obj["metadata"].get("ownerReferences") or ():
        if reference.get("controller"):
            return dict(reference)
    return None


def controlled_by(obj: Object, owner: Object) -> bool:
    reference = controller_of(obj)
    return reference is not None and reference["uid"] == owner["metadata"]["uid"]


def reference_to(owner: Object, resource: Resource) -> Object:
    return {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def by_controller(obj: Object) -> tuple[str, ...]:
    reference = controller_of(obj)
    return (reference["uid"],) if reference else ()


def by_orphaned_in(obj: Object) -> tuple[str, ...]:
    return () if controller_of(obj) else (obj["metadata"].get("namespace") or "",)


def selector_of(owner: Object) -> Selector:
    return from_object(owner["spec"].get("selector"))


class Children:
    """`selector` reads an owner's selector; `expectations` are told what is seen."""

    def __init__(
        self,
        controller: Controller,
        owners: Informer,
        children: Resource,
        selector: Callable[[Object], Selector] = selector_of,
        expectations: Expectations | None = None,
    ) -> None:
        self.client = controller.client
        self.queue = controller.queue
        self.owners = owners
        self.resource = children
        self.informer = controller.informer(children)
        self.index = self.informer.index
        self.index.add_indexer(BY_CONTROLLER, by_controller)
        self.index.add_indexer(ORPHANS, by_orphaned_in)
        self._selector = selector
        self._expectations = expectations or Expectations()
        self.informer.add_handler(added=self._added, updated=self._updated, deleted=self._deleted)

    def of(self, owner: Object) -> list[Object]:
        return self.index.by(BY_CONTROLLER, owner["metadata"]["uid"])

    def owner_of(self, child: Object) -> Object | None:
        reference = controller_of(child)
        if reference is None or reference["kind"] != self.owners.resource.kind:
            return None
        owner = self.owners.index.find(reference["name"], child["metadata"].get("namespace") or "")
        return owner if owner is not None and owner["metadata"]["uid"] == reference["uid"] else None

    # ------------------------------------------------------------ events

    def _added(self, child: Object) -> None:
        if "deletionTimestamp" in child["metadata"]:
            self._deleted(child)
            return
        if controller_of(child) is None:
            self._wake_candidates(child)
            return
        owner = self.owner_of(child)
        if owner is not None:
            key = key_of(owner)
            self._expectations.created(key)
            self.queue.add(key)

    def _updated(self, before: Object, child: Object) -> None:
        if before["metadata"]["resourceVersion"] == child["metadata"]["resourceVersion"]:
            return
        if before["metadata"]["uid"] != child["metadata"]["uid"]:
            self._deleted(before)
            self._added(child)
            return
        if "deletionTimestamp" in child["metadata"]:
            self._deleted(child)
            if before["metadata"].get("labels") != child["metadata"].get("labels"):
                self._deleted(before)
            return
        past, reference = controller_of(before), controller_of(child)
        if past is not None and (reference is None or past["uid"] != reference["uid"]):
            former = self.owner_of(before)
            if former is not None:
                self.queue.add(key_of(former))
        if reference is None:
            if past is not None or before["metadata"].get("labels") != child["metadata"].get("labels"):
                self._wake_candidates(child)
            return
        owner = self.owner_of(child)
        if owner is not None:
            self.queue.add(key_of(owner))

    def _deleted(self, deleted: Deleted) -> None:
        child = last_state(deleted)
        owner = self.owner_of(child)
        if owner is not None:
            key = key_of(owner)
            self._expectations.deleted(key, key_of(child))
            self.queue.add(key)

    def _wake_candidates(self, orphan: Object) -> None:
        labels = orphan["metadata"].get("labels") or {}
        for owner in self.owners.index.list(orphan["metadata"]["namespace"]):
            if self._selector(owner).matches(labels):
                self.queue.add(key_of(owner))

    # ------------------------------------------------------------ claims

    async def claim(self, owner: Object, wanted: Callable[[Object], bool] = lambda child: True) -> list[Object]:
        """The children that are the owner's, after adopting and releasing among those that are `wanted`."""
        selector = self._selector(owner)
        going = "deletionTimestamp" in owner["metadata"]
        claimed = []
        for child in self.of(owner):
            if not wanted(child):
                continue
            if selector.matches(child["metadata"].get("labels") or {}):
                claimed.append(child)
            elif not going:
                await self.release(child, owner)
        if going:
            return claimed
        candidates = [
            child
            for child in self.index.by(ORPHANS, owner["metadata"]["namespace"])
            if wanted(child)
            and "deletionTimestamp" not in child["metadata"]
            and selector.matches(child["metadata"].get("labels") or {})
        ]
        return claimed + await self._adopt(owner, candidates) if candidates else claimed

    async def _adopt(self, owner: Object, candidates: Iterable[Object]) -> list[Object]:
        # The copy may be old: one that is being deleted must not adopt what was just orphaned.
        metadata = owner["metadata"]
        fresh = await self.client.get(self.owners.resource, metadata["name"], metadata["namespace"])
        if fresh["metadata"]["uid"] != metadata["uid"] or "deletionTimestamp" in fresh["metadata"]:
            return []
        adopted = []
        for child in candidates:
            patch = {
                "metadata": {
                    "uid": child["metadata"]["uid"],
                    "ownerReferences": [reference_to(owner, self.owners.resource)],
                }
            }
            try:
                adopted.append(await self._patch(child, patch))
            except ApiError as error:
                if error.code != 404:
                    raise
        return adopted

    async def release(self, child: Object, owner: Object) -> None:
        removal = {"$patch": "delete", "uid": owner["metadata"]["uid"]}
        try:
            await self._patch(child, {"metadata": {"uid": child["metadata"]["uid"], "ownerReferences": [removal]}})
        except ApiError as error:
            # Gone, or (422) it is another one of the same name, or the reference was taken away already.
            if error.code not in (404, 422):
                raise

    async def _patch(self, child: Object, patch: Object) -> Object:
        metadata = child["metadata"]
        return await self.client.patch(
            self.resource, metadata["name"], patch, metadata["namespace"], kind=STRATEGIC_PATCH
        )
