"""kube-controller-manager's flags, by their real names."""

from __future__ import annotations

import argparse

from minikube_edu.api.durations import parse as parse_duration
from minikube_edu.kube_controller_manager.controller import Settings
from minikube_edu.lib import program_flags
from minikube_edu.lib.program_flags import is_true as is_true

_USED: dict[str, tuple[object, str]] = {
    "kubeconfig": ("", "how to reach the API server"),
    "controllers": ("*", "which controllers run: '*', names, '-name' for all but that one"),
    "bind-address": ("127.0.0.1", "address of /healthz and /metrics"),
    "secure-port": (10257, "port of /healthz and /metrics; 0: none"),
    "leader-elect": ("true", "of several managers, one works"),
    "leader-elect-lease-duration": ("15s", "how long a silent leader is respected"),
    "leader-elect-renew-deadline": ("10s", "how long a leader tries to renew"),
    "leader-elect-retry-period": ("2s", "how often a candidate looks"),
    "root-ca-file": ("", "the cluster's CA, published to every namespace"),
    "service-account-private-key-file": ("", "key that legacy service account tokens are signed with"),
    "cluster-signing-cert-file": ("", "CA certificate that signs certificate requests"),
    "cluster-signing-key-file": ("", "key of that CA"),
    "cluster-cidr": ("", "CIDRs of pods"),
    "service-cluster-ip-range": ("10.96.0.0/12", "CIDRs of services"),
    "allocate-node-cidrs": ("false", "whether nodes get a part of the pods' CIDR"),
    "node-cidr-mask-size": (24, "size of a node's part"),
    "node-monitor-grace-period": ("50s", "how long a node may be silent"),
    "node-monitor-period": ("5s", "how often nodes are looked at"),
    "terminated-pod-gc-threshold": (12500, "how many finished pods are kept"),
    "horizontal-pod-autoscaler-sync-period": ("15s", "how often autoscalers look"),
    "pvclaimbinder-sync-period": ("15s", "how often claims and volumes are looked at"),
    "cluster-name": ("kubernetes", "name of the cluster"),
    "kube-api-qps": (0.0, "requests a second and controller; 0: no limit"),
    "kube-api-burst": (30, "requests at once"),
    "cert-dir": ("", "where a serving certificate is made when none is given"),
    "tls-cert-file": ("", "serving certificate"),
    "tls-private-key-file": ("", "its key"),
    "use-service-account-credentials": ("false", "whether each controller works as its own account"),
    "v": ("0", "log level"),
}

_ACCEPTED = [
    "allocate-node-cidrs-mask",
    "allow-metric-labels",
    "attach-detach-reconcile-sync-period",
    "authentication-kubeconfig",
    "authentication-skip-lookup",
    "authentication-tolerate-lookup-failure",
    "authorization-always-allow-paths",
    "authorization-kubeconfig",
    "cidr-allocator-type",
    "client-ca-file",
    "cloud-config",
    "cloud-provider",
    "cluster-signing-duration",
    "concurrent-cron-job-syncs",
    "concurrent-daemonset-syncs",
    "concurrent-deployment-syncs",
    "concurrent-endpoint-syncs",
    "concurrent-gc-syncs",
    "concurrent-job-syncs",
    "concurrent-namespace-syncs",
    "concurrent-rc-syncs",
    "concurrent-replicaset-syncs",
    "concurrent-resource-quota-syncs",
    "concurrent-service-syncs",
    "concurrent-serviceaccount-token-syncs",
    "concurrent-statefulset-syncs",
    "configure-cloud-routes",
    "contention-profiling",
    "controller-start-interval",
    "enable-dynamic-provisioning",
    "enable-garbage-collector",
    "enable-hostpath-provisioner",
    "endpoint-updates-batch-period",
    "external-cloud-volume-plugin",
    "feature-gates",
    "flex-volume-plugin-dir",
    "horizontal-pod-autoscaler-tolerance",
    "http2-max-streams-per-connection",
    "kube-api-content-type",
    "large-cluster-size-threshold",
    "leader-elect-resource-lock",
    "leader-elect-resource-name",
    "leader-elect-resource-namespace",
    "logging-format",
    "master",
    "max-endpoints-per-slice",
    "min-resync-period",
    "mirroring-concurrent-service-endpoint-syncs",
    "namespace-sync-period",
    "node-cidr-mask-size-ipv4",
    "node-cidr-mask-size-ipv6",
    "node-eviction-rate",
    "node-startup-grace-period",
    "profiling",
    "pv-recycler-increment-timeout-nfs",
    "requestheader-allowed-names",
    "requestheader-client-ca-file",
    "requestheader-extra-headers-prefix",
    "requestheader-group-headers",
    "requestheader-username-headers",
    "resource-quota-sync-period",
    "route-reconciliation-period",
    "secondary-node-eviction-rate",
    "show-hidden-metrics-for-version",
    "tls-cipher-suites",
    "tls-min-version",
    "tls-sni-cert-key",
    "unhealthy-zone-threshold",
    "vmodule",
]


def parser() -> argparse.ArgumentParser:
    return program_flags.parser(
        "kube-controller-manager",
        "The loops that make the world be as it is specified.",
        {"flags": _USED},
        accepted=_ACCEPTED,
    )


def seconds(text: str) -> float:
    return parse_duration(text) / 1e9


def read(path: str) -> str:
    if not path:
        return ""
    with open(path, encoding="utf-8") as file:
        return file.read()


def settings(options: argparse.Namespace) -> Settings:
    return Settings(
        root_ca=read(options.root_ca_file),
        cluster_signing_certificate=options.cluster_signing_cert_file,
        cluster_signing_key=options.cluster_signing_key_file,
        service_account_key=options.service_account_private_key_file,
        cluster_cidr=options.cluster_cidr,
        service_cidr=options.service_cluster_ip_range,
        allocate_node_cidrs=options.allocate_node_cidrs == "true",
        node_cidr_mask_size=options.node_cidr_mask_size,
        node_monitor_grace_period=seconds(options.node_monitor_grace_period),
        node_monitor_period=seconds(options.node_monitor_period),
        terminated_pod_gc_threshold=options.terminated_pod_gc_threshold,
        pvc_binder_sync_period=seconds(options.pvclaimbinder_sync_period),
        hpa_sync_period=seconds(options.horizontal_pod_autoscaler_sync_period),
        cluster_name=options.cluster_name,
        more={name: text for name in _ACCEPTED if (text := getattr(options, name.replace("-", "_"))) is not None},
    )
