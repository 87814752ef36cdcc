"""A world for the scheduler: objects in memory behind the client's face, and informers that are fed by hand.

What the scheduler writes happens at once, and is seen by its informers in the next turn of the loop.
"""

from __future__ import annotations

import asyncio
from typing import Any

from minikube_edu.client.errors import ApiError
from minikube_edu.client.factory import InformerFactory
from minikube_edu.client.informer import Informer
from minikube_edu.client.rest import Resource
from minikube_edu.kube_scheduler import kinds
from minikube_edu.kube_scheduler.configuration import Configuration
from minikube_edu.kube_scheduler.event_handlers import UNFINISHED
from minikube_edu.kube_scheduler.scheduler import Scheduler

Object = dict[str, Any]

KINDS = [kind for kind in vars(kinds).values() if isinstance(kind, Resource)]


class World:
    """Also the client: it has the verbs that the scheduler uses."""

    def __init__(
        self, configuration: Configuration | None = None, plugins: dict[str, Any] | None = None, assumed_ttl: float = 0
    ) -> None:
        self.version = 0
        self.objects: dict[tuple[str, str], Object] = {}
        self.events: list[Object] = []
        self.bindings: list[tuple[str, str]] = []  # (pod, node)
        self.deleted: list[str] = []
        self.refuse: dict[str, Exception] = {}  # verb -> what it raises
        self.blind = False  # the informers see nothing
        informers = InformerFactory(self)  # type: ignore[arg-type]  # the part of a client that is used
        self.scheduler = Scheduler(self, configuration, plugins, informers, assumed_ttl)  # type: ignore[arg-type]
        self._informers: dict[str, Informer] = {}
        for kind in KINDS:
            selector = UNFINISHED if kind is kinds.PODS else ""
            self._informers[kind.plural] = informers.informer(kind, field_selector=selector)
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> World:
        self._task = asyncio.create_task(self.scheduler.schedule_all())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self.scheduler.stop()

    async def settle(self, seconds: float = 0.05) -> None:
        await asyncio.sleep(seconds)

    # objects

    def put(self, kind: Resource, obj: Object) -> Object:
        """Create or replace, and let the informers see it."""
        metadata = obj["metadata"]
        if kind.namespaced:
            metadata.setdefault("namespace", "default")
        metadata.setdefault("uid", f"uid-{metadata['name']}")
        self.version += 1
        obj = {**obj, "metadata": {**metadata, "resourceVersion": str(self.version)}}
        self.objects[kind.plural, _key(obj)] = obj
        if not self.blind:
            self._informers[kind.plural].added_or_updated(obj)
        return obj

    def remove(self, kind: Resource, name: str, namespace: str = "default") -> None:
        key = f"{namespace}/{name}" if kind.namespaced else name
        self._informers[kind.plural].deleted(self.objects.pop((kind.plural, key)))

    def get_pod(self, name: str) -> Object:
        return self.objects["pods", f"default/{name}"]

    def node(self, name: str, *, cpu: str = "4", memory: str = "8Gi", pods: str = "110", **more: Any) -> Object:
        labels = {"kubernetes.io/hostname": name, **more.pop("labels", {})}
        status = {"allocatable": {"cpu": cpu, "memory": memory, "pods": pods, **more.pop("allocatable", {})}}
        status["images"] = more.pop("images", [])
        return self.put(kinds.NODES, {"metadata": {"name": name, "labels": labels}, "spec": more, "status": status})

    def pod(self, name: str, requests: Object | None = None, **more: Any) -> Object:
        """`labels`, `metadata`, `status`, and fields of the spec."""
        metadata = {"name": name, "labels": more.pop("labels", {}), **more.pop("metadata", {})}
        status = more.pop("status", {"phase": "Pending"})
        container: Object = {"name": "c", "image": more.pop("image", "nginx"), "ports": more.pop("ports", [])}
        if requests:
            container["resources"] = {"requests": requests}
        spec = {"containers": [container], "schedulerName": "default-scheduler", **more}
        return self.put(
            kinds.PODS, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status}
        )

    def where(self, name: str) -> str:
        """The node of a pod, "" while it has none."""
        return self.get_pod(name)["spec"].get("nodeName") or ""

    def why_not(self, name: str) -> str:
        """The message of the PodScheduled condition."""
        conditions = self.get_pod(name)["status"].get("conditions") or []
        return next((c["message"] for c in conditions if c["type"] == "PodScheduled"), "")

    # the client's face

    async def create(self, resource: Resource, body: Object, namespace: str = "", **more: Any) -> Object:
        await asyncio.sleep(0)
        if resource is kinds.EVENTS:
            self.events.append(body)
            return body
        if "create" in self.refuse:
            raise self.refuse["create"]
        assert more["subresource"] == "binding"
        pod, node = self._found(resource, more["name"], namespace), body["target"]["name"]
        self.bindings.append((more["name"], node))
        self.put(resource, {**pod, "spec": {**pod["spec"], "nodeName": node}})
        return body

    async def update(self, resource: Resource, body: Object, namespace: str = "", **more: Any) -> Object:
        await asyncio.sleep(0)
        return self.put(resource, body)

    async def patch(self, resource: Resource, name: str, patch: Object, namespace: str = "", **more: Any) -> Object:
        await asyncio.sleep(0)
        if resource is kinds.EVENTS:
            return patch
        pod = self._found(resource, name, namespace)
        status = dict(pod.get("status") or {})
        for key, value in patch["status"].items():
            if key == "conditions":
                new = {condition["type"]: condition for condition in value}
                status[key] = [c for c in status.get(key) or [] if c["type"] not in new] + list(new.values())
            else:
                status[key] = value
        return self.put(resource, {**pod, "status": status})

    async def delete(self, resource: Resource, name: str, namespace: str = "", **more: Any) -> Object:
        await asyncio.sleep(0)
        self._found(resource, name, namespace)
        self.deleted.append(name)
        self.remove(resource, name, namespace)
        return {}

    def _found(self, resource: Resource, name: str, namespace: str) -> Object:
        obj = self.objects.get((resource.plural, f"{namespace}/{name}"))
        if obj is None:
            raise ApiError({"code": 404, "reason": "NotFound", "message": f'{resource.plural} "{name}" not found'})
        return obj


def _key(obj: Object) -> str:
    metadata = obj["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}" if metadata.get("namespace") else str(metadata["name"])
