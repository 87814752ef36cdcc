"""The four files that boot a control plane: static pods for etcd, kube-apiserver, controller manager and scheduler.

What the real kubeadm writes, byte for byte, for the same configuration and machine. `extraArgs`, `extraEnvs` and
`extraVolumes` of the configuration change it; patches change the result (`patches.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minikube_edu.kubeadm import releases
from minikube_edu.kubeadm.config.configuration import Configuration, argument, arguments, joined
from minikube_edu.kubeadm.constants import (
    ENDPOINT,
    ETCD_CLIENT,
    ETCD_METRICS,
    ETCD_PEER,
    KUBERNETES,
    MANAGER_PORT,
    SCHEDULER_PORT,
)
from minikube_edu.kubeadm.machine import Machine

Object = dict[str, Any]
Volume = tuple[str, str, str, bool]  # name, path, type of the hostPath, read-only
MODES = ("AlwaysAllow", "AlwaysDeny", "ABAC", "Webhook", "RBAC", "Node")


def image(configuration: Configuration, component: str) -> str:
    return f"{configuration.cluster['imageRepository']}/{component}:{configuration.version.replace('+', '_')}"


def etcd_image(configuration: Configuration) -> str:
    local = configuration.cluster["etcd"].get("local") or {}
    repository = local.get("imageRepository") or configuration.cluster["imageRepository"]
    tag = local.get("imageTag") or releases.etcd(configuration.kubernetes)
    return f"{repository}/etcd:{tag}"


def etcd(configuration: Configuration, initial_cluster: str = "") -> Object:
    """`initial_cluster`: the members that are there already, when this one joins them."""
    local, pki = configuration.cluster["etcd"]["local"], configuration.certificates
    name, host = configuration.node_name, configuration.advertise
    client, peer = (f"https://{joined(host, port)}" for port in (ETCD_CLIENT, ETCD_PEER))
    loopback = "[::1]" if ":" in host else "127.0.0.1"
    base = {
        "name": name,
        "feature-gates": "InitialCorruptCheck=true",
        "watch-progress-notify-interval": "5s",
        "listen-client-urls": f"https://{loopback}:{ETCD_CLIENT},{client}",
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "data-dir": local["dataDir"],
        "cert-file": f"{pki}/etcd/server.crt",
        "key-file": f"{pki}/etcd/server.key",
        "trusted-ca-file": f"{pki}/etcd/ca.crt",
        "client-cert-auth": "true",
        "peer-cert-file": f"{pki}/etcd/peer.crt",
        "peer-key-file": f"{pki}/etcd/peer.key",
        "peer-trusted-ca-file": f"{pki}/etcd/ca.crt",
        "peer-client-cert-auth": "true",
        "snapshot-count": "10000",
        "listen-metrics-urls": f"http://{loopback}:{ETCD_METRICS}",
        "initial-cluster": initial_cluster or f"{name}={peer}",
    }
    if initial_cluster:
        base["initial-cluster-state"] = "existing"
    volumes: list[Volume] = [
        ("etcd-data", local["dataDir"], "DirectoryOrCreate", False),
        ("etcd-certs", f"{pki}/etcd", "DirectoryOrCreate", False),
    ]
    return _pod(
        "etcd",
        etcd_image(configuration),
        arguments(base, local.get("extraArgs")),
        volumes,
        requests={"cpu": "100m", "memory": "100Mi"},
        probes=_probes(configuration, loopback.strip("[]"), ETCD_METRICS, "HTTP", "/livez", "/readyz", "/readyz"),
        annotations={"kubeadm.kubernetes.io/etcd.advertise-client-urls": client},
        env=local.get("extraEnvs"),
    )


def api_server(configuration: Configuration, machine: Machine) -> Object:
    pki, port = configuration.certificates, configuration.bind_port
    component = configuration.cluster["apiServer"]
    extra = list(component.get("extraArgs") or ())
    base = {
        "advertise-address": configuration.advertise,
        "enable-admission-plugins": "NodeRestriction",
        "service-cluster-ip-range": configuration.networking["serviceSubnet"],
        "service-account-key-file": f"{pki}/sa.pub",
        "service-account-signing-key-file": f"{pki}/sa.key",
        "service-account-issuer": f"https://kubernetes.default.svc.{configuration.networking['dnsDomain']}",
        "client-ca-file": f"{pki}/ca.crt",
        "tls-cert-file": f"{pki}/apiserver.crt",
        "tls-private-key-file": f"{pki}/apiserver.key",
        "kubelet-client-certificate": f"{pki}/apiserver-kubelet-client.crt",
        "kubelet-client-key": f"{pki}/apiserver-kubelet-client.key",
        "enable-bootstrap-token-auth": "true",
        "secure-port": str(port),
        "allow-privileged": "true",
        "kubelet-preferred-address-types": "InternalIP,ExternalIP,Hostname",
        "requestheader-username-headers": "X-Remote-User",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        "requestheader-client-ca-file": f"{pki}/front-proxy-ca.crt",
        "requestheader-allowed-names": "front-proxy-client",
        "proxy-client-cert-file": f"{pki}/front-proxy-client.crt",
        "proxy-client-key-file": f"{pki}/front-proxy-client.key",
    }
    base |= _etcd_flags(configuration)
    if argument(extra, "authorization-config") is None:
        asked = argument(extra, "authorization-mode")
        base["authorization-mode"] = "Node,RBAC"
        if asked is not None:
            known = [mode for mode in asked.split(",") if mode in MODES]
            extra = [one for one in extra if one["name"] != "authorization-mode"]
            base["authorization-mode"] = ",".join(known) or "Node,RBAC"
    host = "127.0.0.1" if configuration.advertise in ("0.0.0.0", "") else configuration.advertise
    host = "::1" if configuration.advertise == "::" else host
    address = joined(configuration.advertise, port)
    return _pod(
        "kube-apiserver",
        image(configuration, "kube-apiserver"),
        arguments(base, extra),
        [*_certificates(configuration, machine), *_external_etcd(configuration), *_extra_volumes(component)],
        requests={"cpu": "250m"},
        probes=_probes(configuration, host, port, "HTTPS", "/livez", "/readyz", "/livez"),
        annotations={ENDPOINT: address},
        env=_environment(machine, component),
    )


def controller_manager(configuration: Configuration, machine: Machine, *, external_ca: bool = False) -> Object:
    pki, component = configuration.certificates, configuration.cluster["controllerManager"]
    conf = f"{KUBERNETES}/controller-manager.conf"
    base = {
        "bind-address": "127.0.0.1",
        "leader-elect": "true",
        "kubeconfig": conf,
        "authentication-kubeconfig": conf,
        "authorization-kubeconfig": conf,
        "client-ca-file": f"{pki}/ca.crt",
        "requestheader-client-ca-file": f"{pki}/front-proxy-ca.crt",
        "root-ca-file": f"{pki}/ca.crt",
        "service-account-private-key-file": f"{pki}/sa.key",
        "cluster-signing-cert-file": "" if external_ca else f"{pki}/ca.crt",
        "cluster-signing-key-file": "" if external_ca else f"{pki}/ca.key",
        "use-service-account-credentials": "true",
        "controllers": "*,bootstrapsigner,tokencleaner",
    }
    subnet = configuration.networking.get("podSubnet") or ""
    if subnet:
        base |= {"allocate-node-cidrs": "true", "cluster-cidr": subnet}
        if configuration.networking.get("serviceSubnet"):
            base["service-cluster-ip-range"] = configuration.networking["serviceSubnet"]
    if configuration.cluster.get("clusterName"):
        base["cluster-name"] = configuration.cluster["clusterName"]
    extra = component.get("extraArgs")
    host = argument(extra, "bind-address") or "127.0.0.1"
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return _pod(
        "kube-controller-manager",
        image(configuration, "kube-controller-manager"),
        arguments(base, extra),
        [
            *_certificates(configuration, machine),
            ("kubeconfig", conf, "FileOrCreate", True),
            *_extra_volumes(component),
        ],
        requests={"cpu": "200m"},
        probes=_probes(configuration, host, MANAGER_PORT, "HTTPS", "/healthz", "", "/healthz"),
        env=_environment(machine, component),
    )


def scheduler(configuration: Configuration, machine: Machine) -> Object:
    component, conf = configuration.cluster["scheduler"], f"{KUBERNETES}/scheduler.conf"
    base = {
        "bind-address": "127.0.0.1",
        "leader-elect": "true",
        "kubeconfig": conf,
        "authentication-kubeconfig": conf,
        "authorization-kubeconfig": conf,
    }
    extra = component.get("extraArgs")
    host = argument(extra, "bind-address") or "127.0.0.1"
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return _pod(
        "kube-scheduler",
        image(configuration, "kube-scheduler"),
        arguments(base, extra),
        [("kubeconfig", conf, "FileOrCreate", True), *_extra_volumes(component)],
        requests={"cpu": "100m"},
        probes=_probes(configuration, host, SCHEDULER_PORT, "HTTPS", "/livez", "/readyz", "/livez"),
        env=_environment(machine, component),
    )


def _etcd_flags(configuration: Configuration) -> dict[str, str]:
    pki, external = configuration.certificates, configuration.external_etcd
    if external is None:
        loopback = "[::1]" if ":" in configuration.advertise else "127.0.0.1"
        servers = f"https://{loopback}:{ETCD_CLIENT}"
        files = (f"{pki}/etcd/ca.crt", f"{pki}/apiserver-etcd-client.crt", f"{pki}/apiserver-etcd-client.key")
    else:
        servers = ",".join(external.get("endpoints") or ())
        files = (external.get("caFile") or "", external.get("certFile") or "", external.get("keyFile") or "")
    flags = {"etcd-servers": servers}
    if files[0]:
        flags["etcd-cafile"] = files[0]
    if files[1] and files[2]:
        flags |= {"etcd-certfile": files[1], "etcd-keyfile": files[2]}
    return flags


def _certificates(configuration: Configuration, machine: Machine) -> list[Volume]:
    """This cluster's PKI, and the certificates of the system's own authorities."""
    more = [(path.strip("/").replace("/", "-"), path, "DirectoryOrCreate", True) for path in machine.ca_directories]
    return [
        ("k8s-certs", configuration.certificates, "DirectoryOrCreate", True),
        ("ca-certs", "/etc/ssl/certs", "DirectoryOrCreate", True),
        *more,
    ]


def _external_etcd(configuration: Configuration) -> list[Volume]:
    """Directories of an external etcd's certificates, where the PKI does not hold them."""
    external = configuration.external_etcd or {}
    found = []
    for key in ("caFile", "certFile", "keyFile"):
        folder = (external.get(key) or "").rpartition("/")[0]
        if folder and not folder.startswith((configuration.certificates, "/etc/ssl/certs")):
            found.append(folder)
    kept = [one for one in sorted(set(found)) if not any(one.startswith(other + "/") for other in found)]
    return [(f"etcd-certs-{index}", path, "DirectoryOrCreate", True) for index, path in enumerate(kept)]


def _extra_volumes(component: Object) -> list[Any]:
    return [
        (one["name"], one["hostPath"], one.get("pathType") or "", bool(one.get("readOnly")), one["mountPath"])
        for one in component.get("extraVolumes") or ()
    ]


def _environment(machine: Machine, component: Object) -> list[Object]:
    """The machine's proxy variables, and what was asked for."""
    asked = list(component.get("extraEnvs") or ())
    names = {one["name"] for one in asked}
    proxies = (("HTTPS_PROXY", machine.proxy), ("HTTP_PROXY", machine.proxy), ("NO_PROXY", machine.no_proxy))
    return asked + [{"name": name, "value": value} for name, value in proxies if value and name not in names]


def _probes(
    configuration: Configuration, host: str, port: int, scheme: str, live: str, ready: str, startup: str
) -> Object:
    def probe(path: str, failures: int, delay: int, period: int) -> Object:
        found: Object = {
            "failureThreshold": failures,
            "httpGet": {"host": host, "path": path, "port": "probe-port", "scheme": scheme},
            "periodSeconds": period,
            "timeoutSeconds": 15,
        }
        return found | ({"initialDelaySeconds": delay} if delay else {})

    patience = configuration.timeout("controlPlaneComponentHealthCheck")
    found = {
        "livenessProbe": probe(live, 8, 10, 10),
        "startupProbe": probe(startup, max(1, -int(-patience // 10)), 10, 10),
        "ports": [{"containerPort": port, "name": "probe-port", "protocol": "TCP"}],
    }
    return found | ({"readinessProbe": probe(ready, 3, 0, 1)} if ready else {})


def _pod(
    name: str,
    image: str,
    flags: list[str],
    volumes: list[Any],
    *,
    requests: Mapping[str, str],
    probes: Object,
    annotations: Object | None = None,
    env: list[Object] | None = None,
) -> Object:
    # etcd's mounts keep their order; the others' mounts, and all volumes, are sorted by name.
    listed = volumes if name == "etcd" else sorted(volumes, key=lambda one: str(one[0]))
    container: Object = {
        "command": [name, *flags],
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "name": name,
        "resources": {"requests": dict(requests)},
        "volumeMounts": [_mount(*one) for one in listed],
        **probes,
    }
    if env:
        container["env"] = env
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            **({"annotations": annotations} if annotations else {}),
            "labels": {"component": name, "tier": "control-plane"},
            "name": name,
            "namespace": "kube-system",
        },
        "spec": {
            "containers": [container],
            "hostNetwork": True,
            "priority": 2000001000,
            "priorityClassName": "system-node-critical",
            "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
            "volumes": [_volume(*one) for one in sorted(volumes, key=lambda one: str(one[0]))],
        },
        "status": {},
    }


def _mount(name: str, path: str, _: str, readonly: bool, mount_path: str = "") -> Object:
    return {"mountPath": mount_path or path, "name": name} | ({"readOnly": True} if readonly else {})


def _volume(name: str, path: str, kind: str, _: bool, __: str = "") -> Object:
    return {"hostPath": {"path": path, "type": kind}, "name": name}
