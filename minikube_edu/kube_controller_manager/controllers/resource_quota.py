"""resourcequota-controller: what a namespace uses of its quotas, counted.

Admission adds what it lets in; it never takes away. This controller counts anew when a quota asks for something else,
when something that a quota counts goes or shrinks, and every five minutes all. It does not when admission has added
something: what that is for may not be there yet, and the count would give its place away again. Only kinds that some
quota names are watched, as metadata alone, for which existing is all that matters; pods, services and claims are looked
at whole.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from minikube_edu.api import quantity, quota
from minikube_edu.client.discovery import RestMapper
from minikube_edu.client.factory import InformerFactory
from minikube_edu.client.informer import Informer, last_state
from minikube_edu.client.rest import Client, Resource
from minikube_edu.kube_controller_manager.controller import Controller, Environment, Object
from minikube_edu.kube_controller_manager.kinds import (
    PERSISTENT_VOLUME_CLAIMS,
    PODS,
    RESOURCE_QUOTAS,
    SERVICES,
)

RESYNC = 300.0
BATCH = 0.05
WHOLE = {"pods": PODS, "services": SERVICES, "persistentvolumeclaims": PERSISTENT_VOLUME_CLAIMS}


class ResourceQuotaController(Controller):
    name = "resourcequota-controller"

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.quotas = self.informer(RESOURCE_QUOTAS)
        self.quotas.add_handler(added=self.enqueue, updated=self.respecified)
        self.counted: dict[str, Informer] = {}
        for name, resource in WHOLE.items():
            self.count(name, self.informer(resource))
        self.metadata = InformerFactory(Client(self.client.sender, metadata_only=True))
        self.discovery = RestMapper(self.client)
        self.starting = asyncio.Lock()

    def loops(self) -> dict[str, Callable[[], Any]]:
        return {"resync": self.resync}

    async def resync(self) -> None:
        try:
            while True:
                await asyncio.sleep(RESYNC)
                for found in self.quotas.index.list():
                    self.enqueue(found)
        finally:
            await self.metadata.stop()

    def respecified(self, before: Object, now: Object) -> None:
        if before["spec"] != now["spec"] or before["metadata"]["uid"] != now["metadata"]["uid"]:
            self.enqueue(now)

    async def reconcile(self, key: str) -> None:
        found = self.quotas.index.get(key)
        if found is None:
            return
        spec, status = found["spec"], found.get("status", {})
        hard: dict[str, str] = spec.get("hard", {})
        used = await self.used(found["metadata"]["namespace"], spec, hard)
        used = {name: text for name, text in (status.get("used", {}) | used).items() if name in hard}
        if status.get("hard", {}) == hard and same(status.get("used", {}), used):
            return
        await self.client.update(
            RESOURCE_QUOTAS, {**found, "status": {"hard": hard, "used": used}}, subresource="status"
        )

    async def used(self, namespace: str, spec: Object, hard: dict[str, str]) -> dict[str, str]:
        """Every line of the quota that is about something, counted."""
        wanted: dict[str, list[str]] = {}
        for name in hard:
            for resource in {quota.resource_of(name), *(r for r in WHOLE if quota.counts(r, name))} - {""}:
                wanted.setdefault(resource, []).append(name)
        total: dict[str, str] = {}
        for resource, names in wanted.items():
            informer = await self.informer_of(resource)
            if informer is None:
                continue
            sums = dict.fromkeys(names, quota.ZERO)
            for obj in informer.index.list(namespace):
                if quota.in_scope(spec, resource, obj):
                    for name, amount in quota.usage(resource, obj).items():
                        if name in sums:
                            sums[name] = sums[name].add(amount)
            total |= {name: str(amount) for name, amount in sums.items()}
        return total

    async def informer_of(self, resource: str) -> Informer | None:
        """The informer of `deployments.apps`, made when the first quota asks for it; None when nobody serves that."""
        async with self.starting:
            if resource not in self.counted:
                plural, _, group = resource.partition(".")
                found = await self.served(plural, group)
                if found is None:
                    return None
                informer = self.metadata.informer(found)
                self.count(resource, informer)
                self.metadata.start()
        await self.counted[resource].wait_synced()
        return self.counted[resource]

    async def served(self, plural: str, group: str) -> Resource | None:
        for fresh in (False, True):
            if fresh:
                self.discovery.forget()
            for one in await self.discovery.resources():
                if (one.resource.plural, one.resource.group) == (plural, group) and one.preferred:
                    return one.resource if one.resource.namespaced and "watch" in one.verbs else None
        return None

    def count(self, resource: str, informer: Informer) -> None:
        self.counted[resource] = informer

        def wake(obj: Object) -> None:
            for found in self.quotas.index.list(obj["metadata"].get("namespace") or "-"):
                if any(quota.counts(resource, name) for name in found["spec"].get("hard", {})):
                    self.queue.add_after(f"{found['metadata']['namespace']}/{found['metadata']['name']}", BATCH)

        def changed(before: Object, obj: Object) -> None:
            if shrinks(resource, before, obj):
                wake(obj)

        informer.add_handler(updated=changed, deleted=lambda gone: wake(last_state(gone)))


def shrinks(resource: str, before: Object, obj: Object) -> bool:
    """Whether an update may have set something free."""
    if resource == "pods":
        if quota.has_ended(obj) != quota.has_ended(before):
            return True
        return bool(
            before["spec"] != obj["spec"]
            or ("deletionTimestamp" in obj["metadata"]) != ("deletionTimestamp" in before["metadata"])
        )
    if resource in WHOLE:
        return bool(quota.usage(resource, before) != quota.usage(resource, obj))
    return False


def same(before: dict[str, str], now: dict[str, str]) -> bool:
    return before.keys() == now.keys() and all(quantity.parse(before[k]) == quantity.parse(now[k]) for k in now)


CONTROLLER = ResourceQuotaController
