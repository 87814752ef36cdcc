"""Mirrors: how static pods show in the API.

A mirror is a copy of a static pod that the kubelet creates, owned by its node, with the manifest's hash in the
annotation `kubernetes.io/config.mirror`. Deleting it does nothing to the containers; it is made again. One that belongs
to an older manifest, or to none, is removed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import Client
from minikube_edu.kubelet import pod_facts
from minikube_edu.kubelet.contract import Object
from minikube_edu.kubelet.status.reporting import PODS

log = logging.getLogger(__name__)

RETRY = 1.0


class MirrorPods:
    def __init__(self, client: Client | None, node: Callable[[], Object | None], synced: Callable[[], bool]) -> None:
        """`node` is this node's object, None before it is registered; `synced`: all mirrors have been seen."""
        self._client = client
        self._node = node
        self._synced = synced
        self._mirrors: dict[str, Object] = {}  # full name -> the mirror in the API
        self._static: dict[str, Object] = {}  # full name -> the pod that wants one
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def of(self, full_name: str) -> Object | None:
        return self._mirrors.get(full_name)

    def seen(self, mirror: Object) -> None:
        self._mirrors[pod_facts.full_name(mirror)] = mirror
        self._see_to(pod_facts.full_name(mirror))

    def gone(self, mirror: Object) -> None:
        name = pod_facts.full_name(mirror)
        known = self._mirrors.get(name)
        if known is not None and pod_facts.uid(known) == pod_facts.uid(mirror):
            del self._mirrors[name]
        self._see_to(name)

    def wanted(self, pod: Object) -> None:
        name = pod_facts.full_name(pod)
        if self._static.get(name) is not pod:
            self._static[name] = pod
        self._see_to(name)

    def unwanted(self, pod: Object) -> None:
        name = pod_facts.full_name(pod)
        known = self._static.get(name)
        if known is not None and pod_facts.uid(known) == pod_facts.uid(pod):
            del self._static[name]
        self._see_to(name)

    def see_to_all(self) -> None:
        for name in {*self._mirrors, *self._static}:
            self._see_to(name)

    async def close(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _see_to(self, name: str) -> None:
        if self._client is None or not self._synced() or name in self._tasks or self._right(name):
            return
        task = asyncio.get_running_loop().create_task(self._set_right(name), name=f"mirror of {name}")
        self._tasks[name] = task
        task.add_done_callback(lambda _: self._tasks.pop(name, None))

    def _right(self, name: str) -> bool:
        mirror, pod = self._mirrors.get(name), self._static.get(name)
        if mirror is None or pod is None:
            return mirror is pod  # both None
        return _is_mirror_of(mirror, pod) and not pod_facts.is_deleted(mirror)

    async def _set_right(self, name: str) -> None:
        """Delete the wrong one, create the right one, until it is so. The watch need not have told of it."""
        assert self._client is not None
        while not self._right(name):
            mirror, pod = self._mirrors.get(name), self._static.get(name)
            try:
                if mirror is not None:
                    await self._delete(mirror)
                    if self._mirrors.get(name) is mirror:
                        del self._mirrors[name]
                elif pod is not None and not await self._create(pod):
                    return
            except (ApiError, OSError) as error:
                log.info("mirror pod of %s: %s", name, error)
                await asyncio.sleep(RETRY)

    async def _delete(self, mirror: Object) -> None:
        assert self._client is not None
        options = {"gracePeriodSeconds": 0, "preconditions": {"uid": pod_facts.uid(mirror)}}
        try:
            name, namespace = pod_facts.name(mirror), pod_facts.namespace(mirror)
            await self._client.delete(PODS, name, namespace, options=options)
        except ApiError as error:
            if not error.not_found and error.code != 409:
                raise

    async def _create(self, pod: Object) -> bool:
        assert self._client is not None
        node = self._node()
        if node is None:
            return False  # asked for again when the node is registered
        metadata = {key: value for key, value in pod["metadata"].items() if key not in ("uid", "deletionTimestamp")}
        annotations = dict(pod_facts.annotations_of(pod))
        annotations[pod_facts.MIRROR] = annotations[pod_facts.HASH]
        owner = {
            "apiVersion": "v1",
            "kind": "Node",
            "name": node["metadata"]["name"],
            "uid": node["metadata"]["uid"],
            "controller": True,
        }
        metadata |= {"annotations": annotations, "ownerReferences": [owner]}
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod["spec"]}
        try:
            made = await self._client.create(PODS, body, pod_facts.namespace(pod))
        except ApiError as error:
            if not error.already_exists:
                raise
            made = await self._client.get(PODS, pod_facts.name(pod), pod_facts.namespace(pod))
        self._mirrors.setdefault(pod_facts.full_name(pod), made)
        return True


def _is_mirror_of(mirror: Object, pod: Object) -> bool:
    return pod_facts.annotations_of(mirror).get(pod_facts.MIRROR) == pod_facts.annotations_of(pod).get(pod_facts.HASH)
