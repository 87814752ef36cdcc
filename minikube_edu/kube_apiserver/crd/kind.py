"""One version of a custom kind: what its definition's schema does to its objects.

A `CustomKind` is the definition itself (a dict: discovery, tables and OpenAPI look into it), read for one version.
When the definition changes, a new one takes its place. Rules in CEL are compiled when the definition is written; they
are not evaluated here yet.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any

import orjson

from minikube_edu.api import names, schema
from minikube_edu.api.errors import Forbidden
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.scheme import Resource
from minikube_edu.api.structural import defaulting, embedded, lists, pruning, values
from minikube_edu.api.typed import Shape
from minikube_edu.api.typed_custom import of_schema
from minikube_edu.api.validation import Validator
from minikube_edu.kube_apiserver.context import Context
from minikube_edu.kube_apiserver.registry.strategies.flowcontrol import keep_metadata
from minikube_edu.kube_apiserver.registry.strategy import Object, Strategy, Undo, keep

_META = "meta.v1.ObjectMeta"


class CustomKind(dict[str, Any]):
    def __init__(self, definition: Object, version: str) -> None:
        super().__init__(definition)
        self.version: Object = next(each for each in self["spec"]["versions"] if each["name"] == version)
        self.schema: Object = (self.version.get("schema") or {}).get("openAPIV3Schema") or {}
        self.list_kind: str = self["spec"]["names"]["listKind"]
        self.subresources: Object = self.version.get("subresources") or {}
        self.validator = Validator(
            name=names.dns1123_subdomain,
            create=self.check,
            update=self.check_update,
        )
        self.strategy: Strategy  # set by `serving`, which knows the resource

    @cached_property
    def _shape(self) -> Shape:
        return of_schema(self.schema)

    def shape(self, _: Resource) -> Shape:
        """How managed fields divide the objects."""
        return self._shape

    # ------------------------------------------------------------ from a body to an object

    def decode(self, obj: Object, _: Resource) -> tuple[Object, list[str]]:
        """The object as it would be stored, and the paths of fields that nobody knows; raises schema.DecodeError."""
        new: Object = _whole(orjson.loads(orjson.dumps(obj)))
        metadata = schema.decode(_META, new.get("metadata") or {})
        unknown = [f"metadata.{path}" for path in metadata.unknown]
        unknown += pruning.prune(new, self.schema, root=True)
        unknown += embedded.coerce(new, self.schema)
        new["metadata"] = metadata.object
        if self.schema.get("properties"):
            body = {name: value for name, value in new.items() if name != "metadata"}
            defaulting.drop_nulls(body, self.schema)
            defaulting.default(body, {**self.schema, "properties": _without_meta(self.schema)})
            new = {"kind": new.get("kind"), "apiVersion": new.get("apiVersion"), "metadata": metadata.object, **body}
        return new, sorted(unknown)

    def convert(self, obj: Object, api_version: str) -> Object:
        """An object of another version as one of this: its apiVersion, and what this version's schema knows of it."""
        new: Object = orjson.loads(orjson.dumps({**obj, "apiVersion": api_version}))
        pruning.prune(new, self.schema, root=True)
        return new

    @cached_property
    def deprecation(self) -> str:
        """What whoever asks for this version is told; "" when it is not on its way out."""
        if not self.version.get("deprecated"):
            return ""
        if (own := self.version.get("deprecationWarning")) is not None:
            return str(own)
        group, kind = self["spec"]["group"], self["spec"]["names"]["kind"]
        newer = newest(self, self.version["name"])
        advice = f"; use {group}/{newer} {kind}" if newer else ""
        return f"{group}/{self.version['name']} {kind} is deprecated{advice}"

    # ------------------------------------------------------------ validation

    def check(self, obj: Object, errors: Errors) -> None:
        values.report(values.check(obj, self.schema), errors)
        embedded.check(obj, self.schema, errors)
        lists.check(obj, self.schema, errors)
        self._check_scale(obj, errors)

    def check_update(self, new: Object, old: Object, errors: Errors) -> None:
        """What was wrong before, and has not been touched, may stay wrong: schemas become stricter, objects stay."""
        found, before = Errors(), Errors()
        self.check(new, found)
        if found:
            self.check(old, before)
            known = {str(error) for error in before}
            errors.extend(error for error in found if str(error) not in known)

    def _check_scale(self, obj: Object, errors: Errors) -> None:
        scale = self.subresources.get("scale")
        if scale is None:
            return
        for field in ("specReplicasPath", "statusReplicasPath"):
            number = _at(obj, scale[field])
            if isinstance(number, int) and number < 0:
                errors.invalid(scale[field], number, "should be a non-negative integer")

    # ------------------------------------------------------------ scale

    def replica_paths(self, _: Resource) -> dict[str, str]:
        """apiVersion -> where replicas are, in all versions that can be scaled."""
        group = self["spec"]["group"]
        return {
            f"{group}/{version['name']}": version["subresources"]["scale"]["specReplicasPath"].removeprefix(".")
            for version in self["spec"]["versions"]
            if (version.get("subresources") or {}).get("scale")
        }

    def scale_numbers(self, _: Resource, obj: Object) -> tuple[int, int, str]:
        """(wanted, current, selector)"""
        scale = self.subresources["scale"]
        selector = _at(obj, scale["labelSelectorPath"]) if scale.get("labelSelectorPath") else None
        wanted, current = _at(obj, scale["specReplicasPath"]), _at(obj, scale["statusReplicasPath"])
        return wanted or 0, current or 0, selector or ""


def priority(version: str) -> tuple[int, int, int, str]:
    """The order of versions: v2, v1, v2beta1, v1beta2, v1alpha1, then others by name."""
    found = re.fullmatch(r"v(\d+)(?:(alpha|beta)(\d+))?", version)
    if found is None:
        return 3, 0, 0, version
    stage = {None: 0, "beta": 1, "alpha": 2}[found[2]]
    return stage, -int(found[1]), -int(found[3] or 0), ""


def newest(definition: Object, version: str) -> str:
    """The best version that is served, not deprecated, and better than this one; "" when there is none."""
    served = [each["name"] for each in definition["spec"]["versions"] if each["served"] and not each.get("deprecated")]
    better = sorted((each for each in served if priority(each) < priority(version)), key=priority)
    return better[0] if better else ""


def _whole(value: Any) -> Any:
    """Numbers without a fraction are integers, however they were written."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return int(value)
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    return [_whole(item) for item in value] if isinstance(value, list) else value


def _without_meta(root: Object) -> Object:
    properties = root.get("properties", {})
    return {name: field for name, field in properties.items() if name not in ("metadata", "kind", "apiVersion")}


def _at(obj: Object, path: str) -> Any:
    """The value at `.spec.replicas`."""
    found: Any = obj
    for step in path.lstrip(".").split("."):
        found = found.get(step) if isinstance(found, dict) else None
    return found


class CustomStrategy(Strategy):
    """A custom resource: status apart when its definition says so."""

    allow_unconditional_update = False
    generation = True

    def __init__(self, resource: Resource) -> None:
        super().__init__(resource)
        self.kind: CustomKind = resource.custom
        self.reset_fields = ("status",) if self.has_status else ()
        paths = [each["jsonPath"] for each in self.kind.version.get("selectableFields") or ()]
        self.field_labels = tuple(path.removeprefix(".") for path in paths)

    def prepare_create(self, new: Object, context: Context) -> None:
        if self.has_status:
            new.pop("status", None)
        new["metadata"]["generation"] = 1

    def count_generation(self, new: Object, old: Object) -> None:
        if not self.has_status and new.get("status") != old.get("status"):
            new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1
        else:
            super().count_generation(new, old)

    def prepare_status(self, new: Object, old: Object, context: Context) -> None:
        for field in set(new) | set(old):
            if field not in ("status", "metadata", "kind", "apiVersion"):
                keep(new, old, field)
        keep_metadata(new, old)

    async def allocate(self, new: Object, old: Object | None, context: Context, registry: Any) -> Undo | None:
        going = any(each["type"] == "Terminating" for each in self.kind.get("status", {}).get("conditions") or ())
        if old is None and going:
            why = "create not allowed while custom resource definition is terminating"
            raise Forbidden(self.resource.group, self.resource.name, new["metadata"].get("name", ""), why)
        return None

    def selectable_fields(self, obj: Object) -> dict[str, str]:
        found = {}
        for name in self.field_labels:
            value = _at(obj, name)
            found[name] = "" if value is None else value if isinstance(value, str) else str(value).lower()
        return found

    def unknown_field_label(self, label: str) -> str:
        return f"field label not supported: {label}"
