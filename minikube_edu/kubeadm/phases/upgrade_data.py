"""What the phases of `upgrade apply` and `upgrade node` share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from minikube_edu.kubeadm.command import Call
from minikube_edu.kubeadm.config.configuration import Configuration
from minikube_edu.kubeadm.constants import MANIFESTS

if TYPE_CHECKING:
    from minikube_edu.kubeadm.api_access import Api
    from minikube_edu.kubeadm.contract import Host
    from minikube_edu.kubeadm.patches import Patches


class UpgradeData(Struct):
    call: Call
    api: Api
    configuration: Configuration  # the cluster's, with the version that it is to have
    cluster_version: str  # that it has
    ignored: frozenset[str] = frozenset()
    dry_run: bool = False
    force: bool = False
    ask: bool = True
    etcd_upgrade: bool = True
    renew: bool = True
    allow_unstable: bool = False
    patches_directory: str = ""
    node_only: bool = False  # `upgrade node`: another control plane has upgraded the cluster already
    _patches: Patches | None = None

    @property
    def host(self) -> Host:
        return self.call.host

    def say(self, text: str) -> None:
        self.call.say(text)

    @property
    def is_control_plane(self) -> bool:
        return self.host.path(f"{MANIFESTS}/kube-apiserver.yaml").exists()

    @property
    def target(self) -> str:
        return self.configuration.version

    def patches(self) -> Patches:
        if self._patches is None:
            from minikube_edu.kubeadm.patches import Patches

            self._patches = Patches(self.patches_directory, self.call.out)
        return self._patches
