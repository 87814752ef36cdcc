"""Types as OpenAPI schemas, made from the schema facts.

Names, types, defaults, enums and list types are facts; the words come from `api.descriptions`. Where the real document
differs from what the facts imply (an enum on the items of a list, JSON in JSON), `facts/openapi.json` has the schema
itself.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import orjson

from minikube_edu.api import descriptions, schema

Object = dict[str, Any]

REF = "#/components/schemas/"
_PACKAGES = {
    "meta.v1": "io.k8s.apimachinery.pkg.apis.meta.v1",
    "runtime": "io.k8s.apimachinery.pkg.runtime",
    "version": "io.k8s.apimachinery.pkg.version",
    "api.resource": "io.k8s.apimachinery.pkg.api.resource",
    "util.intstr": "io.k8s.apimachinery.pkg.util.intstr",
    "apiextensions.v1": "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1",
    "apiregistration.v1": "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1",
}
_NAMED = {
    "time": "meta.v1.Time",
    "microtime": "meta.v1.MicroTime",
    "quantity": "api.resource.Quantity",
    "intstr": "util.intstr.IntOrString",
}
_SCALARS: dict[str, Object] = {
    "string": {"type": "string"},
    "bool": {"type": "boolean"},
    "int32": {"type": "integer", "format": "int32"},
    "int64": {"type": "integer", "format": "int64"},
    "float": {"type": "number", "format": "double"},
    "bytes": {"type": "string", "format": "byte"},
    "any": {"type": "object"},
}
_ZERO: Object = {"string": "", "bool": False, "int32": 0, "int64": 0, "float": 0, "bytes": ""}


@cache
def _odd() -> dict[str, dict[str, Object]]:
    """`types`: schemas of opaque types; `fields`: of fields, by `type.field`."""
    return dict(orjson.loads(files("minikube_edu.kube_apiserver").joinpath("facts/openapi.json").read_bytes()))


def definition_name(type_name: str) -> str:
    """`apps.v1.Deployment` -> `io.k8s.api.apps.v1.Deployment`."""
    package, _, short = type_name.rpartition(".")
    return f"{_PACKAGES.get(package) or 'io.k8s.api.' + package}.{short}"


def reference(type_name: str) -> Object:
    return {"$ref": REF + definition_name(type_name)}


def _of_kind(kind: str, item: bool = False) -> Object:
    if kind.startswith("[]"):
        return {"type": "array", "items": _of_kind(kind[2:], item=True)}
    if kind.startswith("{}"):
        return {"type": "object", "additionalProperties": _of_kind(kind[2:], item=True)}
    if kind in _NAMED:
        return reference(_NAMED[kind])
    if kind[0] == "=":
        found = reference(kind[1:])
        return {"allOf": [found], "default": {}} if item else found
    found = dict(_SCALARS[kind])
    if item and kind in _ZERO and kind != "bytes":
        found["default"] = _ZERO[kind]
    return found


def _field(type_name: str, field: schema.Field) -> Object:
    words = descriptions.of_field(type_name, field.name)
    if field.enum and "Possible enum values" not in words:
        words += "\n\nPossible enum values:\n" + "\n".join(f' - `"{value}"`' for value in field.enum)
    head: Object = {"description": words} if words else {}
    odd = _odd()["fields"].get(f"{type_name}.{field.name}")
    if odd is not None:
        return head | odd
    found = _of_kind(field.kind)
    if "$ref" in found:
        found = {"allOf": [found]}
    if field.struct_value:
        found["default"] = {}
    elif field.default is not None:
        found["default"] = field.default
    elif field.required and field.kind in _ZERO:
        found["default"] = _ZERO[field.kind]
    for name, value in (
        ("enum", field.enum),
        ("x-kubernetes-list-type", field.list_type),
        ("x-kubernetes-list-map-keys", field.keys),
        ("x-kubernetes-map-type", field.map_type),
        ("x-kubernetes-patch-merge-key", field.merge_key),
        ("x-kubernetes-patch-strategy", ",".join(field.patch_strategy)),
    ):
        if value:
            found[name] = value
    return head | found


@cache
def of_type(type_name: str) -> Object:
    """The schema of a type; its references are all of the form `#/components/schemas/…`."""
    words = descriptions.of_type(type_name)
    head: Object = {"description": words} if words else {}
    opaque = _odd()["types"].get(type_name)
    if opaque is not None:
        return head | opaque
    shape = schema.struct(type_name)
    found: Object = {**head, "type": "object"}
    if required := sorted(field.name for field in shape.fields.values() if field.required):
        found["required"] = required
    if shape.fields:
        found["properties"] = {field.name: _field(type_name, field) for field in shape.fields.values()}
    if shape.gvk:
        kinds = [{"group": group, "kind": kind, "version": version} for group, version, kind in shape.gvk]
        found["x-kubernetes-group-version-kind"] = kinds
    if shape.map_type:
        found["x-kubernetes-map-type"] = shape.map_type
    if shape.unions:
        found["x-kubernetes-unions"] = shape.unions
    return found


@cache
def _full_names() -> dict[str, str]:
    return {definition_name(name): name for name in [*schema.type_names(), *_odd()["types"]]}


def closure(document: Any, more: dict[str, Object] | None = None) -> dict[str, Object]:
    """The schemas that a document needs, by their full names; `more` are those that are no facts (custom resources)."""
    found: dict[str, Object] = {}
    wanted = list(_references(document))
    while wanted:
        name = wanted.pop()
        if name in found:
            continue
        if more and name in more:
            found[name] = more[name]
        else:
            found[name] = of_type(_full_names()[name])
        wanted += _references(found[name])
    return dict(sorted(found.items()))


def _references(value: Any) -> list[str]:
    found: list[str] = []
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            reference_ = item.get("$ref")
            if isinstance(reference_, str):
                found.append(reference_.removeprefix(REF))
            stack += item.values()
        elif isinstance(item, list):
            stack += item
    return found
