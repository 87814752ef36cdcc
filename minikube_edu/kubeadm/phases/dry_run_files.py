"""What a dry run shows of the files that it wrote elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minikube_edu.kubeadm import files
from minikube_edu.kubeadm.constants import CONTROL_PLANE, KUBELET, MANIFESTS

if TYPE_CHECKING:
    from minikube_edu.kubeadm.phases.init_data import InitData
    from minikube_edu.kubeadm.phases.join_data import JoinData


def show(data: InitData) -> None:
    directory = data.dry_run_directory
    data.say(
        f'[dryrun] Wrote certificates, kubeconfig files and control plane manifests to the "{directory}" directory'
    )
    data.say("[dryrun] The certificates or kubeconfig files would not be printed due to their sensitive nature")
    data.say(f'[dryrun] Please examine the "{directory}" directory for details about what would be written')
    shown = [(f"{name}.yaml", f"{MANIFESTS}/{name}.yaml") for name in CONTROL_PLANE]
    shown += [(name, f"{KUBELET}/{name}") for name in ("config.yaml", "kubeadm-flags.env")]
    for name, path in shown:
        show_file(data, f"{directory}/{name}", path)


def show_joined(data: JoinData) -> None:
    directory, control_plane = data.dry_run_directory, data.control_plane is not None
    manifests = " and control plane manifests" if control_plane else ""
    what = f"certificates, kubeconfig files{manifests}" if control_plane else "certificates and kubeconfig files"
    data.say(f'[dryrun] Wrote {what} to the "{directory}" directory')
    data.say("[dryrun] The certificates or kubeconfig files would not be printed due to their sensitive nature")
    data.say(f'[dryrun] Please examine the "{directory}" directory for details about what would be written')
    shown = [(f"{name}.yaml", f"{MANIFESTS}/{name}.yaml") for name in CONTROL_PLANE] if control_plane else []
    shown += [(name, f"{KUBELET}/{name}") for name in ("config.yaml", "kubeadm-flags.env")]
    for name, path in shown:
        show_file(data, f"{directory}/{name}", path)


def show_file(data: InitData | JoinData, path: str, shown: str) -> None:
    if files.exists(data.host, path):
        data.say(f'[dryrun] Would write file "{shown}" with content:')
        data.call.out.write(files.read(data.host, path).decode())
