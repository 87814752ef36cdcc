"""Rows of dynamic resource allocation."""

from __future__ import annotations

from typing import Any

from minikube_edu.api.tables.ages import age

Object = dict[str, Any]


def named(obj: Object) -> list[Any]:
    return [obj["metadata"]["name"], age(obj)]


def claim(obj: Object) -> list[Any]:
    status = obj.get("status") or {}
    deleted = "deletionTimestamp" in obj["metadata"]
    states = ["deleted"] if deleted else []
    if "allocation" in status:
        states.append("allocated")
        if status.get("reservedFor"):
            states.append("reserved")
    elif not deleted:
        states.append("pending")
    return [obj["metadata"]["name"], ",".join(states), age(obj)]


def slice_of_node(obj: Object) -> list[Any]:
    spec = obj.get("spec") or {}
    pool = (spec.get("pool") or {}).get("name", "")
    return [obj["metadata"]["name"], spec.get("nodeName", ""), spec.get("driver", ""), pool, age(obj)]


PRINTERS = {
    "DeviceClass": named,
    "ResourceClaim": claim,
    "ResourceClaimTemplate": named,
    "ResourceSlice": slice_of_node,
}
