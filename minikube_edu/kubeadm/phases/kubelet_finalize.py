"""The kubelet's kubeconfig, once the kubelet has a certificate that it renews by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minikube_edu.kubeadm import files
from minikube_edu.kubeadm.command import CommandError
from minikube_edu.kubeadm.config.configuration import argument
from minikube_edu.kubeadm.constants import KUBELET_CONF
from minikube_edu.kubeadm.contract import HostFailure

if TYPE_CHECKING:
    from minikube_edu.kubeadm.phases.init_data import InitData


async def enable_client_cert_rotation(data: InitData) -> None:
    registration = data.configuration.init["nodeRegistration"]
    folder = argument(registration.get("kubeletExtraArgs"), "cert-dir") or f"{data.kubelet_directory}/pki"
    current = f"{folder}/kubelet-client-current.pem"
    if not files.exists(data.host, current):
        data.call.info(
            1,
            "kubeletfinalize.go:106",
            "[kubelet-finalize] Assuming that kubelet client certificate rotation is disabled",
        )
        return
    data.say(f'[kubelet-finalize] Updating "{KUBELET_CONF}" to point to a rotatable kubelet client certificate and key')
    if data.dry_run:
        return
    document = files.parse_yaml(files.read(data.host, KUBELET_CONF))
    user = f"system:node:{registration['name']}"
    entry = next((one for one in document.get("users") or () if one["name"] == user), None)
    if entry is None:
        raise CommandError(
            f'the file "{KUBELET_CONF}" does not contain authentication for user "{registration["name"]}"'
        )
    entry["user"] = {"client-certificate": current, "client-key": current}
    files.write(data.host, KUBELET_CONF, files.yaml(document))
    data.call.info(
        1, "kubeletfinalize.go:147", "[kubelet-finalize] Restarting the kubelet to enable client certificate rotation"
    )
    try:
        await data.host.restart_service("kubelet")
    except HostFailure as error:
        data.say(f"[kubelet-start] WARNING: unable to stop the kubelet service momentarily: [{error}]")
