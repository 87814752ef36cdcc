"""Tokens of service accounts: the signature, the times, and that what they were made for still exists.

A token dies with its account and with the pod, secret or node that it is bound to; uids tell a new object of the same
name from the old one. A signature is verified once; after that, a token's request costs a look at the objects' entries
in the watch cache, which are the same ones as long as nobody wrote them.

Tokens of the old kind live in secrets, without an end, and die with their secret.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from minikube_edu.api.field_errors import go_quote
from minikube_edu.kube_apiserver.authn.bearer import Recognized, TokenRefused
from minikube_edu.kube_apiserver.authn.issuer import Issuer
from minikube_edu.kube_apiserver.context import CREDENTIAL_ID, User
from minikube_edu.kube_apiserver.registry.store import Registry
from minikube_edu.kube_apiserver.watch_cache import Entry
from minikube_edu.lib import clock

Object = dict[str, Any]

LEEWAY = 60.0  # seconds that clocks may differ
LEGACY_ISSUER = "kubernetes/serviceaccount"
LEGACY = "kubernetes.io/serviceaccount/"
REMEMBERED = 4096
INVALIDATED = "service account token has been invalidated"
EXTRA = "authentication.kubernetes.io/"


class _Bound(NamedTuple):
    """One object that must exist."""

    resource: str
    namespace: str
    name: str
    uid: str
    what: str  # in messages


class _Token:
    """What a verified token says, and the entries that it was last found good with."""

    __slots__ = ("audiences", "bound", "entries", "expires", "not_before", "user")

    def __init__(
        self, user: User, audiences: tuple[str, ...], bound: list[_Bound], not_before: float, expires: float
    ) -> None:
        self.user = user
        self.audiences = audiences
        self.bound = bound
        self.not_before = not_before
        self.expires = expires
        self.entries: list[Entry | None] = [None] * len(bound)


class ServiceAccountTokens:
    """A TokenAuthenticator."""

    def __init__(self, registry: Registry, issuer: Issuer) -> None:
        self.registry = registry
        self.issuer = issuer
        self.known: dict[str, _Token] = {}

    def recognize(self, token: str, audiences: Sequence[str]) -> Recognized | None:
        known = self.known.get(token)
        if known is None:
            known = self.verify(token)
            if known is None:
                return None
            if len(self.known) >= REMEMBERED:
                self.known.clear()
            self.known[token] = known
        meant = tuple(one for one in audiences if one in known.audiences)
        if not meant:
            said, wanted = _quoted(known.audiences), _quoted(audiences)
            raise TokenRefused(f"token audiences {said} is invalid for the target audiences {wanted}")
        self.check(known)
        return Recognized(known.user, meant)

    def verify(self, token: str) -> _Token | None:
        """The token taken apart; None when it is not one of ours."""
        if token.count(".") != 2:
            return None
        from minikube_edu.lib.jwt import BadToken, unverified_claims

        try:
            issuer = unverified_claims(token).get("iss")
        except BadToken:
            return None
        if issuer != LEGACY_ISSUER and issuer not in self.issuer.issuers:
            return None
        try:
            claims = self.issuer.verifier.verify(token)
        except BadToken:
            raise TokenRefused("go-jose/go-jose: error in cryptographic primitive") from None
        return self.legacy(claims, token) if issuer == LEGACY_ISSUER else self.current(claims)

    def current(self, claims: Object) -> _Token:
        about = claims.get("kubernetes.io")
        if not isinstance(about, dict):
            raise TokenRefused("service account token claims could not be validated due to unexpected private claim")
        namespace = about.get("namespace", "")
        account = about.get("serviceaccount") or {}
        bound = [_bound("serviceaccounts", namespace, account, "service account")]
        extra: dict[str, tuple[str, ...]] = {}
        if claims.get("jti"):
            extra[CREDENTIAL_ID] = (f"JTI={claims['jti']}",)
        if node := about.get("node"):
            extra[f"{EXTRA}node-name"] = (node.get("name", ""),)
            if node.get("uid"):
                extra[f"{EXTRA}node-uid"] = (node["uid"],)
            if not about.get("pod"):
                bound.append(_bound("nodes", "", node, "node"))
        if pod := about.get("pod"):
            extra |= {f"{EXTRA}pod-name": (pod.get("name", ""),), f"{EXTRA}pod-uid": (pod.get("uid", ""),)}
            bound.append(_bound("pods", namespace, pod, "pod"))
        if secret := about.get("secret"):
            bound.append(_bound("secrets", namespace, secret, "secret"))
        said = claims.get("aud", [])
        audiences = (said,) if isinstance(said, str) else tuple(said)
        user = user_of(namespace, account.get("name", ""), account.get("uid", ""), extra)
        return _Token(user, audiences, bound, float(claims.get("nbf", 0)), float(claims.get("exp", 0)))

    def legacy(self, claims: Object, token: str) -> _Token:
        """A token that a secret keeps."""
        namespace = claims.get(f"{LEGACY}namespace", "")
        name, uid = claims.get(f"{LEGACY}service-account.name", ""), claims.get(f"{LEGACY}service-account.uid", "")
        secret_name = claims.get(f"{LEGACY}secret.name", "")
        for part, what in ((namespace, "namespace"), (secret_name, "secretName"), (name, "serviceAccountName")):
            if not part:
                raise TokenRefused(f"{what} claim is missing")
        secret = self.registry.get_object("", "secrets", namespace, secret_name)
        if secret is None:
            raise TokenRefused(INVALIDATED)
        from base64 import b64encode

        if secret.get("data", {}).get("token") != b64encode(token.encode()).decode():
            raise TokenRefused("service account token does not match server's copy")
        bound = [
            _Bound("serviceaccounts", namespace, name, uid, "service account"),
            _Bound("secrets", namespace, secret_name, secret["metadata"]["uid"], "secret"),
        ]
        return _Token(user_of(namespace, name, uid, {}), self.issuer.api_audiences, bound, 0, float("inf"))

    def check(self, token: _Token) -> None:
        """The times, and all that must exist."""
        now = clock.now()
        if now - LEEWAY > token.expires:
            raise TokenRefused("service account token has expired")
        if now + LEEWAY < token.not_before:
            raise TokenRefused("service account token is not valid yet")
        for position, bound in enumerate(token.bound):
            resource = self.registry.resource("", bound.resource)
            assert resource is not None
            entry = self.registry.entry(resource, bound.namespace, bound.name)
            if entry is None or entry is not token.entries[position]:
                token.entries[position] = self.judge(bound, entry, now)

    def judge(self, bound: _Bound, entry: Entry | None, now: float) -> Entry | None:
        """The entry when it need not be looked at again until somebody writes it."""
        of_account = bound.resource == "serviceaccounts"
        if entry is None:
            raise TokenRefused(f'serviceaccounts "{bound.name}" not found' if of_account else INVALIDATED)
        metadata = entry.object()["metadata"]
        going = metadata.get("deletionTimestamp")
        if going and clock.parse_rfc3339(going) < now - LEEWAY:
            place = f"{bound.namespace}/{bound.name}"
            raise TokenRefused(f"service account {place} has been deleted" if of_account else INVALIDATED)
        if metadata["uid"] != bound.uid:
            if of_account:
                raise TokenRefused(f"service account UID ({metadata['uid']}) does not match claim ({bound.uid})")
            raise TokenRefused(
                f"{bound.what} UID ({metadata['uid']}) does not match service account {bound.what} ref claim "
                f"({bound.uid})"
            )
        return None if going else entry


def _bound(resource: str, namespace: str, reference: Object, what: str) -> _Bound:
    return _Bound(resource, namespace, reference.get("name", ""), reference.get("uid", ""), what)


def _quoted(names: Sequence[str]) -> str:
    return "[" + " ".join(go_quote(name) for name in names) + "]"


def groups_of(namespace: str) -> tuple[str, str]:
    return "system:serviceaccounts", f"system:serviceaccounts:{namespace}"


def user_of(namespace: str, name: str, uid: str, extra: dict[str, tuple[str, ...]]) -> User:
    return User(f"system:serviceaccount:{namespace}:{name}", uid, groups_of(namespace), extra)
