"""The kubelet's flags, by their real names.

Three sorts: those of this program (`_USED`), those that stand for a field of the configuration file and win over it
(`_FIELDS`), and those that real units carry and whose effect is that of our fixed behaviour (`_ACCEPTED`). `_OWN` are
ours. A flag that is none of these is refused, as the real one refuses: `unknown flag: --x`.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Sequence
from typing import Any

from minikube_edu.kubelet.contract import Object
from minikube_edu.lib import program_flags
from minikube_edu.lib.program_flags import is_true as is_true

_USED: dict[str, tuple[object, str]] = {
    "bootstrap-kubeconfig": ("", "kubeconfig with which a certificate is asked for, when --kubeconfig is not there"),
    "cert-dir": ("/var/lib/kubelet/pki", "where certificates are kept"),
    "cloud-provider": ("", "external: a cloud controller manager completes the node"),
    "config": ("", "file with a KubeletConfiguration"),
    "config-dir": ("", "directory of *.conf files that change --config"),
    "hostname-override": ("", "this node's name, in place of the host's"),
    "kubeconfig": ("", "how to reach the API server; none: standalone"),
    "node-ip": ("", "this node's address"),
    "node-labels": ("", "more labels for the node: key=value,..."),
    "root-dir": ("/var/lib/kubelet", "where volumes and the like are"),
    "v": ("0", "log level"),
    "version": ("false", "print the version and quit"),
}

# flag -> (field of the configuration, how its text is read)
_FIELDS: dict[str, tuple[str, str]] = {
    "address": ("address", "text"),
    "anonymous-auth": ("authentication.anonymous.enabled", "bool"),
    "authentication-token-webhook": ("authentication.webhook.enabled", "bool"),
    "authorization-mode": ("authorization.mode", "text"),
    "cgroup-driver": ("cgroupDriver", "text"),
    "client-ca-file": ("authentication.x509.clientCAFile", "text"),
    "cluster-dns": ("clusterDNS", "list"),
    "cluster-domain": ("clusterDomain", "text"),
    "container-log-max-files": ("containerLogMaxFiles", "int"),
    "container-log-max-size": ("containerLogMaxSize", "text"),
    "container-runtime-endpoint": ("containerRuntimeEndpoint", "text"),
    "eviction-hard": ("evictionHard", "thresholds"),
    "eviction-max-pod-grace-period": ("evictionMaxPodGracePeriod", "int"),
    "eviction-minimum-reclaim": ("evictionMinimumReclaim", "pairs"),
    "eviction-pressure-transition-period": ("evictionPressureTransitionPeriod", "text"),
    "eviction-soft": ("evictionSoft", "thresholds"),
    "eviction-soft-grace-period": ("evictionSoftGracePeriod", "pairs"),
    "fail-swap-on": ("failSwapOn", "bool"),
    "feature-gates": ("featureGates", "gates"),
    "file-check-frequency": ("fileCheckFrequency", "text"),
    "healthz-bind-address": ("healthzBindAddress", "text"),
    "healthz-port": ("healthzPort", "int"),
    "http-check-frequency": ("httpCheckFrequency", "text"),
    "image-gc-high-threshold": ("imageGCHighThresholdPercent", "int"),
    "image-gc-low-threshold": ("imageGCLowThresholdPercent", "int"),
    "image-service-endpoint": ("imageServiceEndpoint", "text"),
    "kube-api-burst": ("kubeAPIBurst", "int"),
    "kube-api-qps": ("kubeAPIQPS", "int"),
    "kube-reserved": ("kubeReserved", "pairs"),
    "manifest-url": ("staticPodURL", "text"),
    "max-pods": ("maxPods", "int"),
    "minimum-image-ttl-duration": ("imageMinimumGCAge", "text"),
    "node-status-max-images": ("nodeStatusMaxImages", "int"),
    "node-status-update-frequency": ("nodeStatusUpdateFrequency", "text"),
    "pod-cidr": ("podCIDR", "text"),
    "pod-manifest-path": ("staticPodPath", "text"),
    "pod-max-pids": ("podPidsLimit", "int"),
    "port": ("port", "int"),
    "provider-id": ("providerID", "text"),
    "read-only-port": ("readOnlyPort", "int"),
    "register-node": ("registerNode", "bool"),
    "register-with-taints": ("registerWithTaints", "taints"),
    "resolv-conf": ("resolvConf", "text"),
    "rotate-certificates": ("rotateCertificates", "bool"),
    "rotate-server-certificates": ("serverTLSBootstrap", "bool"),
    "runtime-request-timeout": ("runtimeRequestTimeout", "text"),
    "serialize-image-pulls": ("serializeImagePulls", "bool"),
    "streaming-connection-idle-timeout": ("streamingConnectionIdleTimeout", "text"),
    "sync-frequency": ("syncFrequency", "text"),
    "system-reserved": ("systemReserved", "pairs"),
    "tls-cert-file": ("tlsCertFile", "text"),
    "tls-private-key-file": ("tlsPrivateKeyFile", "text"),
}

_ACCEPTED = [
    "allowed-unsafe-sysctls",
    "authentication-token-webhook-cache-ttl",
    "authorization-webhook-cache-authorized-ttl",
    "authorization-webhook-cache-unauthorized-ttl",
    "cgroup-root",
    "cgroups-per-qos",
    "cloud-config",
    "container-hints",
    "container-runtime",
    "contention-profiling",
    "cpu-cfs-quota",
    "cpu-cfs-quota-period",
    "cpu-manager-policy",
    "cpu-manager-policy-options",
    "cpu-manager-reconcile-period",
    "enable-controller-attach-detach",
    "enable-debugging-handlers",
    "enable-load-reader",
    "enable-server",
    "enforce-node-allocatable",
    "event-burst",
    "event-qps",
    "event-storage-age-limit",
    "event-storage-event-limit",
    "exit-on-lock-contention",
    "global-housekeeping-interval",
    "hairpin-mode",
    "housekeeping-interval",
    "image-credential-provider-bin-dir",
    "image-credential-provider-config",
    "iptables-drop-bit",
    "iptables-masquerade-bit",
    "keep-terminated-pod-volumes",
    "kernel-memcg-notification",
    "kube-api-content-type",
    "kube-reserved-cgroup",
    "kubelet-cgroups",
    "local-storage-capacity-isolation",
    "lock-file",
    "log-cadvisor-usage",
    "log-flush-frequency",
    "log-json-info-buffer-size",
    "log-json-split-stream",
    "log-text-info-buffer-size",
    "log-text-split-stream",
    "logging-format",
    "machine-id-file",
    "make-iptables-util-chains",
    "manifest-url-header",
    "max-housekeeping-interval",
    "max-open-files",
    "maximum-dead-containers",
    "maximum-dead-containers-per-container",
    "memory-manager-policy",
    "minimum-container-ttl-duration",
    "oom-score-adj",
    "pod-infra-container-image",
    "pods-per-core",
    "protect-kernel-defaults",
    "qos-reserved",
    "registry-burst",
    "registry-qps",
    "reserved-cpus",
    "reserved-memory",
    "runonce",
    "runtime-cgroups",
    "seccomp-default",
    "stderrthreshold",
    "storage-driver-buffer-duration",
    "system-cgroups",
    "system-reserved-cgroup",
    "tls-cipher-suites",
    "tls-min-version",
    "tls-sni-cert-key",
    "topology-manager-policy",
    "topology-manager-policy-options",
    "topology-manager-scope",
    "vmodule",
    "volume-plugin-dir",
    "volume-stats-agg-period",
]

_OWN: dict[str, tuple[object, str]] = {
    "minikube-edu-capacity": ("", "what the machine has, in place of what it really has: cpu=4,memory=8Gi,..."),
    "minikube-edu-shared-volumes": ("", "directory of volumes that all nodes of a cluster share"),
    "ready-fd": ("", "file descriptor that is closed when the static pods have been started"),
}


@functools.cache
def parser() -> argparse.ArgumentParser:
    fields: dict[str, tuple[object, str]] = {flag: ("", f"{field} of --config") for flag, (field, _) in _FIELDS.items()}
    made = program_flags.parser(
        "kubelet",
        "Runs pods on this node.",
        {"flags": _USED, "flags for fields of --config": fields, "flags of minikube_edu": _OWN},
        accepted=_ACCEPTED,
        repeated=("node-labels", "register-with-taints"),
    )
    for action in made._actions:
        if action.dest in {flag.replace("-", "_") for flag, (_, how) in _FIELDS.items() if how == "bool"}:
            action.nargs, action.const = "?", "true"
    made.add_argument("-v", dest="v", help=argparse.SUPPRESS, default="0")
    return made


def over(configuration: Object, options: argparse.Namespace) -> Object:
    """The configuration (before defaults) with what the flags say; ValueError for a text that cannot be read."""
    found = dict(configuration)
    for flag, (field, how) in _FIELDS.items():
        text = getattr(options, flag.replace("-", "_"))
        if text == "":
            continue
        try:
            value = _READ[how](text)
        except ValueError as error:
            raise ValueError(f'invalid argument "{text}" for "--{flag}" flag: {error}') from None
        holder = found
        *parents, last = field.split(".")
        for parent in parents:
            holder[parent] = dict(holder.get(parent) or {})
            holder = holder[parent]
        holder[last] = value
    return found


def pairs(text: str) -> dict[str, str]:
    """`a=b,c=d`"""
    found = {}
    for part in text.split(","):
        key, equals, value = part.partition("=")
        if not part:
            continue
        if not equals:
            raise ValueError(f"malformed pair, expect string=string: {part}")
        found[key.strip()] = value.strip()
    return found


def taints(text: str) -> list[Object]:
    """`key=value:Effect,key:Effect`"""
    found = []
    for part in text.split(","):
        left, colon, effect = part.rpartition(":")
        if not part:
            continue
        if not colon or effect not in ("NoSchedule", "PreferNoSchedule", "NoExecute"):
            raise ValueError(f"invalid taint spec: {part}")
        key, _, value = left.partition("=")
        found.append({"key": key, "value": value, "effect": effect} if value else {"key": key, "effect": effect})
    return found


def _thresholds(text: str) -> dict[str, str]:
    """`memory.available<100Mi,nodefs.available<10%`"""
    found = {}
    for part in text.split(","):
        signal, less, value = part.partition("<")
        if part and not less:
            raise ValueError(f"invalid eviction threshold syntax {part}, expected <signal><operator><value>")
        if part:
            found[signal.strip()] = value.strip()
    return found


def _list(text: str) -> Sequence[str]:
    return [part for part in text.split(",") if part]


_READ: dict[str, Any] = {
    "text": str,
    "int": int,
    "bool": is_true,
    "list": _list,
    "pairs": pairs,
    "thresholds": _thresholds,
    "taints": taints,
    "gates": lambda text: {name: is_true(value) for name, value in pairs(text).items()},
}
