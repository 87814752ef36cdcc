"""Defaults of the group without a name: the table, and the kinds that need a few lines only."""

from __future__ import annotations

from typing import Any

from minikube_edu.api.defaults import Defaulter, services, volumes, workloads

Object = dict[str, Any]

NAMESPACE_LABEL = "kubernetes.io/metadata.name"


def _secret(obj: Object) -> None:
    """What is given as text becomes data: `stringData` is never stored."""
    text = obj.pop("stringData", None)
    if text:
        from base64 import b64encode

        data = obj.setdefault("data", {})
        for key, value in text.items():
            data[key] = b64encode(value.encode("utf-8", "surrogatepass")).decode()
    obj.setdefault("type", "Opaque")


def _endpoints(obj: Object) -> None:
    for subset in obj.get("subsets", ()):
        for port in subset.get("ports", ()):
            port.setdefault("protocol", "TCP")


def _namespace(obj: Object) -> None:
    name = obj["metadata"].get("name")
    if name:  # one with generateName is labelled when it has its name
        obj["metadata"].setdefault("labels", {})[NAMESPACE_LABEL] = name
    obj.setdefault("status", {}).setdefault("phase", "Active")


def _node(obj: Object) -> None:
    status = obj.setdefault("status", {})
    if "allocatable" not in status and "capacity" in status:
        status["allocatable"] = dict(status["capacity"])
    volumes.resource_list(status, "capacity", "allocatable")


def _resource_quota(obj: Object) -> None:
    volumes.resource_list(obj.get("spec", {}), "hard")
    volumes.resource_list(obj.get("status", {}), "hard", "used")


def _limit_range(obj: Object) -> None:
    for item in obj.get("spec", {}).get("limits") or ():
        if item.get("type") == "Container":
            _container_limits(item)
        volumes.resource_list(item, "max", "min", "default", "defaultRequest", "maxLimitRequestRatio")


def _container_limits(item: Object) -> None:
    """The default limit is the maximum, the default request the limit, or else the minimum."""
    limits = {**item.get("max", {}), **item.get("default", {})}
    requests = {**item.get("min", {}), **limits, **item.get("defaultRequest", {})}
    for field, values in (("default", limits), ("defaultRequest", requests)):
        if values:
            item[field] = values


DEFAULTS: dict[tuple[str, str], Defaulter] = {
    **workloads.DEFAULTS,
    ("v1", "Service"): services.service,
    ("v1", "Secret"): _secret,
    ("v1", "Endpoints"): _endpoints,
    ("v1", "Namespace"): _namespace,
    ("v1", "Node"): _node,
    ("v1", "PersistentVolume"): volumes.persistent_volume,
    ("v1", "PersistentVolumeClaim"): volumes.persistent_volume_claim,
    ("v1", "ResourceQuota"): _resource_quota,
    ("v1", "LimitRange"): _limit_range,
}
