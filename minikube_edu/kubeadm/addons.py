"""The two add-ons that make Services work: CoreDNS and kube-proxy, as the real kubeadm applies them."""

from __future__ import annotations

from typing import Any

from minikube_edu.kubeadm import files, objects, releases
from minikube_edu.kubeadm.config.configuration import Configuration
from minikube_edu.kubeadm.constants import CONTROL_PLANE_LABEL, NODE_BOOTSTRAPPERS, REPOSITORY

Object = dict[str, Any]

COREFILE = """.:53 {{
    errors
    health {{
       lameduck 5s
    }}
    ready
    kubernetes {domain} in-addr.arpa ip6.arpa {{
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }}
    prometheus :9153
    forward . /etc/resolv.conf {{
       max_concurrent 1000
    }}
    cache 30 {{
       disable success {domain}
       disable denial {domain}
    }}
    loop
    reload
    loadbalance
}}
"""

PROXY_KUBECONFIG = """apiVersion: v1
kind: Config
clusters:
- cluster:
    certificate-authority: /var/run/secrets/kubernetes.io/serviceaccount/ca.crt
    server: {server}
  name: default
contexts:
- context:
    cluster: default
    namespace: default
    user: default
  name: default
current-context: default
users:
- name: default
  user:
    tokenFile: /var/run/secrets/kubernetes.io/serviceaccount/token"""


def coredns_image(configuration: Configuration) -> str:
    given = configuration.cluster["dns"]
    default = configuration.cluster["imageRepository"]
    repository = given.get("imageRepository") or (f"{default}/coredns" if default == REPOSITORY else default)
    return f"{repository}/coredns:{given.get('imageTag') or releases.coredns()}"


def corefile(configuration: Configuration) -> str:
    return COREFILE.format(domain=configuration.networking["dnsDomain"])


def coredns_service(configuration: Configuration) -> Object:
    ports = (("dns", 53, "UDP"), ("dns-tcp", 53, "TCP"), ("metrics", 9153, "TCP"))
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "annotations": {"prometheus.io/port": "9153", "prometheus.io/scrape": "true"},
            "labels": {
                "k8s-app": "kube-dns",
                "kubernetes.io/cluster-service": "true",
                "kubernetes.io/name": "CoreDNS",
            },
            "name": "kube-dns",
            "namespace": "kube-system",
            "resourceVersion": "0",
        },
        "spec": {
            "clusterIP": configuration.indexed_service_ip(10),
            "ports": [
                {"name": name, "port": port, "protocol": protocol, "targetPort": port} for name, port, protocol in ports
            ],
            "selector": {"k8s-app": "kube-dns"},
        },
        "status": {"loadBalancer": {}},
    }


def coredns_rights() -> list[Object]:
    return [
        objects.role(
            "system:coredns",
            [
                objects.rule("", ["endpoints", "services", "pods", "namespaces"], ["list", "watch"]),
                objects.rule("discovery.k8s.io", ["endpointslices"], ["list", "watch"]),
            ],
        ),
        objects.binding("system:coredns", "system:coredns", [("ServiceAccount", "coredns")]),
        service_account("coredns"),
    ]


def service_account(name: str) -> Object:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": "kube-system"}}


def coredns_deployment(configuration: Configuration, replicas: int = 2) -> Object:
    labels = {"k8s-app": "kube-dns"}
    ports = (
        ("dns", 53, "UDP"),
        ("dns-tcp", 53, "TCP"),
        ("metrics", 9153, "TCP"),
        ("liveness-probe", 8080, "TCP"),
        ("readiness-probe", 8181, "TCP"),
    )
    container = {
        "args": ["-conf", "/etc/coredns/Corefile"],
        "image": coredns_image(configuration),
        "imagePullPolicy": "IfNotPresent",
        "livenessProbe": {
            "failureThreshold": 5,
            "httpGet": {"path": "/health", "port": "liveness-probe", "scheme": "HTTP"},
            "initialDelaySeconds": 60,
            "successThreshold": 1,
            "timeoutSeconds": 5,
        },
        "name": "coredns",
        "ports": [{"containerPort": port, "name": name, "protocol": protocol} for name, port, protocol in ports],
        "readinessProbe": {"httpGet": {"path": "/ready", "port": "readiness-probe", "scheme": "HTTP"}},
        "resources": {"limits": {"memory": "170Mi"}, "requests": {"cpu": "100m", "memory": "70Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"add": ["NET_BIND_SERVICE"], "drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [{"mountPath": "/etc/coredns", "name": "config-volume", "readOnly": True}],
    }
    apart = {
        "podAffinityTerm": {
            "labelSelector": {"matchExpressions": [{"key": "k8s-app", "operator": "In", "values": ["kube-dns"]}]},
            "topologyKey": "kubernetes.io/hostname",
        },
        "weight": 100,
    }
    pod = {
        "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [apart]}},
        "containers": [container],
        "dnsPolicy": "Default",
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "priorityClassName": "system-cluster-critical",
        "serviceAccountName": "coredns",
        "tolerations": [
            {"key": "CriticalAddonsOnly", "operator": "Exists"},
            {"effect": "NoSchedule", "key": CONTROL_PLANE_LABEL},
        ],
        "volumes": [
            {
                "configMap": {"items": [{"key": "Corefile", "path": "Corefile"}], "name": "coredns"},
                "name": "config-volume",
            }
        ],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"labels": labels, "name": "coredns", "namespace": "kube-system"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "strategy": {"rollingUpdate": {"maxUnavailable": 1}, "type": "RollingUpdate"},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
        "status": {},
    }


def proxy_config_map(configuration: Configuration) -> Object:
    data = {
        "config.conf": files.yaml(configuration.proxy).rstrip("\n"),
        "kubeconfig.conf": PROXY_KUBECONFIG.format(server=configuration.endpoint),
    }
    signed = "KubeProxyConfiguration" not in configuration.supplied
    body = objects.config_map("kube-proxy", data, signed=signed)
    body["metadata"]["labels"] = {"app": "kube-proxy"}
    if signed:
        body["metadata"]["annotations"] = objects.config_map("kube-proxy", data, signed=True)["metadata"]["annotations"]
    return body


def proxy_image(configuration: Configuration) -> str:
    return f"{configuration.cluster['imageRepository']}/kube-proxy:{configuration.version.replace('+', '_')}"


def proxy_daemon_set(configuration: Configuration) -> Object:
    labels = {"k8s-app": "kube-proxy"}
    container = {
        "command": [
            "/usr/local/bin/kube-proxy",
            "--config=/var/lib/kube-proxy/config.conf",
            "--hostname-override=$(NODE_NAME)",
        ],
        "env": [{"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
        "image": proxy_image(configuration),
        "imagePullPolicy": "IfNotPresent",
        "name": "kube-proxy",
        "resources": {},
        "securityContext": {"privileged": True},
        "volumeMounts": [
            {"mountPath": "/var/lib/kube-proxy", "name": "kube-proxy"},
            {"mountPath": "/run/xtables.lock", "name": "xtables-lock"},
            {"mountPath": "/lib/modules", "name": "lib-modules", "readOnly": True},
        ],
    }
    pod = {
        "containers": [container],
        "hostNetwork": True,
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "priorityClassName": "system-node-critical",
        "serviceAccountName": "kube-proxy",
        "tolerations": [{"operator": "Exists"}],
        "volumes": [
            {"configMap": {"name": "kube-proxy"}, "name": "kube-proxy"},
            {"hostPath": {"path": "/run/xtables.lock", "type": "FileOrCreate"}, "name": "xtables-lock"},
            {"hostPath": {"path": "/lib/modules"}, "name": "lib-modules"},
        ],
    }
    counts = ("currentNumberScheduled", "desiredNumberScheduled", "numberMisscheduled", "numberReady")
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"labels": labels, "name": "kube-proxy", "namespace": "kube-system"},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
            "updateStrategy": {"type": "RollingUpdate"},
        },
        "status": dict.fromkeys(counts, 0),
    }


def proxy_rights() -> list[Object]:
    return [
        service_account("kube-proxy"),
        objects.binding("kubeadm:node-proxier", "system:node-proxier", [("ServiceAccount", "kube-proxy")]),
        *objects.readable("kube-proxy", "kube-proxy", [NODE_BOOTSTRAPPERS]),
    ]
