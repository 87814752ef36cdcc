"""Validation of the group without a name: the table, and the kinds that have next to no rules."""

from __future__ import annotations

from typing import Any

from minikube_edu.api import names
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation import (
    Validator,
    configmaps,
    endpoints,
    event_rules,
    limit_ranges,
    namespaces,
    nodes,
    persistent_volume_claims,
    persistent_volumes,
    quotas,
    secret,
    services,
    workloads,
)

Object = dict[str, Any]

MOUNTABLE_SECRETS = "kubernetes.io/enforce-mountable-secrets"


def _account_warnings(new: Object, old: Object | None) -> list[str]:
    if MOUNTABLE_SECRETS not in new["metadata"].get("annotations", {}):
        return []
    if old is not None and MOUNTABLE_SECRETS in old["metadata"].get("annotations", {}):
        return []
    return [
        f"metadata.annotations[{MOUNTABLE_SECRETS}]: deprecated in v1.32+; prefer separate namespaces to isolate "
        "access to mounted secrets"
    ]


def binding(obj: Object, errors: Errors) -> None:
    """A Binding, of a pod to a node. (The real server wraps these errors into a 500.)"""
    target = obj.get("target", {})
    if target.get("kind") not in (None, "", "Node"):
        errors.not_supported("target.kind", target["kind"], ["Node", "<empty>"])
    if not target.get("name"):
        errors.required("target.name")


VALIDATORS: dict[str, Validator] = {
    **workloads.VALIDATORS,
    "Binding": Validator(create=binding),
    "ConfigMap": configmaps.VALIDATOR,
    "Endpoints": endpoints.VALIDATOR,
    "Event": event_rules.VALIDATOR,
    "LimitRange": limit_ranges.VALIDATOR,
    "Namespace": namespaces.VALIDATOR,
    "Node": nodes.VALIDATOR,
    "PersistentVolume": persistent_volumes.VALIDATOR,
    "PersistentVolumeClaim": persistent_volume_claims.VALIDATOR,
    "ResourceQuota": quotas.VALIDATOR,
    "Secret": secret.VALIDATOR,
    # All else about a Service is judged when it has its addresses, by its strategy.
    "Service": Validator(name=names.dns1123_label, subresources=(("status", services.status_update),)),
    "ServiceAccount": Validator(warnings=_account_warnings),
}
