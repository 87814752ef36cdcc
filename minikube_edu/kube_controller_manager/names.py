"""The names that `--controllers` knows besides those of the manager's table.

`ALIASES` are the short names of before 1.28, which kubeadm and tutorials still write
(`--controllers=*,bootstrapsigner,tokencleaner`). `LEFT_OUT` are controllers of the real manager that are not here, with
the reason: naming them, or turning them off, is no mistake.
"""

from __future__ import annotations

ALIASES = {
    "attachdetach": "persistentvolume-attach-detach-controller",
    "bootstrapsigner": "bootstrap-signer-controller",
    "cloud-node-lifecycle": "cloud-node-lifecycle-controller",
    "clusterrole-aggregation": "clusterrole-aggregation-controller",
    "cronjob": "cronjob-controller",
    "csrapproving": "certificatesigningrequest-approving-controller",
    "csrcleaner": "certificatesigningrequest-cleaner-controller",
    "csrsigning": "certificatesigningrequest-signing-controller",
    "daemonset": "daemonset-controller",
    "deployment": "deployment-controller",
    "disruption": "disruption-controller",
    "endpoint": "endpoints-controller",
    "endpointslice": "endpointslice-controller",
    "endpointslicemirroring": "endpointslice-mirroring-controller",
    "ephemeral-volume": "ephemeral-volume-controller",
    "garbagecollector": "garbage-collector-controller",
    "horizontalpodautoscaling": "horizontal-pod-autoscaler-controller",
    "job": "job-controller",
    "legacy-service-account-token-cleaner": "legacy-serviceaccount-token-cleaner-controller",
    "namespace": "namespace-controller",
    "nodeipam": "node-ipam-controller",
    "nodelifecycle": "node-lifecycle-controller",
    "persistentvolume-binder": "persistentvolume-binder-controller",
    "persistentvolume-expander": "persistentvolume-expander-controller",
    "podgc": "pod-garbage-collector-controller",
    "pv-protection": "persistentvolume-protection-controller",
    "pvc-protection": "persistentvolumeclaim-protection-controller",
    "replicaset": "replicaset-controller",
    "replicationcontroller": "replicationcontroller-controller",
    "resource-claim-controller": "resourceclaim-controller",
    "resourcequota": "resourcequota-controller",
    "root-ca-cert-publisher": "root-ca-certificate-publisher-controller",
    "route": "node-route-controller",
    "service": "service-lb-controller",
    "serviceaccount": "serviceaccount-controller",
    "serviceaccount-token": "serviceaccount-token-controller",
    "statefulset": "statefulset-controller",
    "storage-version-gc": "storageversion-garbage-collector-controller",
    "storage-version-migrator": "storage-version-migrator-controller",
    "tokencleaner": "token-cleaner-controller",
    "ttl": "ttl-controller",
    "ttl-after-finished": "ttl-after-finished-controller",
    "validatingadmissionpolicy-status": "validatingadmissionpolicy-status-controller",
}

LEFT_OUT = {
    "cloud-node-lifecycle-controller": "part of cloud-controller-manager",
    "device-taint-eviction-controller": "devices are simulated without taints",
    "kube-apiserver-serving-clustertrustbundle-publisher-controller": "ClusterTrustBundles are off by default",
    "node-route-controller": "part of cloud-controller-manager",
    "podcertificaterequest-cleaner-controller": "PodCertificateRequests are off by default",
    "resourceclaim-controller": "claims for devices are made by hand",
    "resourcepoolstatusrequest-controller": "off by default",
    "selinux-warning-controller": "simulated nodes have no SELinux",
    "service-lb-controller": "part of cloud-controller-manager",
    "storage-version-migrator-controller": "objects are stored in one version, there is nothing to migrate",
    "storageversion-garbage-collector-controller": "StorageVersions are off by default",
}


def full_name(name: str) -> str:
    """The long name of `job` and `-job`; others as they are."""
    minus = "-" if name.startswith("-") else ""
    bare = name.removeprefix("-")
    return minus + ALIASES.get(bare, bare)
