"""The configuration that the cluster itself keeps: how joins and upgrades learn what `init` was told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minikube_edu.client.errors import ApiError
from minikube_edu.kubeadm import files, objects
from minikube_edu.kubeadm.command import CommandError
from minikube_edu.kubeadm.config import defaults
from minikube_edu.kubeadm.config.configuration import Configuration
from minikube_edu.kubeadm.constants import ENDPOINT

if TYPE_CHECKING:
    from minikube_edu.kubeadm.api_access import Api
    from minikube_edu.kubeadm.command import Call

Object = dict[str, Any]


async def fetch(
    call: Call,
    api: Api,
    prefix: str,
    *,
    registration: Object | None = None,
    endpoint: Object | None = None,
    timeouts: Object | None = None,
) -> Configuration:
    """`prefix`: who asks, as printed. `registration`, `endpoint`: of the machine that it is for."""
    call.say(f'[{prefix}] Reading configuration from the "kubeadm-config" ConfigMap in namespace "kube-system"...')
    call.say(f"[{prefix}] Use 'kubeadm init phase upload-config kubeadm --config your-config-file' to re-upload it.")
    cluster = _document(await api.get("ConfigMap", "kubeadm-config", "kube-system"), "ClusterConfiguration")
    try:
        proxy = _document(await api.get("ConfigMap", "kube-proxy", "kube-system"), "config.conf")
    except ApiError as error:
        if error.code not in (403, 404):  # who may read it is said in a role that is there when it is
            raise
        proxy = {}
        call.warn(
            "configset.go:177",
            f"Warning: No kubeproxy.config.k8s.io/v1alpha1 config is loaded. Continuing without it: {error}",
        )
    kubelet_map = await api.get("ConfigMap", "kubelet-config", "kube-system")
    kubelet = _document(kubelet_map, "kubelet")
    shared = defaults.cluster(cluster)
    own = {
        "nodeRegistration": registration or {},
        "localAPIEndpoint": endpoint or {},
        "timeouts": timeouts or {},
    }
    init = defaults.init(own, call.host.machine.hostname, call.host.machine.address, call.host.runtime_endpoint)
    configuration = Configuration(init, shared, {}, {})
    configuration.kubelet = defaults.kubelet(kubelet, shared, configuration.indexed_service_ip(10))
    configuration.proxy = defaults.proxy(proxy, shared, configuration.advertise)
    if objects.HASH not in (kubelet_map["metadata"].get("annotations") or {}):
        configuration.supplied.add("KubeletConfiguration")
    _recommend(call, proxy, shared)
    return configuration


async def endpoint_of(api: Api, node: str) -> Object:
    """Where the API server of this node is: the cluster's configuration does not say, its static pod does. Empty for a
    node that has none."""
    try:
        pod = await api.get("Pod", f"kube-apiserver-{node}", "kube-system")
    except ApiError as error:
        if error.code not in (403, 404):
            raise
        return {}
    host, _, port = str((pod["metadata"].get("annotations") or {}).get(ENDPOINT, "")).rpartition(":")
    return {"advertiseAddress": host.strip("[]"), "bindPort": int(port)} if port.isdigit() else {}


def _document(config_map: Object, key: str) -> Object:
    text = (config_map.get("data") or {}).get(key)
    if text is None:
        name = config_map["metadata"]["name"]
        raise CommandError(f"unexpected error when reading {name} ConfigMap: {key} key value pair missing")
    found: Object = files.parse_yaml(text) or {}
    return found


def _recommend(call: Call, proxy: Object, cluster: Object) -> None:
    """What kubeadm would have chosen otherwise. That it would choose `::`, whatever the cluster, is the real one's own
    mistake: it does not know the machine's address here."""
    wanted = {"bindAddress": "::", "clusterCIDR": cluster["networking"].get("podSubnet") or ""}
    for field, value in wanted.items():
        if proxy.get(field) and value and proxy[field] != value:
            call.warn(
                "utils.go:69",
                f'The recommended value for "{field}" in "KubeProxyConfiguration" is: {value}; the provided value is: '
                f"{proxy[field]}",
            )
