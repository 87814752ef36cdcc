"""The API's objects for tests of the kubelet's parts: put them in, and they are there."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

Object = dict[str, Any]


class FakeObjects:
    def __init__(self) -> None:
        self.config_maps: dict[tuple[str, str], Object] = {}
        self.secrets: dict[tuple[str, str], Object] = {}
        self.claims: dict[tuple[str, str], Object] = {}
        self.persistent_volumes: dict[str, Object] = {}
        self.all_services: list[Object] = []
        self.own_node: Object | None = None
        self.tokens = 0

    def has_config_map(self, name: str, namespace: str = "default", **data: str) -> None:
        self.config_maps[namespace, name] = {"metadata": {"name": name, "namespace": namespace}, "data": data}

    def has_secret(self, name: str, namespace: str = "default", **data: str) -> None:
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        self.secrets[namespace, name] = {"metadata": {"name": name, "namespace": namespace}, "data": encoded}

    def has_service(self, name: str, address: str, *ports: Object, namespace: str = "default") -> None:
        spec = {"clusterIP": address, "ports": list(ports)}
        self.all_services.append({"metadata": {"name": name, "namespace": namespace}, "spec": spec})

    async def config_map(self, namespace: str, name: str) -> Object | None:
        return self.config_maps.get((namespace, name))

    async def secret(self, namespace: str, name: str) -> Object | None:
        return self.secrets.get((namespace, name))

    def services(self, namespace: str) -> Sequence[Object]:
        return [one for one in self.all_services if one["metadata"]["namespace"] == namespace]

    async def service_account_token(
        self, namespace: str, name: str, audiences: Sequence[str], seconds: int, pod: Object
    ) -> tuple[str, float]:
        self.tokens += 1
        return f"token {self.tokens} of {namespace}/{name} for {','.join(audiences) or 'the server'}", 0.0

    async def persistent_volume_claim(self, namespace: str, name: str) -> Object | None:
        return self.claims.get((namespace, name))

    async def persistent_volume(self, name: str) -> Object | None:
        return self.persistent_volumes.get(name)

    def node(self) -> Object | None:
        return self.own_node


class FakeRecorder:
    def __init__(self) -> None:
        self.events: list[tuple[str, str, str]] = []  # kind, reason, message
        self.containers: list[str] = []

    def event(self, about: Object, kind: str, reason: str, message: str, container: str = "") -> None:
        self.events.append((kind, reason, message))
        self.containers.append(container)


def pod_of(*containers: Object, name: str = "web", uid: str = "u1", namespace: str = "default", **spec: Any) -> Object:
    made = [{"name": "c", "image": "nginx"}] if not containers else list(containers)
    metadata = {"name": name, "namespace": namespace, "uid": uid, "labels": {"app": "web"}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": made, **spec}}
