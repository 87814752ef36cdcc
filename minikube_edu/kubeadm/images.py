"""Which images a control plane is made of, and pulling them beforehand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minikube_edu.kubeadm import addons, releases, static_pods
from minikube_edu.kubeadm.config.configuration import Configuration
from minikube_edu.kubeadm.constants import CONTROL_PLANE

if TYPE_CHECKING:
    from minikube_edu.kubeadm.contract import Host


def of(configuration: Configuration) -> list[str]:
    found = [static_pods.image(configuration, name) for name in CONTROL_PLANE]
    if not configuration.cluster["proxy"].get("disabled"):
        found.append(addons.proxy_image(configuration))
    if not configuration.cluster["dns"].get("disabled"):
        found.append(addons.coredns_image(configuration))
    found.append(pause(configuration))
    if configuration.external_etcd is None:
        found.append(static_pods.etcd_image(configuration))
    return found


def pause(configuration: Configuration) -> str:
    return f"{configuration.cluster['imageRepository']}/pause:{releases.pause()}"


async def pull(host: Host, image: str, policy: str = "IfNotPresent") -> str:
    """Empty, or why it could not be had."""
    from minikube_edu.container_runtime.cri import RuntimeFailure

    runtime = host.runtime
    if runtime is None:
        return f"failed to pull image {image}: no container runtime"
    try:
        if policy == "Always" or await runtime.image_status(image) is None:
            await runtime.pull_image(image)
    except RuntimeFailure as error:
        return f"failed to pull image {image}: {error}"
    return ""
