"""The order of the output: what others need comes first (namespaces, definitions, accounts, …), webhooks last."""

from __future__ import annotations

from typing import Any

from minikube_edu.kubectl.kustomize.resource import Resource

Object = dict[str, Any]

FIRST = (
    "Namespace", "ResourceQuota", "StorageClass", "CustomResourceDefinition", "ServiceAccount", "PodSecurityPolicy",
    "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding", "ConfigMap", "Secret", "Endpoints", "Service",
    "LimitRange", "PriorityClass", "PersistentVolume", "PersistentVolumeClaim", "Deployment", "StatefulSet", "CronJob",
    "PodDisruptionBudget",
)  # fmt: skip
LAST = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")


def arranged(items: list[Resource], options: Object | None) -> list[Resource]:
    """`options` is the file's sortOptions; kubectl's habit without them is the old order."""
    order = (options or {}).get("order") or "legacy"
    if order not in ("fifo", "legacy"):
        raise ValueError("the field 'sortOptions.order' must be one of [fifo, legacy]")
    if order == "fifo":
        return items
    legacy = (options or {}).get("legacySortOptions") or {}
    first = tuple(legacy.get("orderFirst") or ()) if legacy else FIRST
    last = tuple(legacy.get("orderLast") or ()) if legacy else LAST
    ranks = {kind: index - len(first) for index, kind in enumerate(first)}
    ranks |= {kind: index + 1 for index, kind in enumerate(last)}

    def key(one: Resource) -> tuple[int, str, str]:
        mine = one.id
        type_ = f"{mine.group or '~G'}_{mine.version or '~V'}_{mine.kind or '~K'}"
        return ranks.get(mine.kind, 0), type_, f"{mine.namespace or '~X'}|{mine.name or '~N'}"

    return sorted(items, key=key)
