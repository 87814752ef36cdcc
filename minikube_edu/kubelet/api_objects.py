"""What the kubelet reads of the API for its pods: config maps, secrets, tokens, claims, services, its own node.

A config map or secret is read when a pod first needs it, and then watched, object by object: the Node authorizer lets a
node see what its pods refer to and nothing else. One that is immutable is not watched. A watch ends when nobody has
asked for the object for a while. `listen` tells of changes, so that volumes follow at once.

Services and the node are informers (all services of the cluster, one node). Claims and volumes are read each time.
Without a client (a kubelet of static pods alone) nothing is there, and nothing waits. With an API server that does not
answer, what is known stays known; what is not raises SyncFailure with the real kubelet's words.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from minikube_edu.client.errors import ApiError
from minikube_edu.client.informer import Informer, without_managed_fields
from minikube_edu.client.rest import Client, Resource
from minikube_edu.kubelet import pod_facts
from minikube_edu.kubelet.contract import SyncFailure
from minikube_edu.lib import clock, ids

log = logging.getLogger(__name__)

Object = dict[str, Any]
Listener = Callable[[str, str, str], None]  # configMap or secret, namespace, name
Key = tuple[str, str, str]

KINDS = {
    "configMap": Resource("", "v1", "configmaps", kind="ConfigMap"),
    "secret": Resource("", "v1", "secrets", kind="Secret"),
}
SERVICES = Resource("", "v1", "services", kind="Service")
NODES = Resource("", "v1", "nodes", namespaced=False, kind="Node")
CLAIMS = Resource("", "v1", "persistentvolumeclaims", kind="PersistentVolumeClaim")
VOLUMES = Resource("", "v1", "persistentvolumes", namespaced=False, kind="PersistentVolume")
ACCOUNTS = Resource("", "v1", "serviceaccounts", kind="ServiceAccount")

UNUSED_SECONDS = 600.0  # a watch that nobody asked about for so long ends
WATCH_SECONDS = (300, 600)
WATCH_AFTER = 1.0  # a pod that starts does not wait for a watch, and many start at once
LONGEST_TOKEN_LIFE = 24 * 3600.0  # renewed after a day, however long it lives
NO_SERVICES = "services have not yet been read at least once, cannot construct envvars"


class _Watched:
    """One object that a pod uses."""

    def __init__(self, obj: Object) -> None:
        self.object = obj
        self.asked = clock.monotonic()
        self.task: asyncio.Task[None] | None = None


class _Token:
    def __init__(self, token: str, issued: float, expires: float) -> None:
        self.token, self.expires = token, expires
        life = min(expires - issued, LONGEST_TOKEN_LIFE / 0.8)
        self.renewed_at = issued + 0.8 * life - ids.uniform(0, 10)  # not all at once


class KubeletObjects:
    """`run` keeps services and the node; everything else is read when asked for."""

    def __init__(self, client: Client | None, node_name: str) -> None:
        self.client, self.node_name = client, node_name
        self._watched: dict[Key, _Watched] = {}
        self._tokens: dict[str, _Token] = {}
        self._tokens_of: dict[str, set[str]] = {}  # by the pod's uid
        self._listeners: list[Listener] = []
        self._reading: dict[Key, asyncio.Task[Object | None]] = {}
        self.service_informer: Informer | None = None
        self.node_informer: Informer | None = None
        if client is not None:
            self.service_informer = Informer(client, SERVICES, transform=without_managed_fields)
            selector = f"metadata.name={node_name}"
            self.node_informer = Informer(client, NODES, field_selector=selector, transform=without_managed_fields)

    async def run(self) -> None:
        """Until it is cancelled."""
        if self.service_informer is None or self.node_informer is None:
            return
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.service_informer.run(), name="services")
                group.create_task(self.node_informer.run(), name="node")
        finally:
            await self.close()

    async def close(self) -> None:
        tasks: list[asyncio.Task[Any]] = [one.task for one in self._watched.values() if one.task is not None]
        tasks += self._reading.values()
        self._watched.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def listen(self, listener: Listener) -> None:
        self._listeners.append(listener)

    # ---------------------------------------------------------------- services and the node

    def services(self, namespace: str) -> Sequence[Object]:
        if self.service_informer is None:
            return ()
        if not self.service_informer.has_synced():
            raise SyncFailure("CreateContainerConfigError", NO_SERVICES)
        return self.service_informer.index.list(namespace)

    def node(self) -> Object | None:
        return None if self.node_informer is None else self.node_informer.index.get(self.node_name)

    # ---------------------------------------------------------------- config maps and secrets

    async def config_map(self, namespace: str, name: str) -> Object | None:
        return await self._one(("configMap", namespace, name))

    async def secret(self, namespace: str, name: str) -> Object | None:
        return await self._one(("secret", namespace, name))

    async def _one(self, key: Key) -> Object | None:
        if self.client is None:
            return None
        if known := self._watched.get(key):
            known.asked = clock.monotonic()
            return known.object
        task = self._reading.get(key)
        if task is None:  # several pods may ask at once
            task = self._reading[key] = asyncio.get_running_loop().create_task(self._read(key))
            task.add_done_callback(lambda _: self._reading.pop(key, None))
        return await asyncio.shield(task)

    async def _read(self, key: Key) -> Object | None:
        assert self.client is not None
        kind, namespace, name = key
        try:
            found = without_managed_fields(await self.client.get(KINDS[kind], name, namespace))
        except ApiError as error:
            if error.not_found:
                return None
            raise SyncFailure("FailedMount", _unsynced(kind)) from None
        except OSError:
            raise SyncFailure("FailedMount", _unsynced(kind)) from None
        watched = self._watched[key] = _Watched(found)
        if not found.get("immutable"):
            watched.task = asyncio.get_running_loop().create_task(self._watch(key, watched), name=f"{kind} {name}")
        return found

    async def _watch(self, key: Key, watched: _Watched) -> None:
        """Until the object is gone or unused, or the watch cannot go on: then it is read again when asked for."""
        try:
            await asyncio.sleep(WATCH_AFTER)
            while clock.monotonic() - watched.asked < UNUSED_SECONDS:
                await self._follow(key, watched)
        except (ApiError, OSError) as error:
            log.debug("the watch of %s ended: %s", key, error)
        finally:
            if self._watched.get(key) is watched:
                del self._watched[key]

    async def _follow(self, key: Key, watched: _Watched) -> None:
        assert self.client is not None
        kind, namespace, name = key
        async with self.client.watch(
            KINDS[kind],
            namespace,
            field_selector=f"metadata.name={name}",
            resource_version=watched.object["metadata"]["resourceVersion"],
            timeout_seconds=ids.integer(*WATCH_SECONDS),
        ) as events:
            async for event in events:
                if event.type == "BOOKMARK":
                    version = event.object["metadata"]["resourceVersion"]
                    metadata = {**watched.object["metadata"], "resourceVersion": version}
                    watched.object = {**watched.object, "metadata": metadata}
                    continue
                watched.object = without_managed_fields(event.object)
                if event.type == "DELETED" and self._watched.get(key) is watched:
                    del self._watched[key]
                for listener in self._listeners:
                    listener(*key)
                if event.type == "DELETED":
                    raise ConnectionAbortedError("the object is gone")

    # ---------------------------------------------------------------- tokens

    async def service_account_token(
        self, namespace: str, name: str, audiences: Sequence[str], seconds: int, pod: Object
    ) -> tuple[str, float]:
        """ApiError or OSError when there is none, and none that is still good."""
        uid = pod_facts.uid(pod)
        key = hashlib.sha256(orjson.dumps([namespace, name, list(audiences), seconds, uid])).hexdigest()
        known = self._tokens.get(key)
        if known is not None and clock.now() < known.renewed_at:
            return known.token, known.expires
        try:
            fresh = self._tokens[key] = await self._request(namespace, name, audiences, seconds, pod)
        except (ApiError, OSError):
            if known is not None and clock.now() < known.expires:
                return known.token, known.expires
            raise
        self._tokens_of.setdefault(uid, set()).add(key)
        return fresh.token, fresh.expires

    async def _request(self, namespace: str, name: str, audiences: Sequence[str], seconds: int, pod: Object) -> _Token:
        if self.client is None:
            raise ConnectionRefusedError("cannot use TokenManager when kubelet is in standalone mode")
        bound = {"apiVersion": "v1", "kind": "Pod", "name": pod_facts.name(pod), "uid": pod_facts.uid(pod)}
        spec = {"audiences": list(audiences), "expirationSeconds": seconds, "boundObjectRef": bound}
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        issued = clock.now()
        answer = await self.client.create(ACCOUNTS, body, namespace, name=name, subresource="token")
        status = answer["status"]
        return _Token(status["token"], issued, clock.parse_rfc3339(status["expirationTimestamp"]))

    def forget(self, pod_uid: str) -> None:
        """The pod is gone, and its tokens with it."""
        for key in self._tokens_of.pop(pod_uid, ()):
            self._tokens.pop(key, None)

    # ---------------------------------------------------------------- storage

    async def persistent_volume_claim(self, namespace: str, name: str) -> Object | None:
        return await self._get(CLAIMS, name, namespace)

    async def persistent_volume(self, name: str) -> Object | None:
        return await self._get(VOLUMES, name)

    async def _get(self, resource: Resource, name: str, namespace: str = "") -> Object | None:
        if self.client is None:
            return None
        try:
            return await self.client.get(resource, name, namespace)
        except ApiError as error:
            if error.not_found:
                return None
            raise SyncFailure("FailedMount", f"Unable to attach or mount volumes: {error}") from None
        except OSError as error:
            raise SyncFailure("FailedMount", f"Unable to attach or mount volumes: {error}") from None


def _unsynced(kind: str) -> str:
    return f"failed to sync {kind.lower()} cache: timed out waiting for the condition"
