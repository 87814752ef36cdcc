"""--overrides: a patch of what a command has generated, before it is sent."""

from __future__ import annotations

from typing import Any

import orjson

from minikube_edu.kubectl.command import Call
from minikube_edu.kubectl.failures import CommandError
from minikube_edu.kubectl.flags import Flag

Object = dict[str, Any]

FLAGS = (
    Flag(
        "override-type",
        default="merge",
        help="The method used to override the generated object: json, merge, or strategic.",
    ),
    Flag("overrides", help="An inline JSON override for the generated object."),
)


def apply(call: Call, obj: Object, type_name: str) -> Object:
    from minikube_edu.lib import jsonpatch

    text = call.flags["overrides"]
    if not text:
        return obj
    kind = call.flags["override-type"] or "merge"
    if kind not in ("json", "merge", "strategic"):
        raise CommandError(f"invalid override type: {kind}")
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        value = _yaml(text)
    if kind == "json":
        found: Object = jsonpatch.apply_json_patch(obj, jsonpatch.decode_operations(value))
        return found
    if not isinstance(value, dict):
        raise CommandError("Invalid JSON Patch")
    if kind == "strategic":
        from minikube_edu.api import strategic_merge

        return strategic_merge.apply(obj, value, type_name)
    merged: Object = jsonpatch.apply_merge_patch(obj, value)
    return merged


def _yaml(text: str) -> Any:
    from minikube_edu.api.wire import yaml_form

    try:
        found = yaml_form.parse(text.encode())
    except yaml_form.YamlError:
        raise CommandError("Invalid JSON Patch") from None
    if not isinstance(found, dict | list):
        raise CommandError("Invalid JSON Patch")
    return found
