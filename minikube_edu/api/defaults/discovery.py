"""Defaults of discovery.k8s.io."""

from __future__ import annotations

from typing import Any

from minikube_edu.api.defaults import Defaulter

Object = dict[str, Any]


def _endpoint_slice(obj: Object) -> None:
    for port in obj.get("ports") or ():
        port.setdefault("name", "")
        port.setdefault("protocol", "TCP")


DEFAULTS: dict[tuple[str, str], Defaulter] = {("v1", "EndpointSlice"): _endpoint_slice}
