"""Writing statuses: only when something has changed, and conditions with their times."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minikube_edu.client.rest import Client, Resource
from minikube_edu.lib import clock

Object = dict[str, Any]


def without_zeros(status: Object, keep: Iterable[str] = ()) -> Object:
    """As the server shows it: numbers that are zero and empty lists are left out, but for those in `keep`."""
    return {key: value for key, value in status.items() if value or key in keep}


def same(a: Object | None, b: Object | None) -> bool:
    """Zeros count as absent."""
    return without_zeros(a or {}) == without_zeros(b or {})


async def write_status(client: Client, resource: Resource, obj: Object, status: Object) -> Object:
    """The object with its new status; nothing is sent when it has it already."""
    if same(obj.get("status"), status):
        return obj
    return await client.update(resource, {**obj, "status": status}, subresource="status")


def find(conditions: Iterable[Object], kind: str) -> Object | None:
    return next((condition for condition in conditions if condition["type"] == kind), None)


def without(conditions: Iterable[Object], kind: str) -> list[Object]:
    return [condition for condition in conditions if condition["type"] != kind]


def condition(kind: str, status: str, reason: str, message: str) -> Object:
    return {
        "type": kind,
        "status": status,
        "lastTransitionTime": clock.rfc3339(),
        "reason": reason,
        "message": message,
    }
