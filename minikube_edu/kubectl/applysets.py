"""`apply --prune --applyset=PARENT` (alpha: KUBECTL_APPLYSET=true): a parent object keeps the book of what is applied.

The parent, a Secret or a ConfigMap (or a custom resource whose definition allows it), carries an id as a label; the
members carry the same id. Its annotations say which kinds and namespaces members may be in: before applying, those of
before and of now; once the rest has been pruned, those of now. So nothing is lost when a run breaks off in between.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from minikube_edu import kubectl
from minikube_edu.client.discovery import ServedResource
from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import APPLY_PATCH
from minikube_edu.kubectl import printing
from minikube_edu.kubectl.command import Call
from minikube_edu.kubectl.failures import CommandError, raise_all
from minikube_edu.kubectl.info import Info
from minikube_edu.lib.gotext import quote

Object = dict[str, Any]

TOOL = "kubectl"
MANAGER = f"{TOOL}-applyset"
TOOLING = "applyset.kubernetes.io/tooling"
NAMESPACES = "applyset.kubernetes.io/additional-namespaces"
RESOURCES = "applyset.kubernetes.io/contains-group-resources"  # of old: replaced by KINDS
KINDS = "applyset.kubernetes.io/contains-group-kinds"
ID = "applyset.kubernetes.io/id"
PART_OF = "applyset.kubernetes.io/part-of"
PARENT_TYPE = "applyset.kubernetes.io/is-parent-type"
_BUILT_IN = (("", "v1", "secrets"), ("", "v1", "configmaps"))


async def of(call: Call) -> ApplySet:
    """The set that --applyset names: [RESOURCE][.GROUP]/NAME, or the NAME of a Secret."""
    text: str = call.flags["applyset"]
    kind, slash, name = text.partition("/")
    if not slash:
        kind, name = "secrets", text
    try:
        if not name:
            raise CommandError("name cannot be blank")
        served = await _resource(call, kind)
    except CommandError as error:
        raise CommandError(f"invalid parent reference {quote(text)}: {error}") from None
    namespaced = served.resource.namespaced
    return ApplySet(call, served, name, call.flags["namespace"] if namespaced else "")


async def _resource(call: Call, text: str) -> ServedResource:
    """By plural, singular or short name, and group."""
    name, _, group = text.partition(".")
    for served in await call.factory.mapper.resources():
        names = (served.resource.plural, served.singular, *served.short_names)
        if served.preferred and served.resource.group == group and name in names:
            return served
    raise CommandError(f"no matches for {group}/, Resource={name}")


class ApplySet:
    def __init__(self, call: Call, served: ServedResource, name: str, namespace: str) -> None:
        self.call, self.served, self.name, self.namespace = call, served, name, namespace
        self._before: dict[str, ServedResource] = {}  # by "Kind.group"
        self._before_in: set[str] = set()
        self._now: dict[str, ServedResource] = {}
        self._now_in: set[str] = set()

    def __str__(self) -> str:
        return f"{self.served.resource.plural}.{self.served.resource.group}/{self.name}"

    @property
    def id(self) -> str:
        resource = self.served.resource
        text = ".".join((self.name, self.namespace, resource.kind, resource.group))
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
        return f"applyset-{digest}-v1"  # a label's value begins and ends with a letter or a digit

    async def check(self) -> None:
        """May this object be a parent?"""
        problems: list[Exception] = []
        resource = self.served.resource
        if resource.namespaced and not self.namespace:
            problems.append(CommandError("namespace is required to use namespace-scoped ApplySet"))
        if (resource.group, resource.version, resource.plural) not in _BUILT_IN:
            allowed: list[str] = []
            try:
                allowed = await self._custom_parents()
            except ApiError as error:
                problems.append(CommandError(f"identifying allowed custom resource parent types: {error.message}"))
            if f"{resource.plural}.{resource.group}" not in allowed:
                shown = f"{resource.group}/{resource.version}, Resource={resource.plural}"
                problems.append(CommandError(f"resource {quote(shown)} is not permitted as an ApplySet parent"))
        raise_all(problems)

    async def _custom_parents(self) -> list[str]:
        path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        listed = await self.call.factory.send("GET", path, labelSelector=PARENT_TYPE)
        return [item["metadata"]["name"] for item in listed.get("items") or ()]

    def add_labels(self, infos: list[Info]) -> None:
        for info in infos:
            metadata = info.object.setdefault("metadata", {})
            labels = metadata.get("labels") or {}
            if PART_OF in labels:
                raise CommandError(f"ApplySet label {quote(PART_OF)} already set in input data")
            metadata["labels"] = {**labels, PART_OF: self.id}

    async def before_apply(self, infos: list[Info], dry: str, directive: str) -> None:
        await self._fetch()
        for info in infos:
            resource = info.mapping.resource
            self._now[_kind(info.mapping)] = info.mapping
            if resource.namespaced and info.namespace:
                self._now_in.add(info.namespace)
        kinds, namespaces = {*self._before, *self._now}, self._before_in | self._now_in
        await self._write(kinds, namespaces, dry, directive)

    async def prune(self, visited: set[str], dry: str, directive: str) -> None:
        from minikube_edu.kubectl.commands.delete import propagation

        found: list[tuple[ServedResource, Object]] = []
        for served in self._before.values():
            for namespace in sorted(self._before_in) if served.resource.namespaced else [""]:
                found += [(served, item) for item in await self._members(served, namespace, visited)]
        policy, grace = propagation(self.call), self.call.flags["grace-period"]
        for served, item in found:
            if dry != "client":
                await self._delete(served, item, policy, grace, dry)
            printing.shower(self.call, "pruned", dry)(item)
        try:
            await self._write(set(self._now), self._now_in, dry, directive)
        except CommandError as error:
            raise CommandError(f"apply and prune succeeded, but ApplySet update failed: {error}") from None

    async def _members(self, served: ServedResource, namespace: str, visited: set[str]) -> list[Object]:
        resource = served.resource
        try:
            listed = await self.call.factory.send("GET", resource.path(namespace), labelSelector=f"{PART_OF}={self.id}")
        except ApiError as error:
            shown = f"{resource.group}/{resource.version}, Kind={resource.kind}"
            raise CommandError(f"listing {shown} objects for pruning: {error.message}") from None
        typed = {"apiVersion": resource.api_version, "kind": resource.kind}
        return [{**typed, **item} for item in listed.get("items") or () if item["metadata"]["uid"] not in visited]

    async def _delete(self, served: ServedResource, item: Object, policy: str, grace: int, dry: str) -> None:
        metadata, options = item["metadata"], Object(propagationPolicy=policy)
        if grace >= 0:
            options["gracePeriodSeconds"] = grace
        if dry == "server":
            options["dryRun"] = ["All"]
        where = served.resource.path(metadata.get("namespace") or "", metadata["name"])
        try:
            await self.call.factory.send("DELETE", where, options)
        except ApiError as error:
            if not error.not_found:
                place = "/".join(part for part in (metadata.get("namespace"), metadata["name"]) if part)
                raise CommandError(f"pruning {_kind(served)} {place}: {error.message}") from None

    async def _fetch(self) -> None:
        """What the parent says of the last run. One that is not there yet is made, unless its kind is a custom one."""
        resource = self.served.resource
        try:
            parent = await self.call.factory.send("GET", resource.path(self.namespace, self.name))
        except ApiError as error:
            if not error.not_found:
                shown = quote(str(self))
                raise CommandError(f"failed to fetch ApplySet parent object {shown}: {error.message}") from None
            if (resource.group, resource.version, resource.plural) not in _BUILT_IN:
                raise CommandError("custom resource ApplySet parents cannot be created automatically") from None
            return
        metadata = parent.get("metadata") or {}
        annotations, labels = metadata.get("annotations") or {}, metadata.get("labels") or {}
        what = f"ApplySet parent object {quote(str(self))}"
        if TOOLING not in annotations:
            raise CommandError(f"{what} already exists and is missing required annotation {quote(TOOLING)}")
        tool = annotations[TOOLING].rpartition("/")[0] or annotations[TOOLING]
        if tool != TOOL:
            raise CommandError(
                f"{what} already exists and is managed by tooling {quote(tool)} instead of {quote(TOOL)}"
            )
        if ID not in labels:
            raise CommandError(f"{what} exists and does not have required label {ID}")
        if labels[ID] != self.id:
            raise CommandError(
                f"{what} exists and has incorrect value for label {quote(ID)} (got: {labels[ID]}, want: {self.id})"
            )
        try:
            await self._read_kinds(annotations)
        except CommandError as error:
            raise CommandError(f"parsing ApplySet annotation on {quote(str(self))}: {error}") from None
        self._before_in = {name for name in annotations.get(NAMESPACES, "").split(",") if name}
        if self.namespace:
            self._before_in.add(self.namespace)

    async def _read_kinds(self, annotations: dict[str, str]) -> None:
        served = [one for one in await self.call.factory.mapper.resources() if one.preferred]
        if KINDS not in annotations and not annotations.get(RESOURCES):
            raise CommandError(
                f"kubectl requires the {quote(KINDS)} annotation to be set on all ApplySet parent objects"
            )
        if KINDS not in annotations:
            for text in annotations[RESOURCES].split(","):
                try:
                    found = await _resource(self.call, text)
                except CommandError as error:
                    raise CommandError(f"invalid group resource in {quote(RESOURCES)} annotation: {error}") from None
                self._before[_kind(found)] = found
            return
        for text in filter(None, annotations[KINDS].split(",")):
            one = next((one for one in served if _kind(one) == text), None)
            if one is None:
                kind, _, group = text.partition(".")
                why = f"no matches for kind {quote(kind)} in group {quote(group)}"
                raise CommandError(f"could not find mapping for kind in {quote(KINDS)} annotation: {why}")
            self._before[text] = one

    async def _write(self, kinds: set[str], namespaces: set[str], dry: str, directive: str) -> None:
        if dry == "client":
            return
        resource = self.served.resource
        body: Object = {
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "metadata": {
                "name": self.name,
                **({"namespace": self.namespace} if self.namespace else {}),
                "annotations": {
                    TOOLING: f"{TOOL}/{kubectl.version()}",
                    KINDS: ",".join(sorted(kinds)),
                    NAMESPACES: ",".join(sorted(namespaces - {self.namespace})),
                },
                "labels": {ID: self.id},
            },
        }
        query: dict[str, Any] = {
            "dryRun": "All" if dry == "server" else "",
            "fieldManager": MANAGER,
            "fieldValidation": directive,
            "force": "false",
        }
        where = resource.path(self.namespace, self.name)
        try:
            try:
                await self.call.factory.send("PATCH", where, body, content_type=APPLY_PATCH, **query)
            except ApiError as error:
                if not error.conflict:
                    raise
                printing.klog(
                    self.call,
                    f"WARNING: failed to update ApplySet: {error.message}\nApplySet field manager {MANAGER} should own "
                    "these fields. Retrying with conflicts forced.",
                    "applyset.go:451",
                )
                query["force"] = "true"
                await self.call.factory.send("PATCH", where, body, content_type=APPLY_PATCH, **query)
        except ApiError as error:
            raise CommandError(f"failed to update ApplySet: {error.message}") from None


def _kind(served: ServedResource) -> str:
    resource = served.resource
    return f"{resource.kind}.{resource.group}" if resource.group else resource.kind
