"""Rows of ingresses, policies and addresses."""

from __future__ import annotations

from typing import Any

from minikube_edu.api.tables.ages import age
from minikube_edu.api.tables.cells import NONE, addresses, selector

Object = dict[str, Any]


def ingress(obj: Object) -> list[Any]:
    spec = obj["spec"]
    return [
        obj["metadata"]["name"], spec.get("ingressClassName", NONE), _hosts(spec.get("rules") or []),
        addresses(obj.get("status") or {}), "80, 443" if spec.get("tls") else "80", age(obj),
    ]  # fmt: skip


def _hosts(rules: list[Object]) -> str:
    """The first three hosts; rules without one are passed over, yet counted."""
    found: list[str] = []
    more = False
    for rule in rules:
        more = more or len(found) == 3
        if not more and rule.get("host"):
            found.append(rule["host"])
    text = ",".join(found) or "*"
    return f"{text} + {len(rules) - 3} more..." if more else text


def ingress_class(obj: Object) -> list[Any]:
    spec = obj.get("spec") or {}
    parameters = spec.get("parameters")
    text = NONE
    if parameters is not None:
        group = f".{parameters['apiGroup']}" if "apiGroup" in parameters else ""
        text = f"{parameters.get('kind', '')}{group}/{parameters.get('name', '')}"
    return [obj["metadata"]["name"], spec.get("controller", ""), text, age(obj)]


def network_policy(obj: Object) -> list[Any]:
    return [obj["metadata"]["name"], selector((obj.get("spec") or {}).get("podSelector") or {}), age(obj)]


def ip_address(obj: Object) -> list[Any]:
    parent = (obj.get("spec") or {}).get("parentRef")
    text = NONE
    if parent is not None:
        resource, group = parent.get("resource", ""), parent.get("group", "")
        place = [f"{resource}.{group}".lower() if group else resource.lower()]
        place += [parent["namespace"]] if parent.get("namespace") else []
        text = "/".join([*place, parent.get("name", "")])
    return [obj["metadata"]["name"], text, age(obj)]


def service_cidr(obj: Object) -> list[Any]:
    return [obj["metadata"]["name"], ",".join((obj.get("spec") or {}).get("cidrs") or ()), age(obj)]


PRINTERS = {
    "IPAddress": ip_address,
    "Ingress": ingress,
    "IngressClass": ingress_class,
    "NetworkPolicy": network_policy,
    "ServiceCIDR": service_cidr,
}
