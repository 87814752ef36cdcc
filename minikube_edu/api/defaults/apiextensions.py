"""Defaults of CustomResourceDefinitions; schemas inside schemas are brought into canonical form here.

`items` and `additionalProperties` may be a schema or something else (a list, a boolean), so that the type facts leave
them alone.
"""

from __future__ import annotations

from typing import Any

from minikube_edu.api import schema
from minikube_edu.api.defaults import Defaulter, Object
from minikube_edu.api.structural import walk

_PROPS = "=apiextensions.v1.JSONSchemaProps"


def definition(obj: Object) -> None:
    spec = obj["spec"]
    names = spec["names"]
    if not names.get("singular"):
        names["singular"] = names.get("kind", "").lower()
    if not names.get("listKind") and names.get("kind"):
        names["listKind"] = names["kind"] + "List"
    conversion = spec.setdefault("conversion", {"strategy": "None"})
    service = ((conversion.get("webhook") or {}).get("clientConfig") or {}).get("service")
    if service is not None:
        service.setdefault("port", 443)
    status = obj.setdefault("status", {})
    if not status.get("storedVersions"):
        stored = [version["name"] for version in spec.get("versions") or () if version.get("storage")]
        if stored:
            status["storedVersions"] = stored[:1]
    for version in spec.get("versions") or ():
        if (root := (version.get("schema") or {}).get("openAPIV3Schema")) is not None:
            for each in walk(root):
                _canonical(each)


def _canonical(each: Object) -> None:
    for field in ("items", "additionalProperties", "additionalItems"):
        value = each.get(field)
        if isinstance(value, dict):
            each[field] = _props(value)
        elif isinstance(value, list) and field == "items":
            each[field] = [_props(item) for item in value]
        elif value is not None and not (isinstance(value, bool) and field != "items"):
            del each[field]


def _props(value: Any) -> Object:
    """A schema inside a schema; one that is none at all is empty, so that validation misses its type."""
    try:
        found: Object = schema.normalizer(_PROPS)(value)
    except schema.Mismatch:
        return {}
    return found


DEFAULTS: dict[tuple[str, str], Defaulter] = {("v1", "CustomResourceDefinition"): definition}
