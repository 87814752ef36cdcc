"""The admission plugins, in the order in which they are asked: the real one's.

`DEFAULT` are on unless `--disable-admission-plugins` names them; the others must be asked for. A plugin that the real
server has and we do not yet is named in `ABSENT`, so that a manifest that asks for it is not refused.
"""

from __future__ import annotations

import argparse
from importlib import import_module
from typing import TYPE_CHECKING

from minikube_edu.kube_apiserver.admission.chain import Plugin

if TYPE_CHECKING:
    from minikube_edu.kube_apiserver.registry.store import Registry

# name -> module; the order is the order of asking
ORDER = {
    "NamespaceLifecycle": "namespace_lifecycle",
    "TaintNodesByCondition": "taint_nodes",
    "LimitRanger": "limit_ranger",
    "ServiceAccount": "service_account",
    "NodeRestriction": "node_restriction",
    "Priority": "priority",
    "DefaultTolerationSeconds": "default_tolerations",
    "StorageObjectInUseProtection": "storage_protection",
    "PersistentVolumeClaimResize": "claim_resize",
    "RuntimeClass": "runtime_class",
    "CertificateApproval": "certificate_approval",
    "CertificateSigning": "certificate_signing",
    "CertificateSubjectRestriction": "certificate_subject",
    "DefaultIngressClass": "default_ingress_class",
    "DefaultStorageClass": "default_storage_class",
    "PodTopologyLabels": "pod_topology_labels",
    "ResourceQuota": "resource_quota",
}
ON_REQUEST = ("NodeRestriction",)  # kubeadm requests it
DEFAULT = tuple(name for name in ORDER if name not in ON_REQUEST)
ABSENT = (
    "AlwaysAdmit", "AlwaysDeny", "AlwaysPullImages", "ClusterTrustBundleAttest", "DenyServiceExternalIPs",
    "EventRateLimit", "ExtendedResourceToleration", "ImagePolicyWebhook", "LimitPodHardAntiAffinityTopology",
    "MutatingAdmissionPolicy", "MutatingAdmissionWebhook", "NamespaceAutoProvision", "NamespaceExists",
    "OwnerReferencesPermissionEnforcement", "PodNodeSelector", "PodSecurity",
    "PodTolerationRestriction", "ValidatingAdmissionPolicy", "ValidatingAdmissionWebhook",
)  # fmt: skip


def enabled(registry: Registry, options: argparse.Namespace) -> list[Plugin]:
    """The plugins that the flags choose, in order."""
    extra = _names(options.enable_admission_plugins)
    without = _names(options.disable_admission_plugins)
    for name in (*extra, *without):
        if name not in ORDER and name not in ABSENT:
            raise SystemExit(f'Error: enable-admission-plugins plugin "{name}" is unknown')
    chosen = [name for name in ORDER if (name in DEFAULT or name in extra) and name not in without]
    return [plugin(name, registry) for name in chosen]


def plugin(name: str, registry: Registry) -> Plugin:
    module = import_module(f"{__name__}.{ORDER[name]}")
    made: Plugin = module.PLUGIN(registry)
    return made


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
