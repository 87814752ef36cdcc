"""Definitions of custom resources in the server's internal form, which its messages show and its paths speak of.

Where all versions say the same (as a single version does), the internal form says it once, beside the versions: an
error in the schema of the only version is told of `spec.validation`, not of `spec.versions[0].schema`. `places` tells
what was moved.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from minikube_edu.api.validation import Object

# JSON name -> Go name, in Go's order
_PROPS = {
    "id": "ID", "$schema": "Schema", "$ref": "Ref", "description": "Description", "type": "Type",
    "nullable": "Nullable", "format": "Format", "title": "Title", "default": "Default", "maximum": "Maximum",
    "exclusiveMaximum": "ExclusiveMaximum", "minimum": "Minimum", "exclusiveMinimum": "ExclusiveMinimum",
    "maxLength": "MaxLength", "minLength": "MinLength", "pattern": "Pattern", "maxItems": "MaxItems",
    "minItems": "MinItems", "uniqueItems": "UniqueItems", "multipleOf": "MultipleOf", "enum": "Enum",
    "maxProperties": "MaxProperties", "minProperties": "MinProperties", "required": "Required", "items": "Items",
    "allOf": "AllOf", "oneOf": "OneOf", "anyOf": "AnyOf", "not": "Not", "properties": "Properties",
    "additionalProperties": "AdditionalProperties", "patternProperties": "PatternProperties",
    "dependencies": "Dependencies", "additionalItems": "AdditionalItems", "definitions": "Definitions",
    "externalDocs": "ExternalDocs", "example": "Example",
    "x-kubernetes-preserve-unknown-fields": "XPreserveUnknownFields",
    "x-kubernetes-embedded-resource": "XEmbeddedResource", "x-kubernetes-int-or-string": "XIntOrString",
    "x-kubernetes-list-map-keys": "XListMapKeys", "x-kubernetes-list-type": "XListType",
    "x-kubernetes-map-type": "XMapType", "x-kubernetes-validations": "XValidations",
}  # fmt: skip
_TEXTS = ("id", "$schema", "description", "type", "format", "title", "pattern")
_FLAGS = (
    "nullable", "exclusiveMaximum", "exclusiveMinimum", "uniqueItems", "x-kubernetes-embedded-resource",
    "x-kubernetes-int-or-string",
)  # fmt: skip
SHARED = ("schema", "subresources", "additionalPrinterColumns", "selectableFields")
_TOP = {"schema": "validation"}


class Places(NamedTuple):
    """Which parts are the same in all versions, and so have moved to the spec."""

    shared: dict[str, Any]  # of SHARED, what is said once
    own: list[dict[str, Any]]  # of each version, what is left

    def top(self, part: str) -> str:
        return f"spec.{_TOP.get(part, part)}"


def places(spec: Object) -> Places:
    versions = spec.get("versions") or []
    shared = {}
    for part in SHARED:
        values = [version.get(part) for version in versions]
        if values and all(value == values[0] for value in values):
            shared[part] = values[0]
    own = [{part: version.get(part) for part in SHARED if part not in shared} for version in versions]
    return Places(shared, own)


def shown_versions(spec: Object, found: Places) -> list[Object]:
    return [
        {
            "Name": version["name"],
            "Served": version["served"],
            "Storage": version["storage"],
            "Deprecated": version.get("deprecated", False),
            "DeprecationWarning": version.get("deprecationWarning"),
            "Schema": _schema(own.get("schema")),
            "Subresources": own.get("subresources"),
            "AdditionalPrinterColumns": own.get("additionalPrinterColumns"),
            "SelectableFields": own.get("selectableFields"),
        }
        for version, own in zip(spec.get("versions") or [], found.own, strict=True)
    ]


def _schema(validation: Object | None) -> Object | None:
    return None if validation is None else {"OpenAPIV3Schema": shown_props(validation.get("openAPIV3Schema"))}


def shown_props(props: Object | None) -> Object | None:
    if props is None:
        return None
    return {go: _value(name, props.get(name)) for name, go in _PROPS.items()}


def _value(name: str, value: Any) -> Any:
    if name in _TEXTS:
        return value or ""
    if name in _FLAGS:
        return bool(value)
    if value is None:
        return None
    if name in ("properties", "patternProperties", "definitions"):
        return {key: shown_props(value[key]) for key in sorted(value)}
    if name in ("allOf", "anyOf", "oneOf"):
        return [shown_props(each) for each in value]
    if name == "not":
        return shown_props(value)
    if name == "items":
        return {"Schema": shown_props(value) if isinstance(value, dict) else None, "JSONSchemas": None}
    if name in ("additionalProperties", "additionalItems"):
        return {"Allows": value is not False, "Schema": shown_props(value) if isinstance(value, dict) else None}
    if name == "x-kubernetes-validations":
        return [shown_rule(rule) for rule in value]
    return value


def shown_rule(rule: Object) -> Object:
    return {
        "Rule": rule.get("rule", ""),
        "Message": rule.get("message", ""),
        "MessageExpression": rule.get("messageExpression", ""),
        "Reason": rule.get("reason"),
        "FieldPath": rule.get("fieldPath", ""),
        "OptionalOldSelf": rule.get("optionalOldSelf"),
    }
