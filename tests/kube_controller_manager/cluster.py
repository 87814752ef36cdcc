"""An API server, controllers, light nodes, and a scheduler of one line: what pods need to run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from minikube_edu.client.errors import ApiError
from minikube_edu.client.informer import Informer
from minikube_edu.client.rest import Client, Resource
from minikube_edu.kube_controller_manager.controllers.daemon_set.daemons import target
from minikube_edu.kube_controller_manager.kinds import PODS
from minikube_edu.kubelet.light_nodes import LightNodes
from tests.in_process import Api, api_server, until

Object = dict[str, Any]

APPS = "/apis/apps/v1/namespaces/default"
BATCH = "/apis/batch/v1/namespaces/default"
CORE = "/api/v1/namespaces/default"


class Cluster:
    def __init__(self, api: Api) -> None:
        self.api = api
        self.client = api.client()

    async def pods(self, *, everything: bool = False) -> list[Object]:
        found: list[Object] = (await self.client.list(PODS, "default"))["items"]
        return [p for p in found if everything or "deletionTimestamp" not in p["metadata"]]

    async def get(self, path: str) -> Object:
        reply = await self.api.get(path)
        assert reply.code == 200, reply
        found: Object = reply.json
        return found

    async def status(self, path: str, **wanted: Any) -> Object:
        """The object, once its status says so."""

        async def settled() -> Object | None:
            found = await self.get(path)
            status = found.get("status") or {}
            return found if all(status.get(key, 0) == value for key, value in wanted.items()) else None

        found: Object = await until(settled)
        return found

    async def condition(self, path: str, kind: str, status: str = "True") -> Object:
        async def there() -> Object | None:
            conditions = (await self.get(path)).get("status", {}).get("conditions") or ()
            return next((dict(c) for c in conditions if (c["type"], c["status"]) == (kind, status)), None)

        found: Object = await until(there)
        return found

    async def gone(self, path: str) -> None:
        async def absent() -> bool:
            return (await self.api.get(path)).code == 404

        await until(absent)


@asynccontextmanager
async def cluster(controllers: Sequence[str], *, nodes: int = 2, scheduler: bool = True) -> AsyncIterator[Cluster]:
    async with api_server(controllers=[*controllers, "serviceaccount-controller"]) as api:
        tasks = [asyncio.create_task(LightNodes(api.client(field_manager="kubelet"), nodes).run())] if nodes else []
        if scheduler:
            tasks.append(asyncio.create_task(bind_all(api.client(field_manager="kube-scheduler"))))
        await until(lambda: _ready(api, nodes))
        try:
            yield Cluster(api)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _ready(api: Api, nodes: int) -> bool:
    account = await api.get(f"{CORE}/serviceaccounts/default")
    listed = (await api.get("/api/v1/nodes")).json["items"]
    return account.code == 200 and sum(not node["spec"].get("taints") for node in listed) == nodes


async def bind_all(client: Client) -> None:
    """Pods go where their affinity says, or to the two nodes in turn."""
    waiting: asyncio.Queue[Object] = asyncio.Queue()
    pods = Informer(client, Resource("", "v1", "pods", kind="Pod"), field_selector="spec.nodeName=")
    pods.add_handler(added=waiting.put_nowait)

    async def bind() -> None:
        count = 0
        while True:
            pod = await waiting.get()
            if pod["spec"].get("schedulerName") != "default-scheduler":
                continue
            count += 1
            metadata = pod["metadata"]
            node = {"kind": "Node", "name": target(pod) or f"worker-{count % 2 + 1}"}
            body = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": metadata["name"]}, "target": node}
            try:
                await client.create(PODS, body, "default", name=metadata["name"], subresource="binding")
            except ApiError as error:
                if error.code not in (404, 409):
                    raise

    async with asyncio.TaskGroup() as group:
        group.create_task(pods.run())
        group.create_task(bind())


def template(image: str = "i:1", **labels: str) -> Object:
    spec = {"terminationGracePeriodSeconds": 0, "containers": [{"name": "c", "image": image}]}
    return {"metadata": {"labels": {"app": "web", **labels}}, "spec": spec}


def workload(replicas: int, **more: Any) -> Object:
    return {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template(), **more}


def job(**spec: Any) -> Object:
    body = template()
    body["spec"]["restartPolicy"] = "Never"
    return {"template": body, **spec}


def names(objects: Sequence[Object]) -> list[str]:
    return sorted(one["metadata"]["name"] for one in objects)
