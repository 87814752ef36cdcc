"""Schemas of custom resources: what their definition says, with the fields that every object has."""

from __future__ import annotations

from typing import Any

from minikube_edu.api import descriptions
from minikube_edu.api.scheme import Resource
from minikube_edu.kube_apiserver.openapi.schemas import REF, reference

Object = dict[str, Any]


def definition_name(resource: Resource) -> str:
    """`widgets.example.com`, v1 -> `com.example.v1.Widget`."""
    return ".".join([*reversed(resource.group.split(".")), resource.version, resource.kind])


def references(resource: Resource) -> tuple[Object, Object]:
    name = definition_name(resource)
    return {"$ref": REF + name}, {"$ref": f"{REF}{name}List"}


def schemas(resource: Resource) -> dict[str, Object]:
    """The object and its list, by their names."""
    name = definition_name(resource)
    found: Object = {}
    for version in resource.custom["spec"]["versions"]:
        if version["name"] == resource.version:
            found = dict((version.get("schema") or {}).get("openAPIV3Schema") or {})
    described = {field: _text(field) for field in ("apiVersion", "kind")}
    metadata = {"allOf": [reference("meta.v1.ObjectMeta")], "description": _words("metadata")}
    own = {**found, "type": "object", "properties": {**found.get("properties", {}), **described, "metadata": metadata}}
    own["x-kubernetes-group-version-kind"] = [_gvk(resource, resource.kind)]
    list_meta = {"allOf": [reference("meta.v1.ListMeta")], "description": _words("metadata")}
    items = {"description": f"List of {resource.name}.", "type": "array", "items": {"$ref": REF + name}}
    many = {
        "description": f"{resource.kind}List is a list of {resource.kind}",
        "type": "object",
        "required": ["items"],
        "properties": {**described, "items": items, "metadata": list_meta},
        "x-kubernetes-group-version-kind": [_gvk(resource, f"{resource.kind}List")],
    }
    return {name: own, f"{name}List": many}


def _gvk(resource: Resource, kind: str) -> Object:
    return {"group": resource.group, "kind": kind, "version": resource.version}


def _words(field: str) -> str:
    return descriptions.of_field("core.v1.Pod", field)


def _text(field: str) -> Object:
    return {"description": _words(field), "type": "string"}
