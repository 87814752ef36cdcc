"""What a server serves: from what people type (`deploy`, `pods.v1.`, `all`) to the resource that is meant.

The server is asked once, through aggregated discovery (two requests), or group by group where that is not to be had;
the answer is kept until `forget`, and asked for anew once when a name is not found, for CRDs come while a client runs.
A group that does not answer (an aggregated server that is down) is left out and named in `failed`.
"""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
from msgspec import Struct

from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import Client, Resource

AGGREGATED = (
    b"application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    b"application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
)


class NoMatch(Exception):
    """`the server doesn't have a resource type "x"`"""

    def __init__(self, what: str) -> None:
        super().__init__(f'the server doesn\'t have a resource type "{what}"')


class ServedResource(Struct, frozen=True):
    """One line of `kubectl api-resources`."""

    resource: Resource
    singular: str
    short_names: tuple[str, ...]
    categories: tuple[str, ...]
    verbs: tuple[str, ...]
    subresources: tuple[str, ...]
    preferred: bool  # its version is the one that the server prefers for its group

    @property
    def kind(self) -> str:
        return self.resource.kind


class RestMapper:
    def __init__(self, client: Client) -> None:
        self.failed: list[str] = []  # groups and versions that did not answer
        self.fresh = True  # `resources` asks the server, and not what was known before
        self._client = client
        self._served: list[ServedResource] | None = None
        self._asking = asyncio.Lock()

    def forget(self) -> None:
        self._served = None

    async def resources(self) -> list[ServedResource]:
        """All, in the server's order: groups by priority, preferred versions first."""
        if self._served is None:
            async with self._asking:
                if self._served is None:
                    self._served = await self._discover()
        return self._served

    async def find(self, what: str) -> ServedResource:
        """What people type: plural, singular, short name or kind; with `.group` or `.version.group` behind it."""
        for fresh in (False, True):
            if fresh:
                self.forget()
            found = _match(await self.resources(), what)
            if found is not None:
                return found
        raise NoMatch(what)

    async def for_kind(self, group: str, kind: str, version: str = "") -> ServedResource:
        """Where objects with this apiVersion and kind live; without a version, in the preferred one."""
        for fresh in (False, True):
            if fresh:
                self.forget()
            for served in await self.resources():
                found = served.resource
                if found.group == group and found.kind == kind and (found.version == version or not version):
                    return served
        wanted = f"{group}/{version or '*'}" if group else version or "v1"
        raise NoMatch(f"{kind} in {wanted}")

    async def for_object(self, obj: dict[str, Any]) -> ServedResource:
        group, slash, version = str(obj.get("apiVersion") or "").partition("/")
        if not slash:
            group, version = "", group
        return await self.for_kind(group, str(obj.get("kind") or ""), version)

    async def category(self, name: str) -> list[ServedResource]:
        """`all` and the like: preferred versions only; empty when there is no such category."""
        return [served for served in await self.resources() if served.preferred and name in served.categories]

    async def _discover(self) -> list[ServedResource]:
        self.failed = []
        found: list[ServedResource] = []
        for root in ("/api", "/apis"):
            document = await self._json(root, AGGREGATED)
            if document.get("kind") == "APIGroupDiscoveryList":
                found += self._aggregated(document)
            else:
                found += await self._legacy(root, document)
        return found

    def _aggregated(self, document: dict[str, Any]) -> list[ServedResource]:
        found = []
        for group in document.get("items") or ():
            name = (group.get("metadata") or {}).get("name") or ""
            for position, version in enumerate(group.get("versions") or ()):
                if version.get("freshness") == "Stale":
                    self.failed.append(f"{name}/{version['version']}")
                for entry in version.get("resources") or ():
                    kind = entry.get("responseKind") or {}
                    found.append(
                        ServedResource(
                            Resource(
                                name,
                                version["version"],
                                entry["resource"],
                                entry.get("scope") == "Namespaced",
                                kind.get("kind") or "",
                            ),
                            entry.get("singularResource") or "",
                            tuple(entry.get("shortNames") or ()),
                            tuple(entry.get("categories") or ()),
                            tuple(entry.get("verbs") or ()),
                            tuple(sub["subresource"] for sub in entry.get("subresources") or ()),
                            position == 0,
                        )
                    )
        return found

    async def _legacy(self, root: str, document: dict[str, Any]) -> list[ServedResource]:
        if root == "/api":
            versions = [("", version, index == 0) for index, version in enumerate(document.get("versions") or ())]
        else:
            versions = []
            for group in document.get("groups") or ():
                preferred = (group.get("preferredVersion") or {}).get("version")
                listed = sorted(group.get("versions") or (), key=lambda entry: entry["version"] != preferred)
                versions += [(group["name"], entry["version"], entry["version"] == preferred) for entry in listed]
        found: list[ServedResource] = []
        for group_name, version, is_preferred in versions:
            path = f"{root}/{group_name}/{version}" if group_name else f"{root}/{version}"
            try:
                listed = (await self._json(path)).get("resources") or []
            except ApiError:
                self.failed.append(f"{group_name}/{version}")
                continue
            found += legacy_resources(group_name, version, listed, is_preferred)
        return found

    async def _json(self, path: str, accept: bytes = b"application/json") -> dict[str, Any]:
        reply = await self._client.sender.request("GET", path, accept=accept)
        document: dict[str, Any] = orjson.loads(reply.body)
        return document


def legacy_resources(group: str, version: str, entries: list[dict[str, Any]], preferred: bool) -> list[ServedResource]:
    """An APIResourceList's entries."""
    below: dict[str, list[str]] = {}
    for entry in entries:
        whole, slash, part = entry["name"].partition("/")
        if slash:
            below.setdefault(whole, []).append(part)
    return [
        ServedResource(
            Resource(group, version, entry["name"], bool(entry.get("namespaced")), entry.get("kind") or ""),
            entry.get("singularName") or "",
            tuple(entry.get("shortNames") or ()),
            tuple(entry.get("categories") or ()),
            tuple(entry.get("verbs") or ()),
            tuple(below.get(entry["name"], ())),
            preferred,
        )
        for entry in entries
        if "/" not in entry["name"]
    ]


def _match(served: list[ServedResource], what: str) -> ServedResource | None:
    """Names win over short names, short names over kinds; of equals the first group, its preferred version."""
    name, dot, rest = what.partition(".")
    version, _, group = rest.partition(".")
    places: list[tuple[str | None, str]] = [(None, rest)] if dot else [(None, "*")]
    if dot and "." in rest:
        places.insert(0, (version, group))  # pods.v1. and deployments.v1.apps
    lower = name.lower()
    tests = (
        lambda one: lower in (one.resource.plural, one.singular),
        lambda one: lower in one.short_names,
        lambda one: lower == one.kind.lower(),
    )
    for wanted_version, wanted_group in places:
        candidates = [
            one
            for one in served
            if (wanted_group == "*" or one.resource.group == wanted_group or _begins(one.resource.group, wanted_group))
            and (one.resource.version == wanted_version if wanted_version else True)
        ]
        for test in tests:
            for one in sorted(filter(test, candidates), key=lambda one: not one.preferred):
                return one
    return None


def _begins(group: str, wanted: str) -> bool:
    """`ingresses.networking` is enough for networking.k8s.io."""
    return bool(wanted) and group.startswith(wanted)
