"""What the first requests of a cluster need, imported: while the server waits for its store, which starts with it.

Kinds load their rules when they are asked for, and most clusters ask for few. These are asked for by every one that
boots: by the server itself, by kubeadm, by the controllers and kubelets.
"""

from __future__ import annotations

from importlib import import_module

BELOW = {
    "kube_apiserver": "discovery health openapi openid registry.amending "
    "handlers.subresources.binding handlers.subresources.access_reviews",
    "kube_apiserver.registry.strategies": "scheduling apiregistration networking coordination discovery resource "
    "certificates storage policy",
    "api.defaults": "scheduling flowcontrol apiregistration rbac networking discovery authentication apps storage",
    "api.validation": "scheduling flowcontrol apiregistration rbac ingresses network_policies networking coordination "
    "discovery replica_sets daemon_sets apps storage",
    "kube_apiserver.admission.plugins": "namespace_lifecycle taint_nodes limit_ranger service_account node_restriction "
    "priority default_tolerations storage_protection claim_resize runtime_class certificate_approval "
    "certificate_signing certificate_subject default_class default_ingress_class default_storage_class "
    "pod_topology_labels resource_quota",
}


def load() -> None:
    for package, names in BELOW.items():
        for name in names.split():
            import_module(f"minikube_edu.{package}.{name}")
