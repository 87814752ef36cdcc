"""The history of a StatefulSet or DaemonSet: ControllerRevisions, each with a template that was once the present one.

The data is a patch that sets the template. Its name ends with a hash of that data, so that the same template finds its
old revision again; a rollback gives it a new number. Hash and encoding are the real ones: FNV-1 over JSON as Go writes
it, in letters that spell no words.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import MERGE_PATCH, Client, Resource
from minikube_edu.kube_controller_manager.kinds import CONTROLLER_REVISIONS
from minikube_edu.kube_controller_manager.ownership import reference_to
from minikube_edu.lib.ids import ALPHABET

Object = dict[str, Any]

HASH_LABEL = "controller.kubernetes.io/hash"
LONGEST_PREFIX = 223
_ESCAPED = ((b"<", b"\\u003c"), (b">", b"\\u003e"), (b"&", b"\\u0026"))


def data_of(owner: Object) -> Object:
    """The patch that brings this template back."""
    return {"spec": {"template": {**owner["spec"]["template"], "$patch": "replace"}}}


def template_in(revision: Object) -> Object:
    template = revision["data"]["spec"]["template"]
    return {key: value for key, value in template.items() if key != "$patch"}


def hash_of(data: Object, collisions: int) -> str:
    encoded = orjson.dumps(data, option=orjson.OPT_SORT_KEYS)
    for plain, escaped in _ESCAPED:
        encoded = encoded.replace(plain, escaped)
    value = 0x811C9DC5
    for byte in encoded + str(collisions).encode():
        value = value * 0x01000193 & 0xFFFFFFFF ^ byte
    return "".join(ALPHABET[ord(digit) % len(ALPHABET)] for digit in str(value))


def new(owner: Object, resource: Resource, number: int, collisions: int, label: str = HASH_LABEL) -> Object:
    data = data_of(owner)
    hashed = hash_of(data, collisions)
    template_labels = (owner["spec"]["template"].get("metadata") or {}).get("labels") or {}
    metadata: Object = {
        "name": f"{owner['metadata']['name'][:LONGEST_PREFIX]}-{hashed}",
        "namespace": owner["metadata"]["namespace"],
        "labels": {**template_labels, label: hashed},
        "ownerReferences": [reference_to(owner, resource)],
    }
    if owner["metadata"].get("annotations"):
        metadata["annotations"] = owner["metadata"]["annotations"]
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": metadata,
        "data": data,
        "revision": number,
    }


def ordered(revisions: Iterable[Object]) -> list[Object]:
    """From old to new."""
    return sorted(
        revisions,
        key=lambda one: (one.get("revision", 0), one["metadata"]["creationTimestamp"], one["metadata"]["name"]),
    )


def next_number(revisions: list[Object]) -> int:
    return int(revisions[-1].get("revision", 0)) + 1 if revisions else 1


async def create(client: Client, owner: Object, resource: Resource, number: int, collisions: int, label: str) -> Object:
    """A name that a stranger has already is avoided by counting the collision; the count is in the owner's status."""
    body = new(owner, resource, number, collisions, label)
    try:
        return await client.create(CONTROLLER_REVISIONS, body)
    except ApiError as error:
        if not error.already_exists:
            raise
        metadata = body["metadata"]
        found = await client.get(CONTROLLER_REVISIONS, metadata["name"], metadata["namespace"])
        if found.get("data") == body["data"]:
            return found
        status = {**(owner.get("status") or {}), "collisionCount": collisions + 1}
        await client.update(resource, {**owner, "status": status}, subresource="status")
        raise


async def renumber(client: Client, revision: Object, number: int) -> Object:
    metadata = revision["metadata"]
    body = {"revision": number}
    return await client.patch(CONTROLLER_REVISIONS, metadata["name"], body, metadata["namespace"], kind=MERGE_PATCH)


async def truncate(client: Client, revisions: list[Object], live: set[str], limit: int) -> None:
    """Of those that no pod needs, the oldest beyond the limit go."""
    history = [one for one in revisions if one["metadata"]["name"] not in live]
    for one in history[: max(len(history) - limit, 0)]:
        try:
            await client.delete(CONTROLLER_REVISIONS, one["metadata"]["name"], one["metadata"]["namespace"])
        except ApiError as error:
            if error.code != 404:
                raise
