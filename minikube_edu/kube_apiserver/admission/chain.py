"""The chain of admission plugins: first all that change the object, in order, then all that judge it.

A plugin names the operations that it handles; `admit` and `validate` may be plain functions or return an awaitable.
The chain is asked with `Attributes`: who does what to which object. `--enable-admission-plugins` and
`--disable-admission-plugins` choose.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, Any

from minikube_edu.api.errors import Forbidden
from minikube_edu.kube_apiserver.context import Context, User

if TYPE_CHECKING:
    from minikube_edu.kube_apiserver.authz.chain import AuthorizationChain
    from minikube_edu.kube_apiserver.registry.store import Registry

Object = dict[str, Any]

CREATE, UPDATE, DELETE, CONNECT = "CREATE", "UPDATE", "DELETE", "CONNECT"


class Attributes:
    """One operation on one object. `obj` is None on DELETE, `old` on CREATE; both are in the stored version."""

    __slots__ = ("context", "obj", "old", "operation", "options")

    def __init__(
        self, context: Context, operation: str, obj: Object | None, old: Object | None, options: Object | None = None
    ) -> None:
        self.context = context
        self.operation = operation
        self.obj = obj
        self.old = old
        self.options = options or {}

    @property
    def user(self) -> User:
        return self.context.user

    @property
    def kind(self) -> str:
        return self.context.resource.kind

    @property
    def resource(self) -> str:
        """`pods`, or `pods/status`: group included where it has one (`deployments.apps`)."""
        resource = self.context.resource
        name = f"{resource.name}.{resource.group}" if resource.group else resource.name
        return f"{name}/{self.context.subresource}" if self.context.subresource else name

    @property
    def namespace(self) -> str:
        return self.context.namespace

    @property
    def name(self) -> str:
        return self.context.name or (self.obj or {}).get("metadata", {}).get("name", "")

    def forbidden(self, why: object) -> Forbidden:
        """The refusal, in the words of the real NewForbidden."""
        resource = self.context.resource
        return Forbidden(resource.group, resource.name, self.name, why)


class Plugin:
    """A plugin: what it is called in the flags, and when it is asked."""

    name = ""
    operations: tuple[str, ...] = (CREATE, UPDATE)
    # (group, resource) that it cares about; empty: all
    resources: tuple[tuple[str, str], ...] = ()

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.authorization: AuthorizationChain | None = None  # set when the server is put together

    def handles(self, attributes: Attributes) -> bool:
        if attributes.operation not in self.operations:
            return False
        resource = attributes.context.resource
        return not self.resources or (resource.group, resource.name) in self.resources

    def admit(self, attributes: Attributes) -> Awaitable[None] | None:
        """Change attributes.obj."""
        return None

    def validate(self, attributes: Attributes) -> Awaitable[None] | None:
        """Judge; raise to refuse."""
        return None


class Chain:
    def __init__(self, plugins: Sequence[Plugin]) -> None:
        self.plugins = list(plugins)
        self._mutating = [p for p in plugins if type(p).admit is not Plugin.admit]
        self._validating = [p for p in plugins if type(p).validate is not Plugin.validate]

    async def admit(self, attributes: Attributes) -> None:
        for plugin in self._mutating:
            if plugin.handles(attributes):
                answer = plugin.admit(attributes)
                if answer is not None and inspect.isawaitable(answer):
                    await answer

    async def validate(self, attributes: Attributes) -> None:
        for plugin in self._validating:
            if plugin.handles(attributes):
                answer = plugin.validate(attributes)
                if answer is not None and inspect.isawaitable(answer):
                    await answer
