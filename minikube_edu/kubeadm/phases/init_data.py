"""What the phases of `init` share: the configuration, the host, where files go, and the way to the API server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from msgspec import Struct, field

from minikube_edu.kubeadm import files
from minikube_edu.kubeadm.command import Call, CommandError
from minikube_edu.kubeadm.config.configuration import Configuration
from minikube_edu.kubeadm.constants import ADMIN, KUBELET, KUBERNETES, MANIFESTS, SUPER_ADMIN

if TYPE_CHECKING:
    from minikube_edu.kubeadm.api_access import Api
    from minikube_edu.kubeadm.contract import Host
    from minikube_edu.kubeadm.patches import Patches


class InitData(Struct):
    call: Call
    configuration: Configuration
    ignored: frozenset[str] = frozenset()  # preflight errors, in small letters
    dry_run: bool = False
    dry_run_directory: str = ""
    upload_certs: bool = False
    certificate_key: str = ""
    skip_key_print: bool = False
    skip_token_print: bool = False
    kubeconfig: str = ADMIN
    external_ca: bool = False
    patches_directory: str = ""
    service_account_key: asyncio.Future[bytes] | None = None  # under way since the beginning, see phases/certs.py
    unsettled: list[Callable[[], Awaitable[None]]] = field(
        default_factory=list
    )  # must be done before the kubelet starts
    _api: Api | None = None
    _strong: Api | None = None  # of super-admin.conf
    _patches: Patches | None = None

    @property
    def host(self) -> Host:
        return self.call.host

    def say(self, text: str) -> None:
        self.call.say(text)

    # Where files are written: a dry run has one directory for all of them.

    @property
    def certificates_directory(self) -> str:
        return self.dry_run_directory if self.dry_run else self.configuration.certificates

    @property
    def kubeconfig_directory(self) -> str:
        return self.dry_run_directory if self.dry_run else self.call.flags.get("kubeconfig-dir") or KUBERNETES

    @property
    def manifest_directory(self) -> str:
        return self.dry_run_directory if self.dry_run else MANIFESTS

    @property
    def kubelet_directory(self) -> str:
        return self.dry_run_directory if self.dry_run else KUBELET

    @property
    def tokens(self) -> list[str]:
        return [one["token"] for one in self.configuration.init["bootstrapTokens"]]

    def patches(self) -> Patches:
        if self._patches is None:
            from minikube_edu.kubeadm.patches import Patches

            self._patches = Patches(self.patches_directory, self.call.out)
        return self._patches

    async def api(self) -> Api:
        """As the administrator, whose rights are first seen to: `admin.conf` is of a group that only a binding makes
        cluster-admins, and `super-admin.conf`, which needs none, may make that binding."""
        if self._api is None:
            from minikube_edu.kubeadm import api_access

            if self.dry_run:
                self._api = api_access.DryRun(self.call.out, self.configuration.node_name)
            else:
                await self._ensure_admin()
                self._api = self._connected(self.kubeconfig)
        return self._api

    async def bootstrap_api(self) -> Api:
        """As whoever may, before the administrator has rights: to wait for the API server."""
        if self.dry_run:
            return await self.api()
        if self._strong is None:
            strong = self.kubeconfig == ADMIN and files.exists(self.host, SUPER_ADMIN)
            self._strong = self._connected(SUPER_ADMIN if strong else self.kubeconfig)
        return self._strong

    def _connected(self, kubeconfig: str) -> Api:
        from minikube_edu.kubeadm.api_access import Live

        if not files.exists(self.host, kubeconfig):
            raise CommandError(f"failed to load admin kubeconfig: open {kubeconfig}: no such file or directory")
        patience = self.configuration.timeout("kubernetesAPICall")
        return Live(self.host.connect(kubeconfig), patience)

    async def _ensure_admin(self) -> None:
        if self.kubeconfig != ADMIN or not files.exists(self.host, SUPER_ADMIN):
            return
        from minikube_edu.kubeadm import objects
        from minikube_edu.kubeadm.api_access import create_or_retain

        await create_or_retain(await self.bootstrap_api(), objects.cluster_admins())

    async def settle(self) -> None:
        while self.unsettled:
            await self.unsettled.pop(0)()

    async def close(self) -> None:
        for api in (self._api, self._strong):
            if api is not None:
                await api.close()
