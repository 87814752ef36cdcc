"""v1beta3 as v1beta4: argument maps become lists, a timeout moves, the rest has stayed what it was."""

from __future__ import annotations

from typing import Any

from minikube_edu.kubeadm.config.defaults import API

Object = dict[str, Any]


def from_v1beta3(kind: str, document: Object) -> Object:
    found = {**document, "apiVersion": API}
    registration = found.get("nodeRegistration")
    if registration and registration.get("kubeletExtraArgs"):
        found["nodeRegistration"] = {**registration, "kubeletExtraArgs": _listed(registration["kubeletExtraArgs"])}
    if kind == "JoinConfiguration":
        discovery = dict(found.get("discovery") or {})
        patience = discovery.pop("timeout", None)
        if patience:
            found["timeouts"] = {"discovery": patience, "tlsBootstrap": patience}
        found["discovery"] = discovery
    if kind == "ClusterConfiguration":
        for name in ("apiServer", "controllerManager", "scheduler"):
            component = dict(found.get(name) or {})
            component.pop("timeoutForControlPlane", None)  # lives on in the machine's own timeouts, by default 4m
            if component.get("extraArgs"):
                component["extraArgs"] = _listed(component["extraArgs"])
            if name in found:
                found[name] = component
        etcd = dict(found.get("etcd") or {})
        if (etcd.get("local") or {}).get("extraArgs"):
            etcd["local"] = {**etcd["local"], "extraArgs": _listed(etcd["local"]["extraArgs"])}
            found["etcd"] = etcd
    return found


def _listed(given: Object) -> list[Object]:
    return [{"name": name, "value": str(value)} for name, value in sorted(given.items())]
