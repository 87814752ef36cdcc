"""The pods that the API has bound to this node, by a watch of them alone.

`attach` also takes an informer of all pods, which is how many kubelets of one process share one.
"""

from __future__ import annotations

from minikube_edu.client.informer import Deleted, Informer, last_state, without_managed_fields
from minikube_edu.client.rest import Client
from minikube_edu.kubelet.contract import Object
from minikube_edu.kubelet.kubelet import Kubelet
from minikube_edu.kubelet.status.reporting import PODS


def pods_of(client: Client, node: str) -> Informer:
    return Informer(client, PODS, field_selector=f"spec.nodeName={node}", transform=without_managed_fields)


def attach(kubelet: Kubelet, pods: Informer) -> None:
    """Tell the kubelet of its pods from now on."""
    name = kubelet.identity.name

    def here(pod: Object) -> bool:
        return bool(pod["spec"].get("nodeName") == name)

    def added(pod: Object) -> None:
        if here(pod):
            kubelet.seen_in_api(pod)

    def updated(before: Object, pod: Object) -> None:
        if before["metadata"]["uid"] != pod["metadata"]["uid"] and here(before):
            kubelet.gone_from_api(before)
        if here(pod):
            kubelet.seen_in_api(pod)

    def deleted(gone: Deleted) -> None:
        pod = last_state(gone)
        if here(pod):
            kubelet.gone_from_api(pod)

    pods.add_handler(added, updated, deleted)


async def follow(kubelet: Kubelet, pods: Informer) -> None:
    """Attach, and say when all pods have been seen."""
    attach(kubelet, pods)
    await pods.wait_synced()
    kubelet.api_synced()
