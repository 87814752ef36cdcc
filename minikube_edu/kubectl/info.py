"""An object that a command is about, and the place where it lives. What the builder gives; see `builder`."""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

from minikube_edu.client.discovery import ServedResource
from minikube_edu.client.errors import ApiError
from minikube_edu.client.sending import JSON
from minikube_edu.kubectl.factory import Factory
from minikube_edu.kubectl.failures import CommandError
from minikube_edu.lib.gotext import quote

Object = dict[str, Any]


class Info(Struct):
    """An object and where it is. `object` is what the file said, or what the server has."""

    factory: Factory
    served: ServedResource | None
    namespace: str
    name: str
    object: Object = field(default_factory=dict)
    source: str = ""

    @property
    def mapping(self) -> ServedResource:
        assert self.served is not None
        return self.served

    @property
    def namespaced(self) -> bool:
        return self.served is not None and self.served.resource.namespaced

    def path(self, subresource: str = "", *, collection: bool = False) -> str:
        if not self.name and not collection:
            raise CommandError("resource name may not be empty")  # never the path of all of them
        return self.mapping.resource.path(self.namespace, "" if collection else self.name, subresource)

    @property
    def plural_name(self) -> str:
        """`deployments/web`"""
        return f"{self.mapping.resource.plural}/{self.name}" if self.served else self.name

    @property
    def typed_name(self) -> str:
        """`deployments.apps "web"`"""
        return f"{self.mapping.resource} {quote(self.name)}"

    @property
    def kind_name(self) -> str:
        """`deployment.apps`"""
        resource = self.mapping.resource
        return f"{resource.kind.lower()}.{resource.group}" if resource.group else resource.kind.lower()

    def describe(self) -> str:
        """As errors of apply tell what they are about."""
        resource = self.mapping.resource
        where = f"{resource.group}/{resource.version}"
        return (
            f'Resource: "{where}, Resource={resource.plural}", GroupVersionKind: "{where}, Kind={resource.kind}"\n'
            f'Name: "{self.name}", Namespace: "{self.namespace}"'
        )

    async def fetch(self, accept: bytes = JSON, subresource: str = "", **query: Any) -> Object:
        """What the server has. That the namespace is not there is worth more than that the object is not."""
        try:
            return await self.factory.send("GET", self.path(subresource), accept=accept, **query)
        except ApiError as error:
            if error.not_found and self.namespaced and self.namespace not in ("", "default") and not subresource:
                try:
                    await self.factory.send("GET", f"/api/v1/namespaces/{self.namespace}")
                except ApiError as other:
                    if other.not_found:
                        raise other from None
            raise

    async def refresh(self, **query: Any) -> Object:
        self.take(await self.fetch(**query))
        return self.object

    def take_any(self, obj: Object) -> None:
        """A Table stays a table: it says nothing of the name."""
        if obj.get("kind") == "Table":
            self.object = obj
        else:
            self.take(obj)

    def take(self, obj: Object) -> None:
        self.object = obj
        metadata = obj.get("metadata") or {}
        self.name = metadata.get("name") or self.name
        self.namespace = metadata.get("namespace") or self.namespace
