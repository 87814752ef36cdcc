"""The store of the control plane, as a static pod."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minikube_edu.kubeadm import files, static_pods
from minikube_edu.kubeadm.constants import MANIFESTS
from minikube_edu.kubeadm.phases import dry_run_files

if TYPE_CHECKING:
    from minikube_edu.kubeadm.phases.init_data import InitData


async def local(data: InitData) -> None:
    configuration = data.configuration
    if configuration.external_etcd is not None:
        data.call.info(1, "etcd.go:85", "[etcd] External etcd mode. Skipping the creation of a manifest for local etcd")
        return
    directory = configuration.cluster["etcd"]["local"]["dataDir"]
    if data.dry_run:
        data.say(f'[etcd] Would ensure that "{directory}" directory is present')
    else:
        data.host.path(directory).mkdir(parents=True, exist_ok=True, mode=0o700)
    data.say(f'[etcd] Creating static Pod manifest for local etcd in "{data.manifest_directory}"')
    pod = data.patches().apply("etcd", static_pods.etcd(configuration))
    path = f"{data.manifest_directory}/etcd.yaml"
    files.write(data.host, path, files.yaml(pod))
    if data.dry_run:
        dry_run_files.show_file(data, path, f"{MANIFESTS}/etcd.yaml")
