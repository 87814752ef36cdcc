"""What the phases of `join` share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from minikube_edu.kubeadm import files
from minikube_edu.kubeadm.command import Call
from minikube_edu.kubeadm.config.configuration import Configuration
from minikube_edu.kubeadm.constants import KUBELET, KUBERNETES, MANIFESTS

if TYPE_CHECKING:
    from minikube_edu.kubeadm.api_access import Api
    from minikube_edu.kubeadm.contract import Host
    from minikube_edu.kubeadm.patches import Patches

Object = dict[str, Any]


class JoinData(Struct):
    call: Call
    join: Object  # JoinConfiguration, whole
    ignored: frozenset[str] = frozenset()
    dry_run: bool = False
    dry_run_directory: str = ""
    patches_directory: str = ""
    etcd_endpoints: list[str] = field(
        default_factory=list
    )  # of the cluster that is joined, where its store is embedded
    _bootstrap: Object | None = None
    _api: Api | None = None
    _configuration: Configuration | None = None
    _patches: Patches | None = None

    @property
    def host(self) -> Host:
        return self.call.host

    @property
    def registration(self) -> Object:
        found: Object = self.join["nodeRegistration"]
        return found

    @property
    def control_plane(self) -> Object | None:
        return self.join.get("controlPlane")

    @property
    def external_ca(self) -> bool:
        return False

    def say(self, text: str) -> None:
        self.call.say(text)

    @property
    def configuration_so_far(self) -> Configuration | None:
        return self._configuration

    @property
    def kubeconfig_directory(self) -> str:
        return self.dry_run_directory if self.dry_run else KUBERNETES

    @property
    def manifest_directory(self) -> str:
        return self.dry_run_directory if self.dry_run else MANIFESTS

    @property
    def kubelet_directory(self) -> str:
        return self.dry_run_directory if self.dry_run else KUBELET

    def certificates_directory(self, configuration: Configuration) -> str:
        return self.dry_run_directory if self.dry_run else configuration.certificates

    def patches(self) -> Patches:
        if self._patches is None:
            from minikube_edu.kubeadm.patches import Patches

            self._patches = Patches(self.patches_directory, self.call.out)
        return self._patches

    async def bootstrap_kubeconfig(self) -> Object:
        """How this machine talks to the cluster before it has a name there: discovery, once."""
        if self._bootstrap is None:
            from minikube_edu.kubeadm.discovery import discover

            self._bootstrap = await discover(self.call, self.join, self.dry_run)
        return self._bootstrap

    async def api(self) -> Api:
        """As the bearer of the bootstrap token."""
        if self._api is None:
            from minikube_edu.kubeadm import api_access
            from minikube_edu.lib import durations

            text = files.yaml(await self.bootstrap_kubeconfig())
            patience = durations.seconds(self.join["timeouts"]["kubernetesAPICall"])
            live = api_access.Live(self.host.connect_text(text), patience)
            self._api = api_access.DryRun(self.call.out, behind=live) if self.dry_run else live
        return self._api

    async def configuration(self) -> Configuration:
        """The cluster's, with this machine's part in it."""
        if self._configuration is None:
            from minikube_edu.kubeadm import cluster_config

            point = (self.control_plane or {}).get("localAPIEndpoint")
            self._configuration = await cluster_config.fetch(
                self.call,
                await self.api(),
                "preflight",
                registration=self.registration,
                endpoint=point,
                timeouts=self.join["timeouts"],
            )
        return self._configuration

    async def close(self) -> None:
        if self._api is not None:
            await self._api.close()
