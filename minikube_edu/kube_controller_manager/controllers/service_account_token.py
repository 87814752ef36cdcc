"""serviceaccount-token-controller: secrets that hold a token without an end, the old way.

Who makes a Secret of type `kubernetes.io/service-account-token` that names a service account gets a token, the
namespace and the CA put into it; when the account goes, so does the secret. Tokens for pods are not made here but asked
for (TokenRequest), and end.
"""

from __future__ import annotations

import base64
from pathlib import Path

from minikube_edu.client.errors import ApiError
from minikube_edu.kube_controller_manager.controller import Controller, Environment, Object
from minikube_edu.kube_controller_manager.kinds import SECRETS, SERVICE_ACCOUNTS
from minikube_edu.lib.jsonpatch import copy_json

TYPE = "kubernetes.io/service-account-token"
ACCOUNT_NAME = "kubernetes.io/service-account.name"
ACCOUNT_UID = "kubernetes.io/service-account.uid"
ISSUER = "kubernetes/serviceaccount"
CLAIM = "kubernetes.io/serviceaccount/"


class ServiceAccountTokenController(Controller):
    name = "serviceaccount-token-controller"

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        path = self.settings.service_account_key
        self.key = Path(path).read_bytes() if path else b""
        if not self.key:
            return
        self.secrets = self.watch(SECRETS, is_account_token)
        self.secrets.add_indexer("account", account_of)
        self.accounts = self.watch_related(SERVICE_ACCOUNTS, self.secrets_of)

    def secrets_of(self, account: Object) -> list[str]:
        metadata = account["metadata"]
        return self.secrets.index.keys_by("account", f"{metadata['namespace']}/{metadata['name']}")

    async def reconcile(self, key: str) -> None:
        secret = self.secrets.index.get(key)
        if secret is None or not is_account_token(secret):
            return
        namespace, name = self.split(key)
        account = await self.account(namespace, secret)
        if account is None:
            await self.client.delete(
                SECRETS, name, namespace, options={"preconditions": {"uid": secret["metadata"]["uid"]}}
            )
            return
        made = copy_json(secret)
        data = made.setdefault("data", {})
        if self.settings.root_ca:
            data["ca.crt"] = encoded(self.settings.root_ca)
        data["namespace"] = encoded(namespace)
        if not data.get("token"):
            data["token"] = encoded(self.token(account, name))
        made["metadata"].setdefault("annotations", {})[ACCOUNT_UID] = account["metadata"]["uid"]
        if made != secret:
            await self.client.update(SECRETS, made)

    async def account(self, namespace: str, secret: Object) -> Object | None:
        """The account that the secret names, from the server when it is not known here; not another of that name."""
        annotations = secret["metadata"]["annotations"]
        name, uid = annotations[ACCOUNT_NAME], annotations.get(ACCOUNT_UID, "")
        found = self.accounts.index.find(name, namespace)
        if found is None or (uid and found["metadata"]["uid"] != uid):
            try:
                found = await self.client.get(SERVICE_ACCOUNTS, name, namespace)
            except ApiError as error:
                if not error.not_found:
                    raise
                return None
        return found if not uid or found["metadata"]["uid"] == uid else None

    def token(self, account: Object, secret_name: str) -> str:
        from minikube_edu.lib import jwt

        metadata = account["metadata"]
        claims = {
            "iss": ISSUER,
            CLAIM + "namespace": metadata["namespace"],
            CLAIM + "secret.name": secret_name,
            CLAIM + "service-account.name": metadata["name"],
            CLAIM + "service-account.uid": metadata["uid"],
            "sub": f"system:serviceaccount:{metadata['namespace']}:{metadata['name']}",
        }
        return jwt.sign(claims, self.key)


def is_account_token(secret: Object) -> bool:
    return secret.get("type") == TYPE and bool(secret["metadata"].get("annotations", {}).get(ACCOUNT_NAME))


def account_of(secret: Object) -> list[str]:
    metadata = secret["metadata"]
    return [f"{metadata['namespace']}/{metadata['annotations'][ACCOUNT_NAME]}"] if is_account_token(secret) else []


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


CONTROLLER = ServiceAccountTokenController
