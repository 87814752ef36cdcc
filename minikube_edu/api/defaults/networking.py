"""Defaults of networking.k8s.io."""

from __future__ import annotations

from typing import Any

from minikube_edu.api.defaults import Defaulter

Object = dict[str, Any]


def _network_policy(obj: Object) -> None:
    spec = obj["spec"]
    for rule in [*spec.get("ingress", ()), *spec.get("egress", ())]:
        for port in rule.get("ports", ()):
            port.setdefault("protocol", "TCP")
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]


def _ingress_class(obj: Object) -> None:
    parameters = obj["spec"].get("parameters")
    if parameters is not None:
        parameters["scope"] = "Cluster" if parameters.get("scope") is None else parameters["scope"]


DEFAULTS: dict[tuple[str, str], Defaulter] = {
    ("v1", "NetworkPolicy"): _network_policy,
    ("v1", "IngressClass"): _ingress_class,
}
