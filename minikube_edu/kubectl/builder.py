"""The resource builder: whatever people name, as objects, each with the place where it lives.

    async for item in Builder(call).arguments(call.args).visit(): ...

Names come as `TYPE NAME…`, `TYPE/NAME…`, `TYPE,TYPE`, TYPE with a selector, or as -f and -k. `visit` gives `Info`s in
order; with `keep_going`, failures come as exceptions among them, else the first one is raised. The file is long because
all ways of naming things answer through one `visit`.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from minikube_edu.client.discovery import ServedResource
from minikube_edu.client.errors import ApiError
from minikube_edu.client.sending import JSON
from minikube_edu.kubectl.command import Call
from minikube_edu.kubectl.factory import Factory
from minikube_edu.kubectl.failures import CommandError, Many, raise_all
from minikube_edu.kubectl.mapping import NoKind, NoResource
from minikube_edu.lib.gotext import quote

Object = dict[str, Any]

MISSING = (
    "You must provide one or more resources by argument or filename.\nExample resource specifications include:\n"
    "   '-f rsrc.yaml'\n   '--filename=rsrc.json'\n   '<resource> <name>'\n   '<resource>'"
)
LOCAL_MISSING = (
    "you must specify resources by --filename when --local is set.\nExample resource specifications include:\n"
    "   '-f rsrc.yaml'\n   '--filename=rsrc.json'"
)
TWO_FORMS = (
    "there is no need to specify a resource type as a separate argument when passing arguments in resource/name form "
    "(e.g. 'kubectl get resource/<resource_name>' instead of 'kubectl get resource resource/<resource_name>'"
)
NO_NAME = "resource(s) were provided, but no name was specified"
BY_NAME_EVERYWHERE = "a resource cannot be retrieved by name across all namespaces"


@dataclass
class Info:
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


class Builder:
    def __init__(self, call: Call) -> None:
        self.call = call
        self.factory = call.factory
        self.namespace = "" if call.flags.get("local") and not call.flags["namespace"] else self.factory.namespace
        flags = call.flags
        self.all_namespaces = bool(flags.get("all-namespaces"))
        self.filenames: list[str] = list(flags.get("filename") or ())
        self.kustomize: str = flags.get("kustomize") or ""
        self.recursive = bool(flags.get("recursive"))
        self.selector: str | None = flags.get("selector") or None
        self.field_selector: str | None = flags.get("field-selector") or None
        self.select_all = bool(flags.get("all"))
        self.chunk: int = flags.get("chunk-size") or 0
        self.subresource: str = flags.get("subresource") or ""
        self.local = bool(flags.get("local"))
        self.keep_going = True
        self.flatten = True
        self.require_object = True  # named objects are fetched
        self.latest = False  # objects of files are fetched as well
        self.single_type = False
        self.whole = False  # a selector's list stays one list
        self.validate = False
        self.accept = JSON
        self.query: dict[str, Any] = {}
        self.single_item = False  # one name was asked for: a failure is the only failure
        self.single_source = False  # one file: after its failure nothing is printed
        self.args: list[str] = []
        self._all_of_type = False
        self.types: list[str] = []
        self.names: list[str] = []
        self.pairs: list[tuple[str, str]] = []

    # ---------------------------------------------------------------- what was typed

    def options(self, **changes: Any) -> Builder:
        for name, value in changes.items():
            assert hasattr(self, name), name
            setattr(self, name, value)
        return self

    def arguments(self, args: Sequence[str], *, all_of_type: bool = False) -> Builder:
        """`all_of_type`: a type alone means all of its objects."""
        self._all_of_type = all_of_type
        self.args = list(args)
        return self

    def _check(self) -> None:
        if self.select_all and (self.selector or self.field_selector):
            raise CommandError("setting 'all' parameter but found a non empty selector. ")
        if (self.filenames or self.kustomize) and self.args:
            raise CommandError(
                "when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well"
            )
        if self.filenames and self.kustomize:
            raise CommandError("only one of -f or -k can be specified")
        if self.local and not self.filenames and not self.kustomize:
            raise CommandError(LOCAL_MISSING)
        args = _joined(self.args)
        slashes = sum("/" in one for one in args)
        if slashes and slashes != len(args):
            raise CommandError(TWO_FORMS)
        if slashes:
            self.pairs = [_pair(one) for one in args]
            return
        self.types = args[0].split(",") if args else []
        self.names = args[1:]
        if len(args) == 1 and self._all_of_type and self.selector is None:
            self.selector = ""
        if self.select_all:
            self.selector = ""

    # ---------------------------------------------------------------- going there

    async def visit(self) -> AsyncIterator[Info | Exception]:
        self._check()
        if self.filenames or self.kustomize:
            source = self._from_files()
        elif self.selector is not None or self.field_selector is not None:
            source = await self._by_selector()
        elif self.pairs:
            source = self._named([(await self.factory_mapper(kind), name) for kind, name in self.pairs])
            self.single_item = len(self.pairs) == 1
        elif self.names:
            kinds = await self._mappings()
            self.single_item = len(self.names) == 1 and len(kinds) == 1
            source = self._named([(kind, name) for kind in kinds for name in self.names])
        elif self.types:
            await self._mappings()
            raise CommandError(NO_NAME)
        else:
            raise CommandError(MISSING)
        async for item in source:
            if isinstance(item, Exception) and not self.keep_going:
                raise item
            yield item

    async def infos(self) -> tuple[list[Info], list[Exception]]:
        found: list[Info] = []
        errors: list[Exception] = []
        async for item in self.visit():
            if isinstance(item, Info):
                found.append(item)
            else:
                errors.append(item)
        return found, errors

    async def all(self) -> list[Info]:
        """All of them, or what is wrong."""
        found, errors = await self.infos()
        raise_all(errors)
        return found

    async def factory_mapper(self, what: str) -> ServedResource:
        found = await self.factory.mapper.find(what)
        for text in self.factory.mapper.ambiguous:
            self.factory.warn(text)
        return found

    async def _mappings(self) -> list[ServedResource]:
        found: list[ServedResource] = []
        for one in self.types:
            try:
                found.append(await self.factory_mapper(one))
            except NoResource:
                category = await self.factory.mapper.category(one)
                if not category:
                    raise
                found += category
        if self.single_type and len(found) > 1:
            raise CommandError("you may only specify a single resource type")
        unique = {(one.resource.group, one.resource.plural): one for one in found}
        return list(unique.values())

    async def _named(self, wanted: list[tuple[ServedResource, str]]) -> AsyncIterator[Info | Exception]:
        if self.all_namespaces:
            raise CommandError(BY_NAME_EVERYWHERE)
        for kind, name in wanted:
            if not name:
                raise CommandError("resource name may not be empty")
            namespace = self.namespace if kind.resource.namespaced else ""
            info = Info(self.factory, kind, namespace, name)
            if self.require_object:
                try:
                    info.take_any(await info.fetch(self.accept, self.subresource, **self.query))
                except ApiError as error:
                    yield error
                    continue
            yield info

    async def _by_selector(self) -> AsyncIterator[Info | Exception]:
        if self.names:
            raise CommandError("name cannot be provided when a selector is specified")
        if self.pairs:
            raise CommandError("selectors and the all flag cannot be used when passing resource/name arguments")
        if not self.types:
            raise CommandError("at least one resource must be specified to use a selector")
        return self._selected(await self._mappings())

    async def _selected(self, kinds: list[ServedResource]) -> AsyncIterator[Info | Exception]:
        for kind in kinds:
            namespace = self.namespace if kind.resource.namespaced and not self.all_namespaces else ""
            try:
                listed = await self._list(kind, namespace)
            except ApiError as error:
                yield self._about_list(error, kind)
                continue
            info = Info(self.factory, kind, namespace, "", listed)
            if self.whole or "items" not in listed:
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
        return Info(self.factory, kind, metadata.get("namespace") or "", metadata.get("name") or "", item)

    async def _list(self, kind: ServedResource, namespace: str) -> Object:
        """All pages in one list."""
        path, more = kind.resource.path(namespace), ""
        whole: Object = {}
        while True:
            query = {
                "labelSelector": self.selector,
                "fieldSelector": self.field_selector,
                "limit": self.chunk or None,
                "continue": more,
                **self.query,
            }
            page = await self.factory.send("GET", path, accept=self.accept, **query)
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
        if not self.selector and not self.field_selector:
            return ApiError({**error.status, "message": f"Unable to list {quote(where)}: {error.message}"})
        text = (
            f"Unable to find {quote(where)} that match label selector {quote(self.selector or '')}, "
            f"field selector {quote(self.field_selector or '')}: {error.message}"
        )
        return ApiError({**error.status, "message": text})

    # ---------------------------------------------------------------- files

    async def _from_files(self) -> AsyncIterator[Info | Exception]:
        from minikube_edu.kubectl import manifests

        if self.kustomize:
            places = [manifests.Source(self.kustomize, lambda: _kustomized(self.kustomize))]
        else:
            places = manifests.sources(self.filenames, self.recursive, self.call.stdin)
        self.single_item = len(places) == 1 and not os.path.isdir((self.filenames or [""])[0])
        self.single_source = self.single_item
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
        self.single_item = self.single_item and count == 1

    async def _of_document(self, value: Any, source: str, depth: int) -> AsyncIterator[Info | Exception]:
        items = value.get("items") if isinstance(value, dict) else None
        if isinstance(items, list) and str(value.get("kind", "")).endswith("List") and self.flatten and depth < 4:
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
        if self.local:
            return Info(self.factory, None, namespace, name, value, source)
        try:
            served = await self.factory.mapper.for_object(value)
        except NoKind as error:
            if in_list:
                raise Many([CommandError(f"unable to recognize {error}")]) from None
            raise CommandError(
                f"resource mapping not found for name: {quote(name)} namespace: {quote(namespace)} from "
                f"{quote(source)}: "
                f"{error}\nensure CRDs are installed first"
            ) from None
        if served.resource.namespaced:
            if self.factory.namespace_given and namespace and namespace != self.namespace:
                raise CommandError(
                    f"the namespace from the provided object {quote(namespace)} does not match the namespace "
                    f"{quote(self.namespace)}. You must pass '--namespace={namespace}' to perform this operation."
                )
            if not namespace:
                namespace = self.namespace
                value["metadata"] = {**metadata, "namespace": namespace}
        else:
            namespace = ""
        info = Info(self.factory, served, namespace, name, value, source)
        if self.latest:
            info.take_any(await info.fetch(self.accept, self.subresource, **self.query))
        return info

    def _check_object(self, value: Any, source: str) -> None:
        problem = ""
        if not isinstance(value, dict):
            problem = "invalid object to validate"
        elif self.validate:
            missing = [f"{key} not set" for key in ("apiVersion", "kind") if not value.get(key)]
            problem = missing[0] if len(missing) == 1 else f"[{', '.join(missing)}]" if missing else ""
        if problem and self.validate:
            raise CommandError(
                f"error validating {quote(source)}: error validating data: {problem}; if you choose to ignore these "
                "errors, turn validation off with --validate=false"
            )
        from minikube_edu.kubectl import decoding

        decoding.check(value, source)

    def _wanted(self, info: Info) -> bool:
        if not self.selector:
            return True
        from minikube_edu.api import label_selectors

        selector = label_selectors.parse(self.selector)
        return selector.matches((info.object.get("metadata") or {}).get("labels") or {})


def _joined(args: Sequence[str]) -> list[str]:
    """`pods, services` was meant as `pods,services`."""
    found: list[str] = []
    for one in args:
        if found and found[-1].endswith(","):
            found[-1] += one
        else:
            found.append(one)
    if found:
        found[0] = found[0].strip(",") or found[0]
    return found


def _pair(text: str) -> tuple[str, str]:
    parts = text.split("/")
    if len(parts) != 2:
        raise CommandError("arguments in resource/name form may not have more than one slash")
    kind, name = parts
    if not kind or not name or "," in kind:
        raise CommandError("arguments in resource/name form must have a single resource and name")
    return kind, name


def _kustomized(folder: str) -> str:
    from minikube_edu.kubectl import kustomize

    return kustomize.build(folder)
