"""What makes the schema of a custom resource wrong: OpenAPI v3 as Kubernetes allows it, list and map types, rules.

One walk, from the root down, keeps two lists as the real one does: errors of the schema, and errors of expressions.
Expressions are compiled only where nothing is wrong with the schema so far, since such errors would only be
confusing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from minikube_edu.api.field_errors import Errors
from minikube_edu.api.structural import (
    EMBEDDED,
    LIST_KEYS,
    LIST_TYPE,
    MAP_TYPE,
    META_FIELDS,
    PRESERVE,
    RULES,
    Object,
    walk,
)
from minikube_edu.api.validation import crd_structural
from minikube_edu.api.validation.crd_internal import shown_props
from minikube_edu.api.validation.crd_rules import Budget, check_form, compile_rules, most_elements

if TYPE_CHECKING:
    from minikube_edu.api.cel.schema_types import Declared

TYPES = ("array", "boolean", "integer", "number", "object", "string")
_AT_ROOT = (
    "Description", "Type", "Format", "Title", "Maximum", "ExclusiveMaximum", "Minimum", "ExclusiveMinimum",
    "MaxLength", "MinLength", "Pattern", "MaxItems", "MinItems", "UniqueItems", "MultipleOf", "Required", "Items",
    "Properties", "ExternalDocs", "Example", "XPreserveUnknownFields", "XValidations",
)  # fmt: skip
_IF_STATUS = "at the root of the schema if the status subresource is enabled"
_FORBIDDEN = ("id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref")


class Place(Struct, frozen=True):
    """Where in the whole a schema stands."""

    path: str
    root: bool = False
    no_defaults: str | None = None  # why defaults are forbidden here
    in_metadata: bool = False
    uncorrelated: str = ""  # within this path, old and new values cannot be told apart
    cel: bool = False  # expressions are compiled here
    kind: Declared | None = None
    cardinality: int | None = 1
    budget: Budget = field(default_factory=Budget)


class _Found(Struct):
    schema: Errors = field(default_factory=Errors)
    expressions: Errors = field(default_factory=Errors)

    def merge(self, other: _Found) -> None:
        self.schema.extend(other.schema)
        self.expressions.extend(other.expressions)


def check_schema(path: str, schema: Object, errors: Errors, *, status: bool) -> None:
    """`path` is that of `openAPIV3Schema`; `status`: the status subresource is on."""
    known = len(errors)
    if status:
        _root_fields(path, schema, errors)
    if schema.get("nullable"):
        errors.forbidden(f"{path}.nullable", "nullable cannot be true at the root")
    problem = crd_structural.unsupported(schema)
    sound = False
    if not problem:
        before = len(errors)
        crd_structural.check(path, schema, errors)
        if len(errors) == before:
            crd_structural.check_defaults(path, schema, errors)
            sound = len(errors) == before
    place = Place(path, root=True)
    if sound and any(inner.get(RULES) for inner in walk(schema)):
        from minikube_edu.api.cel.schema_types import declare

        place = replace(place, cel=True, kind=declare(schema, root=True))
    found = _walk(place, schema)
    errors.extend(found.schema)
    errors.extend(found.expressions)
    if problem and len(errors) == known:
        errors.invalid(path, "", problem)
    if place.cel:
        place.budget.judge(path, errors)


def _root_fields(path: str, schema: Object, errors: Errors) -> None:
    """The status is validated by itself, so that the root may not say anything that binds it to the rest."""
    for go, value in (shown_props(schema) or {}).items():
        if value in (None, "", False):
            continue
        if go == "Type":
            if value != "object":
                errors.invalid(f"{path}.type", value, f'only "object" is allowed as the type {_IF_STATUS}')
                return
        elif go not in _AT_ROOT:
            errors.invalid(path, shown_props(schema), f"only [{' '.join(_AT_ROOT)}] fields are allowed {_IF_STATUS}")
            return


def _walk(place: Place, schema: Object) -> _Found:
    found, path = _Found(), place.path
    _plain(place, schema, found.schema)
    if schema.get("uniqueItems"):
        what = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        found.schema.forbidden(f"{path}.uniqueItems", what)
    _children(place, schema, found)
    _list_and_map_types(path, schema, found.schema)
    if schema.get(RULES):
        check_form(path, schema, found.schema)
        if place.cel and not found.schema:
            compile_rules(
                path, schema, place.kind, place.cardinality, place.budget, place.uncorrelated, found.expressions
            )
    return found


def _plain(place: Place, schema: Object, errors: Errors) -> None:
    """One schema by itself."""
    path, kind = place.path, schema.get("type", "")
    if kind and kind not in TYPES:
        errors.not_supported(f"{path}.type", kind, TYPES)
    if schema.get("default") is not None and place.no_defaults is not None:
        errors.forbidden(f"{path}.default", f"must not be set {place.no_defaults}".strip())
    for name in _FORBIDDEN:
        value = schema.get(name)
        if value or (value is not None and name in ("additionalItems", "dependencies", "$ref")):
            errors.forbidden(f"{path}.{name}", f"{name} is not supported")
    if kind == "null":
        errors.forbidden(f"{path}.type", "type cannot be set to null, use nullable as an alternative")
    if schema.get("items") and isinstance(schema["items"], list):
        errors.forbidden(f"{path}.items", "items must be a schema object and not an array")
    if place.in_metadata and schema.get(EMBEDDED):
        errors.forbidden(f"{path}.{EMBEDDED}", "must not be used inside of resource meta")


def _children(place: Place, schema: Object, found: _Found) -> None:
    path, kind = place.path, place.kind
    most = most_elements(schema)
    cardinality = None if place.cardinality is None or most is None else place.cardinality * most
    below = replace(place, root=False, cardinality=cardinality)
    more = schema.get("additionalProperties")
    if more is not None:
        if schema.get("properties") and (more is False or isinstance(more, dict)):
            what = "additionalProperties and properties are mutual exclusive"
            found.schema.forbidden(f"{path}.additionalProperties", what)
        if isinstance(more, dict):
            why = "inside additionalProperties applying to object metadata" if place.in_metadata else place.no_defaults
            inner = replace(
                below, path=f"{path}.additionalProperties", no_defaults=why, kind=kind.item if kind else None
            )
            found.merge(_walk(inner, more))
    for name, field_schema in schema.get("properties", {}).items():
        found.merge(_walk(_of_property(place, below, schema, name), field_schema))
    outside = replace(below, cel=False)
    if schema.get("not") is not None:
        found.merge(_walk(replace(outside, path=f"{path}.not"), schema["not"]))
    for junctor in ("allOf", "oneOf", "anyOf"):
        for index, inner_schema in enumerate(schema.get(junctor, ())):
            found.merge(_walk(replace(outside, path=f"{path}.{junctor}[{index}]"), inner_schema))
    items = schema.get("items")
    apart = below if schema.get(LIST_TYPE) == "map" else replace(below, uncorrelated=place.uncorrelated or path)
    if isinstance(items, dict):
        found.merge(_walk(replace(apart, path=f"{path}.items", kind=kind.item if kind else None), items))
    elif isinstance(items, list):
        for index, inner_schema in enumerate(items):
            if isinstance(inner_schema, dict):
                found.merge(_walk(replace(apart, path=f"{path}.items[{index}]", cel=False), inner_schema))


def _of_property(place: Place, below: Place, schema: Object, name: str) -> Place:
    from minikube_edu.api.cel.schema_types import escape

    kind = place.kind.fields.get(escape(name) or "") if place.cel and place.kind else None
    inner = replace(below, path=f"{place.path}.properties[{name}]", kind=kind)
    if schema.get(MAP_TYPE) == "atomic":
        inner = replace(inner, uncorrelated=place.uncorrelated or place.path)
    if (place.root or schema.get(EMBEDDED)) and name in META_FIELDS:
        inner = replace(inner, in_metadata=True)
        if place.root:
            inner = replace(inner, no_defaults=f"in top-level {name}")
    return inner


def _list_and_map_types(path: str, schema: Object, errors: Errors) -> None:
    kind, list_type, map_type = schema.get("type", ""), schema.get(LIST_TYPE), schema.get(MAP_TYPE)
    if schema.get(PRESERVE) is False:
        errors.invalid(f"{path}.{PRESERVE}", False, "must be true or undefined")
    if map_type is not None and kind != "object":
        _wrong_type(path, kind, f"must be object if {MAP_TYPE} is specified", errors)
    if map_type is not None and map_type not in ("atomic", "granular"):
        errors.not_supported(f"{path}.{MAP_TYPE}", map_type, ["atomic", "granular"])
    items = schema["items"] if isinstance(schema.get("items"), dict) else None
    if list_type is not None and kind != "array":
        _wrong_type(path, kind, f"must be array if {LIST_TYPE} is specified", errors)
    elif list_type == "set" and items is not None:
        what = f"must be atomic as item of a list with {LIST_TYPE}=set"
        if items.get("type") == "array" and items.get(LIST_TYPE, "atomic") != "atomic":
            errors.invalid(f"{path}.items.{LIST_TYPE}", items[LIST_TYPE], what)
        elif items.get("type") == "object" and items.get(MAP_TYPE) != "atomic":
            errors.invalid(f"{path}.items.{MAP_TYPE}", items.get(LIST_TYPE), what)
    if list_type is not None and list_type not in ("atomic", "set", "map"):
        errors.not_supported(f"{path}.{LIST_TYPE}", list_type, ["atomic", "set", "map"])
    if keys := schema.get(LIST_KEYS):
        what = f"must be map if {LIST_KEYS} is non-empty"
        if list_type is None:
            errors.required(f"{path}.{LIST_TYPE}", what)
        elif list_type != "map":
            errors.invalid(f"{path}.{LIST_TYPE}", list_type, what)
    if list_type == "map":
        _map_list(path, schema, keys or [], items, errors)
    if list_type in ("set", "map") and items is not None:
        _keys_are_set(path, list_type, keys or [], items, errors)


def _wrong_type(path: str, kind: str, what: str, errors: Errors) -> None:
    if kind:
        errors.invalid(f"{path}.type", kind, what)
    else:
        errors.required(f"{path}.type", what)


def _map_list(path: str, schema: Object, keys: list[str], items: Object | None, errors: Errors) -> None:
    if not keys:
        errors.required(f"{path}.{LIST_KEYS}", f"must not be empty if {LIST_TYPE} is map")
    if schema.get("items") is None:
        errors.required(f"{path}.items", f"must have a schema if {LIST_TYPE} is map")
    if items is None:
        return
    kind = items.get("type", "")
    if kind != "object":
        errors.invalid(f"{path}.items.type", kind, f"must be object if parent array's {LIST_TYPE} is map")
        return
    for index, key in enumerate(keys):
        known = items.get("properties", {}).get(key)
        if known is None:
            errors.invalid(f"{path}.{LIST_KEYS}", keys, "entries must all be names of item properties")
        elif known.get("type") in ("array", "object"):
            what = f"must be a scalar type if parent array's {LIST_TYPE} is map"
            errors.invalid(f"{path}.items.properties[{key}].type", kind, what)
        if key in keys[:index]:
            errors.invalid(f"{path}.{LIST_KEYS}", keys, "must not contain duplicate entries")


def _keys_are_set(path: str, list_type: str, keys: list[str], items: Object, errors: Errors) -> None:
    """What tells items apart must be there in every item."""
    if items.get("nullable"):
        errors.forbidden(f"{path}.items.nullable", f"cannot be nullable when {LIST_TYPE} is {list_type}")
    for key in keys if list_type == "map" else ():
        known = items.get("properties", {}).get(key)
        if known is None:
            continue
        at, so = f"{path}.items.properties[{key}]", f"this property is in {LIST_KEYS}, so it"
        if key not in items.get("required", ()) and known.get("default") is None:
            errors.required(f"{at}.default", f"{so} must have a default or be a required property")
        if known.get("nullable"):
            errors.forbidden(f"{at}.nullable", f"{so} cannot be nullable")
