"""The patch of `kubectl apply`: from what was applied last, what shall be, and what is there.

Kinds that we know the types of are merged strategically, all others (custom resources) as JSON.
"""

from __future__ import annotations

from typing import Any

import orjson

from minikube_edu.client.rest import MERGE_PATCH, STRATEGIC_PATCH, Resource
from minikube_edu.kubectl import last_applied
from minikube_edu.kubectl.failures import CommandError
from minikube_edu.lib.jsonpatch import apply_merge_patch

Object = dict[str, Any]


def type_of(resource: Resource) -> str:
    """The name of its type among the schema facts; "" for a kind that is not built in."""
    from minikube_edu.api import schema

    return schema.type_of(resource.group, resource.version, resource.kind) or ""


def three_way(resource: Resource, modified: Object, current: Object, overwrite: bool = True) -> tuple[Object, str]:
    """(patch, its media type); an empty patch when all is as it shall be."""
    text = last_applied.original(current)
    original: Object = orjson.loads(text) if text else {}
    of_type = type_of(resource)
    if not of_type:
        return merge_patch(original, modified, current), MERGE_PATCH
    from minikube_edu.api import strategic_diff

    try:
        return (
            strategic_diff.create_three_way_patch(original, modified, current, of_type, overwrite=overwrite),
            STRATEGIC_PATCH,
        )
    except strategic_diff.Conflict as error:
        raise CommandError(str(error)) from None


def merge_patch(original: Object, modified: Object, current: Object) -> Object:
    """Changes and additions against what is there, deletions against what was applied last."""
    patch: Object = {}
    for key, value in modified.items():
        there = current.get(key)
        if isinstance(value, dict) and isinstance(there, dict):
            before = original.get(key)
            below = merge_patch(before if isinstance(before, dict) else {}, value, there)
            if below:
                patch[key] = below
        elif key not in current or value != there:
            patch[key] = value
    patch |= {key: None for key in original if key not in modified and key in current}
    return patch


def two_way(resource: Resource, before: Object, after: Object) -> tuple[Object, str]:
    of_type = type_of(resource)
    if of_type:
        from minikube_edu.api import strategic_diff

        return strategic_diff.create_two_way_patch(before, after, of_type), STRATEGIC_PATCH
    from minikube_edu.lib.jsonpatch import create_merge_patch

    return create_merge_patch(before, after), MERGE_PATCH


def patched(resource: Resource, current: Object, patch: Object, kind: str) -> Object:
    """The object after the patch, worked out here."""
    if kind == STRATEGIC_PATCH:
        from minikube_edu.api import strategic_merge

        return strategic_merge.apply(current, patch, type_of(resource))
    found: Object = apply_merge_patch(current, patch)
    return found
