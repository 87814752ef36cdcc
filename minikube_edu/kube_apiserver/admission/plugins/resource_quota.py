"""ResourceQuota: what a namespace may have at most.

The last to judge, because it charges: what it lets through is added to the quotas' status before the object is written.
Should the write fail after all, the controller takes it off again when it counts. All that waits in a namespace is
judged together, in order, and paid with one write a quota: five hundred pods cost a handful. When the controller was
faster with the status, those quotas are looked at anew, three times at most; else two writers could share what is left.

The words and the arithmetic are in `api.quota_judging`. The real plugin can be configured to refuse what no quota
covers (`limitedResources`); kubeadm does not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any

from minikube_edu.api import managed_fields, quota_judging
from minikube_edu.api.errors import ApiError, Conflict, NotFound
from minikube_edu.api.quota_judging import Refused, Write
from minikube_edu.api.scheme import Resource
from minikube_edu.kube_apiserver.admission.chain import CREATE, Attributes, Plugin
from minikube_edu.kube_apiserver.registry import updating
from minikube_edu.kube_apiserver.registry.store import Registry
from minikube_edu.lib import clock

Object = dict[str, Any]
Waiting = tuple[Attributes, "asyncio.Future[None]"]

RETRIES = 3


class ResourceQuota(Plugin):
    name = "ResourceQuota"

    def __init__(self, registry: Registry) -> None:
        super().__init__(registry)
        found = registry.resource("", "resourcequotas")
        assert found is not None
        self.resource: Resource = found
        self._entries = registry.cache_of(found)
        self._waiting: dict[str, list[Waiting]] = {}  # namespace -> what is to be judged together
        self._at_work: dict[str, asyncio.Task[None]] = {}

    def handles(self, attributes: Attributes) -> bool:
        if not self._entries.entries or not attributes.namespace or not super().handles(attributes):
            return False
        context = attributes.context
        if attributes.operation == CREATE and context.resource.name == "namespaces":
            return False
        return quota_judging.concerns(_name(context.resource), attributes.operation, context.subresource)

    def validate(self, attributes: Attributes) -> Awaitable[None] | None:
        namespace = attributes.namespace
        if not self._entries.keys(f"{namespace}/"):
            return None
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(namespace, []).append((attributes, done))
        if namespace not in self._at_work:
            self._at_work[namespace] = asyncio.create_task(self._work(namespace), name=f"quotas of {namespace}")
        return done

    async def _work(self, namespace: str) -> None:
        """One for a namespace: two would both give away what is left."""
        try:
            while batch := self._waiting.pop(namespace, None):
                try:
                    await self._judge(batch, self._quotas(namespace), RETRIES)
                except Exception as error:
                    _settle(batch, error)
                _settle(batch, None)
        finally:
            del self._at_work[namespace]

    def _quotas(self, namespace: str) -> list[Object]:
        return [entry.object() for entry in self._entries.select(f"{namespace}/")]

    async def _judge(self, batch: Sequence[Waiting], before: list[Object], retries: int) -> None:
        after, paying = before, []
        for attributes, done in batch:
            if done.done():
                continue
            try:
                charged = quota_judging.charge(after, _write(attributes))
            except Refused as why:
                done.set_exception(attributes.forbidden(why))
                continue
            if attributes.context.dry_run or all(a is b for a, b in zip(charged, after, strict=True)):
                done.set_result(None)
                continue
            after = charged
            paying.append((attributes, done))
        failed: dict[str, ApiError] = {}
        for old, new in zip(before, after, strict=True):
            if new is not old and (error := await self._pay(new)) is not None:
                failed[new["metadata"]["name"]] = error
        if not failed:
            return
        if not retries:
            raise next(iter(failed.values()))
        namespace = paying[0][0].namespace
        again = [found for found in self._quotas(namespace) if found["metadata"]["name"] in failed]
        await self._judge(paying, again, retries - 1)

    async def _pay(self, changed: Object) -> ApiError | None:
        """Store the new status, if the quota is still what was judged."""
        metadata = changed["metadata"]
        context = self.registry.system_context(self.resource, "update", metadata["namespace"], metadata["name"])
        context.subresource = "status"

        async def make(old: Object | None) -> Object:
            new = {**changed, "metadata": dict(metadata)}
            managed_fields.update_managed(
                new, old, type_name=self.resource.type_name, api_version=self.resource.api_version,
                manager=context.manager, subresource="status", reset=("spec",), now=clock.rfc3339(),
            )  # fmt: skip
            return new

        try:
            await updating.update(self.registry, context, make)
        except (Conflict, NotFound) as error:
            return error
        return None


def _name(resource: Resource) -> str:
    return f"{resource.name}.{resource.group}" if resource.group else resource.name


def _write(attributes: Attributes) -> Write:
    assert attributes.obj is not None
    context = attributes.context
    return Write(_name(context.resource), attributes.operation, context.subresource, attributes.obj, attributes.old)


def _settle(batch: Sequence[Waiting], error: Exception | None) -> None:
    for _, done in batch:
        if done.done():
            continue
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)


PLUGIN = ResourceQuota
