"""Defaults of requests for tokens."""

from __future__ import annotations

from minikube_edu.api.defaults import Defaulter, Object


def token_request(obj: Object) -> None:
    if obj["spec"].get("expirationSeconds") is None:
        obj["spec"]["expirationSeconds"] = 3600


DEFAULTS: dict[tuple[str, str], Defaulter] = {("v1", "TokenRequest"): token_request}
