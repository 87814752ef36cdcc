"""Objects of -f and -k: what the documents hold, in which namespace it belongs, of which of the served kinds it is.

Reading and taking apart is done by `manifests`, checking of a single object by `decoding`.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from minikube_edu.client.errors import ApiError
from minikube_edu.kubectl import decoding, manifests
from minikube_edu.kubectl.failures import CommandError, Many
from minikube_edu.kubectl.info import Info
from minikube_edu.kubectl.mapping import NoKind
from minikube_edu.lib.gotext import quote

if TYPE_CHECKING:
    from minikube_edu.kubectl.builder import Builder

NO_VERSION = (
    "unable to get type info from the object \"*unstructured.Unstructured\": Object 'apiVersion' is missing in "
    "'object has no apiVersion field'"
)


class ObjectFiles:
    """Told by the builder: which files, checked or not, fetched or not."""

    def __init__(self, asked: Builder) -> None:
        self._asked = asked

    async def infos(self) -> AsyncIterator[Info | Exception]:
        if self._asked.kustomize:
            places = [manifests.Source(self._asked.kustomize, lambda: _kustomized(self._asked.kustomize))]
        else:
            places = manifests.sources(self._asked.filenames, self._asked.recursive, self._asked.call.stdin)
        self._asked.single_item = len(places) == 1 and not os.path.isdir((self._asked.filenames or [""])[0])
        self._asked.single_source = self._asked.single_item
        count = 0
        for place in places:
            try:
                for document in place.documents():
                    async for item in self._of_document(document.value, document.source, 0):
                        count += 1
                        if isinstance(item, Info) and not self._wanted(item):
                            continue
                        yield item
            except (CommandError, OSError) as error:
                yield error
        self._asked.single_item = self._asked.single_item and count == 1

    async def _of_document(self, value: Any, source: str, depth: int) -> AsyncIterator[Info | Exception]:
        items = value.get("items") if isinstance(value, dict) else None
        if (
            isinstance(items, list)
            and str(value.get("kind", "")).endswith("List")
            and self._asked.flatten
            and depth < 4
        ):
            for item in items:
                if isinstance(item, dict) and "kind" not in item and value["kind"] != "List":
                    item = {"apiVersion": value.get("apiVersion"), "kind": value["kind"][:-4], **item}
                async for found in self._of_document(item, source, depth + 1):
                    yield found
            return
        try:
            yield await self._of_object(value, source, in_list=depth > 0)
        except (CommandError, ApiError, Many) as error:
            yield error

    async def _of_object(self, value: Any, source: str, *, in_list: bool) -> Info:
        self._check_object(value, source)
        metadata = value.get("metadata") or {}
        name, namespace = metadata.get("name") or "", metadata.get("namespace") or ""
        if self._asked.local:
            return Info(self._asked.factory, None, namespace, name, value, source)
        try:
            served = await self._asked.factory.mapper.for_object(value)
        except NoKind as error:
            if in_list:
                raise Many([CommandError(f"unable to recognize {error}")]) from None
            raise CommandError(
                f"resource mapping not found for name: {quote(name)} namespace: {quote(namespace)} from "
                f"{quote(source)}: "
                f"{error}\nensure CRDs are installed first"
            ) from None
        if not value.get("apiVersion"):
            if in_list:
                raise Many([CommandError(NO_VERSION)])
            # A kind is found by its name alone; that there is no such version, the server says.
            served = replace(served, resource=served.resource._replace(version=""))
        if served.resource.namespaced:
            if self._asked.factory.namespace_given and namespace and namespace != self._asked.namespace:
                raise CommandError(
                    f"the namespace from the provided object {quote(namespace)} does not match the namespace "
                    f"{quote(self._asked.namespace)}. "
                    f"You must pass '--namespace={namespace}' to perform this operation."
                )
            if not namespace:
                namespace = self._asked.namespace
                value["metadata"] = {**metadata, "namespace": namespace}
        else:
            namespace = ""
        info = Info(self._asked.factory, served, namespace, name, value, source)
        if self._asked.latest and name:
            info.take_any(await info.fetch(self._asked.accept, self._asked.subresource, **self._asked.query))
        return info

    def _check_object(self, value: Any, source: str) -> None:
        problem = ""
        if not isinstance(value, dict):
            problem = "invalid object to validate"
        elif self._asked.validate:
            missing = [f"{key} not set" for key in ("apiVersion", "kind") if not value.get(key)]
            problem = missing[0] if len(missing) == 1 else f"[{', '.join(missing)}]" if missing else ""
            if not problem and str(value["apiVersion"]).count("/") > 1:
                problem = f"unexpected GroupVersion string: {value['apiVersion']}"
        if problem and self._asked.validate:
            raise CommandError(
                f"error validating {quote(source)}: error validating data: {problem}; if you choose to ignore these "
                "errors, turn validation off with --validate=false"
            )
        decoding.check(value, source)

    def _wanted(self, info: Info) -> bool:
        if not self._asked.selector:
            return True
        from minikube_edu.api import label_selectors

        selector = label_selectors.parse(self._asked.selector)
        return selector.matches((info.object.get("metadata") or {}).get("labels") or {})


def _kustomized(folder: str) -> str:
    from minikube_edu.kubectl import kustomize

    return kustomize.build(folder)
