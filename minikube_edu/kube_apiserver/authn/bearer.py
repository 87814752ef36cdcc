"""`Authorization: Bearer …`: whose token is this?

Several authenticators know tokens: a file's, service accounts', bootstrap tokens. Each recognizes its own, for an
audience: the API server itself for requests, anyone for a TokenReview. A token that nobody recognizes is refused, not
taken for anonymous: who sends one wants to be somebody. A header that holds no bearer token at all does not count.

Who was recognized is remembered for some seconds: looking again is dear. So a token outlives its account, its Secret
or its Pod by as long, as with the real server. That a token was refused is not remembered.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from minikube_edu.api.errors import Unauthorized
from minikube_edu.kube_apiserver.context import User
from minikube_edu.lib import clock
from minikube_edu.lib.web.messages import Request

INVALID = "invalid bearer token"
MOST = 4096  # tokens that are remembered
SUBPROTOCOL = b"base64url.bearer.authorization.k8s.io."  # browsers cannot set headers on a WebSocket


class Recognized(NamedTuple):
    user: User
    audiences: tuple[str, ...]  # of those asked for, those that the token is meant for


class TokenRefused(Exception):
    """One of our tokens, but not (or no longer) good; the message says why."""


class TokenAuthenticator(Protocol):
    def recognize(self, token: str, audiences: Sequence[str]) -> Recognized | None:
        """None: not a token of this kind. Raises TokenRefused."""
        ...


class BearerTokens:
    """An Authenticator over all that know tokens."""

    def __init__(
        self, links: Sequence[TokenAuthenticator], api_audiences: Sequence[str] = (), remembered: float = 0.0
    ) -> None:
        self.links = list(links)
        self.api_audiences = tuple(api_audiences)
        self._remembered = remembered  # seconds
        self._seen: dict[tuple[str, tuple[str, ...]], tuple[float, Recognized]] = {}  # until when, who; oldest first

    def authenticate(self, request: Request) -> User | None:
        token = bearer(request)
        if token is None:
            return None
        try:
            return self.recognize(token, self.api_audiences).user
        except TokenRefused:
            raise Unauthorized() from None

    def recognize(self, token: str, audiences: Sequence[str]) -> Recognized:
        """Whose token it is; TokenRefused with all that was said about it."""
        if not self._remembered:
            return self._recognize(token, audiences)
        now, key = clock.monotonic(), (token, tuple(audiences))
        known = self._seen.get(key)
        if known is not None and now < known[0]:
            return known[1]
        found = self._recognize(token, audiences)
        self._forget(now)
        self._seen.pop(key, None)  # to the end
        self._seen[key] = (now + self._remembered, found)
        return found

    def _forget(self, now: float) -> None:
        """What is too old, or too much."""
        while self._seen:
            oldest = next(iter(self._seen))
            if now < self._seen[oldest][0] and len(self._seen) < MOST:
                return
            del self._seen[oldest]

    def _recognize(self, token: str, audiences: Sequence[str]) -> Recognized:
        complaints = [INVALID]
        for link in self.links:
            try:
                found = link.recognize(token, audiences)
            except TokenRefused as refusal:
                complaints.append(str(refusal))
                continue
            if found is not None:
                return found
        raise TokenRefused(INVALID if len(complaints) == 1 else f"[{', '.join(complaints)}]")

    def for_anyone(self, audiences: Sequence[str]) -> tuple[str, ...]:
        """What is recognized of `audiences` by tokens that name none: those of the API server."""
        return for_anyone(self.api_audiences, audiences)


def for_anyone(api_audiences: Sequence[str], asked: Sequence[str]) -> tuple[str, ...]:
    return tuple(one for one in asked if one in api_audiences)


def bearer(request: Request) -> str | None:
    """The token of `Authorization: Bearer …`, or of a WebSocket's subprotocols."""
    value = request.header(b"authorization")
    if value is None:
        protocols = request.header(b"sec-websocket-protocol")
        return _from_protocols(protocols) if protocols is not None else None
    scheme, _, token = value.strip().partition(b" ")
    return token.strip().decode("latin-1") or None if scheme.lower() == b"bearer" else None


def _from_protocols(protocols: bytes) -> str | None:
    for protocol in protocols.split(b","):
        name = protocol.strip()
        if name.startswith(SUBPROTOCOL):
            encoded = name[len(SUBPROTOCOL) :]
            try:
                return base64.urlsafe_b64decode(encoded + b"=" * (-len(encoded) % 4)).decode("latin-1") or None
            except (ValueError, binascii.Error):
                return None
    return None
