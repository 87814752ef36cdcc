"""Who is asking: a client certificate of the cluster's CA, a token that the API server vouches for, or nobody known.

Answers to tokens are kept for two minutes. With `anonymous` whoever shows nothing is `system:anonymous`; a token that
is not good is refused in any case.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict

from msgspec import Struct, field

from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import Client, Resource
from minikube_edu.lib import clock
from minikube_edu.lib.subject import subject_of
from minikube_edu.lib.web.messages import Request

TOKEN_REVIEWS = Resource("authentication.k8s.io", "v1", "tokenreviews", namespaced=False)
KEPT_SECONDS, REMEMBERED = 120.0, 1024


class Unauthenticated(Exception):
    """401"""


class Who(Struct, frozen=True):
    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash((self.name, self.uid, self.groups))


ANONYMOUS = Who("system:anonymous", ("system:unauthenticated",))


class Identity:
    def __init__(self, client: Client | None, *, anonymous: bool = False, webhook: bool = True) -> None:
        self.client, self.anonymous, self.webhook = client, anonymous, webhook
        self._known: OrderedDict[bytes, tuple[float, Who]] = OrderedDict()

    async def of(self, request: Request) -> Who:
        """Unauthenticated when it is nobody."""
        peer = request.peer
        if peer.certificate is not None:
            who = peer.memo.get("who")
            if who is None:
                subject = subject_of(peer.certificate)
                groups = (*subject.organizations, "system:authenticated")
                who = peer.memo["who"] = Who(subject.common_name, groups)
            found: Who = who
            return found
        kind, _, token = (request.header(b"authorization") or b"").partition(b" ")
        if kind.lower() == b"bearer" and token.strip():
            return await self._reviewed(token.strip())
        if self.anonymous:
            return ANONYMOUS
        raise Unauthenticated

    async def _reviewed(self, token: bytes) -> Who:
        if self.client is None or not self.webhook:
            raise Unauthenticated
        key = hashlib.sha256(token).digest()
        known = self._known.get(key)
        if known is not None and clock.monotonic() < known[0]:
            return known[1]
        review = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": token.decode(errors="replace")},
        }
        try:
            status = (await self.client.create(TOKEN_REVIEWS, review)).get("status") or {}
        except (ApiError, OSError):
            raise Unauthenticated from None
        if not status.get("authenticated"):
            raise Unauthenticated
        user = status["user"]
        extra = {name: tuple(values) for name, values in (user.get("extra") or {}).items()}
        who = Who(user["username"], tuple(user.get("groups") or ()), user.get("uid", ""), extra)
        self._known[key] = (clock.monotonic() + KEPT_SECONDS, who)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return who
