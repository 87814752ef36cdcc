"""Each controller as itself: a ServiceAccount in kube-system, and a token that is asked for and renewed.

With --use-service-account-credentials every controller has only the rights that its work needs: its account is named in
the cluster's bootstrap roles (`system:controller:…`). Accounts are made on the first request that needs them, and so
are tokens: a controller that never writes costs nothing. Without the flag, all share the manager's own certificate.
"""

from __future__ import annotations

import asyncio
import contextlib

from minikube_edu.client.credentials import CredentialsError, Nobody
from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import Client, Resource
from minikube_edu.client.transport import Headers
from minikube_edu.lib import clock

ACCOUNTS = Resource("", "v1", "serviceaccounts", kind="ServiceAccount")
NAMESPACE = "kube-system"
TOKEN_SECONDS = 3600
RENEW_AT = 0.8  # of a token's life

# Where the account is not called as the controller is.
ACCOUNT_OF = {
    "serviceaccount-controller": "service-account-controller",
    "root-ca-certificate-publisher-controller": "root-ca-cert-publisher",
    "garbage-collector-controller": "generic-garbage-collector",
    "pod-garbage-collector-controller": "pod-garbage-collector",
    "replicationcontroller-controller": "replication-controller",
    "daemonset-controller": "daemon-set-controller",
    "persistentvolumeclaim-protection-controller": "pvc-protection-controller",
    "persistentvolume-protection-controller": "pv-protection-controller",
    "persistentvolume-binder-controller": "persistent-volume-binder",
    "host-path-provisioner-controller": "persistent-volume-binder",
    "persistentvolume-expander-controller": "expand-controller",
    "persistentvolume-attach-detach-controller": "attachdetach-controller",
    "endpoints-controller": "endpoint-controller",
    "endpointslice-mirroring-controller": "endpointslicemirroring-controller",
    "service-cidr-controller": "service-cidrs-controller",
    "node-lifecycle-controller": "node-controller",
    "taint-eviction-controller": "node-controller",
    "node-ipam-controller": "node-controller",
    "certificatesigningrequest-approving-controller": "certificate-controller",
    "certificatesigningrequest-signing-controller": "certificate-controller",
    "certificatesigningrequest-cleaner-controller": "certificate-controller",
    "cluster-role-aggregation-controller": "clusterrole-aggregation-controller",
    "cluster-role-aggregation": "clusterrole-aggregation-controller",
    "bootstrap-signer-controller": "bootstrap-signer",
    "token-cleaner-controller": "token-cleaner",
    "legacy-serviceaccount-token-cleaner-controller": "legacy-service-account-token-cleaner",
    "horizontal-pod-autoscaler-controller": "horizontal-pod-autoscaler",
}
# The one that makes tokens works with the manager's own certificate, as in the real one.
AS_MANAGER = ("kube-controller-manager", "leader-election", "serviceaccount-token-controller")


# Whose token is asked for before it is needed: a node that joins waits for its certificate.
EAGER = ("certificate-controller",)


def account_of(controller: str) -> str:
    return ACCOUNT_OF.get(controller, controller)


class AccountToken(Nobody):
    """Credentials of one account, had through the manager's own client."""

    def __init__(self, manager: Client, account: str) -> None:
        super().__init__()
        self._manager = manager
        self._account = account
        self._headers: Headers = ()
        self._renew_at = 0.0
        self._asking: asyncio.Lock | None = None
        self._there = False  # the account
        self._early: asyncio.Task[None] | None = None

    async def headers(self) -> Headers:
        if clock.monotonic() < self._renew_at:
            return self._headers
        self._asking = self._asking or asyncio.Lock()
        async with self._asking:
            if clock.monotonic() >= self._renew_at:
                await self._ask()
        return self._headers

    def ask_early(self) -> None:
        """In the background; what fails now is tried again by the first request."""

        async def ask() -> None:
            with contextlib.suppress(CredentialsError, OSError):
                await self.headers()

        self._early = asyncio.get_running_loop().create_task(ask(), name=f"token of {self._account}")

    def rejected(self) -> bool:
        """The account may have been made anew: a token of the old one is worth nothing."""
        fresh, self._renew_at, self._there = self._renew_at, 0.0, False
        return fresh > 0.0

    async def _ask(self) -> None:
        try:
            if not self._there:  # in a new cluster it is not, and in an old one it is soon said
                await self._make_account()
            token = await self._token()
        except ApiError as error:
            self._there = False
            raise CredentialsError(f"token of {self._account}: {error}") from error
        self._there = True
        self._headers = ((b"authorization", b"Bearer " + token.encode()),)
        self._renew_at = clock.monotonic() + TOKEN_SECONDS * RENEW_AT

    async def _token(self) -> str:
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": TOKEN_SECONDS, "audiences": []},
        }
        answer = await self._manager.create(ACCOUNTS, request, NAMESPACE, name=self._account, subresource="token")
        token: str = answer["status"]["token"]
        return token

    async def _make_account(self) -> None:
        account = {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": self._account, "namespace": NAMESPACE},
        }
        try:
            await self._manager.create(ACCOUNTS, account, NAMESPACE)
        except ApiError as error:
            if error.code != 409:
                raise
