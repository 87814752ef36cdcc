"""`kubectl apply --server-side`: the server merges; here conflicts get their advice, and objects that were applied from
the client before are handed over to the server's book-keeping."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import APPLY_PATCH, JSON_PATCH
from minikube_edu.kubectl import last_applied
from minikube_edu.kubectl.failures import CommandError
from minikube_edu.kubectl.info import Info

if TYPE_CHECKING:
    from minikube_edu.kubectl.commands.apply import Applier

Object = dict[str, Any]

CLIENT_SIDE = "kubectl-client-side-apply"
KEEPER = "kubectl-last-applied"


async def apply(applier: Applier, info: Info) -> None:
    from minikube_edu.kubectl.commands.apply import CONFLICT

    flags, body = applier.call.flags, info.object

    async def send(obj: Object, **more: Any) -> Object:
        query: dict[str, Any] = {**applier.query(), "force": "true" if flags["force-conflicts"] else "false", **more}
        return await applier.call.factory.send(
            "PATCH", info.path(flags["subresource"]), obj, content_type=APPLY_PATCH, **query
        )

    try:
        found = await send(body)
    except ApiError as error:
        if error.conflict:
            raise CommandError(f"{error}{CONFLICT}") from None
        if error.code == 415:
            raise CommandError(f"Server-side apply not available on the server: ({error})") from None
        raise
    info.take(found)
    if applier.manager != "kubectl":
        return
    await _keep_annotation(applier, info, send)
    if applier.dry == "none" and await _migrate(applier, info):
        info.take(await send(body))


async def _keep_annotation(applier: Applier, info: Info, send: Any) -> None:
    """The annotation would go with its old manager: a manager of its own keeps it."""
    text = last_applied.original(info.object)
    if text is None or any(
        _owns_annotation(entry) and entry.get("operation") == "Apply" for entry in _entries(info.object)
    ):
        return
    only = {
        "apiVersion": info.object["apiVersion"],
        "kind": info.object["kind"],
        "metadata": {"name": info.name, "annotations": {last_applied.ANNOTATION: text}},
    }
    if info.namespace:
        only["metadata"]["namespace"] = info.namespace
    info.take(await send(only, fieldManager=KEEPER))


def _entries(obj: Object) -> list[Object]:
    return list((obj.get("metadata") or {}).get("managedFields") or ())


def _owns_annotation(entry: Object) -> bool:
    annotations = ((entry.get("fieldsV1") or {}).get("f:metadata") or {}).get("f:annotations") or {}
    return f"f:{last_applied.ANNOTATION}" in annotations


async def _migrate(applier: Applier, info: Info) -> bool:
    """Fields of the client-side manager become those of `kubectl`, so that applying can remove them again."""
    entries = _entries(info.object)
    olds = [
        one
        for one in entries
        if one.get("manager") == CLIENT_SIDE and one.get("operation") == "Update" and not one.get("subresource")
    ]
    if not olds:
        return False
    mine = next(
        (
            one
            for one in entries
            if one.get("manager") == "kubectl" and one.get("operation") == "Apply" and not one.get("subresource")
        ),
        None,
    )
    union = copy.deepcopy((mine or {}).get("fieldsV1") or {})
    for old in olds:
        fields = copy.deepcopy(old.get("fieldsV1") or {})
        annotations = (fields.get("f:metadata") or {}).get("f:annotations") or {}
        annotations.pop(f"f:{last_applied.ANNOTATION}", None)
        _join(union, fields)
    kept = [one for one in entries if one not in olds and one is not mine]
    base = mine or {**olds[0], "manager": "kubectl", "operation": "Apply"}
    patch = [
        {"op": "replace", "path": "/metadata/managedFields", "value": [*kept, {**base, "fieldsV1": union}]},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": info.object["metadata"]["resourceVersion"]},
    ]
    try:
        await applier.call.factory.send("PATCH", info.path(), patch, content_type=JSON_PATCH)
    except ApiError:
        return False
    return True


def _join(into: Object, other: Object) -> None:
    for key, value in other.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _join(into[key], value)
        else:
            into.setdefault(key, value)
