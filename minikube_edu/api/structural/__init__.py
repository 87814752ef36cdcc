"""Structural schemas: what a CustomResourceDefinition says of its objects, applied to them.

A schema is the JSON object of `openAPIV3Schema`, as it is stored. In the order in which the server applies them to an
object: `pruning` (fields that the schema does not know), `defaulting`, `embedded` (metadata of objects inside
objects), `values` (OpenAPI v3 validation, with the real validator's messages), `lists` (sets and maps). All work on
plain decoded JSON; pruning and defaulting in place.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Object = dict[str, Any]

META_FIELDS = frozenset(("apiVersion", "kind", "metadata"))
EMBEDDED = "x-kubernetes-embedded-resource"
INT_OR_STRING = "x-kubernetes-int-or-string"
PRESERVE = "x-kubernetes-preserve-unknown-fields"
LIST_TYPE = "x-kubernetes-list-type"
LIST_KEYS = "x-kubernetes-list-map-keys"
MAP_TYPE = "x-kubernetes-map-type"
RULES = "x-kubernetes-validations"


def additional(schema: Object) -> Object | None:
    """The schema of the values of a map; None when there is none (`true` says nothing of them)."""
    found = schema.get("additionalProperties")
    return found if isinstance(found, dict) else None


def items(schema: Object) -> Object | None:
    found = schema.get("items")
    return found if isinstance(found, dict) else None


def child(schema: Object, name: str) -> Object | None:
    """The schema of a field."""
    found = schema.get("properties", {}).get(name)
    return additional(schema) if found is None else found


def walk(schema: Object) -> Iterator[Object]:
    """The schema and all within it, junctors included."""
    yield schema
    for inner in (items(schema), schema.get("not"), additional(schema)):
        if inner:
            yield from walk(inner)
    for junctor in ("allOf", "anyOf", "oneOf"):
        for inner in schema.get(junctor, ()):
            yield from walk(inner)
    for fields in ("properties", "patternProperties", "definitions"):
        for inner in schema.get(fields, {}).values():
            yield from walk(inner)
