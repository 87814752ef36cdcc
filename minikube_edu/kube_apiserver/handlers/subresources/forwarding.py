"""Passing a request on to a kubelet or a pod, and what comes back to the client.

An ordinary answer flows through as it arrives. A connection that is upgraded (WebSocket, SPDY) belongs to client and
backend from then on: bytes go both ways untouched, so the API server need not know what they say.
"""

from __future__ import annotations

from collections.abc import Sequence

from minikube_edu.kube_apiserver.authn.bearer import SUBPROTOCOL
from minikube_edu.lib.streams.relay import forward_to
from minikube_edu.lib.web.incoming import Caller, Disconnected, IncomingBody, Upgraded
from minikube_edu.lib.web.messages import Answer, BodyWriter, Headers, Request, Response, Streaming, Upgrade

# Of one connection, not of the message; and what is between the client and us alone.
HOP_BY_HOP = frozenset(
    (
        b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te",
        b"trailer", b"transfer-encoding", b"upgrade", b"content-length", b"content-type",
    )
)  # fmt: skip
OURS = frozenset((b"host", b"authorization", b"content-length", b"expect"))
PROTOCOLS = b"sec-websocket-protocol"
SECONDS = 30.0  # for the head of an answer to an upgrade


def wants_upgrade(request: Request) -> bool:
    connection = request.header(b"connection") or b""
    return request.header(b"upgrade") is not None and b"upgrade" in connection.lower()


def passed_on(request: Request, *, upgrade: bool) -> list[tuple[bytes, bytes]]:
    """The request's headers, without those that were meant for us."""
    dropped = OURS if upgrade else OURS | (HOP_BY_HOP - {b"content-type"})
    kept = [pair for pair in request.headers if pair[0] not in dropped and not pair[0].startswith(b"impersonate-")]
    kept = [(name, without_token(value) if name == PROTOCOLS else value) for name, value in kept]
    client = request.peer.address.rpartition(":")[0].strip("[]")
    before = [value for name, value in kept if name == b"x-forwarded-for"]
    kept = [pair for pair in kept if pair[0] != b"x-forwarded-for"]
    if client:
        kept.append((b"X-Forwarded-For", b", ".join([*before, client.encode()])))
    return kept


def without_token(protocols: bytes) -> bytes:
    """The subprotocols of a WebSocket, without the one that is a credential for us."""
    return b", ".join(one.strip() for one in protocols.split(b",") if not one.strip().startswith(SUBPROTOCOL))


async def upgraded(caller: Caller, request: Request, target: str) -> Answer:
    """Upgrade the backend's connection, then the client's. A backend that does not want to: its answer."""
    far = await caller.upgrade(request.method, target, passed_on(request, upgrade=True), request.body, SECONDS)
    if isinstance(far, Upgraded):
        headers = [pair for pair in far.response.headers if pair[0] not in (b"connection", b"content-length", b"date")]
        return Upgrade(forward_to(far), headers)
    return Response(far.status, far.body, far.header(b"content-type") or b"", answer_headers(far.headers), close=True)


def answer_headers(headers: Headers, without: Sequence[bytes] = ()) -> Headers:
    dropped = HOP_BY_HOP.union(without)
    return [pair for pair in headers if pair[0] not in dropped]


def streamed(body: IncomingBody, content_type: bytes | None = None, headers: Headers | None = None) -> Streaming:
    """The backend's answer, passed on piece by piece at the pace of the client."""

    async def copy(writer: BodyWriter) -> None:
        writer.on_close(body.close)
        try:
            while data := await body.next():
                writer.write(data)
                await writer.drained()
        except Disconnected:
            writer.abort()
            return
        writer.end()

    return Streaming(
        copy,
        content_type if content_type is not None else body.header(b"content-type") or b"",
        body.status,
        headers if headers is not None else answer_headers(body.headers, (b"date",)),
    )
