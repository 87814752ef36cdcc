"""The API server, the controller manager and the scheduler, as static pods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minikube_edu.kubeadm import files, static_pods

if TYPE_CHECKING:
    from minikube_edu.kubeadm.phases.init_data import InitData


async def announce(data: InitData) -> None:
    data.say(f'[control-plane] Using manifest folder "{data.manifest_directory}"')


async def apiserver(data: InitData) -> None:
    _write(data, "kube-apiserver", static_pods.api_server(data.configuration, data.host.machine))


async def controller_manager(data: InitData) -> None:
    machine = data.host.machine
    pod = static_pods.controller_manager(data.configuration, machine, external_ca=data.external_ca)
    _write(data, "kube-controller-manager", pod)


async def scheduler(data: InitData) -> None:
    _write(data, "kube-scheduler", static_pods.scheduler(data.configuration, data.host.machine))


def _write(data: InitData, name: str, pod: dict[str, Any]) -> None:
    data.say(f'[control-plane] Creating static Pod manifest for "{name}"')
    pod = data.patches().apply(name, pod)
    files.write(data.host, f"{data.manifest_directory}/{name}.yaml", files.yaml(pod))
