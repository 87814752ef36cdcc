"""The annotation in which `kubectl apply` keeps what it was given last: the third side of its merge."""

from __future__ import annotations

from typing import Any

import orjson

from minikube_edu.api.output.json_out import html_escaped

Object = dict[str, Any]

ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"


def encoded(obj: Object, *, in_order: bool = False) -> str:
    """As Go encodes it: HTML's characters escaped, a line end behind it; keys sorted, unless it was typed."""
    raw = orjson.dumps(obj, option=0 if in_order else orjson.OPT_SORT_KEYS).decode()
    return html_escaped(raw) + "\n"


def original(obj: Object) -> str | None:
    found: str | None = ((obj.get("metadata") or {}).get("annotations") or {}).get(ANNOTATION)
    return found


def without(obj: Object) -> Object:
    """The object without the annotation. Without others an empty map is left, as Go leaves one."""
    metadata = dict(obj.get("metadata") or {})
    annotations = dict(metadata.get("annotations") or {})
    annotations.pop(ANNOTATION, None)
    metadata["annotations"] = annotations
    return {**obj, "metadata": metadata}


def modified(obj: Object) -> Object:
    """The object with its own configuration inside."""
    plain = without(obj)
    annotations = {**plain["metadata"]["annotations"], ANNOTATION: encoded(plain)}
    return {**plain, "metadata": {**plain["metadata"], "annotations": annotations}}


def typed(obj: Object) -> Object:
    """For objects made by kubectl itself (--save-config): no empty map of annotations, fields in their types' order."""
    metadata = dict(obj["metadata"])
    annotations = {**(metadata.get("annotations") or {}), ANNOTATION: encoded(obj, in_order=True)}
    return {**obj, "metadata": {**metadata, "annotations": annotations}}
