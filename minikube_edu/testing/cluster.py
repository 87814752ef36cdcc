"""A whole cluster for the time of a test.

    async with Cluster(nodes=2) as cluster:
        await cluster.apply(manifest)
        await cluster.wait_for("deployment/web", "Available")
        assert await cluster.logs("web-0") == "hello\\n"

API server, controllers, scheduler, kubelets and containers are the ones of `minikube-edu up`, in this event loop, with
no sockets and no processes. In `virtual_time.run` its hours pass at once. What there is not: kube-proxy and CoreDNS,
that is, pods reach each other by their addresses, not by the names of services. Objects without a namespace are in
`default`.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from minikube_edu.client import remote
from minikube_edu.client.discovery import RestMapper
from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import Client, Resource
from minikube_edu.cni.wire import Wire
from minikube_edu.kube_apiserver.context import User
from minikube_edu.testing.control_plane import ADMIN, ControlPlane
from minikube_edu.testing.node import Node

Object = dict[str, Any]
Condition = str | Callable[[Object | None], object]

NODES = Resource("", "v1", "nodes", False, "Node")
ACCOUNTS = Resource("", "v1", "serviceaccounts", kind="ServiceAccount")
FIRST_LOOK, LONGEST_PAUSE = 0.01, 0.5  # seconds between two looks


class Executed(NamedTuple):
    code: int
    stdout: str
    stderr: str


class Cluster:
    """Its nodes are called node-1, node-2, and so on."""

    def __init__(self, nodes: int = 1) -> None:
        self._count = nodes
        self._control_plane = ControlPlane()
        self._closing = AsyncExitStack()
        self.nodes: dict[str, Node] = {}

    async def __aenter__(self) -> Cluster:
        async with AsyncExitStack() as building:  # what was begun is ended if the rest fails
            root = Path(building.enter_context(tempfile.TemporaryDirectory(prefix="minikube-edu-")))
            building.push_async_callback(self._control_plane.stop)
            await self._control_plane.start()
            self._admin = self.client()
            self._mapper = RestMapper(self._admin)
            wire = Wire()
            for number in range(1, self._count + 1):
                name, address = f"node-{number}", f"127.16.{number // 250}.{number % 250 + 1}"
                node = Node(name, address, root / name, self._control_plane, wire)
                await node.open()
                building.push_async_callback(node.close)
                await node.start_kubelet()
                self.nodes[name] = node
            for name in self.nodes:
                await self.wait_for(f"node/{name}", _takes_pods)
            await self.wait_for("serviceaccount/default", bool)
            self._closing = building.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._closing.aclose()

    def client(self, user: str = ADMIN.name, groups: Sequence[str] | None = None) -> Client:
        """The API as this user sees it; without a name, as the administrator. It is closed with the cluster."""
        if groups is None:
            groups = ADMIN.groups if user == ADMIN.name else ("system:authenticated",)
        return self._control_plane.client(User(user, groups=tuple(groups)), "minikube-edu-testing")

    async def apply(self, manifest: str | Object) -> list[Object]:
        """Server-side apply of one object, or of each document of a YAML text, in its order."""
        if isinstance(manifest, str):
            import yaml

            documents = [one for one in yaml.safe_load_all(manifest) if one]
        else:
            documents = [manifest]
        applied = []
        for obj in documents:
            resource = (await self._mapper.for_object(obj)).resource
            namespace = (obj["metadata"].get("namespace") or "default") if resource.namespaced else ""
            applied.append(await self._admin.apply(resource, obj, namespace, force=True))
        return applied

    async def get(self, what: str, namespace: str = "default") -> Object | None:
        """The object that kubectl calls `kind/name`; None when there is none."""
        kind, _, name = what.partition("/")
        if not name:
            raise ValueError(f"{what!r} is not kind/name")
        resource = (await self._mapper.find(kind)).resource
        try:
            return await self._admin.get(resource, name, namespace if resource.namespaced else "")
        except ApiError as error:
            if error.code == 404:
                return None
            raise

    async def wait_for(
        self, what: str, condition: Condition, timeout: float = 60.0, namespace: str = "default"
    ) -> Object | None:
        """`what` is kind/name. `condition` is a type of its status.conditions that must be True, "delete", or a
        function of the object (None when there is none). Returns the object; TimeoutError says how it was last."""
        met = _met(condition) if isinstance(condition, str) else condition
        found: Object | None = None
        pause = FIRST_LOOK
        try:
            async with asyncio.timeout(timeout):
                while not met(found := await self.get(what, namespace)):
                    await asyncio.sleep(pause)
                    pause = min(pause * 1.5, LONGEST_PAUSE)
        except TimeoutError:
            status = "there is none" if found is None else f"its status is {found.get('status')}"
            raise TimeoutError(f"{what}: {condition} not met in {timeout:g} seconds; {status}") from None
        return found

    async def logs(self, pod: str, container: str = "", namespace: str = "default", *, previous: bool = False) -> str:
        asked = {"container": container, "previous": "true" if previous else ""}
        query = urlencode({name: value for name, value in asked.items() if value})
        path = f"{remote.PODS.path(namespace, pod, 'log')}?{query}"
        return (await self._admin.sender.request("GET", path)).body.decode(errors="replace")

    async def exec(
        self, pod: str, command: Sequence[str], container: str = "", namespace: str = "default", stdin: bytes = b""
    ) -> Executed:
        """Through API server and kubelet, as kubectl does."""
        opened = await remote.execute(self._admin, namespace, pod, command, container=container, stdin=bool(stdin))
        async with opened as process:
            code, out, err = await process.run(stdin)
        return Executed(code, out.decode(errors="replace"), err.decode(errors="replace"))

    async def silence(self, node: str) -> None:
        """The node's kubelet stops: no more leases, no more statuses. Its containers run on."""
        await self.nodes[node].stop_kubelet()

    async def wake(self, node: str) -> None:
        """A kubelet starts again on a node that was silenced."""
        await self.nodes[node].start_kubelet()


def _met(condition: str) -> Callable[[Object | None], object]:
    if condition == "delete":
        return lambda found: found is None
    return lambda found: (
        found is not None
        and any(
            one["type"] == condition and one["status"] == "True"
            for one in (found.get("status") or {}).get("conditions") or ()
        )
    )


def _takes_pods(node: Object | None) -> object:
    """Ready, and the controllers have seen it: no taint is left."""
    return node is not None and _met("Ready")(node) and not node["spec"].get("taints") and node["spec"].get("podCIDR")
