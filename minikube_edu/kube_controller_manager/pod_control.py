"""Pods are made from templates and deleted here, with the events that tell of it.

Many pods are made in batches of 1, 2, 4, ... at once: when the first fails because a quota is used up, the other 499
are not tried.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from minikube_edu.client.errors import ApiError
from minikube_edu.client.events import EventRecorder
from minikube_edu.client.rest import Client, Resource
from minikube_edu.kube_controller_manager.kinds import PODS
from minikube_edu.kube_controller_manager.ownership import reference_to

Object = dict[str, Any]

AT_ONCE = 24  # requests under way for one owner
LONGEST_PREFIX = 252  # of a generated name, with its dash


class PodControl:
    """Makes and deletes pods for owners of one kind."""

    def __init__(self, client: Client, recorder: EventRecorder, owners: Resource) -> None:
        self.client = client
        self.recorder = recorder
        self.owners = owners
        self._limit = asyncio.Semaphore(AT_ONCE)

    def from_template(self, owner: Object, template: Object) -> Object:
        """The template's labels, annotations, finalizers and spec; the spec is shared, not copied."""
        metadata = template.get("metadata") or {}
        name = owner["metadata"]["name"]
        made: Object = {
            "generateName": f"{name}-" if len(name) < LONGEST_PREFIX else name,
            "namespace": owner["metadata"]["namespace"],
            "ownerReferences": [reference_to(owner, self.owners)],
        }
        for field in ("labels", "annotations", "finalizers"):
            if metadata.get(field):
                made[field] = metadata[field]
        return {"apiVersion": "v1", "kind": "Pod", "metadata": made, "spec": template["spec"]}

    async def create(self, owner: Object, pod: Object) -> Object:
        """The created pod; ApiError, after an event, when it could not be."""
        async with self._limit:
            try:
                created = await self.client.create(PODS, pod)
            except ApiError as error:
                if not namespace_is_going(error):
                    self.recorder.event(owner, "Warning", "FailedCreate", f"Error creating: {error}")
                raise
        self.recorder.event(owner, "Normal", "SuccessfulCreate", f"Created pod: {created['metadata']['name']}")
        return created

    async def delete(self, owner: Object, pod: Object) -> bool:
        """False when it was gone already."""
        metadata = pod["metadata"]
        async with self._limit:
            try:
                await self.client.delete(PODS, metadata["name"], metadata["namespace"])
            except ApiError as error:
                if error.code == 404:
                    return False
                self.recorder.event(owner, "Warning", "FailedDelete", f"Error deleting: {error}")
                raise
        self.recorder.event(owner, "Normal", "SuccessfulDelete", f"Deleted pod: {metadata['name']}")
        return True


def namespace_is_going(error: ApiError) -> bool:
    """Nothing can be created in a namespace that is being deleted: no failure worth a word."""
    return error.has_cause("NamespaceTerminating")


async def in_batches(count: int, one: Callable[[int], Awaitable[object]]) -> tuple[int, Exception | None]:
    """`one(0)`, `one(1)`, ... in batches that double; after a batch with a failure no other is begun. Answers with the
    number of successes and the first failure."""
    done, size, successes = 0, 1, 0
    while done < count:
        batch = range(done, min(done + size, count))
        failures = await all_at_once(one(number) for number in batch)
        successes += len(batch) - len(failures)
        if failures:
            return successes, failures[0]
        done += len(batch)
        size *= 2
    return successes, None


async def all_at_once(work: Iterable[Awaitable[object]]) -> list[Exception]:
    """All of it, whatever fails; answers with the failures."""
    results = await asyncio.gather(*work, return_exceptions=True)
    failures = []
    for result in results:
        if isinstance(result, Exception):
            failures.append(result)
        elif isinstance(result, BaseException):
            raise result
    return failures
