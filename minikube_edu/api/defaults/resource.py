"""Defaults of dynamic resource allocation: one device of exactly what was asked for."""

from __future__ import annotations

from minikube_edu.api.defaults import Defaulter, Object


def _request(request: Object) -> None:
    request["allocationMode"] = request.get("allocationMode") or "ExactCount"
    if request["allocationMode"] == "ExactCount" and not request.get("count"):
        request["count"] = 1
    for toleration in request.get("tolerations", ()):
        toleration["operator"] = toleration.get("operator") or "Equal"


def _spec(spec: Object) -> None:
    for request in spec["devices"].get("requests") or ():
        if (exactly := request.get("exactly")) is not None:
            _request(exactly)
        for alternative in request.get("firstAvailable", ()):
            _request(alternative)


def claim(obj: Object) -> None:
    _spec(obj["spec"])


def template(obj: Object) -> None:
    _spec(obj["spec"]["spec"])


DEFAULTS: dict[tuple[str, str], Defaulter] = {
    ("v1", "ResourceClaim"): claim,
    ("v1", "ResourceClaimTemplate"): template,
}
