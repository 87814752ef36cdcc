"""CoreDNS and kube-proxy, applied to the cluster that now runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minikube_edu.client.errors import ApiError
from minikube_edu.kubeadm import addons
from minikube_edu.kubeadm.api_access import Api, all_of, create_or_update, patiently

if TYPE_CHECKING:
    from minikube_edu.kubeadm.command import Call
    from minikube_edu.kubeadm.config.configuration import Configuration
    from minikube_edu.kubeadm.patches import Patches
    from minikube_edu.kubeadm.phases.init_data import InitData


async def coredns(data: InitData) -> None:
    if data.configuration.cluster["dns"].get("disabled"):
        data.say('[addons] Skipping the addon "CoreDNS"')
        return
    await apply_coredns(data.call, await data.api(), data.configuration, data.patches())


async def kube_proxy(data: InitData) -> None:
    if data.configuration.cluster["proxy"].get("disabled"):
        data.say('[addons] Skipping the addon "kube-proxy"')
        return
    await apply_kube_proxy(data.call, await data.api(), data.configuration)


async def apply_coredns(call: Call, api: Api, configuration: Configuration, patches: Patches) -> None:
    """How many replicas there are is the user's affair once they run, and so is a Corefile that was changed."""
    deployments = await patiently(api, lambda: api.list("Deployment", "kube-system", "k8s-app=kube-dns"))
    replicas = deployments[0]["spec"]["replicas"] if deployments else 2
    text = await _corefile(api, addons.corefile(configuration))
    config_map = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "coredns", "namespace": "kube-system"},
        "data": {"Corefile": text},
    }
    deployment = addons.coredns_deployment(configuration, replicas)
    deployment = patches.apply("corednsdeployment", deployment)
    await all_of(
        create_or_update(api, config_map),
        *(create_or_update(api, one) for one in addons.coredns_rights()),
        create_or_update(api, deployment),
        create_or_update(api, addons.coredns_service(configuration)),
    )
    call.say("[addons] Applied essential addon: CoreDNS")


async def _corefile(api: Api, default: str) -> str:
    try:
        found = await api.get("ConfigMap", "coredns", "kube-system")
    except ApiError as error:
        if not error.not_found:
            raise
        return default
    return str((found.get("data") or {}).get("Corefile") or default)


async def apply_kube_proxy(call: Call, api: Api, configuration: Configuration) -> None:
    endpoint = configuration.cluster.get("controlPlaneEndpoint") or ""
    if endpoint and ":" in endpoint.rpartition("]")[2]:
        call.warn(
            "endpoint.go:57",
            "[endpoint] WARNING: port specified in controlPlaneEndpoint overrides bindPort in the controlplane address",
        )
    await all_of(
        create_or_update(api, addons.proxy_config_map(configuration)),
        create_or_update(api, addons.proxy_daemon_set(configuration)),
        *(create_or_update(api, one) for one in addons.proxy_rights()),
    )
    call.say("[addons] Applied essential addon: kube-proxy")
