"""kube-scheduler's flags, by their real names."""

from __future__ import annotations

import argparse

from minikube_edu.api.durations import parse as parse_duration
from minikube_edu.lib import program_flags

_USED: dict[str, tuple[object, str]] = {
    "config": ("", "file with a KubeSchedulerConfiguration"),
    "kubeconfig": ("", "how to reach the API server"),
    "bind-address": ("127.0.0.1", "address of /healthz and /metrics"),
    "secure-port": (10259, "port of /healthz and /metrics; 0: none"),
    "tls-cert-file": ("", "serving certificate; one is made without it"),
    "tls-private-key-file": ("", "its key"),
    "cert-dir": ("", "where a certificate is made"),
    "leader-elect": ("true", "of several schedulers, one works"),
    "leader-elect-lease-duration": ("15s", "how long a silent leader is respected"),
    "leader-elect-renew-deadline": ("10s", "how long a leader tries to renew"),
    "leader-elect-retry-period": ("2s", "how often a candidate looks"),
    "leader-elect-resource-name": ("kube-scheduler", "name of the lease"),
    "leader-elect-resource-namespace": ("kube-system", "its namespace"),
    "kube-api-qps": (0.0, "requests a second; 0: no limit"),
    "kube-api-burst": (100, "requests at once"),
    "v": ("0", "log level"),
}
_ACCEPTED = [
    "allow-metric-labels",
    "allow-metric-labels-manifest",
    "authentication-kubeconfig",
    "authentication-skip-lookup",
    "authentication-token-webhook-cache-ttl",
    "authentication-tolerate-lookup-failure",
    "authorization-always-allow-paths",
    "authorization-kubeconfig",
    "authorization-webhook-cache-authorized-ttl",
    "authorization-webhook-cache-unauthorized-ttl",
    "client-ca-file",
    "contention-profiling",
    "disabled-metrics",
    "disable-http2-serving",
    "emulated-version",
    "feature-gates",
    "http2-max-streams-per-connection",
    "kube-api-content-type",
    "leader-elect-resource-lock",
    "log-flush-frequency",
    "log-json-info-buffer-size",
    "log-json-split-stream",
    "log-text-info-buffer-size",
    "log-text-split-stream",
    "logging-format",
    "master",
    "permit-address-sharing",
    "permit-port-sharing",
    "pod-max-in-unschedulable-pods-duration",
    "profiling",
    "requestheader-allowed-names",
    "requestheader-client-ca-file",
    "requestheader-extra-headers-prefix",
    "requestheader-group-headers",
    "requestheader-uid-headers",
    "requestheader-username-headers",
    "show-hidden-metrics-for-version",
    "tls-cipher-suites",
    "tls-min-version",
    "tls-sni-cert-key",
    "vmodule",
    "write-config-to",
]


def parser() -> argparse.ArgumentParser:
    return program_flags.parser(
        "kube-scheduler",
        "Finds a node for each pod.",
        {"flags": _USED},
        accepted=_ACCEPTED,
    )


def seconds(text: str) -> float:
    return parse_duration(text) / 1e9
