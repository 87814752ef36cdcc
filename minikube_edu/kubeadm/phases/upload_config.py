"""What the cluster remembers of its making: kubeadm-config for upgrades and joins, kubelet-config for every kubelet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minikube_edu.kubeadm import files, objects
from minikube_edu.kubeadm.api_access import Api, all_of, create_or_update, patiently
from minikube_edu.kubeadm.constants import NODE_BOOTSTRAPPERS

if TYPE_CHECKING:
    from minikube_edu.kubeadm.config.configuration import Configuration
    from minikube_edu.kubeadm.phases.init_data import InitData

CRI_SOCKET = "kubeadm.alpha.kubernetes.io/cri-socket"


async def kubeadm(data: InitData) -> None:
    data.say(
        '[upload-config] Storing the configuration used in ConfigMap "kubeadm-config" in the "kube-system" Namespace'
    )
    await store_kubeadm(await data.api(), data.configuration)


async def store_kubeadm(api: Api, configuration: Configuration) -> None:
    text = files.yaml(configuration.cluster)
    groups = (NODE_BOOTSTRAPPERS, "system:nodes")
    await all_of(
        create_or_update(api, objects.config_map("kubeadm-config", {"ClusterConfiguration": text})),
        *(
            create_or_update(api, one)
            for one in objects.readable("kubeadm:nodes-kubeadm-config", "kubeadm-config", groups)
        ),
    )


async def kubelet(data: InitData) -> None:
    data.say(
        '[kubelet] Creating a ConfigMap "kubelet-config" in namespace kube-system with the configuration for the '
        "kubelets in the cluster"
    )
    await store_kubelet(await data.api(), data.configuration)


async def store_kubelet(api: Api, configuration: Configuration) -> None:
    signed = "KubeletConfiguration" not in configuration.supplied
    body = objects.config_map("kubelet-config", {"kubelet": files.yaml(configuration.kubelet)}, signed=signed)
    groups = ("system:nodes", NODE_BOOTSTRAPPERS)
    await all_of(
        create_or_update(api, body),
        *(create_or_update(api, one) for one in objects.readable("kubeadm:kubelet-config", "kubelet-config", groups)),
    )


async def annotate_node(api: Api, name: str, socket: str) -> None:
    """Which runtime the node has, where kubeadm looks for it on upgrades."""
    patch: dict[str, Any] = {"metadata": {"annotations": {CRI_SOCKET: socket}}}
    await patiently(api, lambda: api.patch("Node", name, patch))
