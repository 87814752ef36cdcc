"""kubectl describe: an object, what hangs on it, and its events, for people to read.

One module a group of kinds; each describer writes on a `Page`. The layout is the real one's to the byte (v1.36: its
pages changed with v1.37). Kinds without a describer, and all custom ones, are shown field by field.

    text = await describe(client, obj)
"""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable
from typing import Any

from minikube_edu.kubectl.describe.page import Object, Page

Describer = Callable[[Page, Object, Any], Awaitable[None]]

# (group, kind) -> module and function; a module is imported when its kind is asked for
_DESCRIBERS: dict[tuple[str, str], str] = {
    ("", "Pod"): "pods.pod",
    ("", "ReplicationController"): "workloads.replication_controller",
    ("", "Secret"): "config.secret",
    ("", "Service"): "services.service",
    ("", "ServiceAccount"): "config.service_account",
    ("", "Node"): "nodes.node",
    ("", "LimitRange"): "policies.limit_range",
    ("", "ResourceQuota"): "policies.quota",
    ("", "PersistentVolume"): "storage.volume",
    ("", "PersistentVolumeClaim"): "storage.claim",
    ("", "Namespace"): "policies.namespace",
    ("", "Endpoints"): "services.endpoints",
    ("", "ConfigMap"): "config.config_map",
    ("discovery.k8s.io", "EndpointSlice"): "services.endpoint_slice",
    ("autoscaling", "HorizontalPodAutoscaler"): "autoscaling.autoscaler",
    ("networking.k8s.io", "Ingress"): "networking.ingress",
    ("networking.k8s.io", "IngressClass"): "networking.ingress_class",
    ("networking.k8s.io", "ServiceCIDR"): "networking.service_cidr",
    ("networking.k8s.io", "IPAddress"): "networking.ip_address",
    ("networking.k8s.io", "NetworkPolicy"): "networking.network_policy",
    ("batch", "Job"): "jobs.job",
    ("batch", "CronJob"): "jobs.cron_job",
    ("apps", "StatefulSet"): "workloads.stateful_set",
    ("apps", "Deployment"): "workloads.deployment",
    ("apps", "DaemonSet"): "workloads.daemon_set",
    ("apps", "ReplicaSet"): "workloads.replica_set",
    ("certificates.k8s.io", "CertificateSigningRequest"): "certificates.signing_request",
    ("storage.k8s.io", "StorageClass"): "storage.storage_class",
    ("storage.k8s.io", "CSINode"): "storage.csi_node",
    ("storage.k8s.io", "VolumeAttributesClass"): "storage.attributes_class",
    ("policy", "PodDisruptionBudget"): "policies.disruption_budget",
    ("rbac.authorization.k8s.io", "Role"): "rbac.role",
    ("rbac.authorization.k8s.io", "ClusterRole"): "rbac.role",
    ("rbac.authorization.k8s.io", "RoleBinding"): "rbac.binding",
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): "rbac.binding",
    ("scheduling.k8s.io", "PriorityClass"): "policies.priority_class",
}
_WITHOUT_EVENTS = frozenset(
    ("Secret", "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding", "NetworkPolicy", "LimitRange",
     "ResourceQuota", "Namespace")
)  # fmt: skip


async def describe(client: Any, obj: Object, events: bool = True) -> str:
    """The description of an object as `get` returned it. `client` (a client.rest.Client, or whatever has its `get` and
    `list`) finds what hangs on it: pods, endpoints, events. ApiErrors of what is needed are passed on."""
    group = str(obj.get("apiVersion") or "").rpartition("/")[0]
    kind = str(obj.get("kind") or "")
    where = _DESCRIBERS.get((group, kind))
    page = Page()
    await _describer(where or "generic.generic")(page, obj, client)
    if events and (where is None or kind not in _WITHOUT_EVENTS):
        from minikube_edu.kubectl.describe import event_table

        event_table.show(page, await event_table.of(client, obj))
    return page.text()


def _describer(where: str) -> Describer:
    module, _, name = where.partition(".")
    found: Describer = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    return found
