"""kube-apiserver's flags, by their real names.

Three sorts: those that this server acts on (`_USED`), those that it accepts because a real manifest has them and their
effect is that of our fixed behaviour (`_ACCEPTED`), and our own (`_OWN`). A flag that is none of these is refused, as
the real one refuses: `unknown flag: --x`.
"""

from __future__ import annotations

import argparse

from minikube_edu.lib import program_flags
from minikube_edu.lib.program_flags import is_true as is_true

# flag -> (default, what it means here)
_USED: dict[str, tuple[object, str]] = {
    "advertise-address": ("", "address that the `kubernetes` service points to"),
    "allow-privileged": ("true", "whether pods may be privileged"),
    "anonymous-auth": ("true", "whether requests without credentials are system:anonymous"),
    "api-audiences": ("", "whom tokens for this server are meant for; none: the issuer"),
    "authorization-mode": ("AlwaysAllow", "AlwaysAllow, AlwaysDeny, RBAC, Node, in order"),
    "bind-address": ("", "address to listen on; none: all of the node's, or loopback where there is no node"),
    "cert-dir": ("", "where certificates are made when none are given"),
    "client-ca-file": ("", "CA of client certificates"),
    "disable-admission-plugins": ("", "plugins to leave out"),
    "enable-admission-plugins": ("", "plugins beside the default ones"),
    "enable-bootstrap-token-auth": ("false", "whether bootstrap tokens authenticate"),
    "etcd-cafile": ("", "CA of etcd"),
    "etcd-certfile": ("", "client certificate for etcd"),
    "etcd-compaction-interval": ("5m0s", "how often old revisions are compacted away"),
    "etcd-keyfile": ("", "client key for etcd"),
    "etcd-servers": ("", "etcd's URLs, unix:///path of our own store's socket; none: the embedded store"),
    "event-ttl": ("1h0m0s", "how long events are kept"),
    "kubelet-certificate-authority": ("", "CA of the kubelets' serving certificates"),
    "kubelet-client-certificate": ("", "client certificate for the kubelets"),
    "kubelet-client-key": ("", "client key for the kubelets"),
    "kubelet-preferred-address-types": (
        "Hostname,InternalDNS,InternalIP,ExternalDNS,ExternalIP",
        "which of a node's addresses its kubelet is called at",
    ),
    "secure-port": (6443, "port to listen on"),
    "service-account-extend-token-expiration": ("true", "whether the tokens injected into pods live for a year"),
    "service-account-issuer": ("https://kubernetes.default.svc.cluster.local", "issuer of service account tokens"),
    "service-account-jwks-uri": ("", "where the public keys are, if not here"),
    "service-account-key-file": ("", "public keys that service account tokens are verified with"),
    "service-account-max-token-expiration": ("", "longest life of a service account token"),
    "service-account-signing-key-file": ("", "private key that service account tokens are signed with"),
    "service-cluster-ip-range": ("10.96.0.0/12", "CIDRs of service addresses"),
    "service-node-port-range": ("30000-32767", "ports for services of type NodePort"),
    "tls-cert-file": ("", "serving certificate"),
    "tls-private-key-file": ("", "key of the serving certificate"),
    "token-auth-file": ("", "file of static tokens"),
    "v": ("0", "log level"),
}

_ACCEPTED = [
    "admission-control-config-file",
    "allow-metric-labels",
    "audit-log-format",
    "audit-log-maxage",
    "audit-log-maxbackup",
    "audit-log-maxsize",
    "audit-log-path",
    "audit-policy-file",
    "audit-webhook-config-file",
    "authentication-config",
    "authorization-config",
    "cloud-config",
    "cloud-provider",
    "contention-profiling",
    "cors-allowed-origins",
    "default-not-ready-toleration-seconds",
    "default-unreachable-toleration-seconds",
    "default-watch-cache-size",
    "delete-collection-workers",
    "emulated-version",
    "enable-aggregator-routing",
    "enable-garbage-collector",
    "enable-logs-handler",
    "enable-priority-and-fairness",
    "encryption-provider-config",
    "endpoint-reconciler-type",
    "etcd-count-metric-poll-period",
    "etcd-db-metric-poll-interval",
    "etcd-healthcheck-timeout",
    "etcd-prefix",
    "etcd-readycheck-timeout",
    "etcd-servers-overrides",
    "external-hostname",
    "feature-gates",
    "goaway-chance",
    "http2-max-streams-per-connection",
    "identity-lease-duration-seconds",
    "kubelet-port",
    "kubelet-timeout",
    "kubernetes-service-node-port",
    "lease-reuse-duration-seconds",
    "livez-grace-period",
    "log-json-info-buffer-size",
    "logging-format",
    "max-connection-bytes-per-sec",
    "max-mutating-requests-inflight",
    "max-requests-inflight",
    "min-request-timeout",
    "oidc-ca-file",
    "oidc-client-id",
    "oidc-groups-claim",
    "oidc-groups-prefix",
    "oidc-issuer-url",
    "oidc-username-claim",
    "oidc-username-prefix",
    "permit-address-sharing",
    "permit-port-sharing",
    "profiling",
    "proxy-client-cert-file",
    "proxy-client-key-file",
    "request-timeout",
    "requestheader-allowed-names",
    "requestheader-client-ca-file",
    "requestheader-extra-headers-prefix",
    "requestheader-group-headers",
    "requestheader-uid-headers",
    "requestheader-username-headers",
    "runtime-config",
    "service-account-lookup",
    "show-hidden-metrics-for-version",
    "shutdown-delay-duration",
    "shutdown-send-retry-after",
    "shutdown-watch-termination-grace-period",
    "storage-backend",
    "storage-media-type",
    "strict-transport-security-directives",
    "tls-cipher-suites",
    "tls-min-version",
    "tls-sni-cert-key",
    "tracing-config",
    "vmodule",
    "watch-cache",
    "watch-cache-sizes",
]

_OWN: dict[str, tuple[object, str]] = {
    "data-file": ("", "file of the embedded store; none: in memory"),
    "store-socket": ("", "private Unix socket on which the store is served to `minikube-edu etcdctl`"),
    "unsafe-no-fsync": ("false", "do not wait for the disk (tests)"),
    "admin-kubeconfig": ("", "write a kubeconfig of an administrator here, made with the CA of --cert-dir"),
    "ready-fd": ("", "file descriptor that is closed when the server is ready"),
}


_REPEATED = ("api-audiences", "service-account-issuer", "service-account-key-file")  # each time adds to the list


def parser() -> argparse.ArgumentParser:
    return program_flags.parser(
        "kube-apiserver",
        "The gatekeeper of a cluster: serves the Kubernetes API on one port, keeps its state in etcd.",
        {"flags": _USED, "flags of this implementation": _OWN},
        accepted=_ACCEPTED,
        repeated=_REPEATED,
    )
