"""Rows of groups that have one kind with a table of its own."""

from __future__ import annotations

from typing import Any

from minikube_edu.api.tables.ages import age
from minikube_edu.api.tables.cells import UNSET, condition, cut_short

Object = dict[str, Any]


def api_service(obj: Object) -> list[Any]:
    service = (obj.get("spec") or {}).get("service")
    found = condition(obj, "Available")
    text = "Unknown"
    if found is not None:
        text = found.get("status", "")
        if text != "True" and found.get("reason"):
            text = f"{text} ({found['reason']})"
    place = "Local" if service is None else f"{service.get('namespace', '')}/{service.get('name', '')}"
    return [obj["metadata"]["name"], place, text, age(obj)]


def disruption_budget(obj: Object) -> list[Any]:
    spec = obj.get("spec") or {}
    bounds = [str(spec[name]) if name in spec else "N/A" for name in ("minAvailable", "maxUnavailable")]
    return [obj["metadata"]["name"], *bounds, (obj.get("status") or {}).get("disruptionsAllowed", 0), age(obj)]


def endpoint_slice(obj: Object) -> list[Any]:
    ports = [str(port["port"]) if "port" in port else port.get("name", "*") for port in obj.get("ports") or ()]
    found = [address for endpoint in obj.get("endpoints") or () for address in endpoint.get("addresses") or ()]
    return [
        obj["metadata"]["name"], obj.get("addressType", ""), cut_short(ports, 3, len(ports), UNSET),
        cut_short(found, 3, len(found), UNSET), age(obj),
    ]  # fmt: skip


def lease(obj: Object) -> list[Any]:
    return [obj["metadata"]["name"], (obj.get("spec") or {}).get("holderIdentity", ""), age(obj)]


def priority_class(obj: Object) -> list[Any]:
    return [
        obj["metadata"]["name"], obj.get("value", 0), obj.get("globalDefault", False), age(obj),
        obj.get("preemptionPolicy", ""),
    ]  # fmt: skip


def runtime_class(obj: Object) -> list[Any]:
    return [obj["metadata"]["name"], obj.get("handler", ""), age(obj)]


PRINTERS = {
    "APIService": api_service,
    "EndpointSlice": endpoint_slice,
    "Lease": lease,
    "PodDisruptionBudget": disruption_budget,
    "PriorityClass": priority_class,
    "RuntimeClass": runtime_class,
}
