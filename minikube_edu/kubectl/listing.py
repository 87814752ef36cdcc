"""All objects of some kinds, or those that selectors choose: in pages, with kubectl's words when listing fails."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from minikube_edu.client.discovery import ServedResource
from minikube_edu.client.errors import ApiError
from minikube_edu.kubectl.info import Info
from minikube_edu.lib.gotext import quote

if TYPE_CHECKING:
    from minikube_edu.kubectl.builder import Builder

Object = dict[str, Any]


class Listing:
    """What the builder was asked for decides: namespaces, selectors, the size of pages, the form of the answer."""

    def __init__(self, asked: Builder) -> None:
        self._asked = asked

    async def of(self, kinds: list[ServedResource]) -> AsyncIterator[Info | Exception]:
        for kind in kinds:
            namespace = self._asked.namespace if kind.resource.namespaced and not self._asked.all_namespaces else ""
            try:
                listed = await self._list(kind, namespace)
            except ApiError as error:
                yield self._about_list(error, kind)
                continue
            info = Info(self._asked.factory, kind, namespace, "", listed)
            if self._asked.whole or "items" not in listed:
                yield info
                continue
            for item in listed["items"] or ():
                yield self._of_list(listed, item, kind)

    def _of_list(self, listed: Object, item: Object, kind: ServedResource) -> Info:
        """Items of a list do not say what they are; the list does."""
        if "kind" not in item:
            of_kind = str(listed.get("kind") or "").removesuffix("List") or kind.kind
            item = {"apiVersion": listed.get("apiVersion"), "kind": of_kind, **item}
        metadata = item.get("metadata") or {}
        return Info(self._asked.factory, kind, metadata.get("namespace") or "", metadata.get("name") or "", item)

    async def _list(self, kind: ServedResource, namespace: str) -> Object:
        """All pages in one list."""
        path, more = kind.resource.path(namespace), ""
        whole: Object = {}
        while True:
            query = {
                "labelSelector": self._asked.selector,
                "fieldSelector": self._asked.field_selector,
                "limit": self._asked.chunk or None,
                "continue": more,
                **self._asked.query,
            }
            page = await self._asked.factory.send("GET", path, accept=self._asked.accept, **query)
            if not whole:
                whole = page
            for key in ("items", "rows"):
                if key in page and page is not whole:
                    whole[key] = [*(whole.get(key) or ()), *(page[key] or ())]
            more = (page.get("metadata") or {}).get("continue") or ""
            if not more:
                for key in ("continue", "remainingItemCount"):
                    (whole.get("metadata") or {}).pop(key, None)
                return whole

    def _about_list(self, error: ApiError, kind: ServedResource) -> ApiError:
        if error.reason not in ("BadRequest", "NotFound"):
            return error
        where = f"{kind.resource.group}/{kind.resource.version}, Resource={kind.resource.plural}"
        if error.message == "the server could not find the requested resource":
            error = ApiError({**error.status, "message": f"{error.message} (get {kind.resource})"})
        if not self._asked.selector and not self._asked.field_selector:
            return ApiError({**error.status, "message": f"Unable to list {quote(where)}: {error.message}"})
        text = (
            f"Unable to find {quote(where)} that match label selector {quote(self._asked.selector or '')}, "
            f"field selector {quote(self._asked.field_selector or '')}: {error.message}"
        )
        return ApiError({**error.status, "message": text})
