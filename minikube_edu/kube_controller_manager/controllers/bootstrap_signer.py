"""bootstrap-signer-controller: a joining node can trust what it reads before it can trust anybody.

The ConfigMap `cluster-info` in `kube-public`, which everybody may read, holds the cluster's address and CA. For every
bootstrap token that may sign, the controller adds a signature of it made with the token's secret (a JSON web signature
without its payload): who holds the token sees that nobody has changed it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

import orjson

from minikube_edu.kube_controller_manager.controller import Controller, Environment, Object
from minikube_edu.kube_controller_manager.kinds import CONFIG_MAPS, SECRETS
from minikube_edu.lib import clock
from minikube_edu.lib.jwt import encode

TOKEN_TYPE = "bootstrap.kubernetes.io/token"
TOKEN_PREFIX = "bootstrap-token-"
SIGNATURE_PREFIX = "jws-kubeconfig-"
CLUSTER_INFO = "kube-public/cluster-info"


class BootstrapSignerController(Controller):
    name = "bootstrap-signer-controller"
    workers = 1

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.config_maps = self.watch_related(CONFIG_MAPS, only_cluster_info)
        self.secrets = self.watch_related(SECRETS, lambda secret: [CLUSTER_INFO] if is_token(secret) else [])

    async def reconcile(self, key: str) -> None:
        found = self.config_maps.index.get(key)
        if found is None or "kubeconfig" not in found.get("data", {}):
            return
        data: dict[str, str] = found["data"]
        wanted = {name: text for name, text in data.items() if not name.startswith(SIGNATURE_PREFIX)}
        for secret in self.secrets.index.list("kube-system"):
            if is_token(secret) and (signer := signing_token(secret)) is not None:
                wanted[SIGNATURE_PREFIX + signer[0]] = detached_signature(data["kubeconfig"], *signer)
        if wanted != data:
            await self.client.update(CONFIG_MAPS, {**found, "data": wanted})


def only_cluster_info(config_map: Object) -> list[str]:
    metadata = config_map["metadata"]
    key = f"{metadata['namespace']}/{metadata['name']}"
    return [key] if key == CLUSTER_INFO else []


def is_token(secret: Object) -> bool:
    return secret.get("type") == TOKEN_TYPE and secret["metadata"]["namespace"] == "kube-system"


def field(secret: Object, name: str) -> str:
    return base64.b64decode(secret.get("data", {}).get(name) or "").decode("utf-8", "replace")


def expiry(secret: Object) -> float | None:
    """When the token ends; None: never. A time that cannot be read is in the past."""
    text = field(secret, "expiration")
    if not text:
        return None
    try:
        return clock.parse_rfc3339(text)
    except ValueError:
        return 0.0


def signing_token(secret: Object) -> tuple[str, str] | None:
    """(id, secret) of a token that may sign."""
    token_id, token_secret = field(secret, "token-id"), field(secret, "token-secret")
    if not token_id or not token_secret or secret["metadata"]["name"] != TOKEN_PREFIX + token_id:
        return None
    ends = expiry(secret)
    if (ends is not None and ends <= clock.now()) or field(secret, "usage-bootstrap-signing") != "true":
        return None
    return token_id, token_secret


def detached_signature(content: str, token_id: str, token_secret: str) -> str:
    head = encode(orjson.dumps({"alg": "HS256", "kid": token_id}))
    text = f"{head}.{encode(content.encode())}"
    return f"{head}..{encode(hmac.new(token_secret.encode(), text.encode(), hashlib.sha256).digest())}"


CONTROLLER = BootstrapSignerController
