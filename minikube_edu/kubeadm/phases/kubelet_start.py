"""The kubelet's files, and its start: the last thing that kubeadm does by hand. From here on the kubelet works."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minikube_edu.kubeadm import files
from minikube_edu.kubeadm.config.configuration import arguments
from minikube_edu.kubeadm.contract import HostFailure
from minikube_edu.kubeadm.machine import AUTO
from minikube_edu.lib import packages

if TYPE_CHECKING:
    from minikube_edu.kubeadm.command import Call
    from minikube_edu.kubeadm.contract import Host
    from minikube_edu.kubeadm.patches import Patches
    from minikube_edu.kubeadm.phases.init_data import InitData

Object = dict[str, Any]


async def init(data: InitData) -> None:
    if not data.dry_run:
        data.call.info(1, "kubelet.go:73", "Stopping the kubelet")
        await try_stop(data.call)
    registration = data.configuration.init["nodeRegistration"]
    directory = data.kubelet_directory
    write_flags(data.call, directory, registration)
    instance = write_instance(data.call, directory, registration)
    write_config(data.call, directory, data.configuration.kubelet, instance, data.patches())
    await data.settle()
    if not data.dry_run:
        install(data.call.host, data.configuration.version)
        data.say("[kubelet-start] Starting the kubelet")
        await try_start(data.call)


def install(host: Host, version: str) -> None:
    """The kubelet that starts is the one that the machine is described with; where nobody has said which that is, and
    no package was installed since, it is as old as the control plane that it is started for."""
    told, file = host.machine.kubelet_version, host.path(packages.FILE)
    if told == AUTO and not packages.kubelet(file):
        packages.set_kubelet(file, version)
    elif told not in (AUTO, ""):
        packages.set_kubelet(file, f"v{told.lstrip('v')}")


def write_flags(call: Call, directory: str, registration: Object, *, taints: bool = False) -> None:
    """`taints`: the kubelet registers its node with them; on a control plane kubeadm sets them itself."""
    path = f"{directory}/kubeadm-flags.env"
    call.say(f'[kubelet-start] Writing kubelet environment file with flags to file "{path}"')
    line = " ".join(flags(call.host, registration, taints=taints))
    files.write(call.host, path, f'KUBELET_KUBEADM_ARGS="{line}"\n', 0o644)


def write_instance(call: Call, directory: str, registration: Object) -> Object:
    """What is this machine's alone, kept beside the configuration for upgrades."""
    path = f"{directory}/instance-config.yaml"
    call.say(f'[kubelet-start] Writing kubelet configuration to file "{path}"')
    instance = instance_configuration(registration)
    files.write(call.host, path, files.yaml(instance), 0o644)
    return instance


def write_config(call: Call, directory: str, kubelet: Object, instance: Object, patches: Patches) -> None:
    """The cluster's configuration, with this machine's part laid over it as a patch."""
    call.say(
        '[patches] Applied patch of type "application/strategic-merge-patch+json" to target "kubeletconfiguration"'
    )
    endpoint = instance["containerRuntimeEndpoint"]
    config = patches.apply("kubeletconfiguration", {**kubelet, "containerRuntimeEndpoint": endpoint})
    path = f"{directory}/config.yaml"
    call.say(f'[kubelet-start] Writing kubelet configuration to file "{path}"')
    files.write(call.host, path, files.yaml(config), 0o644)


def instance_configuration(registration: Object) -> Object:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "containerRuntimeEndpoint": registration["criSocket"],
        "kind": "KubeletConfiguration",
    }


def flags(host: Host, registration: Object, *, taints: bool = False) -> list[str]:
    base: dict[str, str] = {}
    if taints and registration.get("taints"):
        base["register-with-taints"] = ",".join(map(taint_text, registration["taints"]))
    if registration["name"] != host.machine.hostname:
        base["hostname-override"] = registration["name"]
    return arguments(base, registration.get("kubeletExtraArgs"))


def taint_text(taint: Object) -> str:
    value = f"={taint['value']}" if taint.get("value") else ""
    return f"{taint['key']}{value}:{taint.get('effect', '')}"


async def try_start(call: Call) -> None:
    try:
        await call.host.start_service("kubelet")
    except HostFailure as error:
        call.out.write(f"[kubelet-start] WARNING: unable to start the kubelet service: [{error}]\n")
        call.say("[kubelet-start] Please ensure kubelet is started manually.")


async def try_stop(call: Call) -> None:
    try:
        await call.host.stop_service("kubelet")
    except HostFailure as error:
        call.out.write(f"[kubelet-start] WARNING: unable to stop the kubelet service momentarily: [{error}]\n")
