"""The chain of authenticators.

An authenticator looks at a request and returns the user, None when the request has nothing for it, or raises
Unauthorized when it has and that is wrong. What a connection's certificate says holds for the connection: it is found
out once and kept with the peer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Protocol

from msgspec.structs import replace

from minikube_edu.api.errors import Unauthorized
from minikube_edu.kube_apiserver.authn.bearer import BearerTokens
from minikube_edu.kube_apiserver.context import ANONYMOUS, User
from minikube_edu.lib.web.messages import Request

AUTHENTICATED = "system:authenticated"


class Authenticator(Protocol):
    def authenticate(self, request: Request) -> User | Awaitable[User | None] | None: ...


class AuthenticationChain:
    def __init__(
        self, links: Sequence[Authenticator], anonymous: bool = True, bearer: BearerTokens | None = None
    ) -> None:
        self.bearer = bearer or BearerTokens(())  # the last link, for TokenReviews to ask as well
        self.links = [*links, self.bearer]
        self.anonymous = anonymous

    def authenticate(self, request: Request) -> User | Awaitable[User]:
        """The user; a connection that was known before is known still by a request that brings no token."""
        bare = request.header(b"authorization") is None
        if bare:
            known: User | None = request.peer.memo.get("user")
            if known is not None and known is not ANONYMOUS:
                return known
            bare = request.header(b"sec-websocket-protocol") is None  # may hold a token as well
            if known is not None and bare:
                return known
        for position, link in enumerate(self.links):
            found = link.authenticate(request)
            if isinstance(found, User):
                return self._known(request, found, bare)
            if found is not None:
                return self._later(request, found, position + 1, bare)
        return self._nobody(request, bare)

    async def _later(self, request: Request, pending: Awaitable[User | None], position: int, keep: bool) -> User:
        found = await pending
        while found is None and position < len(self.links):
            answer = self.links[position].authenticate(request)
            found = answer if answer is None or isinstance(answer, User) else await answer
            position += 1
        return self._known(request, found, keep) if found else self._nobody(request, keep)

    def _known(self, request: Request, user: User, keep: bool) -> User:
        user = authenticated(user)
        if keep:
            request.peer.memo["user"] = user
        return user

    def _nobody(self, request: Request, keep: bool) -> User:
        if not self.anonymous:
            raise Unauthorized()
        if keep:
            request.peer.memo["user"] = ANONYMOUS
        return ANONYMOUS


def authenticated(user: User) -> User:
    """With the group of all who are known."""
    if AUTHENTICATED in user.groups or user.name == ANONYMOUS.name:
        return user
    return replace(user, groups=(*user.groups, AUTHENTICATED))
