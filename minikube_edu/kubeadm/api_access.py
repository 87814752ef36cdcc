"""The way to the API server: for real, or as a list of what would be done.

Objects know where they live (`resource_of`). `create_or_update` and its kin are kubeadm's habits: what is there already
is no mistake, and a server that has only just begun gets another chance until the time for API calls is over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TextIO, TypeVar

from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import STRATEGIC_PATCH, Client, Resource
from minikube_edu.kubeadm import files
from minikube_edu.lib import clock

Object = dict[str, Any]
Answer = TypeVar("Answer")

_RBAC, _V1 = "rbac.authorization.k8s.io", "v1"
RESOURCES = {
    one.kind: one
    for one in (
        Resource("", _V1, "configmaps", True, "ConfigMap"),
        Resource("", _V1, "secrets", True, "Secret"),
        Resource("", _V1, "serviceaccounts", True, "ServiceAccount"),
        Resource("", _V1, "services", True, "Service"),
        Resource("", _V1, "nodes", False, "Node"),
        Resource("", _V1, "pods", True, "Pod"),
        Resource("apps", _V1, "deployments", True, "Deployment"),
        Resource("apps", _V1, "daemonsets", True, "DaemonSet"),
        Resource(_RBAC, _V1, "roles", True, "Role"),
        Resource(_RBAC, _V1, "rolebindings", True, "RoleBinding"),
        Resource(_RBAC, _V1, "clusterroles", False, "ClusterRole"),
        Resource(_RBAC, _V1, "clusterrolebindings", False, "ClusterRoleBinding"),
        Resource("certificates.k8s.io", _V1, "certificatesigningrequests", False, "CertificateSigningRequest"),
        Resource("batch", _V1, "jobs", True, "Job"),
    )
}


def resource_of(body: Object) -> Resource:
    return RESOURCES[body["kind"]]


class Api(Protocol):
    async def create(self, body: Object) -> Object: ...

    async def update(self, body: Object) -> Object: ...

    async def get(self, kind: str, name: str, namespace: str = "") -> Object: ...

    async def list(self, kind: str, namespace: str = "", label_selector: str = "") -> list[Object]: ...

    async def patch(self, kind: str, name: str, patch: Object, namespace: str = "") -> Object: ...

    async def delete(self, kind: str, name: str, namespace: str = "") -> None: ...

    async def livez(self) -> None: ...

    async def close(self) -> None: ...

    patience: float


class Live:
    """A few requests at a time: every one more needs a connection of its own, whose handshake costs more than a
    short wait in line."""

    AT_ONCE = 4

    def __init__(self, client: Client, patience: float = 60.0) -> None:
        self.client = client
        self.patience = patience  # seconds that a call may be tried again
        self._turn = asyncio.Semaphore(self.AT_ONCE)

    async def create(self, body: Object) -> Object:
        async with self._turn:
            return await self.client.create(resource_of(body), body)

    async def update(self, body: Object) -> Object:
        async with self._turn:
            return await self.client.update(resource_of(body), body)

    async def get(self, kind: str, name: str, namespace: str = "") -> Object:
        async with self._turn:
            return await self.client.get(RESOURCES[kind], name, namespace)

    async def list(self, kind: str, namespace: str = "", label_selector: str = "") -> list[Object]:
        async with self._turn:
            found = await self.client.list(RESOURCES[kind], namespace, label_selector=label_selector)
        items: list[Object] = found.get("items") or []
        return items

    async def patch(self, kind: str, name: str, patch: Object, namespace: str = "") -> Object:
        async with self._turn:
            return await self.client.patch(RESOURCES[kind], name, patch, namespace, kind=STRATEGIC_PATCH)

    async def delete(self, kind: str, name: str, namespace: str = "") -> None:
        async with self._turn:
            await self.client.delete(RESOURCES[kind], name, namespace)

    async def livez(self) -> None:
        await self.client.sender.request("GET", "/livez")

    async def close(self) -> None:
        await self.client.close()


class DryRun:
    """Says what would be done, and answers from what it was told so far. With `behind`, reads are really made."""

    patience = 0.0

    def __init__(self, out: TextIO, node: str = "", behind: Api | None = None) -> None:
        self._out = out
        self._node = node
        self._behind = behind
        self._objects: dict[tuple[str, str, str], Object] = {}

    async def create(self, body: Object) -> Object:
        self._say("CREATE", body["kind"])
        self._attach(body)
        self._keep(body)
        return body

    async def update(self, body: Object) -> Object:
        self._say("UPDATE", body["kind"])
        self._attach(body)
        self._keep(body)
        return body

    async def get(self, kind: str, name: str, namespace: str = "") -> Object:
        self._say("GET", kind)
        self._name(name, namespace)
        found = self._objects.get((kind, namespace, name))
        if found is None and kind == "Node" and name == self._node and self._behind is None:
            found = _empty_node(name)
        if found is not None:
            self._attach(found)
            return found
        if self._behind is not None:
            try:
                found = await self._behind.get(kind, name, namespace)
            except ApiError as error:
                if not error.not_found or kind != "Node":
                    raise
                self._absent("GET")
                found = _empty_node(name)
            self._attach(found)
            return found
        self._absent("GET")
        resource = RESOURCES[kind]
        raise ApiError(
            {"code": 404, "reason": "NotFound", "message": f'{resource} "{name}" not found', "kind": "Status"}
        )

    async def list(self, kind: str, namespace: str = "", label_selector: str = "") -> list[Object]:
        self._say("LIST", kind)
        if self._behind is not None:
            return await self._behind.list(kind, namespace, label_selector)
        self._absent("LIST")
        return []

    async def patch(self, kind: str, name: str, patch: Object, namespace: str = "") -> Object:
        self._say("PATCH", kind)
        self._name(name, namespace)
        found = self._objects.get((kind, namespace, name)) or (_empty_node(name) if kind == "Node" else patch)
        self._attach(found)
        return found

    async def delete(self, kind: str, name: str, namespace: str = "") -> None:
        self._say("DELETE", kind)
        self._name(name, namespace)
        api_version = RESOURCES[kind].api_version
        metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
        self._attach({"apiVersion": api_version, "kind": kind, "metadata": metadata})

    async def livez(self) -> None:
        return None

    async def close(self) -> None:
        if self._behind is not None:
            await self._behind.close()

    def _keep(self, body: Object) -> None:
        metadata = body["metadata"]
        self._objects[body["kind"], metadata.get("namespace") or "", metadata["name"]] = body

    def _say(self, verb: str, kind: str) -> None:
        resource = RESOURCES[kind]
        group = f"{resource.group or 'core'}/{resource.version}"
        self._out.write(
            f'[dryrun] Would perform action {verb} on resource "{resource.plural}" in API group "{group}"\n'
        )

    def _name(self, name: str, namespace: str) -> None:
        self._out.write(f'[dryrun] Resource name "{name}", namespace "{namespace}"\n')

    def _absent(self, verb: str) -> None:
        self._out.write(
            f"[dryrun] Real object does not exist. Attempting to {verb} from followup reactors or from the fake client "
            "tracker\n"
        )

    def _attach(self, body: Object) -> None:
        self._out.write(f"[dryrun] Attached object:\n{files.yaml(body)}\n")


def _empty_node(name: str) -> Object:
    info = ("architecture bootID containerRuntimeVersion kernelVersion kubeProxyVersion kubeletVersion machineID "
            "operatingSystem osImage systemUUID")  # fmt: skip
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"labels": {"kubernetes.io/hostname": name}, "name": name},
        "spec": {},
        "status": {
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 0}},
            "nodeInfo": dict.fromkeys(info.split(), ""),
        },
    }


# -- habits ----------------------------------------------------------------------------------------------------------


async def create_or_update(api: Api, body: Object) -> None:
    async def once() -> None:
        try:
            await api.create(body)
        except ApiError as error:
            if not error.already_exists:
                raise
            await api.update(await _at_its_version(api, body))

    await patiently(api, once)


async def create_or_retain(api: Api, body: Object) -> None:
    """What is there already stays as it is."""

    async def once() -> None:
        try:
            await api.create(body)
        except ApiError as error:
            if not error.already_exists:
                raise

    await patiently(api, once)


async def all_of(*works: Awaitable[None]) -> None:
    """Side by side, where nothing waits for another; begun in order, so that a dry run prints them in order."""
    for result in await asyncio.gather(*works, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result


async def patiently(api: Api, what: Callable[[], Awaitable[Answer]]) -> Answer:
    """Again and again until it is done or the time for API calls is over: a server that is just starting, or that
    does not know yet who may do what, is not a mistake."""
    begun = clock.monotonic()
    end, pause = begun + api.patience, 0.01
    while True:
        try:
            return await what()
        except (ApiError, OSError) as error:
            final = isinstance(error, ApiError) and error.code in (400, 404, 405, 422)
            if final or clock.monotonic() + pause > end:
                raise
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, 0.5 if clock.monotonic() - begun > 1.0 else 0.02)


async def _at_its_version(api: Api, body: Object) -> Object:
    """A Service may not be replaced without saying which version, and keeps its address."""
    if body["kind"] != "Service":
        return body
    metadata = body["metadata"]
    there = await api.get("Service", metadata["name"], metadata.get("namespace") or "")
    return {**body, "metadata": {**metadata, "resourceVersion": there["metadata"]["resourceVersion"]}}
