"""Defaults of API services."""

from __future__ import annotations

from minikube_edu.api.defaults import Defaulter, Object


def api_service(obj: Object) -> None:
    if (service := obj["spec"].get("service")) is not None:
        service.setdefault("port", 443)


DEFAULTS: dict[tuple[str, str], Defaulter] = {("v1", "APIService"): api_service}
