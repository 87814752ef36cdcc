"""Shapes of custom resources: how the schema of a CustomResourceDefinition divides their objects.

`of_schema` takes one version's `openAPIV3Schema`; keep what it returns as long as the definition does not change.
Metadata is that of every object. A definition without a schema, or with spec.preserveUnknownFields, has the shape
`typed.DEDUCED`.
"""

from __future__ import annotations

from typing import Any

from minikube_edu.api.typed import (
    BOOLEAN,
    DEDUCED,
    NUMERIC,
    STRING,
    KeyedList,
    List,
    Map,
    SetList,
    Shape,
    of_type,
)

Schema = dict[str, Any]
_SCALARS: dict[str, Shape] = {"string": STRING, "integer": NUMERIC, "number": NUMERIC, "boolean": BOOLEAN}


def of_schema(schema: Schema | None) -> Shape:
    """The shape of the objects of one version."""
    return _object(schema) if schema else DEDUCED


def _object(schema: Schema) -> Map:
    """A whole object: what every object has, and the properties of its own."""
    shape = _map(schema, schema.get("x-kubernetes-preserve-unknown-fields", False))
    fields = {name: shape.entry(name) for name in schema.get("properties", {})}
    properties = {name: entry[1] for name, entry in fields.items() if entry is not None}
    properties |= {"apiVersion": STRING, "kind": STRING, "metadata": of_type("meta.v1.ObjectMeta")}
    return Map(
        lambda: properties, shape.element if schema.get("x-kubernetes-preserve-unknown-fields") else None, loose=True
    )


def _of(schema: Schema, preserve: bool) -> Shape:
    preserve = preserve or schema.get("x-kubernetes-preserve-unknown-fields", False)
    if schema.get("x-kubernetes-int-or-string"):
        return DEDUCED  # the schema gives it no type
    kind = schema.get("type", "")
    if kind == "object":
        if schema.get("x-kubernetes-embedded-resource"):
            return _object(schema)
        shape = _map(schema, preserve)
        return Shape(shape) if schema.get("x-kubernetes-map-type") == "atomic" else shape
    if kind == "array":
        return _list(schema, preserve)
    return _SCALARS.get(kind, DEDUCED)


def _map(schema: Schema, preserve: bool) -> Map:
    properties: dict[str, Schema] = schema.get("properties", {})
    extra = schema.get("additionalProperties")
    element: Shape | None = None
    if isinstance(extra, dict):
        element = _of(extra, preserve)
    elif extra or (extra is None and (preserve or not properties)):
        element = DEDUCED
    if not properties:
        return Map(None, element, loose=True)
    return Map(lambda: {name: _of(one, preserve) for name, one in properties.items()}, element, loose=True)


def _list(schema: Schema, preserve: bool) -> Shape:
    items: Schema = schema.get("items", {})
    element = _of(items, preserve) if items else DEDUCED
    list_type = schema.get("x-kubernetes-list-type", "atomic")
    if list_type == "set":
        return SetList(element)
    if list_type == "map":
        keys = tuple(schema.get("x-kubernetes-list-map-keys", ()))
        properties = items.get("properties", {})
        defaults = {key: properties[key]["default"] for key in keys if "default" in properties.get(key, {})}
        return KeyedList(element, keys, defaults)
    return Shape(List(element))
