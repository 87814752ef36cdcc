"""The resource builder: whatever people name, as objects, each with the place where it lives.

    async for item in Builder(call).arguments(call.args).visit(): ...

Names come as `TYPE NAME…`, `TYPE/NAME…`, `TYPE,TYPE`, TYPE with a selector, or as -f and -k. `visit` gives `Info`s in
order; with `keep_going`, failures come as exceptions among them, else the first one is raised. Where they come from:
`listing` for selectors and whole types, `object_files` for -f and -k, a request for each that is named.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from minikube_edu.client.discovery import ServedResource
from minikube_edu.client.errors import ApiError
from minikube_edu.client.sending import JSON
from minikube_edu.kubectl.command import Call
from minikube_edu.kubectl.failures import CommandError, raise_all
from minikube_edu.kubectl.info import Info
from minikube_edu.kubectl.listing import Listing
from minikube_edu.kubectl.mapping import NoResource

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
            # Commands that are given names need nothing of it.
            from minikube_edu.kubectl.object_files import ObjectFiles

            source = ObjectFiles(self).infos()
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
        return Listing(self).of(await self._mappings())


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
