"""What is not said: the defaults of v1beta4, which need a host for its name and address."""

from __future__ import annotations

import secrets
from typing import Any

from minikube_edu.kubeadm import releases
from minikube_edu.kubeadm.config.configuration import Configuration, split
from minikube_edu.kubeadm.constants import (
    ALGORITHM,
    API_PORT,
    CONTROL_PLANE_TAINT,
    ETCD_DATA,
    NODE_BOOTSTRAPPERS,
    PKI,
    REPOSITORY,
)

Object = dict[str, Any]

API = "kubeadm.k8s.io/v1beta4"
YEAR = "8760h0m0s"
TIMEOUTS = {
    "controlPlaneComponentHealthCheck": "4m0s",
    "discovery": "5m0s",
    "etcdAPICall": "2m0s",
    "kubeletHealthCheck": "4m0s",
    "kubernetesAPICall": "1m0s",
    "tlsBootstrap": "5m0s",
    "upgradeManifests": "5m0s",
}
_TOKEN_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


def new_token() -> str:
    text = "".join(secrets.choice(_TOKEN_LETTERS) for _ in range(22))
    return f"{text[:6]}.{text[6:]}"


def bootstrap_token(token: Object | None = None) -> Object:
    given = token or {}
    return {
        "groups": [NODE_BOOTSTRAPPERS],
        "ttl": "24h0m0s",
        "usages": ["signing", "authentication"],
        **given,
        "token": given.get("token") or new_token(),
    }


def node_registration(given: Object, hostname: str, endpoint: str, *, control_plane: bool) -> Object:
    found = {"criSocket": endpoint, "imagePullPolicy": "IfNotPresent", "imagePullSerial": True, **_said(given)}
    found["name"] = str(found.get("name") or hostname).strip().lower()
    if found.get("taints") is None and control_plane:
        found["taints"] = [dict(CONTROL_PLANE_TAINT)]
    return found


def init(given: Object, hostname: str, address: str, endpoint: str) -> Object:
    """An InitConfiguration, whole."""
    point = _said(given.get("localAPIEndpoint") or {})
    return {
        **{key: value for key, value in given.items() if value not in (None, "")},
        "apiVersion": API,
        "kind": "InitConfiguration",
        "bootstrapTokens": [bootstrap_token(one) for one in given.get("bootstrapTokens") or [{}]],
        "localAPIEndpoint": {"advertiseAddress": address, "bindPort": API_PORT, **point},
        "nodeRegistration": node_registration(
            given.get("nodeRegistration") or {}, hostname, endpoint, control_plane=True
        ),
        "timeouts": {**TIMEOUTS, **(given.get("timeouts") or {})},
    }


def cluster(given: Object) -> Object:
    """A ClusterConfiguration, whole but for what only a machine knows."""
    etcd = given.get("etcd") or {}
    local = None if etcd.get("external") else {"dataDir": ETCD_DATA, **(etcd.get("local") or {})}
    networking = {"dnsDomain": "cluster.local", "serviceSubnet": "10.96.0.0/12", **_said(given.get("networking") or {})}
    return {
        "caCertificateValidityPeriod": "87600h0m0s",
        "certificateValidityPeriod": YEAR,
        "certificatesDir": PKI,
        "clusterName": "kubernetes",
        "encryptionAlgorithm": ALGORITHM,
        "imageRepository": REPOSITORY,
        "kubernetesVersion": releases.stable(),
        **_said(given),
        "apiVersion": API,
        "kind": "ClusterConfiguration",
        "apiServer": given.get("apiServer") or {},
        "controllerManager": given.get("controllerManager") or {},
        "dns": given.get("dns") or {},
        "etcd": {
            **({"local": local} if local else {}),
            **({"external": etcd["external"]} if etcd.get("external") else {}),
        },
        "networking": networking,
        "proxy": given.get("proxy") or {},
        "scheduler": given.get("scheduler") or {},
    }


def kubelet(given: Object, cluster_configuration: Object, service_dns: str) -> Object:
    """A KubeletConfiguration; what was given wins."""
    base: Object = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"cacheTTL": "0s", "enabled": True},
            "x509": {"clientCAFile": cluster_configuration["certificatesDir"] + "/ca.crt"},
        },
        "authorization": {
            "mode": "Webhook",
            "webhook": {"cacheAuthorizedTTL": "0s", "cacheUnauthorizedTTL": "0s"},
        },
        "cgroupDriver": "systemd",
        "clusterDNS": [service_dns],
        "clusterDomain": cluster_configuration["networking"]["dnsDomain"],
        "containerRuntimeEndpoint": "",
        "cpuManagerReconcilePeriod": "0s",
        "crashLoopBackOff": {},
        "evictionPressureTransitionPeriod": "0s",
        "fileCheckFrequency": "0s",
        "healthzBindAddress": "127.0.0.1",
        "healthzPort": 10248,
        "httpCheckFrequency": "0s",
        "imageMaximumGCAge": "0s",
        "imageMinimumGCAge": "0s",
        "kind": "KubeletConfiguration",
        "logging": {
            "flushFrequency": 0,
            "options": {"json": {"infoBufferSize": "0"}, "text": {"infoBufferSize": "0"}},
            "verbosity": 0,
        },
        "memorySwap": {},
        "nodeStatusReportFrequency": "0s",
        "nodeStatusUpdateFrequency": "0s",
        "rotateCertificates": True,
        "runtimeRequestTimeout": "0s",
        "shutdownGracePeriod": "0s",
        "shutdownGracePeriodCriticalPods": "0s",
        "staticPodPath": "/etc/kubernetes/manifests",
        "streamingConnectionIdleTimeout": "0s",
        "syncFrequency": "0s",
        "volumeStatsAggPeriod": "0s",
    }
    found: Object = merged(base, given)
    return found


def proxy(given: Object, cluster_configuration: Object, advertise: str) -> Object:
    """A KubeProxyConfiguration; what was given wins."""
    nothing = {"minSyncPeriod": "0s", "syncPeriod": "0s"}
    base: Object = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "bindAddress": "::" if ":" in advertise else "0.0.0.0",
        "bindAddressHardFail": False,
        "clientConnection": {
            "acceptContentTypes": "",
            "burst": 0,
            "contentType": "",
            "kubeconfig": "/var/lib/kube-proxy/kubeconfig.conf",
            "qps": 0,
        },
        "clusterCIDR": cluster_configuration["networking"].get("podSubnet") or "",
        "configSyncPeriod": "0s",
        "conntrack": {
            "maxPerCore": None,
            "min": None,
            "tcpBeLiberal": False,
            "tcpCloseWaitTimeout": None,
            "tcpEstablishedTimeout": None,
            "udpStreamTimeout": "0s",
            "udpTimeout": "0s",
        },
        "detectLocal": {"bridgeInterface": "", "interfaceNamePrefix": ""},
        "detectLocalMode": "",
        "enableProfiling": False,
        "healthzBindAddress": "",
        "hostnameOverride": "",
        "iptables": {"localhostNodePorts": None, "masqueradeAll": False, "masqueradeBit": None, **nothing},
        "ipvs": {
            "excludeCIDRs": None,
            "scheduler": "",
            "strictARP": False,
            "tcpFinTimeout": "0s",
            "tcpTimeout": "0s",
            "udpTimeout": "0s",
            **nothing,
        },
        "kind": "KubeProxyConfiguration",
        "logging": {
            "flushFrequency": 0,
            "options": {"json": {"infoBufferSize": "0"}, "text": {"infoBufferSize": "0"}},
            "verbosity": 0,
        },
        "metricsBindAddress": "",
        "mode": "",
        "nftables": {"masqueradeAll": False, "masqueradeBit": None, **nothing},
        "nodePortAddresses": None,
        "oomScoreAdj": None,
        "portRange": "",
        "showHiddenMetricsForVersion": "",
        "winkernel": {
            "enableDSR": False,
            "forwardHealthCheckVip": False,
            "networkName": "",
            "rootHnsEndpointName": "",
            "sourceVip": "",
        },
    }
    found: Object = merged(base, given)
    return found


def whole(init_given: Object, cluster_given: Object, components: dict[str, Object], host: Any) -> Configuration:
    """All of it. `host` gives name, address and the runtime's endpoint."""
    own = init(init_given, host.machine.hostname, host.machine.address, host.runtime_endpoint)
    shared = cluster(cluster_given)
    configuration = Configuration(own, shared, {}, {}, set(components))
    try:
        dns = configuration.indexed_service_ip(10)
    except (ValueError, IndexError):  # no such network, or too small a one: validation says so
        dns = ""
    configuration.kubelet = kubelet(components.get("KubeletConfiguration") or {}, shared, dns)
    configuration.proxy = proxy(components.get("KubeProxyConfiguration") or {}, shared, configuration.advertise)
    return configuration


def merged(base: Any, given: Any) -> Any:
    if isinstance(base, dict) and isinstance(given, dict):
        return {**base, **{key: merged(base.get(key), value) for key, value in given.items()}}
    return given if given is not None else base


def _said(given: Object) -> Object:
    """Without zero values, which in Go are not said either; false is, where there is a default."""
    return {key: value for key, value in given.items() if value is False or value not in (None, "", 0)}


__all__ = ["bootstrap_token", "cluster", "init", "kubelet", "merged", "new_token", "proxy", "split", "whole"]
