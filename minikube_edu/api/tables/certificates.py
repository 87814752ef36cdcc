"""Rows of certificate signing requests."""

from __future__ import annotations

from typing import Any

from minikube_edu.api.tables.ages import age, human_duration
from minikube_edu.api.tables.cells import NONE, condition

Object = dict[str, Any]


def signing_request(obj: Object) -> list[Any]:
    spec = obj.get("spec") or {}
    seconds = spec.get("expirationSeconds")
    words = ["Denied" if condition(obj, "Denied") else "Approved" if condition(obj, "Approved") else "Pending"]
    if condition(obj, "Failed"):
        words.append("Failed")
    if (obj.get("status") or {}).get("certificate"):
        words.append("Issued")
    return [
        obj["metadata"]["name"], age(obj), spec.get("signerName") or NONE, spec.get("username", ""),
        NONE if seconds is None else human_duration(seconds), ",".join(words),
    ]  # fmt: skip


PRINTERS = {"CertificateSigningRequest": signing_request}
