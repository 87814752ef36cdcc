"""Requests to the API server: a verb a method, plain dicts in and out.

    pods = Resource("", "v1", "pods")
    client = Client(Sender(transport), field_manager="my-loop")
    web = await client.get(pods, "web", namespace="default")
    async with client.watch(pods, resource_version=version) as events: ...

No discovery is needed: the caller names group, version and plural (`client.discovery` finds them). A failed request
raises `ApiError` with the server's Status, or OSError when there was no answer; `client.sending` has tried again by
then where that made sense.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import orjson

from minikube_edu.client.errors import ApiError
from minikube_edu.client.sending import JSON, Sender
from minikube_edu.client.transport import IncomingBody

Object = dict[str, Any]
Objects = list[Object]
Params = Mapping[str, str | int | bool | None]

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"  # JSON is YAML too
PAGE = 500
_AS = "application/json;as={};g=meta.k8s.io;v=v1,application/json"
METADATA, METADATA_LIST = _AS.format("PartialObjectMetadata").encode(), _AS.format("PartialObjectMetadataList").encode()


class Resource(NamedTuple):
    """Where objects of one kind live."""

    group: str
    version: str
    plural: str
    namespaced: bool = True
    kind: str = ""

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def __str__(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        parts = [f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"]
        if self.namespaced and namespace:
            parts += ["namespaces", quote(namespace, safe="")]
        parts.append(self.plural)
        if name:
            parts.append(quote(name, safe=""))
        if subresource:
            parts.append(subresource)
        return "/".join(parts)


class WatchEvent(NamedTuple):
    type: str  # ADDED, MODIFIED, DELETED, BOOKMARK
    object: Object


class Client:
    """With `metadata_only`, lists and watches are of metadata alone (PartialObjectMetadata): for loops that look at
    every kind."""

    def __init__(self, sender: Sender, field_manager: str = "", *, metadata_only: bool = False) -> None:
        self.sender = sender
        self.field_manager = field_manager
        self.metadata_only = metadata_only

    async def close(self) -> None:
        await self.sender.close()

    async def get(
        self, resource: Resource, name: str, namespace: str = "", subresource: str = "", **params: str | int | bool
    ) -> Object:
        return await self._object("GET", resource, namespace, name, subresource, params=_camel(params))

    async def list(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 0,
        continue_: str = "",
        resource_version: str | None = None,
        resource_version_match: str = "",
    ) -> Object:
        """One page, the whole list without a limit."""
        params: Params = {
            "labelSelector": label_selector,
            "fieldSelector": field_selector,
            "limit": limit,
            "continue": continue_,
            "resourceVersion": resource_version,
            "resourceVersionMatch": resource_version_match,
        }
        accept = METADATA_LIST if self.metadata_only else JSON
        return await self._object("GET", resource, namespace, params=params, accept=accept)

    async def list_all(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        label_selector: str = "",
        field_selector: str = "",
        page: int = PAGE,
        resource_version: str | None = None,
    ) -> Object:
        """The whole list as it was at one moment, in pages. When the moment is too old before the last page (410), the
        list is asked for in one piece. A list from the server's cache ("0") has no pages."""
        whole = partial(self.list, resource, namespace, label_selector=label_selector, field_selector=field_selector)
        first = await whole(limit=page, resource_version=resource_version)
        items: Objects = first.get("items") or []
        more = (first.get("metadata") or {}).get("continue")
        while more:
            try:
                following = await whole(limit=page, continue_=more)
            except ApiError as error:
                if not error.expired:
                    raise
                return await whole(resource_version=resource_version)
            items += following.get("items") or []
            more = (following.get("metadata") or {}).get("continue")
        metadata = {
            k: v for k, v in (first.get("metadata") or {}).items() if k not in ("continue", "remainingItemCount")
        }
        return {**first, "metadata": metadata, "items": items}

    @asynccontextmanager
    async def watch(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        label_selector: str = "",
        field_selector: str = "",
        resource_version: str | None = None,
        resource_version_match: str = "",
        timeout_seconds: int = 0,
        bookmarks: bool = True,
        send_initial_events: bool = False,
    ) -> AsyncIterator[AsyncIterator[WatchEvent]]:
        """Events as they happen, until the server ends them (as it does: watch again from the last resource version).
        An ERROR event is raised as ApiError."""
        params: Params = {
            "watch": True,
            "labelSelector": label_selector,
            "fieldSelector": field_selector,
            "resourceVersion": resource_version,
            "resourceVersionMatch": resource_version_match,
            "timeoutSeconds": timeout_seconds,
            "allowWatchBookmarks": bookmarks,
            "sendInitialEvents": True if send_initial_events else None,
        }
        path = resource.path(namespace) + _query(params)
        accept = METADATA if self.metadata_only else JSON
        stream = await self.sender.stream("GET", path, accept=accept, resource=str(resource))
        try:
            yield _events(stream)
        finally:
            stream.close()

    async def create(
        self,
        resource: Resource,
        body: Object,
        namespace: str = "",
        *,
        name: str = "",
        subresource: str = "",
        **params: str | int | bool,
    ) -> Object:
        """Namespace from the object when none is given; `name` and `subresource` for binding, eviction, token."""
        namespace = namespace or _namespace(resource, body)
        return await self._object("POST", resource, namespace, name, subresource, self._managed(params), body)

    async def update(
        self,
        resource: Resource,
        body: Object,
        namespace: str = "",
        *,
        subresource: str = "",
        **params: str | int | bool,
    ) -> Object:
        """Replaces the object of the same name; fails with Conflict when its resourceVersion is old."""
        metadata = body.get("metadata") or {}
        namespace = namespace or _namespace(resource, body)
        name = metadata.get("name") or ""
        return await self._object("PUT", resource, namespace, name, subresource, self._managed(params), body)

    async def patch(
        self,
        resource: Resource,
        name: str,
        patch: Object | Sequence[Object],
        namespace: str = "",
        *,
        kind: str = MERGE_PATCH,
        subresource: str = "",
        **params: str | int | bool,
    ) -> Object:
        """`kind` is one of JSON_PATCH (a list of operations), MERGE_PATCH, STRATEGIC_PATCH."""
        return await self._object(
            "PATCH", resource, namespace, name, subresource, self._managed(params), patch, kind.encode()
        )

    async def apply(
        self,
        resource: Resource,
        body: Object,
        namespace: str = "",
        *,
        field_manager: str = "",
        force: bool = False,
        subresource: str = "",
        **params: str | int | bool,
    ) -> Object:
        """Server-side apply: "these fields are mine, and so they shall be"."""
        metadata = body.get("metadata") or {}
        namespace = namespace or _namespace(resource, body)
        query: Params = {"fieldManager": field_manager or self.field_manager, "force": force or None, **_camel(params)}
        return await self._object(
            "PATCH", resource, namespace, metadata.get("name") or "", subresource, query, body, APPLY_PATCH.encode()
        )

    async def delete(
        self, resource: Resource, name: str, namespace: str = "", *, options: Object | None = None
    ) -> Object:
        """`options` are DeleteOptions: propagationPolicy, gracePeriodSeconds, preconditions, dryRun."""
        return await self._object("DELETE", resource, namespace, name, body=_delete_options(options))

    async def delete_collection(
        self,
        resource: Resource,
        namespace: str = "",
        *,
        label_selector: str = "",
        field_selector: str = "",
        options: Object | None = None,
    ) -> Object:
        params: Params = {"labelSelector": label_selector, "fieldSelector": field_selector}
        return await self._object("DELETE", resource, namespace, params=params, body=_delete_options(options))

    async def _object(
        self,
        method: str,
        resource: Resource,
        namespace: str,
        name: str = "",
        subresource: str = "",
        params: Params | None = None,
        body: Any = None,
        content_type: bytes = JSON,
        accept: bytes = JSON,
    ) -> Object:
        path = resource.path(namespace, name, subresource) + _query(params or {})
        data = orjson.dumps(body) if body is not None else b""
        reply = await self.sender.request(
            method,
            path,
            data,
            accept=accept,
            content_type=content_type if data else b"",
            resource=str(resource),
            name=name,
        )
        found: Object = orjson.loads(reply.body) if reply.body else {}
        return found

    def _managed(self, params: Mapping[str, str | int | bool]) -> Params:
        managed = {"fieldManager": self.field_manager} if self.field_manager else {}
        return {**managed, **_camel(params)}


async def _events(stream: IncomingBody) -> AsyncIterator[WatchEvent]:
    """One JSON document a line; each is decoded once, here."""
    async for lines in stream.batches():
        for line in lines:
            if line:
                event = orjson.loads(line)
                if event["type"] == "ERROR":
                    raise ApiError(event["object"])
                yield WatchEvent(event["type"], event["object"])


def _namespace(resource: Resource, body: Object) -> str:
    return str((body.get("metadata") or {}).get("namespace") or "") if resource.namespaced else ""


def _delete_options(options: Object | None) -> Object | None:
    return {"apiVersion": "v1", "kind": "DeleteOptions", **options} if options else None


def _camel(params: Mapping[str, str | int | bool]) -> dict[str, str | int | bool]:
    """dry_run -> dryRun"""
    found = {}
    for key, value in params.items():
        first, *others = key.split("_")
        found[first + "".join(other.capitalize() for other in others)] = value
    return found


def _query(params: Params) -> str:
    found = []
    for key, value in params.items():
        if value is True:
            found.append((key, "true"))
        elif (value or key == "resourceVersion") and value is not None and value is not False:
            found.append((key, str(value)))
    return "?" + urlencode(found) if found else ""
