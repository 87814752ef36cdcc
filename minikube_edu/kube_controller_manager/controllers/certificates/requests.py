"""A certificate signing request, read: what it says of itself and what is said about it."""

from __future__ import annotations

import base64

from minikube_edu.kube_controller_manager.controller import Object
from minikube_edu.lib import clock

Condition = dict[str, str]

PREFIX = "kubernetes.io/"
KUBELET_CLIENT = PREFIX + "kube-apiserver-client-kubelet"
KUBELET_SERVING = PREFIX + "kubelet-serving"
CLIENT = PREFIX + "kube-apiserver-client"
LEGACY = PREFIX + "legacy-unknown"


def pem_of(csr: Object) -> bytes:
    return base64.b64decode(csr["spec"]["request"])


def condition_of(csr: Object, kind: str) -> Condition | None:
    for condition in csr.get("status", {}).get("conditions", []):
        if condition["type"] == kind:
            found: Condition = condition
            return found
    return None


def certificate_of(csr: Object) -> bytes:
    return base64.b64decode(csr.get("status", {}).get("certificate") or "")


def with_condition(csr: Object, kind: str, reason: str, message: str) -> Object:
    now = clock.rfc3339()
    added = {
        "type": kind,
        "status": "True",
        "reason": reason,
        "message": message,
        "lastUpdateTime": now,
        "lastTransitionTime": now,
    }
    status = csr.get("status", {})
    return {**csr, "status": {**status, "conditions": [*status.get("conditions", []), added]}}


def kubelet_problem(csr: Object, organizations: tuple[str, ...], common_name: str) -> str:
    """What both kinds of kubelet certificates must say."""
    if organizations != ("system:nodes",):
        return "subject organization is not system:nodes"
    if not common_name.startswith("system:node:"):
        return "subject common name does not begin with system:node: "
    return ""


def usages_problem(csr: Object, needed: str) -> str:
    """Digital signature and key encipherment may be asked for beside the one that is needed."""
    asked = set(csr["spec"].get("usages", []))
    allowed = {needed, "digital signature", "key encipherment"}
    if needed not in asked or not asked <= allowed:
        quoted = ", ".join(f'"{name}"' for name in ("key encipherment", "digital signature", needed))
        return f"usages did not match [{quoted}]"
    return ""
