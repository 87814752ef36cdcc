"""Objects inside objects (`x-kubernetes-embedded-resource`): they must say what they are, and have sound metadata."""

from __future__ import annotations

from typing import Any

from minikube_edu.api import names, schema
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.scheme import split_api_version
from minikube_edu.api.structural import EMBEDDED, Object, child, items
from minikube_edu.api.structural.values import NOWHERE

OBJECT_META = "meta.v1.ObjectMeta"


def coerce(value: Any, shape: Object | None, path: str = "") -> list[str]:
    """Metadata of embedded objects in canonical form, without what it cannot be; returns paths of unknown fields."""
    unknown: list[str] = []
    if shape is None:
        return unknown
    if isinstance(value, dict):
        if shape.get(EMBEDDED) and isinstance(value.get("metadata"), dict):
            try:
                decoded = schema.decode(OBJECT_META, value["metadata"])
            except schema.DecodeError:
                pass
            else:
                value["metadata"] = decoded.object
                if not decoded.object.get("creationTimestamp"):
                    decoded.object.pop("creationTimestamp", None)
                unknown += [f"{path}.metadata.{name}".lstrip(".") for name in decoded.unknown]
        for name in value:
            unknown += coerce(value[name], child(shape, name), f"{path}.{name}".lstrip("."))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            unknown += coerce(item, items(shape), f"{path}[{index}]")
    return unknown


def check(value: Any, shape: Object | None, errors: Errors, path: str = "") -> None:
    if shape is None:
        return
    if isinstance(value, dict):
        if shape.get(EMBEDDED):
            _object(value, errors, path)
        for name in sorted(value):
            known = name in shape.get("properties", {})
            at = (f"{path}.{name}" if known else f"{path}[{name}]").lstrip(".")
            check(value[name], child(shape, name), errors, at)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            check(item, items(shape), errors, f"{path}[{index}]")


def _object(value: Object, errors: Errors, path: str) -> None:
    dot = f"{path}." if path and path != NOWHERE else ""
    for field in ("apiVersion", "kind"):
        if field not in value:
            errors.required(dot + field)
    for field in ("apiVersion", "kind"):
        if field not in value:
            continue
        text = value[field]
        if not isinstance(text, str):
            errors.invalid(dot + field, text, "must be a string")
        elif not text:
            errors.invalid(dot + field, text, "must not be empty")
        elif field == "apiVersion":
            try:
                split_api_version(text)
            except ValueError as error:
                errors.invalid(dot + field, text, str(error))
        elif problems := names.dns1035_label(text.lower()):
            what = "may have mixed case, but should otherwise match: " + ",".join(problems)
            errors.invalid(dot + field, text, what)
    if isinstance(value.get("metadata"), dict):
        _metadata(value["metadata"], errors, f"{dot}metadata")


def _metadata(metadata: Object, errors: Errors, path: str) -> None:
    from minikube_edu.api.validation.meta import validate_meta_create

    try:
        decoded = schema.decode(OBJECT_META, metadata).object
    except schema.DecodeError as error:
        errors.invalid(path, metadata, str(error))
        return
    found = Errors()
    named = {"name": "fakename", **decoded}
    validate_meta_create({"metadata": named}, bool(decoded.get("namespace")), names.path_segment, found)
    for problem in found:
        problem.field = path + problem.field.removeprefix("metadata")
        errors.append(problem)
