"""Bootstrap tokens (`--enable-bootstrap-token-auth`): `id.secret`, kept in kube-system/bootstrap-token-ID.

With one, a machine that joins may ask for a certificate, and little else. kubeadm makes them; each ends at the time
that its secret names (the token cleaner of the controller manager then deletes the secret).
"""

from __future__ import annotations

import hmac
import re
from base64 import b64decode
from collections.abc import Sequence

from minikube_edu.kube_apiserver.authn.bearer import Recognized, for_anyone
from minikube_edu.kube_apiserver.context import User
from minikube_edu.kube_apiserver.registry.store import Registry
from minikube_edu.lib import clock

NAMESPACE = "kube-system"
TYPE = "bootstrap.kubernetes.io/token"
GROUP = "system:bootstrappers"
_token = re.compile(r"([a-z0-9]{6})\.([a-z0-9]{16})")
_group = re.compile(r"system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]")


class BootstrapTokens:
    """A TokenAuthenticator."""

    def __init__(self, registry: Registry, api_audiences: Sequence[str] = ()) -> None:
        self.registry = registry
        self.api_audiences = api_audiences

    def recognize(self, token: str, audiences: Sequence[str]) -> Recognized | None:
        parts = _token.fullmatch(token)
        meant = for_anyone(self.api_audiences, audiences)
        if parts is None or (audiences and not meant):
            return None
        user = self.user(parts[1], parts[2])
        return Recognized(user, meant) if user else None

    def user(self, token_id: str, token_secret: str) -> User | None:
        secret = self.registry.get_object("", "secrets", NAMESPACE, f"bootstrap-token-{token_id}")
        if secret is None or secret.get("type") != TYPE or "deletionTimestamp" in secret["metadata"]:
            return None
        data = {key: b64decode(value or "").decode("latin-1") for key, value in (secret.get("data") or {}).items()}
        if not hmac.compare_digest(data.get("token-secret", "").encode(), token_secret.encode()):
            return None
        if data.get("token-id") != token_id or data.get("usage-bootstrap-authentication") != "true":
            return None
        if ended(data.get("expiration", "")):
            return None
        extra = sorted({one for one in data.get("auth-extra-groups", "").split(",") if one})
        if any(not _group.fullmatch(group) for group in extra):
            return None
        return User(f"system:bootstrap:{token_id}", groups=(GROUP, *extra))


def ended(expiration: str) -> bool:
    """A time that cannot be read has passed."""
    if not expiration:
        return False
    try:
        return clock.parse_rfc3339(expiration) <= clock.now()
    except ValueError:
        return True
