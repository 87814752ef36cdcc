"""kube-scheduler's flags, by their real names."""

from __future__ import annotations

import argparse
import sys
from typing import NoReturn

from minikube_edu.api.durations import parse as parse_duration

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


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        text = message.replace("unrecognized arguments: ", "unknown flag: ").split("=", 1)[0]
        print(f"Error: {text}", file=sys.stderr)
        sys.exit(1)


def parser() -> argparse.ArgumentParser:
    made = _Parser(
        prog="kube-scheduler",
        description="Finds a node for each pod.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
    )
    for name, (default, meaning) in _USED.items():
        if default in ("true", "false"):
            made.add_argument(f"--{name}", default=default, nargs="?", const="true", help=meaning)
        else:
            kind = int if isinstance(default, int) else float if isinstance(default, float) else str
            made.add_argument(f"--{name}", default=default, type=kind, help=meaning)
    for name in _ACCEPTED:
        made.add_argument(f"--{name}", nargs="?", default=None, help=argparse.SUPPRESS)
    return made


def seconds(text: str) -> float:
    return parse_duration(text) / 1e9
